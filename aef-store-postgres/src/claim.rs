//! Leasing executions to workers.

use aef_core::ids::Seq;
use aef_core::store::{Claim, ClaimRequest, ClaimedJournal};

use crate::access::Access;
use crate::codec::{length, small, text, time};
use crate::error::Error;
use crate::read::{Stored, with_journal};
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
    #[sqlx(flatten)]
    journal: Stored,
}

pub(crate) async fn claim(access: &Access, request: &ClaimRequest) -> Result<Vec<Claim>, Error> {
    let mut session = access.single().await?;
    let leased: Vec<Leased> = session
        .query_as(concat!(
            "SELECT ",
            columns!(),
            ", e.fruitless, e.lease_until - e.lease_length AS since, s.seq, s.bytes, t.heads, t.batches
             FROM aef.claim($1, $2, $3, $4, $5, $6, $7) WITH ORDINALITY AS e JOIN aef.owners o ON o.no = e.owner",
            with_journal!(),
            " ORDER BY e.ordinality"
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
        let record = self.row.record()?;
        let journal = self.journal.read()?;
        Ok(Claim {
            claims_without_event: small("a count of claims", self.fruitless)?,
            // What was appended while the statement was under way stands in the row, but not in what it sees besides.
            journal: Some(journal).filter(|journal| end(journal) == record.head),
            now: time(self.since)?,
            record,
        })
    }
}

/// The place of the last event.
fn end(journal: &ClaimedJournal) -> Seq {
    let last = journal.tail.last().map(|entry| entry.seq);
    last.or(journal.snapshot.as_ref().map(|snapshot| snapshot.seq)).unwrap_or(Seq(0))
}
