//! Where an execution stands.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The status of an execution. The last three are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Made and held: it waits to be started.
    Created,
    /// Waits for a worker, or for the time at which it may start.
    Queued,
    /// A worker performs it, or may at any moment.
    Running,
    /// Waits to be resumed.
    Paused,
    /// Waits for the answer to a checkpoint.
    WaitingCheckpoint,
    /// Waits for a person to choose how to recover, or for a retry.
    WaitingRecovery,
    /// A person has the live page.
    TakenOver,
    /// Reached its end with all that it verified.
    Completed,
    /// Ended by an error.
    Failed,
    /// Ended by a person.
    Stopped,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Created,
        Self::Queued,
        Self::Running,
        Self::Paused,
        Self::WaitingCheckpoint,
        Self::WaitingRecovery,
        Self::TakenOver,
        Self::Completed,
        Self::Failed,
        Self::Stopped,
    ];

    /// Whether nothing happens any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Stopped)
    }

    /// Whether a person has to do something before it goes on.
    #[must_use]
    pub const fn is_waiting(self) -> bool {
        matches!(self, Self::Paused | Self::WaitingCheckpoint | Self::WaitingRecovery)
    }

    /// The name in journals and stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::WaitingCheckpoint => "waiting_checkpoint",
            Self::WaitingRecovery => "waiting_recovery",
            Self::TakenOver => "taken_over",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }

    /// The status of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// Why an execution is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseReason {
    /// A person asked for it.
    Requested,
    /// A single step has run.
    SingleStep,
    /// A checkpoint was not answered in time; it still can be.
    CheckpointTimeout,
    /// The page is gone and cannot be made again without repeating something.
    PageLost,
    /// The person who had taken over was idle.
    TakeoverIdle,
    /// It was claimed again and again without getting anywhere.
    Poisoned,
}

impl PauseReason {
    /// The name in journals.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::SingleStep => "single_step",
            Self::CheckpointTimeout => "checkpoint_timeout",
            Self::PageLost => "page_lost",
            Self::TakeoverIdle => "takeover_idle",
            Self::Poisoned => "poisoned",
        }
    }
}
