//! What an execution waits for.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ExecutionRecord;
use crate::execution::Status;
use crate::ids::WorkerId;

/// What an execution waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "waitsFor", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Explanation {
    /// Nothing: it is finished.
    Nothing {
        /// How it ended.
        status: Status,
    },
    /// To be started.
    Start,
    /// For a person.
    Person {
        /// Where it stands.
        status: Status,
        /// A sentence, where the engine has left one.
        note: Option<String>,
        /// When it is looked at again without one: another attempt is due, or the patience ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// For a time.
    Timer {
        /// Which.
        due: Timestamp,
    },
    /// A worker is at it.
    Worker {
        /// Which.
        worker: WorkerId,
        /// Until when its lease holds.
        until: Timestamp,
    },
    /// For others of the owner to end.
    OwnerLimit {
        /// How many live leases the owner has.
        running: u32,
    },
    /// For others of whatever owner to end.
    GlobalLimit {
        /// How many live leases there are.
        running: u32,
    },
    /// For any worker: none has shown itself for a minute.
    NoWorker,
    /// For a worker to have room for it.
    Room {
        /// How many workers are alive.
        workers: u32,
    },
}

/// By which limits a worker claims, each over all workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// How many live leases one owner may have.
    pub per_owner: Option<u32>,
    /// How many all owners may have together.
    pub global: Option<u32>,
}

/// What a store knows around an execution, to say what it waits for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// How many live leases its owner has.
    pub running: u32,
    /// How many all owners have together.
    pub running_globally: u32,
    /// The workers that have shown themselves for less than a minute: by which limits each claims.
    pub workers: Vec<Limits>,
}

impl ExecutionRecord {
    /// Says what it waits for. One mapping for all stores.
    #[must_use]
    pub fn explain(&self, around: &Surroundings, now: Timestamp) -> Explanation {
        let status = self.summary.status;
        if status.is_final() {
            return Explanation::Nothing { status };
        }
        if let Some(lease) = self.lease.as_ref().filter(|lease| lease.until > now) {
            return Explanation::Worker { worker: lease.worker.clone(), until: lease.until };
        }
        match (status, self.wake_at) {
            (Status::Created, _) => Explanation::Start,
            // An answer counts at any time: a worker that is due has only the browser of the one before to give up.
            (_, Some(due)) if due <= now && status != Status::WaitingCheckpoint => around.explain(),
            (Status::Queued | Status::Running, Some(due)) => Explanation::Timer { due },
            (_, wake_at) => Explanation::Person {
                status,
                note: self.summary.note.clone(),
                until: wake_at.filter(|due| *due > now),
            },
        }
    }
}

impl Surroundings {
    /// Why what is ready is not claimed.
    fn explain(&self) -> Explanation {
        let owner_is_full = |limits: &Limits| limits.per_owner.is_some_and(|limit| self.running >= limit);
        let all_is_full = |limits: &Limits| limits.global.is_some_and(|limit| self.running_globally >= limit);
        let mut workers = self.workers.iter();
        if self.workers.is_empty() {
            Explanation::NoWorker
        } else if workers.clone().all(owner_is_full) {
            Explanation::OwnerLimit { running: self.running }
        } else if workers.all(|limits| owner_is_full(limits) || all_is_full(limits)) {
            Explanation::GlobalLimit { running: self.running_globally }
        } else {
            Explanation::Room { workers: u32::try_from(self.workers.len()).unwrap_or(u32::MAX) }
        }
    }
}
