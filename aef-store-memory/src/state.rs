//! What the store holds.

use std::collections::BTreeMap;
use std::time::Duration;

use aef_core::ids::{BatchId, CheckpointId, DocumentId, ExecutionId, OwnerId, WorkerId};
use aef_core::store::{
    Appended, ExecutionRecord, Lease, Limits, Scope, StoreError, StoreErrorKind, StoredDocument,
    StoredSnapshot, Summary, whole_micros,
};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use crate::host::Host;

/// All that the store holds.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) executions: BTreeMap<ExecutionId, Entry>,
    pub(crate) keys: BTreeMap<(OwnerId, String), Key>,
    /// When each owner was last served, as the number of the claim; the owner of the lowest comes next.
    pub(crate) served: BTreeMap<OwnerId, u64>,
    pub(crate) workers: BTreeMap<WorkerId, Sign>,
    /// All versions of each document, the first first.
    pub(crate) documents: BTreeMap<(OwnerId, DocumentId), Vec<StoredDocument>>,
    /// The execution of each checkpoint that a summary has named.
    pub(crate) checkpoints: BTreeMap<CheckpointId, ExecutionId>,
    /// What a host keeps beside executions.
    pub(crate) host: Host,
}

/// One execution.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) record: ExecutionRecord,
    /// The digest of the request that made it.
    pub(crate) made_from: String,
    pub(crate) events: Vec<Bytes>,
    /// The first result of each batch, beside its digest.
    pub(crate) batches: BTreeMap<BatchId, (String, Appended)>,
    pub(crate) snapshot: Option<StoredSnapshot>,
    /// How long its lease was asked for.
    pub(crate) lease_length: Duration,
    /// How many claims in a row have seen no event.
    pub(crate) fruitless: u32,
}

/// An idempotency key that was used.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) body_hash: String,
    pub(crate) execution: ExecutionId,
    /// The row as it was when it was purged, and until when the key is kept after that.
    pub(crate) purged: Option<(ExecutionRecord, Timestamp)>,
}

/// A sign of life of a worker.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sign {
    pub(crate) seen: Timestamp,
    /// By which limits it claims.
    pub(crate) limits: Limits,
}

impl State {
    /// The entry of an execution that the scope covers.
    pub(crate) fn entry(
        &self,
        operation: &'static str,
        scope: &Scope,
        execution: ExecutionId,
    ) -> Result<&Entry, StoreError> {
        self.executions
            .get(&execution)
            .filter(|entry| scope.covers(&entry.record.owner))
            .ok_or_else(|| no_execution(operation, execution))
    }

    /// Takes note of the checkpoint that an execution has open.
    pub(crate) fn index_checkpoint(&mut self, execution: ExecutionId, summary: &Summary) {
        if let Some(open) = &summary.checkpoint {
            self.checkpoints.insert(open.id, execution);
        }
    }

    /// How many live leases the owner has.
    pub(crate) fn running(&self, owner: &OwnerId, now: Timestamp) -> u32 {
        self.leased(|entry| entry.record.owner == *owner, now)
    }

    /// How many live leases there are.
    pub(crate) fn running_globally(&self, now: Timestamp) -> u32 {
        self.leased(|_| true, now)
    }

    fn leased(&self, which: impl Fn(&Entry) -> bool, now: Timestamp) -> u32 {
        let leased = self.executions.values().filter(|entry| which(entry) && entry.is_leased(now));
        u32::try_from(leased.count()).unwrap_or(u32::MAX)
    }
}

impl Entry {
    /// Whether a lease on it is live.
    pub(crate) fn is_leased(&self, now: Timestamp) -> bool {
        self.record.lease.as_ref().is_some_and(|lease| lease.until > now)
    }

    /// Leases it to the worker, from now.
    pub(crate) fn lease_to(&mut self, worker: &WorkerId, length: Duration, now: Timestamp) {
        self.lease_length = length;
        self.record.lease = Some(Lease { worker: worker.clone(), until: later(now, length) });
    }
}

/// The time so much later, to the microsecond; the end of time at the latest.
pub(crate) fn later(now: Timestamp, by: Duration) -> Timestamp {
    let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
    whole_micros(now.saturating_add(SignedDuration::from_micros(micros)).unwrap_or(Timestamp::MAX))
}

/// The error that an execution is not there.
pub(crate) fn no_execution(operation: &'static str, execution: ExecutionId) -> StoreError {
    StoreError::new(operation, StoreErrorKind::NotFound, format!("there is no execution {execution}"))
}
