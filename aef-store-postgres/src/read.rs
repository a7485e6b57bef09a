//! Reading executions. Each read is one statement and so sees one moment.

use aef_core::ids::{ExecutionId, Seq};
use aef_core::store::{
    ClaimedJournal, ExecutionRecord, Explanation, JournalEntry, Limits, ListQuery, Loaded, Page, Scope,
    StoredSnapshot, Surroundings, next_micros,
};
use bytes::Bytes;
use jiff::Timestamp;
use sqlx::{Postgres, QueryBuilder};

use crate::access::Access;
use crate::claim::ALIVE_FOR;
use crate::codec::{self, integer, micros, small, time};
use crate::error::Error;
use crate::row::{Row, columns, no_execution, owner};

/// How many a page holds when so many were asked for.
pub(crate) fn page_size(limit: u32) -> i64 {
    match limit {
        0 => 100,
        _ => i64::from(limit.min(1_000)),
    }
}

pub(crate) async fn now(access: &Access) -> Result<Timestamp, Error> {
    let mut session = access.single().await?;
    let now = session.query_scalar("SELECT aef.clock()").fetch_one(session.connection()).await?;
    session.end().await?;
    Ok(time(now)?)
}

/// What [`Stored`] is joined from, behind `executions e`.
macro_rules! with_journal {
    () => {
        " LEFT JOIN aef.snapshots s ON s.execution = e.id
     LEFT JOIN LATERAL (
        SELECT array_agg(b.head ORDER BY b.head) AS heads, array_agg(b.events ORDER BY b.head) AS batches
        FROM aef.batches b WHERE b.execution = e.id AND b.head > coalesce(s.seq, 0) AND b.events <> ''
     ) t ON true"
    };
}
pub(crate) use with_journal;

/// The row with its snapshot and the batches behind that.
macro_rules! load {
    ($owner:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            ", s.seq, s.bytes, t.heads, t.batches, aef.clock() AS now
             FROM aef.executions e
             JOIN aef.owners o ON o.no = e.owner",
            with_journal!(),
            " WHERE e.id = $1 AND ",
            $owner
        )
    };
}

/// One row for each batch that has one of the events asked for, and a row without one where there is none.
macro_rules! tail {
    ($owner:literal) => {
        concat!(
            "SELECT b.head, b.events
             FROM aef.executions e
             JOIN aef.owners o ON o.no = e.owner
             LEFT JOIN LATERAL (
                SELECT b.head, b.events FROM aef.batches b
                WHERE b.execution = e.id AND b.head > $3 AND b.events <> '' ORDER BY b.head LIMIT $4
             ) b ON true
             WHERE e.id = $1 AND ",
            $owner,
            " ORDER BY b.head"
        )
    };
}

/// A query as the owner `$2`, to whose rows the session is held while it runs. `OFFSET 0` keeps the planner from taking the
/// two apart, so that nothing is read before.
macro_rules! entered {
    ($query:expr) => {
        concat!(
            "SELECT inside.* FROM aef.entered($2) AS scope (owner), LATERAL (",
            $query,
            " OFFSET 0) inside"
        )
    };
}

const LOAD: &str = load!("($2::text IS NULL OR o.name = $2)");
const LOAD_ENTERED: &str = entered!(load!("o.name = scope.owner"));
const TAIL: &str = tail!("($2::text IS NULL OR o.name = $2)");
const TAIL_ENTERED: &str = entered!(tail!("o.name = scope.owner"));

#[derive(Debug, sqlx::FromRow)]
struct Whole {
    #[sqlx(flatten)]
    row: Row,
    #[sqlx(flatten)]
    journal: Stored,
    now: i64,
}

/// A snapshot and the batches behind it.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Stored {
    seq: Option<i64>,
    bytes: Option<Vec<u8>>,
    heads: Option<Vec<i64>>,
    batches: Option<Vec<Vec<u8>>>,
}

impl Stored {
    pub(crate) fn read(self) -> Result<ClaimedJournal, Error> {
        let snapshot = match (self.seq, self.bytes) {
            (Some(seq), Some(bytes)) => {
                Some(StoredSnapshot { seq: codec::seq(seq)?, bytes: Bytes::from(bytes) })
            }
            _ => None,
        };
        let behind = snapshot.as_ref().map_or(Seq(0), |snapshot| snapshot.seq);
        let batches = self.heads.unwrap_or_default().into_iter().zip(self.batches.unwrap_or_default());
        let tail = entries(batches, behind, usize::MAX)?;
        Ok(ClaimedJournal { snapshot, tail })
    }
}

pub(crate) async fn load(access: &Access, scope: &Scope, execution: ExecutionId) -> Result<Loaded, Error> {
    let mut session = access.single().await?;
    let whole: Option<Whole> = session
        .query_as(if access.enters(scope) { LOAD_ENTERED } else { LOAD })
        .bind(execution.as_uuid())
        .bind(owner(scope))
        .fetch_optional(session.connection())
        .await?;
    session.end().await?;
    let whole = whole.ok_or_else(|| no_execution(execution))?;
    let ClaimedJournal { snapshot, tail } = whole.journal.read()?;
    Ok(Loaded { record: whole.row.record()?, snapshot, tail, now: time(whole.now)? })
}

pub(crate) async fn journal(
    access: &Access,
    scope: &Scope,
    execution: ExecutionId,
    after: Seq,
    limit: u32,
) -> Result<Vec<JournalEntry>, Error> {
    let mut session = access.single().await?;
    let rows: Vec<(Option<i64>, Option<Vec<u8>>)> = session
        .query_as(if access.enters(scope) { TAIL_ENTERED } else { TAIL })
        .bind(execution.as_uuid())
        .bind(owner(scope))
        .bind(integer(after.0))
        .bind(i64::from(limit))
        .fetch_all(session.connection())
        .await?;
    session.end().await?;
    if rows.is_empty() {
        return Err(no_execution(execution));
    }
    let batches = rows.into_iter().filter_map(|(head, events)| Some((head?, events?)));
    entries(batches, after, limit as usize)
}

/// At most `limit` events behind `after`, of batches in their order.
fn entries(
    batches: impl IntoIterator<Item = (i64, Vec<u8>)>,
    after: Seq,
    limit: usize,
) -> Result<Vec<JournalEntry>, Error> {
    let mut entries = Vec::new();
    for (head, packed) in batches {
        if entries.len() >= limit {
            break;
        }
        let events = codec::unpack(packed)?;
        let first = (codec::seq(head)?.0 + 1).saturating_sub(events.len() as u64);
        let placed = (first..).map(Seq).zip(events).map(|(seq, event)| JournalEntry { seq, event });
        let room = limit - entries.len();
        entries.extend(placed.filter(|entry| entry.seq > after).take(room));
    }
    Ok(entries)
}

/// The row alone.
pub(crate) async fn record(
    access: &Access,
    scope: &Scope,
    execution: ExecutionId,
) -> Result<ExecutionRecord, Error> {
    let mut session = access.scoped(scope).await?;
    let row: Option<Row> = session
        .query_as(concat!(
            "SELECT ",
            columns!(),
            " FROM aef.executions e JOIN aef.owners o ON o.no = e.owner
              WHERE e.id = $1 AND ($2::text IS NULL OR o.name = $2)"
        ))
        .bind(execution.as_uuid())
        .bind(owner(scope))
        .fetch_optional(session.connection())
        .await?;
    session.end().await?;
    row.ok_or_else(|| no_execution(execution))?.record()
}

pub(crate) async fn list(access: &Access, scope: &Scope, query: &ListQuery) -> Result<Page, Error> {
    let limit = page_size(query.limit);
    let mut session = access.scoped(scope).await?;
    let rows: Vec<Row> = listing(scope, query, limit + 1)
        .build_query_as()
        .persistent(session.keeps_statements())
        .fetch_all(session.connection())
        .await?;
    session.end().await?;
    let has_more = rows.len() as i64 > limit;
    let mut records = rows.into_iter().map(Row::record).collect::<Result<Vec<_>, _>>()?;
    if has_more {
        records.pop();
    }
    let next = records.last().map(|record| record.id).filter(|_| has_more);
    Ok(Page { records, next })
}

/// The statement of a list. Only what is asked for stands in it, so that each goes by the index that serves it.
fn listing(scope: &Scope, query: &ListQuery, limit: i64) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new(concat!(
        "SELECT ",
        columns!(),
        " FROM aef.executions e JOIN aef.owners o ON o.no = e.owner WHERE true"
    ));
    if let Some(owner) = owner(scope) {
        // A value and not a join, so that the index on owner and id gives the order.
        sql.push(" AND e.owner = (SELECT no FROM aef.owners WHERE name = ")
            .push_bind(owner.to_owned())
            .push(")");
    }
    if let Some(document) = &query.document {
        sql.push(" AND e.document = ").push_bind(document.as_str().to_owned());
    }
    if !query.statuses.is_empty() {
        let statuses: Vec<String> = query.statuses.iter().map(|status| status.as_str().to_owned()).collect();
        sql.push(" AND e.status = ANY (").push_bind(statuses).push(")");
    }
    if let Some(since) = query.since {
        sql.push(" AND e.created_at >= ").push_bind(micros(next_micros(since)));
    }
    if query.open_checkpoints {
        sql.push(" AND e.checkpoint IS NOT NULL");
    }
    if let Some(after) = query.after {
        sql.push(if query.oldest_first { " AND e.id > " } else { " AND e.id < " }).push_bind(after.as_uuid());
    }
    sql.push(if query.oldest_first { " ORDER BY e.id" } else { " ORDER BY e.id DESC" });
    sql.push(" LIMIT ").push_bind(limit);
    sql
}

/// The row with what stands around it.
#[derive(Debug, sqlx::FromRow)]
struct Around {
    #[sqlx(flatten)]
    row: Row,
    now: i64,
    running: i64,
    running_globally: i64,
    /// The limits of each live worker, in the same order.
    per_owner: Vec<Option<i64>>,
    global: Vec<Option<i64>>,
}

pub(crate) async fn explain(
    access: &Access,
    scope: &Scope,
    execution: ExecutionId,
) -> Result<Explanation, Error> {
    let mut session = access.scoped(scope).await?;
    let around: Option<Around> = session
        .query_as(concat!(
            "SELECT ",
            columns!(),
            ", n.now,
             (SELECT count(*) FROM aef.executions l
              WHERE l.owner = e.owner AND l.worker IS NOT NULL AND l.lease_until > n.now) AS running,
             aef.leases(n.now) AS running_globally,
             ARRAY(SELECT w.per_owner FROM aef.workers w WHERE w.seen > n.now - $3 ORDER BY w.name) AS per_owner,
             ARRAY(SELECT w.global FROM aef.workers w WHERE w.seen > n.now - $3 ORDER BY w.name) AS global
             FROM aef.executions e JOIN aef.owners o ON o.no = e.owner CROSS JOIN (SELECT aef.clock() AS now OFFSET 0) n
             WHERE e.id = $1 AND ($2::text IS NULL OR o.name = $2)"
        ))
        .bind(execution.as_uuid())
        .bind(owner(scope))
        .bind(ALIVE_FOR)
        .fetch_optional(session.connection())
        .await?;
    session.end().await?;
    let around = around.ok_or_else(|| no_execution(execution))?;
    let limit = |limit: Option<i64>| limit.map(|limit| small("a limit", limit)).transpose();
    let limits = |(per_owner, global)| Ok(Limits { per_owner: limit(per_owner)?, global: limit(global)? });
    let surroundings = Surroundings {
        running: small("a count of leases", around.running)?,
        running_globally: small("a count of leases", around.running_globally)?,
        workers: around.per_owner.into_iter().zip(around.global).map(limits).collect::<Result<_, Error>>()?,
    };
    Ok(around.row.record()?.explain(&surroundings, time(around.now)?))
}
