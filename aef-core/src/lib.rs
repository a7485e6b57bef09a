//! AEF documents, the execution state machine, checkpoints and recovery.

pub mod browser;
pub mod clock;
pub mod document;
pub mod ids;
pub mod recovery;
pub mod secrets;
