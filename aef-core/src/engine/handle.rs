//! A hold on one execution: what can be read of it.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _};
use jiff::Timestamp;
use serde::Serialize;

use super::Engine;
use super::artifacts::ArtifactError;
use super::changes::Changes;
use super::error::{EngineError, EngineErrorKind};
use super::loading::event_of;
use crate::execution::{Actor, Event, ExecutionState, Status};
use crate::ids::{ArtifactHash, ExecutionId, Seq};
use crate::plan::Plan;
use crate::store::{ExecutionRecord, Explanation, Scope};

/// How many forks back a file is looked for.
const ANCESTORS: usize = 16;

/// A hold on one execution. Cheap to clone; dropping it changes nothing.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(super) engine: Engine,
    pub(super) scope: Scope,
    pub(super) id: ExecutionId,
    pub(super) actor: Actor,
    existing: bool,
}

/// What [`Handle::wait`] came to.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It is finished: completed, failed or stopped.
    Finished(Box<ExecutionState>),
    /// It waits for a person.
    Waiting(Box<ExecutionState>),
}

/// What [`Handle::stop`] came to.
#[derive(Debug, Clone)]
pub enum Stopping {
    /// It is finished, and its browser is closed or about to be.
    Stopped(Box<ExecutionState>),
    /// It will stop when the action in hand has ended.
    Requested(Box<ExecutionState>),
}

/// An execution at one moment.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// Its row: owner, document, lease and the like.
    pub record: ExecutionRecord,
    /// Its state.
    pub state: ExecutionState,
    /// What it runs.
    pub plan: Arc<Plan>,
    /// The store's time.
    pub now: Timestamp,
}

/// An event in its place.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recorded {
    /// The place.
    pub seq: Seq,
    /// The event.
    #[serde(flatten)]
    pub event: Event,
}

impl Handle {
    pub(super) const fn new(engine: Engine, scope: Scope, id: ExecutionId, actor: Actor) -> Self {
        Self { engine, scope, id, actor, existing: false }
    }

    pub(super) const fn found(mut self, existing: bool) -> Self {
        self.existing = existing;
        self
    }

    /// The execution.
    #[must_use]
    pub const fn id(&self) -> ExecutionId {
        self.id
    }

    /// Whether submitting gave an execution that was made before under the same idempotency key.
    #[must_use]
    pub const fn was_existing(&self) -> bool {
        self.existing
    }

    /// The same, with what is asked journalled under this name.
    #[must_use]
    pub fn acting_as(mut self, person: impl Into<Arc<str>>) -> Self {
        self.actor = Actor::Person(person.into());
        self
    }

    /// All that is known of it at one moment.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`, `Unreadable`.
    pub async fn inspect(&self) -> Result<Inspection, EngineError> {
        let folded = self.engine.inner.fold(&self.scope, self.id).await?;
        let (state, plan) = (folded.machine.view(), folded.machine.plan().clone());
        Ok(Inspection { record: folded.record, state, plan, now: folded.now })
    }

    /// The state as it stands.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`, `Unreadable`.
    pub async fn state(&self) -> Result<ExecutionState, EngineError> {
        Ok(self.engine.inner.fold(&self.scope, self.id).await?.machine.view())
    }

    /// The row: owner, document, lease and the like.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    pub async fn record(&self) -> Result<ExecutionRecord, EngineError> {
        let loaded = self.engine.inner.store.load(&self.scope, self.id).await;
        Ok(loaded.map_err(|error| EngineError::of_store("find the execution", error))?.record)
    }

    /// What the execution waits for.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    pub async fn explain(&self) -> Result<Explanation, EngineError> {
        let explained = self.engine.inner.store.explain(&self.scope, self.id).await;
        explained.map_err(|error| EngineError::of_store("explain the execution", error))
    }

    /// Events behind `after`, in order, at most `limit`.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`, `Unreadable`.
    pub async fn journal(&self, after: Seq, limit: u32) -> Result<Vec<Recorded>, EngineError> {
        let read = self.engine.inner.store.journal(&self.scope, self.id, after, limit).await;
        let entries = read.map_err(|error| EngineError::of_store("read the journal", error))?;
        let recorded = entries.iter().map(|entry| {
            let event = event_of(self.id, entry)?;
            Ok(Recorded { seq: entry.seq, event })
        });
        recorded.collect()
    }

    /// The bytes of an artifact that the journal names: of this execution, of those it was forked from, or of the
    /// owner's input files.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`, `Unreadable`.
    pub async fn artifact(&self, hash: &ArtifactHash) -> Result<Bytes, EngineError> {
        const READ: &str = "read the artifact";
        let record = self.record().await?;
        let executions = self.engine.inner.lineage(&record).await;
        self.engine.inner.artifacts.find(&executions, &record.owner, hash).await.map_err(|error| {
            let kind = match &error {
                ArtifactError::Store(object_store::Error::NotFound { .. }) | ArtifactError::Hash(_) => {
                    EngineErrorKind::NotFound
                }
                ArtifactError::Store(_) => EngineErrorKind::Unavailable,
                ArtifactError::Damaged
                | ArtifactError::NoKey
                | ArtifactError::Sealed(_)
                | ArtifactError::State(_) => EngineErrorKind::Unreadable,
            };
            EngineError::new(READ, kind, "it cannot be had").with_source(error)
        })
    }

    /// The states as they come: the present one first, then each newest one. A slow reader misses states, never the
    /// last. Ends behind a final state, or behind an error.
    #[must_use]
    pub fn watch(&self) -> BoxStream<'static, Result<ExecutionState, EngineError>> {
        self.states(|_| true)
    }

    /// The present state, and then the newest whenever the status is one of those `awaited`; others may come between.
    fn states(&self, awaited: fn(Status) -> bool) -> BoxStream<'static, Result<ExecutionState, EngineError>> {
        stream::unfold(Watching::Begin(self.clone()), move |watching| watching.next(awaited)).boxed()
    }

    /// Waits until it is finished, or until only a person can get it further.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`, `Unreadable`.
    pub async fn wait(&self) -> Result<Outcome, EngineError> {
        let mut states = self.states(|status| !is_worked_on(status));
        while let Some(state) = states.next().await {
            let state = state?;
            if state.status.is_final() {
                return Ok(Outcome::Finished(Box::new(state)));
            }
            if needs_person(&state) {
                return Ok(Outcome::Waiting(Box::new(state)));
            }
        }
        Err(EngineError::new("wait", EngineErrorKind::Internal, "the states ended before a final one"))
    }

    /// Waits until it is finished, whoever has to do something in between.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`, `Unreadable`.
    pub async fn finished(&self) -> Result<ExecutionState, EngineError> {
        let mut states = self.states(Status::is_final);
        while let Some(state) = states.next().await {
            let state = state?;
            if state.status.is_final() {
                return Ok(state);
            }
        }
        Err(EngineError::new("wait", EngineErrorKind::Internal, "the states ended before a final one"))
    }
}

/// Whether only a person can get an execution in this state further.
fn needs_person(state: &ExecutionState) -> bool {
    match state.status {
        Status::Created | Status::Paused | Status::WaitingCheckpoint | Status::TakenOver => true,
        Status::WaitingRecovery => {
            state.recovery.as_ref().is_none_or(|recovery| recovery.auto_retry_at.is_none())
        }
        Status::Queued | Status::Running | Status::Completed | Status::Failed | Status::Stopped => false,
    }
}

/// Whether a worker is at it, or will be.
fn is_worked_on(status: Status) -> bool {
    matches!(status, Status::Queued | Status::Running)
}

/// Where a watch stands. States are read when they are asked for, so that none waits in a queue.
enum Watching {
    Begin(Handle),
    Seen { handle: Handle, changes: Box<Changes>, seen: Seq },
    End,
}

impl Watching {
    async fn next(self, awaited: fn(Status) -> bool) -> Option<(Result<ExecutionState, EngineError>, Self)> {
        let (handle, changes) = match self {
            Self::Begin(handle) => {
                let changes = Changes::of(handle.engine.inner.clone(), handle.scope.clone(), handle.id).await;
                (handle, Box::new(changes))
            }
            Self::Seen { handle, mut changes, seen } => {
                if let Err(error) = changes.beyond(seen, awaited).await {
                    return Some((Err(EngineError::of_store("watch", error)), Self::End));
                }
                (handle, changes)
            }
            Self::End => return None,
        };
        match handle.engine.inner.fold(&handle.scope, handle.id).await {
            Ok(folded) => {
                let state = folded.machine.view();
                let next = if state.status.is_final() {
                    Self::End
                } else {
                    Self::Seen { handle, changes, seen: folded.machine.seq() }
                };
                Some((Ok(state), next))
            }
            Err(error) => Some((Err(error), Self::End)),
        }
    }
}

impl super::Inner {
    /// An execution and those it was forked from, nearest first.
    pub(super) async fn lineage(&self, record: &ExecutionRecord) -> Vec<ExecutionId> {
        let mut executions = vec![record.id];
        let mut parent = record.parent;
        while let Some(id) = parent.filter(|_| executions.len() < ANCESTORS) {
            executions.push(id);
            // A parent that was purged ends the line.
            let scope = Scope::Owner(record.owner.clone());
            parent = self.store.load(&scope, id).await.ok().and_then(|loaded| loaded.record.parent);
        }
        executions
    }
}
