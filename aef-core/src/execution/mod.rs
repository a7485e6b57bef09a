//! The execution state machine: pure, without clock, IO or async.

mod checkpoint;
mod command;
mod event;
mod status;

pub use checkpoint::*;
pub use command::*;
pub use event::*;
pub use status::{PauseReason, Status};
