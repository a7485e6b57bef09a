//! Keeping who asked for what.

use aef_core::ids::OwnerId;
use aef_core::store::{AuditEntry, AuditLog, AuditRecord, Scope, StoreError};
use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::sqlite::SqlitePool;

use super::owner_of;
use crate::SqliteStore;
use crate::codec::{integer, micros, seq, small, time};
use crate::create::owner;
use crate::error::Error;
use crate::read::page_size;
use crate::writer::{Operation, Work};

#[derive(Debug, sqlx::FromRow)]
struct Row {
    place: i64,
    at: i64,
    owner: Option<String>,
    actor: String,
    action: String,
    target: String,
    status: i64,
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

#[async_trait]
impl Operation for AuditEntry {
    type Output = ();
    const NAME: &'static str = "record_audit";

    async fn run(&self, work: &mut Work<'_>) -> Result<(), Error> {
        let now = work.now();
        let owner = match &self.owner {
            Some(name) => Some(owner(work.connection, name).await?),
            None => None,
        };
        sqlx::query(
            "INSERT INTO audit (at, owner, actor, action, target, status, address, request)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(micros(now))
        .bind(owner)
        .bind(&self.actor)
        .bind(&self.action)
        .bind(&self.target)
        .bind(i64::from(self.status))
        .bind(&self.address)
        .bind(&self.request)
        .execute(&mut *work.connection)
        .await?;
        Ok(())
    }
}

/// A wish to remove old entries.
#[derive(Debug)]
struct Trim {
    before: Timestamp,
    limit: u32,
}

#[async_trait]
impl Operation for Trim {
    type Output = u64;
    const NAME: &'static str = "trim_audit";

    async fn run(&self, work: &mut Work<'_>) -> Result<u64, Error> {
        // Places grow with time, so the oldest stand in front; a look at those alone needs no index of times.
        let removed = sqlx::query(
            "DELETE FROM audit WHERE at < ?1 AND place IN (SELECT place FROM audit ORDER BY place LIMIT ?2)",
        )
        .bind(micros(self.before))
        .bind(i64::from(self.limit))
        .execute(&mut *work.connection)
        .await?;
        Ok(removed.rows_affected())
    }
}

async fn page(
    pool: &SqlitePool,
    scope: &Scope,
    after: Option<u64>,
    limit: u32,
) -> Result<Vec<AuditRecord>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT a.place, a.at, o.name AS owner, a.actor, a.action, a.target, a.status, a.address, a.request
         FROM audit a LEFT JOIN owners o ON o.no = a.owner
         WHERE (?1 IS NULL OR o.name = ?1) AND a.place > ?2 ORDER BY a.place LIMIT ?3",
    )
    .bind(owner_of(scope))
    .bind(integer(after.unwrap_or(0)))
    .bind(page_size(limit))
    .fetch_all(pool)
    .await?;
    rows.into_iter().map(Row::record).collect()
}

#[async_trait]
impl AuditLog for SqliteStore {
    async fn record_audit(&self, entry: AuditEntry) -> Result<(), StoreError> {
        self.writer.perform(entry).await
    }

    async fn audit(
        &self,
        scope: &Scope,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        page(&self.readers, scope, after, limit).await.map_err(|error| error.during("audit"))
    }

    async fn trim_audit(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.writer.perform(Trim { before, limit }).await
    }
}
