//! The execution state machine: pure, without clock, IO or async.
//!
//! [`Execution`] is the fold of a journal over a plan. What happens next is a function of its state alone
//! (`flow`), so a worker that loads it anywhere goes on as the one before would have.

mod apply;
mod apply_actions;
mod apply_blocks;
mod apply_people;
mod apply_steps;
mod asking;
mod blocks;
mod checkpoint;
mod command;
mod event;
mod facts;
mod failing;
mod flow;
mod fork;
mod machine;
mod people;
mod progress;
mod scopes;
mod state;
mod status;
mod summary;
mod task;
mod timers;
mod variables;
mod view;

pub use checkpoint::*;
pub use command::*;
pub use event::*;
pub use fork::ForkError;
pub use machine::{Execution, Queue, SnapshotError};
pub use status::{PauseReason, Status};
pub use summary::{OpenCheckpoint, Summary};
pub use timers::{HELD, TAKEOVER_IDLE, WARM};
pub use variables::{MAX_VALUE_BYTES, MAX_VALUES_BYTES};
pub use view::{ExecutionState, RecoveryOffer};

#[cfg(test)]
mod tests;
