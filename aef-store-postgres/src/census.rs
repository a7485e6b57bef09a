//! Counting what is not finished.

use aef_core::store::{Census, OpenCheckpoint, Scope};

use crate::access::Access;
use crate::claim::ALIVE_FOR;
use crate::codec::{self, from_json, small, time};
use crate::error::Error;
use crate::row::owner;

/// What there is, beside the statuses.
#[derive(Debug, sqlx::FromRow)]
struct Counted {
    now: i64,
    workers: i64,
    leased: i64,
    ready: i64,
    ready_since: Option<i64>,
    checkpoints: i64,
    oldest: Option<String>,
    statuses: Vec<String>,
    counts: Vec<i64>,
}

/// Each part reads the small index that holds what it counts: the statuses and the queue are as long as there is work, what
/// is leased as there are workers' slots.
pub(crate) const CENSUS: &str = "WITH
     n AS MATERIALIZED (SELECT aef.clock() AS now, (SELECT no FROM aef.owners WHERE name = $1) AS owner),
     queued AS (
        SELECT count(*) AS count, min(e.queued_at) AS since FROM n, aef.executions e
        WHERE e.queued_at <= n.now AND ($1::text IS NULL OR e.owner = n.owner)
     ),
     held AS (
        SELECT count(*) FILTER (WHERE e.lease_until > n.now) AS leased,
               count(*) FILTER (WHERE e.lease_until <= n.now AND e.wake_at <= n.now) AS bereft,
               min(greatest(e.lease_until, e.wake_at)) FILTER (WHERE e.lease_until <= n.now AND e.wake_at <= n.now)
                   AS since
        FROM n, aef.executions e WHERE e.worker IS NOT NULL AND ($1::text IS NULL OR e.owner = n.owner)
     ),
     asking AS (
        SELECT count(*) AS count,
               (array_agg(e.checkpoint ORDER BY (e.checkpoint::json ->> 'raisedAt')::timestamptz))[1] AS oldest
        FROM n, aef.executions e
        WHERE e.checkpoint IS NOT NULL AND e.finished_at IS NULL AND ($1::text IS NULL OR e.owner = n.owner)
     ),
     standing AS (
        SELECT e.status, count(*) AS count FROM n, aef.executions e
        WHERE e.finished_at IS NULL AND ($1::text IS NULL OR e.owner = n.owner) GROUP BY e.status
     )
     SELECT n.now, (SELECT count(*) FROM aef.workers w WHERE w.seen > n.now - $2) AS workers,
            held.leased, queued.count + held.bereft AS ready, least(queued.since, held.since) AS ready_since,
            asking.count AS checkpoints, asking.oldest,
            ARRAY(SELECT status FROM standing ORDER BY status) AS statuses,
            ARRAY(SELECT count FROM standing ORDER BY status) AS counts
     FROM n, queued, held, asking";

pub(crate) async fn take(access: &Access, scope: &Scope) -> Result<Census, Error> {
    let mut session = access.scoped(scope).await?;
    let counted: Counted =
        session.query_as(CENSUS).bind(owner(scope)).bind(ALIVE_FOR).fetch_one(session.connection()).await?;
    session.end().await?;
    let mut census = Census::new(small("a count", counted.workers)?, time(counted.now)?);
    census.leased = small("a count", counted.leased)?;
    census.ready = small("a count", counted.ready)?;
    census.ready_since = counted.ready_since.map(time).transpose()?;
    census.checkpoints = small("a count", counted.checkpoints)?;
    for (status, count) in counted.statuses.iter().zip(counted.counts) {
        census.statuses.insert(codec::status(status)?, small("a count", count)?);
    }
    let oldest: Option<OpenCheckpoint> =
        counted.oldest.map(|text| from_json("a checkpoint", &text)).transpose()?;
    census.asked_since = oldest.map(|open| open.raised_at);
    Ok(census)
}
