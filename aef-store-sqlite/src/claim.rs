//! Leasing executions to workers.

use aef_core::ids::WorkerId;
use aef_core::store::{Claim, ClaimRequest};
use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::sqlite::SqliteConnection;

use crate::codec::{self, execution_bytes, micros, small};
use crate::error::Error;
use crate::read::whole;
use crate::row::{Row, columns};
use crate::writer::{Operation, Work};

/// A worker that was seen less than this before is not noted again, in microseconds: a claim that finds nothing writes
/// nothing, and waits for no disk.
const SEEN_FOR: i64 = 1_000_000;

/// How long after its last sign of life a worker counts as alive, in microseconds.
pub(crate) const ALIVE_FOR: i64 = 60 * 1_000_000;

/// An owner of whom something is ready.
#[derive(Debug, sqlx::FromRow)]
struct Waiting {
    no: i64,
    running: i64,
}

#[async_trait]
impl Operation for ClaimRequest {
    type Output = Vec<Claim>;
    const NAME: &'static str = "claim";

    async fn run(&self, work: &mut Work<'_>) -> Result<Vec<Claim>, Error> {
        let now = work.now();
        show(work.connection, &self.worker, now).await?;
        sqlx::query(
            "UPDATE workers SET per_owner = ?2, global = ?3
             WHERE name = ?1 AND (per_owner IS NOT ?2 OR global IS NOT ?3)",
        )
        .bind(self.worker.as_str())
        .bind(self.per_owner.map(i64::from))
        .bind(self.global.map(i64::from))
        .execute(&mut *work.connection)
        .await?;
        let room = room(work.connection, self, now).await?;
        // In the order of their turns: whoever has been served goes to the end.
        let mut waiting = waiting(work.connection, self, now).await?;
        let mut claims = Vec::new();
        while claims.len() < room && !waiting.is_empty() {
            let mut owner = waiting.remove(0);
            if self.per_owner.is_some_and(|limit| owner.running >= i64::from(limit)) {
                continue;
            }
            let Some(no) = best_of(work.connection, &owner, self, now).await? else { continue };
            claims.push(lease(work.connection, no, self, now).await?);
            take_turn(work.connection, &owner).await?;
            owner.running += 1;
            waiting.push(owner);
        }
        Ok(claims)
    }
}

/// Notes that the worker is alive, and forgets those that are not.
pub(crate) async fn show(
    connection: &mut SqliteConnection,
    worker: &WorkerId,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query("DELETE FROM workers WHERE seen <= ?")
        .bind(micros(now) - ALIVE_FOR)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO workers (name, seen) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET seen = excluded.seen WHERE workers.seen <= ?2 - ?3",
    )
    .bind(worker.as_str())
    .bind(micros(now))
    .bind(SEEN_FOR)
    .execute(connection)
    .await?;
    Ok(())
}

/// How many leases a claim may give.
async fn room(
    connection: &mut SqliteConnection,
    request: &ClaimRequest,
    now: Timestamp,
) -> Result<usize, Error> {
    let left = match request.global {
        Some(global) => global.saturating_sub(running(connection, now).await?),
        None => u32::MAX,
    };
    Ok(request.limit.min(left) as usize)
}

/// How many live leases there are.
pub(crate) async fn running(connection: &mut SqliteConnection, now: Timestamp) -> Result<u32, Error> {
    let running: i64 =
        sqlx::query_scalar("SELECT count(*) FROM executions WHERE worker IS NOT NULL AND lease_until > ?")
            .bind(micros(now))
            .fetch_one(connection)
            .await?;
    Ok(small("a count of leases", running)?)
}

/// The owners of whom something may be claimed by this request, those served least recently first.
async fn waiting(
    connection: &mut SqliteConnection,
    request: &ClaimRequest,
    now: Timestamp,
) -> Result<Vec<Waiting>, Error> {
    let owners = match request.only {
        None => sqlx::query_as(
            "SELECT o.no, (SELECT count(*) FROM executions l
                           WHERE l.owner = o.no AND l.worker IS NOT NULL AND l.lease_until > ?1) AS running
             FROM owners o
             WHERE o.no IN (
                SELECT owner FROM executions WHERE worker IS NULL AND wake_at <= ?1 AND format <= ?2
                UNION
                SELECT owner FROM executions
                WHERE worker IS NOT NULL AND lease_until <= ?1 AND wake_at <= ?1 AND format <= ?2)
             ORDER BY o.served, o.name",
        )
        .bind(micros(now))
        .bind(i64::from(request.max_format)),
        Some(only) => sqlx::query_as(
            "SELECT e.owner AS no, (SELECT count(*) FROM executions l
                                    WHERE l.owner = e.owner AND l.worker IS NOT NULL AND l.lease_until > ?1) AS running
             FROM executions e WHERE e.id = ?2",
        )
        .bind(micros(now))
        .bind(execution_bytes(only)),
    };
    Ok(owners.fetch_all(connection).await?)
}

/// The owner's next: by priority, then by time, then by age.
async fn best_of(
    connection: &mut SqliteConnection,
    owner: &Waiting,
    request: &ClaimRequest,
    now: Timestamp,
) -> Result<Option<i64>, Error> {
    let best = match request.only {
        // Each half reads one index in order and stops at the first row.
        None => sqlx::query_scalar(
            "SELECT no FROM (
                SELECT * FROM (
                    SELECT no, priority, wake_at, id FROM executions
                    WHERE owner = ?1 AND worker IS NULL AND wake_at <= ?2 AND format <= ?3
                    ORDER BY priority DESC, wake_at, id LIMIT 1)
                UNION ALL
                SELECT * FROM (
                    SELECT no, priority, wake_at, id FROM executions
                    WHERE owner = ?1 AND worker IS NOT NULL AND lease_until <= ?2 AND wake_at <= ?2 AND format <= ?3
                    ORDER BY priority DESC, wake_at, id LIMIT 1))
             ORDER BY priority DESC, wake_at, id LIMIT 1",
        )
        .bind(owner.no)
        .bind(micros(now))
        .bind(i64::from(request.max_format)),
        Some(only) => sqlx::query_scalar(
            "SELECT no FROM executions
             WHERE id = ?1 AND (worker IS NULL OR lease_until <= ?2) AND wake_at <= ?2 AND format <= ?3",
        )
        .bind(execution_bytes(only))
        .bind(micros(now))
        .bind(i64::from(request.max_format)),
    };
    Ok(best.fetch_optional(connection).await?)
}

async fn lease(
    connection: &mut SqliteConnection,
    no: i64,
    request: &ClaimRequest,
    now: Timestamp,
) -> Result<Claim, Error> {
    let length = codec::length(request.lease);
    let fruitless: i64 = sqlx::query_scalar(
        "UPDATE executions
         SET epoch = epoch + 1, fruitless = fruitless + 1, worker = ?2, lease_until = ?3, lease_length = ?4
         WHERE no = ?1 RETURNING fruitless",
    )
    .bind(no)
    .bind(request.worker.as_str())
    .bind(micros(codec::later(now, length)))
    .bind(length)
    .fetch_one(&mut *connection)
    .await?;
    let row: Row = sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM executions e JOIN owners o ON o.no = e.owner WHERE e.no = ?"
    ))
    .bind(no)
    .fetch_one(&mut *connection)
    .await?;
    let journal = Some(whole(connection, no).await?);
    let claims_without_event = small("a count of claims", fruitless)?;
    Ok(Claim { record: row.record()?, claims_without_event, journal, now })
}

async fn take_turn(connection: &mut SqliteConnection, owner: &Waiting) -> Result<(), Error> {
    sqlx::query("UPDATE owners SET served = (SELECT max(served) + 1 FROM owners) WHERE no = ?")
        .bind(owner.no)
        .execute(connection)
        .await?;
    Ok(())
}
