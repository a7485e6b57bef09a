//! Appending to a journal: one read of the row, one row of the journal, one change of the row.

use aef_core::ids::{Epoch, OwnerId, Seq};
use aef_core::store::{Append, Appended, Expect, Notice, StoreErrorKind, Summary, next_micros, pack_events};
use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::sqlite::SqliteConnection;

use crate::codec::{self, execution_bytes, integer, micros, small, time, to_json};
use crate::error::Error;
use crate::writer::{Operation, Work};

/// The row as an append needs it, with the first result of the batch, if that is known.
#[derive(Debug, sqlx::FromRow)]
struct Row {
    no: i64,
    status: String,
    head: i64,
    epoch: i64,
    worker: Option<String>,
    lease_until: Option<i64>,
    lease_length: i64,
    wake_at: Option<i64>,
    format: i64,
    known_digest: Option<String>,
    known_head: Option<i64>,
    known_epoch: Option<i64>,
    known_lease_until: Option<i64>,
    known_at: Option<i64>,
}

/// What the row is after the append.
struct Next {
    head: Seq,
    epoch: Epoch,
    worker: Option<String>,
    lease_until: Option<Timestamp>,
    wake_at: Option<Timestamp>,
    format: u16,
    finished: bool,
}

#[async_trait]
impl Operation for Append {
    type Output = Appended;
    const NAME: &'static str = "append";

    async fn run(&self, work: &mut Work<'_>) -> Result<Appended, Error> {
        let row = row(work.connection, self).await?;
        let now = work.now();
        let digest = self.digest();
        if let Some(first) = row.first_result(self, &digest)? {
            return Ok(first);
        }
        row.check(self, now)?;
        let next = row.after(self, now)?;
        write(work.connection, &row, self, &next, now).await?;
        let appended = Appended { head: next.head, epoch: next.epoch, lease_until: next.lease_until, now };
        insert(work.connection, row.no, self.batch_id.as_uuid().as_bytes(), &digest, &appended, &self.events)
            .await?;
        let status = match &self.summary {
            Some(summary) => summary.status,
            None => codec::status(&row.status)?,
        };
        work.notices.push(Notice {
            execution: self.execution,
            head: next.head,
            status,
            wake_at: next.wake_at,
            lease_until: next.lease_until,
        });
        Ok(appended)
    }
}

async fn row(connection: &mut SqliteConnection, request: &Append) -> Result<Row, Error> {
    sqlx::query_as(
        "SELECT e.no, e.status, e.head, e.epoch, e.worker, e.lease_until, e.lease_length, e.wake_at, e.format,
                b.digest AS known_digest, b.head AS known_head, b.epoch AS known_epoch,
                b.lease_until AS known_lease_until, b.at AS known_at
         FROM executions e LEFT JOIN batches b ON b.execution = e.no AND b.batch = ?2
         WHERE e.id = ?1 AND (?3 IS NULL OR e.owner = (SELECT o.no FROM owners o WHERE o.name = ?3))",
    )
    .bind(execution_bytes(request.execution))
    .bind(request.batch_id.as_uuid().as_bytes().to_vec())
    .bind(request.scope.owner().map(OwnerId::as_str))
    .fetch_optional(connection)
    .await?
    .ok_or_else(|| Error::not_found(format_args!("execution {}", request.execution)))
}

impl Row {
    /// The result that the batch had before.
    fn first_result(&self, request: &Append, digest: &str) -> Result<Option<Appended>, Error> {
        let (Some(known), Some(head), Some(epoch), Some(at)) =
            (&self.known_digest, self.known_head, self.known_epoch, self.known_at)
        else {
            return Ok(None);
        };
        if known != digest {
            let message = format!("the batch {} came with other content before", request.batch_id);
            return Err(Error::refused(StoreErrorKind::BatchMismatch, message));
        }
        Ok(Some(Appended {
            head: codec::seq(head)?,
            epoch: codec::epoch(epoch)?,
            lease_until: self.known_lease_until.map(time).transpose()?,
            now: time(at)?,
        }))
    }

    /// Whether the batch may be written, in the order that the contract gives.
    fn check(&self, request: &Append, now: Timestamp) -> Result<(), Error> {
        let refused = |kind, message: String| Err(Error::refused(kind, message));
        let leased = self.worker.is_some() && self.lease_until.is_some_and(|until| until > micros(now));
        if codec::status(&self.status)?.is_final() {
            return refused(StoreErrorKind::Finished, format!("the execution is {}", self.status));
        }
        if let Some((worker, epoch)) = &request.fence
            && (*epoch != codec::epoch(self.epoch)? || self.worker.as_deref() != Some(worker.as_str()))
        {
            let message = format!("{worker} no longer holds the execution under epoch {}", epoch.0);
            return refused(StoreErrorKind::LeaseLost, message);
        }
        if request.require_unleased && leased {
            return refused(StoreErrorKind::LeaseLost, "a worker holds the execution".into());
        }
        if request.starts_effect && !(request.fence.is_some() && leased) {
            return refused(StoreErrorKind::LeaseLost, "an effect needs a lease that has not run out".into());
        }
        let head = codec::seq(self.head)?;
        if let Expect::Seq(expected) = request.expect
            && expected != head
        {
            return refused(
                StoreErrorKind::Conflict,
                format!("the journal ends at {head}, not at {expected}"),
            );
        }
        Ok(())
    }

    fn after(&self, request: &Append, now: Timestamp) -> Result<Next, Error> {
        let finished = request.summary.as_ref().is_some_and(|summary| summary.status.is_final());
        let asked = request.wake_at.map(next_micros);
        let wake_at = match request.expect {
            Expect::Seq(_) => asked,
            Expect::NotFinished => [self.wake_at.map(time).transpose()?, asked].into_iter().flatten().min(),
        };
        let ends = finished || request.require_unleased || (request.release && request.fence.is_some());
        let lease_until = match self.lease_until {
            Some(_) if ends => None,
            Some(_) if request.fence.is_some() => Some(codec::later(now, self.lease_length)),
            until => until.map(time).transpose()?,
        };
        let epoch = codec::epoch(self.epoch)?;
        Ok(Next {
            head: codec::seq(self.head)?.plus(request.events.len() as u64),
            epoch: if request.require_unleased { Epoch(epoch.0 + 1) } else { epoch },
            worker: self.worker.clone().filter(|_| lease_until.is_some()),
            lease_until,
            wake_at: wake_at.filter(|_| !finished),
            format: request.format.max(small("a format", self.format)?),
            finished,
        })
    }
}

async fn write(
    connection: &mut SqliteConnection,
    row: &Row,
    request: &Append,
    next: &Next,
    now: Timestamp,
) -> Result<(), Error> {
    let summary = request.summary.as_ref();
    sqlx::query(
        "UPDATE executions SET
            head = ?2, epoch = ?3, worker = ?4, lease_until = ?5, wake_at = ?6, format = ?7, updated_at = ?8,
            finished_at = ?9, fruitless = iif(?10, fruitless, 0),
            status = coalesce(?11, status), progress = coalesce(?12, progress),
            step = iif(?11 IS NULL, step, ?13), checkpoint = iif(?11 IS NULL, checkpoint, ?14),
            note = iif(?11 IS NULL, note, ?15)
         WHERE no = ?1",
    )
    .bind(row.no)
    .bind(integer(next.head.0))
    .bind(integer(next.epoch.0))
    .bind(next.worker.as_deref())
    .bind(next.lease_until.map(micros))
    .bind(next.wake_at.map(micros))
    .bind(i64::from(next.format))
    .bind(micros(now))
    .bind(next.finished.then(|| micros(now)))
    .bind(request.events.is_empty())
    .bind(summary.map(|summary| summary.status.as_str()))
    .bind(summary.map(|summary| i64::from(summary.progress)))
    .bind(summary.and_then(|Summary { step, .. }| step.as_ref().map(|step| step.as_str())))
    .bind(summary.and_then(|Summary { checkpoint, .. }| checkpoint.as_ref().map(to_json)))
    .bind(summary.and_then(|Summary { note, .. }| note.as_deref()))
    .execute(&mut *connection)
    .await?;
    if let Some(snapshot) = &request.snapshot {
        // Only the newest is kept: the journal behind it is whole.
        sqlx::query(
            "INSERT INTO snapshots (execution, seq, bytes) VALUES (?, ?, ?)
             ON CONFLICT (execution) DO UPDATE SET seq = excluded.seq, bytes = excluded.bytes",
        )
        .bind(row.no)
        .bind(integer(next.head.0))
        .bind(&snapshot[..])
        .execute(connection)
        .await?;
    }
    Ok(())
}

/// Writes a batch behind the others.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    execution: i64,
    batch: &[u8],
    digest: &str,
    result: &Appended,
    events: &[bytes::Bytes],
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO batches (execution, batch, digest, head, epoch, lease_until, at, events)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(execution)
    .bind(batch)
    .bind(digest)
    .bind(integer(result.head.0))
    .bind(integer(result.epoch.0))
    .bind(result.lease_until.map(micros))
    .bind(micros(result.now))
    .bind(pack_events(events))
    .execute(connection)
    .await?;
    Ok(())
}
