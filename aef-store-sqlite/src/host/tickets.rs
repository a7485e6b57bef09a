//! Keeping tickets.

use aef_core::ids::{ApiKeyId, OwnerId};
use aef_core::store::{LiveTicket, StoreError, TicketStore};
use async_trait::async_trait;

use super::{id_bytes, id_of};
use crate::SqliteStore;
use crate::codec::{execution_bytes, execution_id, micros, time};
use crate::error::Error;
use crate::writer::{Operation, Work};

#[derive(Debug, sqlx::FromRow)]
struct Row {
    hash: String,
    execution: Vec<u8>,
    owner: Option<String>,
    actor: String,
    api_key: Option<Vec<u8>>,
    access_until: Option<i64>,
    expires_at: i64,
}

impl Row {
    fn ticket(self) -> Result<LiveTicket, Error> {
        let key = self.api_key.map(|bytes| id_of("the id of a key", &bytes)).transpose()?;
        Ok(LiveTicket {
            hash: self.hash,
            execution: execution_id(&self.execution)?,
            owner: self.owner.map(OwnerId::new),
            actor: self.actor,
            key: key.map(ApiKeyId::from_uuid),
            access_until: self.access_until.map(time).transpose()?,
            expires_at: time(self.expires_at)?,
        })
    }
}

#[async_trait]
impl Operation for LiveTicket {
    type Output = ();
    const NAME: &'static str = "put_ticket";

    async fn run(&self, work: &mut Work<'_>) -> Result<(), Error> {
        let now = work.now();
        sqlx::query("DELETE FROM tickets WHERE expires_at <= ?")
            .bind(micros(now))
            .execute(&mut *work.connection)
            .await?;
        sqlx::query(
            "INSERT OR REPLACE INTO tickets (hash, execution, owner, actor, api_key, access_until, expires_at)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&self.hash)
        .bind(execution_bytes(self.execution))
        .bind(self.owner.as_ref().map(OwnerId::as_str))
        .bind(&self.actor)
        .bind(self.key.map(|key| id_bytes(key.as_uuid())))
        .bind(self.access_until.map(micros))
        .bind(micros(self.expires_at))
        .execute(&mut *work.connection)
        .await?;
        Ok(())
    }
}

/// A wish to take a ticket.
#[derive(Debug)]
struct Take {
    hash: String,
}

#[async_trait]
impl Operation for Take {
    type Output = Option<LiveTicket>;
    const NAME: &'static str = "take_ticket";

    async fn run(&self, work: &mut Work<'_>) -> Result<Option<LiveTicket>, Error> {
        let now = work.now();
        let row: Option<Row> = sqlx::query_as(
            "DELETE FROM tickets WHERE hash = ?
             RETURNING hash, execution, owner, actor, api_key, access_until, expires_at",
        )
        .bind(&self.hash)
        .fetch_optional(&mut *work.connection)
        .await?;
        let ticket = row.map(Row::ticket).transpose()?;
        Ok(ticket.filter(|ticket| ticket.expires_at > now))
    }
}

#[async_trait]
impl TicketStore for SqliteStore {
    async fn put_ticket(&self, ticket: LiveTicket) -> Result<(), StoreError> {
        self.writer.perform(ticket).await
    }

    async fn take_ticket(&self, hash: &str) -> Result<Option<LiveTicket>, StoreError> {
        self.writer.perform(Take { hash: hash.to_owned() }).await
    }
}
