//! Keeping who asked for what.

use aef_core::ids::OwnerId;
use aef_core::store::{AuditEntry, AuditLog, AuditRecord, Scope, StoreError};
use async_trait::async_trait;
use jiff::Timestamp;

use crate::PostgresStore;
use crate::access::Access;
use crate::codec::{integer, micros, seq, small, text, time};
use crate::error::Error;
use crate::read::page_size;
use crate::row;

#[derive(Debug, sqlx::FromRow)]
struct Row {
    place: i64,
    at: i64,
    owner: Option<String>,
    actor: String,
    action: String,
    target: String,
    status: i32,
    address: Option<String>,
    request: String,
}

impl Row {
    fn record(self) -> Result<AuditRecord, Error> {
        let entry = AuditEntry {
            owner: self.owner.map(OwnerId::new),
            actor: self.actor,
            action: self.action,
            target: self.target,
            status: small("the status of an answer", self.status)?,
            address: self.address,
            request: self.request,
        };
        Ok(AuditRecord { place: seq(self.place)?.0, at: time(self.at)?, entry })
    }
}

async fn record(access: &Access, entry: &AuditEntry) -> Result<(), Error> {
    let mut session = access.single().await?;
    session
        .query(
            "INSERT INTO aef.audit (at, owner, actor, action, target, status, address, request)
             VALUES (aef.clock(), CASE WHEN $1::text IS NULL THEN NULL ELSE aef.owner_no($1) END, $2, $3, $4, $5, $6, $7)",
        )
        .bind(entry.owner.as_ref().map(|owner| text(owner.as_str())))
        .bind(text(&entry.actor))
        .bind(text(&entry.action))
        .bind(text(&entry.target))
        .bind(i32::from(entry.status))
        .bind(entry.address.as_deref().map(text))
        .bind(text(&entry.request))
        .execute(session.connection())
        .await?;
    session.end().await
}

async fn page(
    access: &Access,
    scope: &Scope,
    after: Option<u64>,
    limit: u32,
) -> Result<Vec<AuditRecord>, Error> {
    let mut session = access.scoped(scope).await?;
    let rows: Vec<Row> = session
        .query_as(
            "SELECT a.place, a.at, o.name AS owner, a.actor, a.action, a.target, a.status, a.address, a.request
             FROM aef.audit a LEFT JOIN aef.owners o ON o.no = a.owner
             WHERE ($1::text IS NULL OR o.name = $1) AND a.place > $2 ORDER BY a.place LIMIT $3",
        )
        .bind(row::owner(scope))
        .bind(integer(after.unwrap_or(0)))
        .bind(page_size(limit))
        .fetch_all(session.connection())
        .await?;
    session.end().await?;
    rows.into_iter().map(Row::record).collect()
}

async fn trim(access: &Access, before: Timestamp, limit: u32) -> Result<u64, Error> {
    let mut session = access.single().await?;
    // Places grow with time, so the oldest stand in front; a look at those alone needs no index of times.
    let removed = session
        .query(
            "DELETE FROM aef.audit
             WHERE at < $1 AND place IN (SELECT place FROM aef.audit ORDER BY place LIMIT $2)",
        )
        .bind(micros(before))
        .bind(i64::from(limit))
        .execute(session.connection())
        .await?;
    session.end().await?;
    Ok(removed.rows_affected())
}

#[async_trait]
impl AuditLog for PostgresStore {
    async fn record_audit(&self, entry: AuditEntry) -> Result<(), StoreError> {
        record(&self.access, &entry).await.map_err(|error| error.during("record_audit"))
    }

    async fn audit(
        &self,
        scope: &Scope,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        page(&self.access, scope, after, limit).await.map_err(|error| error.during("audit"))
    }

    async fn trim_audit(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        trim(&self.access, before, limit).await.map_err(|error| error.during("trim_audit"))
    }
}
