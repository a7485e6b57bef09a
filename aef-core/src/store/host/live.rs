//! Where workers serve the live view of what they perform.

use std::fmt;

use async_trait::async_trait;

use crate::ids::{ExecutionId, WorkerId};
use crate::store::{Scope, StoreError};

/// Keeps the addresses at which workers serve live views, beside their signs of life: an address is forgotten with its
/// worker, a minute after that was last seen alive, and need not survive a crash of the database.
#[async_trait]
pub trait LiveDirectory: fmt::Debug + Send + Sync + 'static {
    /// Says at which address a worker serves live views; `None` says that it does not, or no longer. Said again and again
    /// while the worker lives, it is known again after whatever was forgotten.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn advertise(&self, worker: &WorkerId, address: Option<&str>) -> Result<(), StoreError>;

    /// Gives who holds a live lease on an execution now; `None` where nobody does.
    ///
    /// # Errors
    /// `NotFound`, also for another owner's; `Unavailable`.
    async fn live_holder(
        &self,
        scope: &Scope,
        execution: ExecutionId,
    ) -> Result<Option<LiveHolder>, StoreError>;
}

/// The worker that holds an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveHolder {
    /// The worker.
    pub worker: WorkerId,
    /// Where it serves live views; `None` where it serves none.
    pub address: Option<String>,
}
