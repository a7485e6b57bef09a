//! Counting what is not finished.

use aef_core::store::{Census, OpenCheckpoint, Scope};
use jiff::Timestamp;
use sqlx::sqlite::SqlitePool;

use crate::claim::ALIVE_FOR;
use crate::codec::{self, from_json, micros, small, time};
use crate::error::Error;

/// What there is of one status.
#[derive(Debug, sqlx::FromRow)]
struct Group {
    status: String,
    count: i64,
    leased: i64,
    ready: i64,
    ready_since: Option<i64>,
    checkpoints: i64,
}

pub(crate) async fn take(
    pool: &SqlitePool,
    scope: &Scope,
    now: impl FnOnce() -> Timestamp,
) -> Result<Census, Error> {
    let owner = match scope {
        Scope::Owner(owner) => Some(owner.as_str()),
        Scope::System => None,
    };
    let mut transaction = pool.begin().await?;
    let now = now();
    let workers: i64 = sqlx::query_scalar("SELECT count(*) FROM workers WHERE seen > ?")
        .bind(micros(now) - ALIVE_FOR)
        .fetch_one(&mut *transaction)
        .await?;
    let groups: Vec<Group> = sqlx::query_as(
        "SELECT status, count(*) AS count,
                count(CASE WHEN worker IS NOT NULL AND lease_until > ?1 THEN 1 END) AS leased,
                count(CASE WHEN wake_at <= ?1 AND (worker IS NULL OR lease_until <= ?1) THEN 1 END) AS ready,
                min(CASE WHEN wake_at <= ?1 AND (worker IS NULL OR lease_until <= ?1)
                    THEN max(wake_at, coalesce(lease_until, wake_at)) END) AS ready_since,
                count(checkpoint) AS checkpoints
         FROM executions
         WHERE finished_at IS NULL AND (?2 IS NULL OR owner = (SELECT no FROM owners WHERE name = ?2))
         GROUP BY status",
    )
    .bind(micros(now))
    .bind(owner)
    .fetch_all(&mut *transaction)
    .await?;
    let oldest: Option<String> = sqlx::query_scalar(
        "SELECT checkpoint FROM executions
         WHERE checkpoint IS NOT NULL AND finished_at IS NULL
           AND (?1 IS NULL OR owner = (SELECT no FROM owners WHERE name = ?1))
         ORDER BY julianday(json_extract(checkpoint, '$.raisedAt')) LIMIT 1",
    )
    .bind(owner)
    .fetch_optional(&mut *transaction)
    .await?;
    transaction.commit().await?;

    let mut census = Census::new(small("a count", workers)?, now);
    for group in groups {
        let count = |number: i64| small::<_, u64>("a count", number);
        census.statuses.insert(codec::status(&group.status)?, count(group.count)?);
        census.leased += count(group.leased)?;
        census.ready += count(group.ready)?;
        census.checkpoints += count(group.checkpoints)?;
        let since = group.ready_since.map(time).transpose()?;
        census.ready_since = [census.ready_since, since].into_iter().flatten().min();
    }
    let oldest: Option<OpenCheckpoint> = oldest.map(|text| from_json("a checkpoint", &text)).transpose()?;
    census.asked_since = oldest.map(|open| open.raised_at);
    Ok(census)
}
