//! Keeping tickets.

use aef_core::ids::{ApiKeyId, ExecutionId, OwnerId};
use aef_core::store::{LiveTicket, StoreError, TicketStore};
use async_trait::async_trait;
use uuid::Uuid;

use crate::PostgresStore;
use crate::access::Access;
use crate::codec::{micros, text, time};
use crate::error::Error;

#[derive(Debug, sqlx::FromRow)]
struct Row {
    hash: String,
    execution: Uuid,
    owner: Option<String>,
    actor: String,
    api_key: Option<Uuid>,
    access_until: Option<i64>,
    expires_at: i64,
    expired: bool,
}

impl Row {
    fn ticket(self) -> Result<Option<LiveTicket>, Error> {
        if self.expired {
            return Ok(None);
        }
        Ok(Some(LiveTicket {
            hash: self.hash,
            execution: ExecutionId::from_uuid(self.execution),
            owner: self.owner.map(OwnerId::new),
            actor: self.actor,
            key: self.api_key.map(ApiKeyId::from_uuid),
            access_until: self.access_until.map(time).transpose()?,
            expires_at: time(self.expires_at)?,
        }))
    }
}

async fn put(access: &Access, ticket: &LiveTicket) -> Result<(), Error> {
    let mut session = access.transaction().await?;
    session
        .query("DELETE FROM aef.tickets WHERE expires_at <= aef.clock()")
        .execute(session.connection())
        .await?;
    session
        .query(
            "INSERT INTO aef.tickets (hash, execution, owner, actor, api_key, access_until, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&ticket.hash)
        .bind(ticket.execution.as_uuid())
        .bind(ticket.owner.as_ref().map(|owner| text(owner.as_str())))
        .bind(text(&ticket.actor))
        .bind(ticket.key.map(ApiKeyId::as_uuid))
        .bind(ticket.access_until.map(micros))
        .bind(micros(ticket.expires_at))
        .execute(session.connection())
        .await?;
    session.end().await
}

async fn take(access: &Access, hash: &str) -> Result<Option<LiveTicket>, Error> {
    let mut session = access.single().await?;
    let row: Option<Row> = session
        .query_as(
            "DELETE FROM aef.tickets WHERE hash = $1
             RETURNING hash, execution, owner, actor, api_key, access_until, expires_at,
                       expires_at <= aef.clock() AS expired",
        )
        .bind(text(hash))
        .fetch_optional(session.connection())
        .await?;
    session.end().await?;
    row.map_or(Ok(None), Row::ticket)
}

#[async_trait]
impl TicketStore for PostgresStore {
    async fn put_ticket(&self, ticket: LiveTicket) -> Result<(), StoreError> {
        put(&self.access, &ticket).await.map_err(|error| error.during("put_ticket"))
    }

    async fn take_ticket(&self, hash: &str) -> Result<Option<LiveTicket>, StoreError> {
        take(&self.access, hash).await.map_err(|error| error.during("take_ticket"))
    }
}
