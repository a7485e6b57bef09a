//! From a checkpoint to its execution.

use std::fmt;

use async_trait::async_trait;

use crate::ids::{CheckpointId, ExecutionId};
use crate::store::{Scope, StoreError};

/// Finds executions by their checkpoints, open or answered: those that a [`Summary`](crate::store::Summary) has named.
#[async_trait]
pub trait CheckpointIndex: fmt::Debug + Send + Sync + 'static {
    /// Gives the execution that raised a checkpoint.
    ///
    /// # Errors
    /// `NotFound`, also for another owner's and where the execution was purged; `Unavailable`.
    async fn checkpoint_execution(
        &self,
        scope: &Scope,
        checkpoint: CheckpointId,
    ) -> Result<ExecutionId, StoreError>;
}
