//! AEF documents, the execution state machine, checkpoints and recovery.

pub mod browser;
pub mod clock;
pub mod document;
#[cfg(feature = "engine")]
pub mod engine;
pub mod enrich;
pub mod execution;
pub mod ids;
pub mod import;
pub mod live;
pub mod phrases;
pub mod plan;
pub mod recovery;
pub mod secrets;
pub mod sop;
pub mod store;
