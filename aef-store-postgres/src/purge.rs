//! Removing what has finished.

use aef_core::store::Scope;
use jiff::Timestamp;
use uuid::Uuid;

use crate::access::{Access, Session};
use crate::codec::{micros, to_json};
use crate::error::Error;
use crate::row::{Row, columns, owner};

/// How long an idempotency key is kept past the purge of its execution, in microseconds.
const KEY_KEPT: i64 = 30 * 24 * 60 * 60 * 1_000_000;

pub(crate) async fn purge(
    access: &Access,
    scope: &Scope,
    finished_before: Timestamp,
    limit: u32,
) -> Result<u64, Error> {
    let mut session = match scope {
        Scope::Owner(owner) => access.of_owner(owner).await?,
        Scope::System => access.transaction().await?,
    };
    session
        .query("DELETE FROM aef.keys WHERE kept_until <= aef.clock()")
        .execute(session.connection())
        .await?;
    let rows: Vec<Row> = session
        .query_as(concat!(
            "SELECT ",
            columns!(),
            " FROM aef.executions e JOIN aef.owners o ON o.no = e.owner
              WHERE e.finished_at < $1 AND ($2::text IS NULL OR o.name = $2)
              ORDER BY e.finished_at, e.id LIMIT $3 FOR UPDATE OF e SKIP LOCKED"
        ))
        .bind(micros(finished_before))
        .bind(owner(scope))
        .bind(i64::from(limit))
        .fetch_all(session.connection())
        .await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    if ids.is_empty() {
        session.end().await?;
        return Ok(0);
    }
    keep_keys(&mut session, rows).await?;
    for table in [
        "DELETE FROM aef.batches WHERE execution = ANY ($1)",
        "DELETE FROM aef.snapshots WHERE execution = ANY ($1)",
        "DELETE FROM aef.executions WHERE id = ANY ($1)",
    ] {
        session.query(table).bind(&ids).execute(session.connection()).await?;
    }
    session.end().await?;
    Ok(ids.len() as u64)
}

/// Leaves with each key the row of what was made under it.
async fn keep_keys(session: &mut Session, rows: Vec<Row>) -> Result<(), Error> {
    let (mut ids, mut records) = (Vec::new(), Vec::new());
    for row in rows {
        ids.push(row.id);
        records.push(to_json(&row.record()?));
    }
    session
        .query(
            "UPDATE aef.keys k SET record = p.record, kept_until = aef.later(aef.clock(), $3)
             FROM unnest($1::uuid[], $2::text[]) AS p (id, record)
             WHERE k.execution = p.id AND k.record IS NULL",
        )
        .bind(ids)
        .bind(records)
        .bind(KEY_KEPT)
        .execute(session.connection())
        .await?;
    Ok(())
}
