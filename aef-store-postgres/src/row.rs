//! The row of an execution.

use aef_core::ids::{DocumentHash, DocumentId, ExecutionId, OwnerId, StepId, WorkerId};
use aef_core::store::{ExecutionRecord, Lease, Scope, Summary};
use uuid::Uuid;

use crate::codec::{self, from_json, small, time};
use crate::error::Error;

/// The columns of [`Row`], of `executions e JOIN owners o`.
macro_rules! columns {
    () => {
        "e.id, o.name AS owner, e.document, e.document_hash, e.subset, e.parent, e.priority, e.status, e.step,
         e.progress, e.checkpoint, e.note, e.head, e.epoch, e.worker, e.lease_until, e.wake_at, e.format, e.created_at,
         e.updated_at, e.finished_at"
    };
}
pub(crate) use columns;

/// A row as PostgreSQL gives it.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Row {
    pub(crate) id: Uuid,
    owner: String,
    document: String,
    document_hash: String,
    subset: Option<String>,
    parent: Option<Uuid>,
    priority: i32,
    status: String,
    step: Option<String>,
    progress: i32,
    checkpoint: Option<String>,
    note: Option<String>,
    head: i64,
    epoch: i64,
    worker: Option<String>,
    lease_until: Option<i64>,
    wake_at: Option<i64>,
    format: i32,
    created_at: i64,
    updated_at: i64,
    finished_at: Option<i64>,
}

impl Row {
    /// What it says.
    pub(crate) fn record(self) -> Result<ExecutionRecord, Error> {
        let lease = match (self.worker, self.lease_until) {
            (Some(worker), Some(until)) => Some(Lease { worker: WorkerId::new(worker), until: time(until)? }),
            _ => None,
        };
        let checkpoint = self.checkpoint.map(|text| from_json("a checkpoint", &text)).transpose()?;
        Ok(ExecutionRecord {
            id: ExecutionId::from_uuid(self.id),
            owner: OwnerId::new(self.owner),
            document: DocumentId::new(self.document),
            document_hash: DocumentHash::new(self.document_hash),
            subset: self.subset.map(|text| from_json("a list of steps", &text)).transpose()?,
            parent: self.parent.map(ExecutionId::from_uuid),
            priority: self.priority,
            summary: Summary {
                status: codec::status(&self.status)?,
                step: self.step.map(StepId::new),
                progress: small("a progress", self.progress)?,
                checkpoint,
                note: self.note,
            },
            head: codec::seq(self.head)?,
            epoch: codec::epoch(self.epoch)?,
            lease,
            wake_at: self.wake_at.map(time).transpose()?,
            format: small("a format", self.format)?,
            created_at: time(self.created_at)?,
            updated_at: time(self.updated_at)?,
            finished_at: self.finished_at.map(time).transpose()?,
        })
    }
}

/// The owner that a scope names; none is the system.
pub(crate) fn owner(scope: &Scope) -> Option<&str> {
    match scope {
        Scope::Owner(owner) => Some(owner.as_str()),
        Scope::System => None,
    }
}

pub(crate) fn no_execution(execution: ExecutionId) -> Error {
    Error::not_found(format_args!("execution {execution}"))
}
