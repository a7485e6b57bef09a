//! Where a process serves live views, and of which of its workers.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aef_core::ids::WorkerId;
use aef_core::store::{HostStore, StoreError};

use super::Advertisement;

/// The workers of a process, as its live views know them: one that stays, and one for each call that performs something.
/// Clones know of the same ones.
#[derive(Debug, Clone, Default)]
pub struct LiveWorkers(Arc<Mutex<BTreeSet<WorkerId>>>);

impl LiveWorkers {
    pub(super) fn add(&self, worker: WorkerId) {
        self.lock().insert(worker);
    }

    pub(super) fn remove(&self, worker: &WorkerId) {
        self.lock().remove(worker);
    }

    pub(super) fn contains(&self, worker: &WorkerId) -> bool {
        self.lock().contains(worker)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<WorkerId>> {
        // Nothing panics between two changes that belong together.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One that stays.
impl From<WorkerId> for LiveWorkers {
    fn from(worker: WorkerId) -> Self {
        let workers = Self::default();
        workers.add(worker);
        workers
    }
}

/// The names, for whoever looks for another one.
impl fmt::Display for LiveWorkers {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.lock().iter().map(ToString::to_string).collect();
        if names.is_empty() { out.write_str("none") } else { out.write_str(&names.join(", ")) }
    }
}

/// Where a process serves live views: the address, and the workers whose they are. Give [`workers`](Self::workers) to
/// [`live_router`](super::live_router), which listens there, and the place to
/// [`HttpOptions::live_place`](crate::HttpOptions::live_place), so that what a call to `/process-executions` performs is
/// seen and steered from every server.
#[derive(Debug, Clone)]
pub struct LivePlace {
    address: Arc<str>,
    workers: LiveWorkers,
}

impl LivePlace {
    /// A place without workers; `address` is `HOST:PORT` as servers reach it.
    #[must_use]
    pub fn new(address: impl Into<Arc<str>>) -> Self {
        Self { address: address.into(), workers: LiveWorkers::default() }
    }

    /// The address.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The workers whose live views are served there.
    #[must_use]
    pub fn workers(&self) -> LiveWorkers {
        self.workers.clone()
    }

    /// Says in the store that a worker's live views are served there, until the advertisement ends.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn advertise(
        &self,
        host: Arc<dyn HostStore>,
        worker: WorkerId,
    ) -> Result<Advertisement, StoreError> {
        self.workers.add(worker.clone());
        let advertised = Advertisement::begin(host, worker.clone(), self.address.to_string()).await;
        if advertised.is_err() {
            self.workers.remove(&worker);
        }
        Ok(advertised?.among(self.workers.clone()))
    }
}
