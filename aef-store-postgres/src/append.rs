//! Appending to journals: one statement for one batch or for many, of each execution one.

use aef_core::store::{
    Append, Appended, Expect, Notice, Scope, StoreErrorKind, Summary, next_micros, pack_events,
};
use jiff::Timestamp;

use crate::access::Session;
use crate::codec::{self, count, integer, micros, text, time, to_json};
use crate::error::Error;

/// What the database says to one batch of a statement.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Verdict {
    /// Which batch of the statement, from 1.
    pub(crate) place: i64,
    outcome: String,
    head: Option<i64>,
    epoch: Option<i64>,
    lease_until: Option<i64>,
    at: i64,
    status: Option<String>,
    wake_at: Option<i64>,
}

impl Verdict {
    /// What the caller is told, and all who listen, if something was written.
    pub(crate) fn result(self, request: &Append) -> Result<(Appended, Option<Notice>), Error> {
        let appended = match self.outcome.as_str() {
            "appended" | "known" => self.appended()?,
            _ => return Err(self.refusal(request)),
        };
        if self.outcome == "known" {
            return Ok((appended, None));
        }
        let status = self.status.as_deref().map(codec::status).transpose()?;
        let status = status.ok_or_else(|| Error::damaged("an execution has no status"))?;
        let wake_at = self.wake_at.map(time).transpose()?;
        let notice = Notice {
            execution: request.execution,
            head: appended.head,
            status,
            wake_at,
            lease_until: appended.lease_until,
        };
        Ok((appended, Some(notice)))
    }

    fn appended(&self) -> Result<Appended, Error> {
        let missing = || Error::damaged("a batch has no result");
        Ok(Appended {
            head: codec::seq(self.head.ok_or_else(missing)?)?,
            epoch: codec::epoch(self.epoch.ok_or_else(missing)?)?,
            lease_until: self.lease_until.map(time).transpose()?,
            now: time(self.at)?,
        })
    }

    fn refusal(&self, request: &Append) -> Error {
        let (kind, message) = match (self.outcome.as_str(), &request.fence) {
            ("missing", _) => {
                (StoreErrorKind::NotFound, format!("there is no execution {}", request.execution))
            }
            ("mismatch", _) => (
                StoreErrorKind::BatchMismatch,
                format!("the batch {} came with other content before", request.batch_id),
            ),
            ("finished", _) => {
                let status = self.status.as_deref().unwrap_or("finished");
                (StoreErrorKind::Finished, format!("the execution is {status}"))
            }
            ("fenced", Some((worker, epoch))) => (
                StoreErrorKind::LeaseLost,
                format!("{worker} no longer holds the execution under epoch {}", epoch.0),
            ),
            ("leased", _) => (StoreErrorKind::LeaseLost, "a worker holds the execution".into()),
            ("unheld", _) => {
                (StoreErrorKind::LeaseLost, "an effect needs a lease that has not run out".into())
            }
            ("conflict", _) => {
                let head = self.head.unwrap_or_default();
                (
                    StoreErrorKind::Conflict,
                    format!("the journal ends at {head}, which is not what was expected"),
                )
            }
            (other, _) => return Error::damaged(format!("`{other}` is no outcome of an append")),
        };
        Error::refused(kind, message)
    }
}

/// Appends the batches, of each execution one at most, all for the same owner or for the engine itself. When this returns,
/// what was appended is durable if the session commits by itself.
pub(crate) async fn append(
    session: &mut Session,
    scope: &Scope,
    batches: &[&Append],
) -> Result<Vec<Verdict>, sqlx::Error> {
    let digests: Vec<Vec<u8>> = batches.iter().map(|batch| codec::digest(&batch.digest())).collect();
    let verdicts = session
        .query_as(
            "SELECT * FROM aef.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
                                      $19, $20, $21)",
        )
        .bind(scope.owner().map(|owner| text(owner.as_str())))
        .bind(all(batches, |batch| batch.execution.as_uuid()))
        .bind(all(batches, |batch| batch.batch_id.as_uuid()))
        .bind(digests)
        .bind(all(batches, |batch| match batch.expect {
            Expect::Seq(seq) => Some(integer(seq.0)),
            Expect::NotFinished => None,
        }))
        .bind(all(batches, |batch| batch.fence.as_ref().map(|(worker, _)| text(worker.as_str()))))
        .bind(all(batches, |batch| batch.fence.as_ref().map(|(_, epoch)| integer(epoch.0))))
        .bind(all(batches, |batch| batch.require_unleased))
        .bind(all(batches, |batch| batch.starts_effect))
        .bind(all(batches, |batch| count(&batch.events)))
        .bind(all(batches, |batch| i32::from(batch.format)))
        .bind(all(batches, |batch| batch.summary.as_ref().is_some_and(|summary| summary.status.is_final())))
        .bind(summaries(batches, |summary| Some(summary.status.as_str().to_owned())))
        .bind(summaries(batches, |summary| summary.step.as_ref().map(|step| text(step.as_str()))))
        .bind(summaries(batches, |summary| Some(i32::from(summary.progress))))
        .bind(summaries(batches, |summary| summary.checkpoint.as_ref().map(to_json)))
        .bind(summaries(batches, |summary| summary.note.as_deref().map(text)))
        .bind(all(batches, |batch| batch.wake_at.map(wake)))
        .bind(all(batches, |batch| batch.release))
        .bind(all(batches, |batch| pack_events(&batch.events)))
        .bind(all(batches, |batch| batch.snapshot.as_ref().map(|snapshot| snapshot.to_vec())))
        .fetch_all(session.connection())
        .await?;
    Ok(verdicts)
}

/// A time to wake, as it is kept.
pub(crate) fn wake(at: Timestamp) -> i64 {
    micros(next_micros(at))
}

/// One parameter of the statement: a value of each batch.
fn all<T>(batches: &[&Append], of: impl Fn(&Append) -> T) -> Vec<T> {
    batches.iter().map(|batch| of(batch)).collect()
}

fn summaries<T>(batches: &[&Append], of: impl Fn(&Summary) -> Option<T>) -> Vec<Option<T>> {
    all(batches, |batch| batch.summary.as_ref().and_then(&of))
}
