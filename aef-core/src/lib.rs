//! AEF documents, the execution state machine, checkpoints and recovery.
