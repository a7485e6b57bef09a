//! Saying where a worker serves live views.

use std::sync::Arc;
use std::time::Duration;

use aef_core::ids::WorkerId;
use aef_core::store::{HostStore, StoreError};
use tokio::task::JoinHandle;

use super::LiveWorkers;

/// How often it is said again: a database that was restarted after a crash has forgotten it.
const EVERY: Duration = Duration::from_secs(5);

/// Says in the store where a worker serves live views, as long as it lives. [End](Self::end) it to take that back at once;
/// where it is only dropped, the address is forgotten with the worker.
#[derive(Debug)]
pub struct Advertisement {
    host: Arc<dyn HostStore>,
    worker: WorkerId,
    task: JoinHandle<()>,
    /// From where the worker is taken at the end.
    among: LiveWorkers,
}

impl Advertisement {
    /// Begins; when it returns, the address is known. `address` is `HOST:PORT` as servers reach it. Begin it before the
    /// worker claims anything, so that what it performs is seen from its first page on.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn begin(
        host: Arc<dyn HostStore>,
        worker: WorkerId,
        address: String,
    ) -> Result<Self, StoreError> {
        host.advertise(&worker, Some(&address)).await?;
        let (store, name) = (host.clone(), worker.clone());
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(EVERY).await;
                if let Err(error) = store.advertise(&name, Some(&address)).await {
                    tracing::warn!(%error, "where live views are served was not said again");
                }
            }
        });
        Ok(Self { host, worker, task, among: LiveWorkers::default() })
    }

    /// The same, and the worker is one of these until the end.
    pub(super) fn among(mut self, workers: LiveWorkers) -> Self {
        self.among = workers;
        self
    }

    /// Takes it back.
    pub async fn end(self) {
        self.task.abort();
        if let Err(error) = self.host.advertise(&self.worker, None).await {
            tracing::warn!(%error, "where live views were served was not taken back");
        }
    }
}

impl Drop for Advertisement {
    fn drop(&mut self) {
        self.task.abort();
        self.among.remove(&self.worker);
    }
}
