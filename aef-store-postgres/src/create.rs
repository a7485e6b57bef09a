//! Making executions.

use aef_core::ids::{Epoch, ExecutionId, Seq};
use aef_core::store::{
    Created, ExecutionRecord, NewExecution, Scope, StoreErrorKind, next_micros, pack_events,
};
use jiff::Timestamp;
use uuid::Uuid;

use crate::access::Access;
use crate::append::wake;
use crate::codec::{self, count, from_json, text, time, to_json};
use crate::error::Error;
use crate::read;

/// What the database made of a request.
#[derive(Debug, sqlx::FromRow)]
struct Made {
    outcome: String,
    at: i64,
    found: Uuid,
    purged: Option<String>,
}

pub(crate) async fn create(access: &Access, request: &NewExecution) -> Result<Created, Error> {
    let made = send(access, request).await?;
    let refused = |kind, message: String| Err(Error::refused(kind, message));
    match (made.outcome.as_str(), &request.idempotency) {
        ("made", _) => Ok(Created { record: record(request, time(made.at)?), existing: false }),
        ("existing", _) => {
            let record = match made.purged {
                Some(record) => from_json("the row of a purged execution", &record)?,
                None => existing(access, request, ExecutionId::from_uuid(made.found)).await?,
            };
            Ok(Created { record, existing: true })
        }
        ("other body", Some(key)) => refused(
            StoreErrorKind::IdempotencyConflict,
            format!("the key `{}` came with another body before", key.key),
        ),
        ("mismatch", _) => refused(
            StoreErrorKind::BatchMismatch,
            format!("the id {} belongs to another execution", request.id),
        ),
        (other, _) => Err(Error::damaged(format!("`{other}` is no outcome of making an execution"))),
    }
}

async fn send(access: &Access, request: &NewExecution) -> Result<Made, Error> {
    let summary = &request.summary;
    let key = request.idempotency.as_ref();
    let mut session = access.single().await?;
    let made = session
        .query_as(
            "SELECT * FROM aef.create_execution($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                                                $18, $19, $20)",
        )
        .bind(request.id.as_uuid())
        .bind(text(request.owner.as_str()))
        .bind(text(request.document.as_str()))
        .bind(text(request.document_hash.as_str()))
        .bind(request.subset.as_ref().map(to_json))
        .bind(request.parent.map(ExecutionId::as_uuid))
        .bind(request.priority)
        .bind(summary.status.as_str())
        .bind(summary.step.as_ref().map(|step| text(step.as_str())))
        .bind(i32::from(summary.progress))
        .bind(summary.checkpoint.as_ref().map(to_json))
        .bind(summary.note.as_deref().map(text))
        .bind(summary.status.is_final())
        .bind(count(&request.events))
        .bind(request.wake_at.map(wake))
        .bind(i32::from(request.format))
        .bind(codec::digest(&request.digest()))
        .bind(pack_events(&request.events))
        .bind(key.map(|key| text(&key.key)))
        .bind(key.map(|key| text(&key.body_hash)))
        .fetch_one(session.connection())
        .await?;
    session.end().await?;
    Ok(made)
}

/// The row of what was made before.
async fn existing(
    access: &Access,
    request: &NewExecution,
    execution: ExecutionId,
) -> Result<ExecutionRecord, Error> {
    read::record(access, &Scope::Owner(request.owner.clone()), execution).await
}

/// The row as it was written, which need not be read for that.
fn record(request: &NewExecution, now: Timestamp) -> ExecutionRecord {
    let is_final = request.summary.status.is_final();
    ExecutionRecord {
        id: request.id,
        owner: request.owner.clone(),
        document: request.document.clone(),
        document_hash: request.document_hash.clone(),
        subset: request.subset.clone(),
        parent: request.parent,
        priority: request.priority,
        summary: request.summary.clone(),
        head: Seq(request.events.len() as u64),
        epoch: Epoch(0),
        lease: None,
        wake_at: request.wake_at.filter(|_| !is_final).map(next_micros),
        format: request.format,
        created_at: now,
        updated_at: now,
        finished_at: is_final.then_some(now),
    }
}
