//! Removing what has finished.

use aef_core::ids::OwnerId;
use aef_core::store::Scope;
use async_trait::async_trait;
use jiff::Timestamp;

use crate::codec::{execution_bytes, later, micros, to_json};
use crate::error::Error;
use crate::row::{Row, columns};
use crate::writer::{Operation, Work};

/// How long an idempotency key is kept past the purge of its execution, in microseconds.
const KEY_KEPT: i64 = 30 * 24 * 60 * 60 * 1_000_000;

/// A wish to remove what has finished.
#[derive(Debug)]
pub(crate) struct Purge {
    pub(crate) scope: Scope,
    pub(crate) finished_before: Timestamp,
    pub(crate) limit: u32,
}

#[async_trait]
impl Operation for Purge {
    type Output = u64;
    const NAME: &'static str = "purge";

    async fn run(&self, work: &mut Work<'_>) -> Result<u64, Error> {
        let now = work.now();
        sqlx::query("DELETE FROM keys WHERE kept_until <= ?")
            .bind(micros(now))
            .execute(&mut *work.connection)
            .await?;
        let owner = match &self.scope {
            Scope::Owner(owner) => Some(owner),
            Scope::System => None,
        };
        let rows: Vec<Row> = sqlx::query_as(concat!(
            "SELECT ",
            columns!(),
            " FROM executions e JOIN owners o ON o.no = e.owner
              WHERE e.finished_at < ?1 AND (?2 IS NULL OR o.name = ?2) ORDER BY e.finished_at, e.id LIMIT ?3"
        ))
        .bind(micros(self.finished_before))
        .bind(owner.map(OwnerId::as_str))
        .bind(i64::from(self.limit))
        .fetch_all(&mut *work.connection)
        .await?;
        let removed = rows.len() as u64;
        for row in rows {
            let no = row.no;
            let record = row.record()?;
            sqlx::query(
                "UPDATE keys SET record = ?2, kept_until = ?3 WHERE execution = ?1 AND record IS NULL",
            )
            .bind(execution_bytes(record.id))
            .bind(to_json(&record))
            .bind(micros(later(now, KEY_KEPT)))
            .execute(&mut *work.connection)
            .await?;
            // Its batches and its snapshot go with it.
            sqlx::query("DELETE FROM executions WHERE no = ?")
                .bind(no)
                .execute(&mut *work.connection)
                .await?;
        }
        Ok(removed)
    }
}
