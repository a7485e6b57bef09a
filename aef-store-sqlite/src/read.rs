//! Reading executions. Each read sees one moment.

use aef_core::ids::{ExecutionId, Seq};
use aef_core::store::{
    ClaimedJournal, Explanation, JournalEntry, Limits, ListQuery, Loaded, Page, Scope, StoredSnapshot,
    Surroundings,
};
use bytes::Bytes;
use futures::TryStreamExt as _;
use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnection, SqlitePool};

use crate::claim::{self, ALIVE_FOR};
use crate::codec::{self, execution_bytes, integer, micros, small, to_json};
use crate::error::Error;
use crate::row::{Row, columns};

/// How many a page holds when so many were asked for.
pub(crate) fn page_size(limit: u32) -> i64 {
    match limit {
        0 => 100,
        _ => i64::from(limit.min(1_000)),
    }
}

pub(crate) async fn load(
    pool: &SqlitePool,
    scope: &Scope,
    execution: ExecutionId,
    now: impl FnOnce() -> Timestamp,
) -> Result<Loaded, Error> {
    let mut transaction = pool.begin().await?;
    let row = Row::within(&mut transaction, scope, execution).await?;
    let ClaimedJournal { snapshot, tail } = whole(&mut transaction, row.no).await?;
    transaction.commit().await?;
    Ok(Loaded { record: row.record()?, snapshot, tail, now: now() })
}

/// The newest snapshot, and the events behind it.
pub(crate) async fn whole(
    connection: &mut SqliteConnection,
    execution: i64,
) -> Result<ClaimedJournal, Error> {
    let kept: Option<(i64, Vec<u8>)> = sqlx::query_as("SELECT seq, bytes FROM snapshots WHERE execution = ?")
        .bind(execution)
        .fetch_optional(&mut *connection)
        .await?;
    let snapshot = match kept {
        Some((seq, bytes)) => Some(StoredSnapshot { seq: codec::seq(seq)?, bytes: Bytes::from(bytes) }),
        None => None,
    };
    let behind = snapshot.as_ref().map_or(Seq(0), |snapshot| snapshot.seq);
    let tail = events(connection, execution, behind, usize::MAX).await?;
    Ok(ClaimedJournal { snapshot, tail })
}

pub(crate) async fn journal(
    pool: &SqlitePool,
    scope: &Scope,
    execution: ExecutionId,
    after: Seq,
    limit: u32,
) -> Result<Vec<JournalEntry>, Error> {
    let mut transaction = pool.begin().await?;
    let row = Row::within(&mut transaction, scope, execution).await?;
    let entries = events(&mut transaction, row.no, after, limit as usize).await?;
    transaction.commit().await?;
    Ok(entries)
}

/// At most `limit` events behind `after`.
async fn events(
    connection: &mut SqliteConnection,
    execution: i64,
    after: Seq,
    limit: usize,
) -> Result<Vec<JournalEntry>, Error> {
    let mut entries = Vec::new();
    let mut batches = sqlx::query_as::<_, (i64, Vec<u8>)>(
        "SELECT head, events FROM batches WHERE execution = ? AND head > ? ORDER BY head, no",
    )
    .bind(execution)
    .bind(integer(after.0))
    .fetch(connection);
    while entries.len() < limit
        && let Some((head, packed)) = batches.try_next().await?
    {
        let events = codec::unpack(packed)?;
        let first = (codec::seq(head)?.0 + 1).saturating_sub(events.len() as u64);
        let placed = (first..).map(Seq).zip(events).map(|(seq, event)| JournalEntry { seq, event });
        let room = limit - entries.len();
        entries.extend(placed.filter(|entry| entry.seq > after).take(room));
    }
    Ok(entries)
}

/// One query in its four forms: of an owner or of all, newest or oldest first. As one they could use no index.
macro_rules! list {
    ($owner:literal, $order:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM executions e JOIN owners o ON o.no = e.owner WHERE ",
            $owner,
            " AND (?2 IS NULL OR e.status IN (SELECT value FROM json_each(?2)))
              AND (?3 IS NULL OR e.document = ?3)
              AND (?4 IS NULL OR e.created_at >= ?4)
              AND (NOT ?5 OR e.checkpoint IS NOT NULL)
              AND e.id ",
            $order,
            " LIMIT ?7"
        )
    };
}

/// Before the first id, and behind the last.
const EDGES: [&[u8]; 2] = [&[], &[0xff; 17]];

pub(crate) async fn list(pool: &SqlitePool, scope: &Scope, query: &ListQuery) -> Result<Page, Error> {
    let (owner, sql) = match (scope, query.oldest_first) {
        (Scope::Owner(owner), false) => (
            Some(owner),
            list!("e.owner = (SELECT no FROM owners WHERE name = ?1)", "< ?6 ORDER BY e.id DESC"),
        ),
        (Scope::Owner(owner), true) => {
            (Some(owner), list!("e.owner = (SELECT no FROM owners WHERE name = ?1)", "> ?6 ORDER BY e.id"))
        }
        (Scope::System, false) => (None, list!("?1 IS NULL", "< ?6 ORDER BY e.id DESC")),
        (Scope::System, true) => (None, list!("?1 IS NULL", "> ?6 ORDER BY e.id")),
    };
    let [first, last] = EDGES;
    let edge = if query.oldest_first { first } else { last };
    let statuses: Vec<_> = query.statuses.iter().map(|status| status.as_str()).collect();
    let limit = page_size(query.limit);
    let rows: Vec<Row> = sqlx::query_as(sql)
        .bind(owner.map(|owner| owner.as_str()))
        .bind((!statuses.is_empty()).then(|| to_json(&statuses)))
        .bind(query.document.as_ref().map(|document| document.as_str()))
        .bind(query.since.map(|since| micros(aef_core::store::next_micros(since))))
        .bind(query.open_checkpoints)
        .bind(query.after.map_or_else(|| edge.to_vec(), execution_bytes))
        .bind(limit + 1)
        .fetch_all(pool)
        .await?;
    let has_more = rows.len() as i64 > limit;
    let mut records = rows.into_iter().map(Row::record).collect::<Result<Vec<_>, _>>()?;
    if has_more {
        records.pop();
    }
    let next = records.last().map(|record| record.id).filter(|_| has_more);
    Ok(Page { records, next })
}

pub(crate) async fn explain(
    pool: &SqlitePool,
    scope: &Scope,
    execution: ExecutionId,
    now: impl FnOnce() -> Timestamp,
) -> Result<Explanation, Error> {
    let mut transaction = pool.begin().await?;
    let row = Row::within(&mut transaction, scope, execution).await?;
    let now = now();
    let running: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM executions
         WHERE owner = (SELECT owner FROM executions WHERE no = ?1) AND worker IS NOT NULL AND lease_until > ?2",
    )
    .bind(row.no)
    .bind(micros(now))
    .fetch_one(&mut *transaction)
    .await?;
    let running_globally = claim::running(&mut transaction, now).await?;
    let workers: Vec<(Option<i64>, Option<i64>)> =
        sqlx::query_as("SELECT per_owner, global FROM workers WHERE seen > ?")
            .bind(micros(now) - ALIVE_FOR)
            .fetch_all(&mut *transaction)
            .await?;
    transaction.commit().await?;
    let limit = |limit: Option<i64>| limit.map(|limit| small("a limit", limit)).transpose();
    let limits = |(per_owner, global)| Ok(Limits { per_owner: limit(per_owner)?, global: limit(global)? });
    let around = Surroundings {
        running: small("a count of leases", running)?,
        running_globally,
        workers: workers.into_iter().map(limits).collect::<Result<_, Error>>()?,
    };
    Ok(row.record()?.explain(&around, now))
}
