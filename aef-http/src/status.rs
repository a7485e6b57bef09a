//! One mapping of the engine's status to each vocabulary on the wire.

use aef_core::execution::Status;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The status of an execution as programs see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ProgramStatus {
    /// It has not begun.
    Queued,
    /// It has begun and is not finished; `waitingFor` says what it waits for.
    Processing,
    /// It reached its end, and all that it verified held.
    Completed,
    /// It failed, or was stopped.
    Failed,
}

/// What a live message tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MessageType {
    /// How it stands.
    ExecutionUpdate,
    /// A person is asked.
    CheckpointRequired,
    /// It reached its end, or was stopped.
    ExecutionComplete,
    /// A step or the execution failed, and says what may be done.
    Error,
}

/// The table: a status of the engine, what a live message of it is, and what programs read.
pub(crate) const fn mapped(status: Status) -> (MessageType, ProgramStatus) {
    match status {
        Status::Created | Status::Queued => (MessageType::ExecutionUpdate, ProgramStatus::Queued),
        Status::Running | Status::TakenOver | Status::Paused => {
            (MessageType::ExecutionUpdate, ProgramStatus::Processing)
        }
        Status::WaitingCheckpoint => (MessageType::CheckpointRequired, ProgramStatus::Processing),
        Status::WaitingRecovery => (MessageType::Error, ProgramStatus::Processing),
        Status::Completed => (MessageType::ExecutionComplete, ProgramStatus::Completed),
        Status::Failed => (MessageType::Error, ProgramStatus::Failed),
        Status::Stopped => (MessageType::ExecutionComplete, ProgramStatus::Failed),
    }
}

/// The status as programs see it.
pub(crate) const fn for_programs(status: Status) -> ProgramStatus {
    mapped(status).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_final_reads_final_and_nothing_else_does() {
        for status in Status::ALL {
            let read = for_programs(status);
            let reads_final = matches!(read, ProgramStatus::Completed | ProgramStatus::Failed);
            assert_eq!(reads_final, status.is_final(), "{status}");
        }
    }
}
