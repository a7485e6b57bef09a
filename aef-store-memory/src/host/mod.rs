//! What a host keeps beside executions.

mod audit;
mod keys;
mod live;
mod secrets;
mod sops;
mod tickets;

use std::collections::BTreeMap;
use std::fmt;

use aef_core::ids::{ApiKeyId, CheckpointId, ExecutionId, OwnerId, SopId, WorkerId};
use aef_core::store::{
    ApiKey, AuditRecord, CheckpointIndex, IdempotencyKey, LiveTicket, Scope, StoreError, StoreErrorKind,
    StoredSop,
};
use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use crate::MemoryStore;

/// What a host keeps beside executions.
#[derive(Debug, Default)]
pub(crate) struct Host {
    keys: BTreeMap<ApiKeyId, ApiKey>,
    keys_made: Made<ApiKeyId>,
    secrets: BTreeMap<(OwnerId, String), (Bytes, Timestamp)>,
    /// All versions of each SOP, the first first.
    sops: BTreeMap<SopId, Vec<StoredSop>>,
    sops_made: Made<SopId>,
    audit: Vec<AuditRecord>,
    /// The place of the newest entry; places are not given again when entries are removed.
    audit_head: u64,
    tickets: BTreeMap<String, LiveTicket>,
    /// Where workers serve live views.
    pub(crate) live: BTreeMap<WorkerId, String>,
}

/// What was made under the idempotency keys of owners, each with the hash of the request.
#[derive(Debug)]
struct Made<I>(BTreeMap<(OwnerId, String), (String, I)>);

impl<I> Default for Made<I> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<I: Copy> Made<I> {
    /// What was made under a key.
    fn under(
        &self,
        operation: &'static str,
        owner: &OwnerId,
        key: Option<&IdempotencyKey>,
    ) -> Result<Option<I>, StoreError> {
        let Some(key) = key else { return Ok(None) };
        match self.0.get(&(owner.clone(), key.key.clone())) {
            None => Ok(None),
            Some((body, made)) if *body == key.body_hash => Ok(Some(*made)),
            Some(_) => {
                let message = "the idempotency key was used with another body";
                Err(StoreError::new(operation, StoreErrorKind::IdempotencyConflict, message))
            }
        }
    }

    fn note(&mut self, owner: &OwnerId, key: Option<IdempotencyKey>, made: I) {
        if let Some(IdempotencyKey { key, body_hash }) = key {
            self.0.insert((owner.clone(), key), (body_hash, made));
        }
    }
}

fn not_found(operation: &'static str, what: impl fmt::Display) -> StoreError {
    StoreError::new(operation, StoreErrorKind::NotFound, format!("there is no {what}"))
}

#[async_trait]
impl CheckpointIndex for MemoryStore {
    async fn checkpoint_execution(
        &self,
        scope: &Scope,
        checkpoint: CheckpointId,
    ) -> Result<ExecutionId, StoreError> {
        let (state, _) = self.lock();
        let found = state.checkpoints.get(&checkpoint).and_then(|execution| state.executions.get(execution));
        found
            .filter(|entry| scope.covers(&entry.record.owner))
            .map(|entry| entry.record.id)
            .ok_or_else(|| not_found("checkpoint_execution", format_args!("checkpoint {checkpoint}")))
    }
}
