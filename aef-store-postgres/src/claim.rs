//! Leasing executions to workers.

use aef_core::store::{Claim, ClaimRequest};

use crate::access::Access;
use crate::codec::{length, small, text, time};
use crate::error::Error;
use crate::row::{Row, columns};

/// How long after its last sign of life a worker counts as alive, in microseconds. The function `aef.show_worker` forgets
/// it then.
pub(crate) const ALIVE_FOR: i64 = 60 * 1_000_000;

/// A row that was leased.
#[derive(Debug, sqlx::FromRow)]
struct Leased {
    #[sqlx(flatten)]
    row: Row,
    fruitless: i32,
    since: i64,
}

pub(crate) async fn claim(access: &Access, request: &ClaimRequest) -> Result<Vec<Claim>, Error> {
    let mut session = access.single().await?;
    let leased: Vec<Leased> = session
        .query_as(concat!(
            "SELECT ",
            columns!(),
            ", e.fruitless, e.lease_until - e.lease_length AS since
             FROM aef.claim($1, $2, $3, $4, $5, $6, $7) WITH ORDINALITY AS e JOIN aef.owners o ON o.no = e.owner
             ORDER BY e.ordinality"
        ))
        .bind(text(request.worker.as_str()))
        .bind(i64::from(request.limit))
        .bind(length(request.lease))
        .bind(i32::from(request.max_format))
        .bind(request.per_owner.map(i64::from))
        .bind(request.global.map(i64::from))
        .bind(request.only.map(|only| only.as_uuid()))
        .fetch_all(session.connection())
        .await?;
    session.end().await?;
    leased.into_iter().map(Leased::claim).collect()
}

impl Leased {
    fn claim(self) -> Result<Claim, Error> {
        Ok(Claim {
            record: self.row.record()?,
            claims_without_event: small("a count of claims", self.fruitless)?,
            now: time(self.since)?,
        })
    }
}
