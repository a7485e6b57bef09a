//! From a store's row to a machine.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::Inner;
use super::error::{EngineError, EngineErrorKind};
use crate::execution::{Event, EventKind, Execution};
use crate::ids::{ExecutionId, Seq};
use crate::store::{ExecutionRecord, JournalEntry, Lease, Loaded, Scope, StoreError};

const LOAD: &str = "load the execution";

/// An execution, folded.
#[derive(Debug)]
pub(super) struct Folded {
    pub(super) record: ExecutionRecord,
    pub(super) machine: Execution,
    /// The store's time.
    pub(super) now: Timestamp,
    /// How much stands behind the newest snapshot, and how large that is.
    pub(super) weight: Weight,
}

/// How much of a journal stands behind its newest snapshot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Weight {
    pub(super) events: usize,
    pub(super) bytes: usize,
    pub(super) snapshot: usize,
}

impl Folded {
    /// The lease that a worker has on it, where one is live.
    pub(super) fn live_lease(&self) -> Option<&Lease> {
        self.record.lease.as_ref().filter(|lease| lease.until > self.now)
    }
}

impl Inner {
    /// Loads an execution and folds its journal.
    pub(super) async fn fold(&self, scope: &Scope, id: ExecutionId) -> Result<Folded, EngineError> {
        let loaded = self.store.load(scope, id).await.map_err(|error| EngineError::of_store(LOAD, error))?;
        self.fold_loaded(scope, loaded).await
    }

    /// Folds the journal of an execution that was loaded.
    pub(super) async fn fold_loaded(&self, scope: &Scope, loaded: Loaded) -> Result<Folded, EngineError> {
        let plan = self.plans.of(&*self.store, &loaded.record).await?;
        let Loaded { record, snapshot, tail, now } = loaded;
        let id = record.id;
        let mut weight = Weight::default();
        let mut machine = match &snapshot {
            Some(snapshot) => {
                weight.snapshot = snapshot.bytes.len();
                Execution::restore(id, plan, &snapshot.bytes)
                    .map_err(|error| damaged(id).with_source(error))?
            }
            None => Execution::new(id, plan),
        };
        self.supply_items(scope, &mut machine).await?;
        for entry in &tail {
            machine.apply(&event_of(id, entry)?);
            weight.events += 1;
            weight.bytes += entry.event.len();
        }
        Ok(Folded { record, machine, now, weight })
    }

    /// Gives a restored machine the lists of items that are not in its snapshot.
    async fn supply_items(&self, scope: &Scope, machine: &mut Execution) -> Result<(), EngineError> {
        let id = machine.id();
        for seq in machine.missing_items() {
            let before = Seq(seq.0.saturating_sub(1));
            let entries = self
                .store
                .journal(scope, id, before, 1)
                .await
                .map_err(|error| EngineError::of_store(LOAD, error))?;
            let entry = entries.first().filter(|entry| entry.seq == seq).ok_or_else(|| damaged(id))?;
            machine.supply_items(seq, &event_of(id, entry)?);
        }
        Ok(())
    }

    /// What an execution was given when it was made, or when it was let go: then that is its second event.
    pub(super) async fn inputs_of(&self, id: ExecutionId) -> Result<Arc<Value>, EngineError> {
        let entries = self
            .store
            .journal(&Scope::System, id, Seq(0), 2)
            .await
            .map_err(|error| EngineError::of_store(LOAD, error))?;
        let mut given = None;
        for entry in &entries {
            if let EventKind::Queued { inputs, .. } | EventKind::Started { inputs: Some(inputs), .. } =
                event_of(id, entry)?.kind
            {
                given = Some(inputs);
            }
        }
        given.ok_or_else(|| damaged(id))
    }

    /// Whether the journal has grown beyond `seen`.
    pub(super) async fn grown(&self, scope: &Scope, id: ExecutionId, seen: Seq) -> Result<bool, StoreError> {
        Ok(!self.store.journal(scope, id, seen, 1).await?.is_empty())
    }
}

/// The event that an entry holds.
pub(super) fn event_of(id: ExecutionId, entry: &JournalEntry) -> Result<Event, EngineError> {
    serde_json::from_slice(&entry.event).map_err(|error| damaged(id).with_source(error))
}

fn damaged(id: ExecutionId) -> EngineError {
    EngineError::new(LOAD, EngineErrorKind::Unreadable, format!("the journal of {id} cannot be read"))
}
