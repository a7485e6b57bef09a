//! Keeping leases.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::task::JoinHandle;

use super::super::Inner;
use super::commit::StoreClock;
use super::lease::{Lease, Moment};
use super::options::WorkerOptions;
use crate::ids::{ExecutionId, Seq};
use crate::store::RenewRequest;

/// The leases that a worker has, and the store's time as it was told last.
#[derive(Debug, Default)]
pub(super) struct Held {
    leases: Mutex<BTreeMap<ExecutionId, Arc<Lease>>>,
    clock: Mutex<Option<StoreClock>>,
}

impl Held {
    pub(super) fn add(&self, lease: Arc<Lease>) {
        self.with(|leases| leases.insert(lease.execution, lease));
    }

    /// Forgets a lease, unless a later claim has put another in its place.
    pub(super) fn remove(&self, lease: &Lease) {
        self.with(|leases| {
            if leases.get(&lease.execution).is_some_and(|held| held.epoch == lease.epoch) {
                leases.remove(&lease.execution);
            }
        });
    }

    /// The journal of an execution ends at `head`, or beyond; gives whether it is held.
    pub(super) fn saw_head(&self, execution: ExecutionId, head: Seq) -> bool {
        let lease = self.with(|leases| leases.get(&execution).cloned());
        lease.is_some_and(|lease| {
            lease.saw_head(head);
            true
        })
    }

    /// The store's time; `None` until it has told it once.
    pub(super) fn now(&self) -> Option<Timestamp> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner).map(|clock| clock.now())
    }

    fn told(&self, now: Timestamp) {
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = Some(StoreClock::new(now));
    }

    fn all(&self) -> Vec<Arc<Lease>> {
        self.with(|leases| leases.values().cloned().collect())
    }

    fn with<T>(&self, look: impl FnOnce(&mut BTreeMap<ExecutionId, Arc<Lease>>) -> T) -> T {
        look(&mut self.leases.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The task that renews a worker's leases. Ends when it is dropped.
#[derive(Debug)]
pub(super) struct Renewal(JoinHandle<()>);

impl Renewal {
    pub(super) fn spawn(engine: Arc<Inner>, options: Arc<WorkerOptions>, held: Arc<Held>) -> Self {
        Self(tokio::spawn(async move {
            loop {
                renew(&engine, &options, &held).await;
                tokio::time::sleep(options.renew_every).await;
            }
        }))
    }
}

impl Drop for Renewal {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Renews all leases at once. An empty request still shows that the worker is alive.
async fn renew(engine: &Inner, options: &WorkerOptions, held: &Held) {
    let leases = held.all();
    let request = RenewRequest {
        worker: options.id.clone(),
        executions: leases.iter().map(|lease| (lease.execution, lease.epoch)).collect(),
        lease: options.lease,
    };
    let sent = Moment::now();
    // An answer that comes after the next renewal is due is of no use.
    let renewals = match tokio::time::timeout(options.renew_every, engine.store.renew(request)).await {
        Ok(Ok(renewals)) => renewals,
        Ok(Err(error)) => {
            tracing::warn!(%error, "leases could not be renewed");
            return;
        }
        Err(_) => {
            tracing::warn!("leases were not renewed in time");
            return;
        }
    };
    held.told(renewals.now);
    let leases: BTreeMap<ExecutionId, Arc<Lease>> =
        leases.into_iter().map(|lease| (lease.execution, lease)).collect();
    for renewed in renewals.held {
        if let Some(lease) = leases.get(&renewed.execution) {
            lease.renewed(sent);
            lease.saw_head(renewed.head);
        }
    }
    for lost in renewals.lost {
        if let Some(lease) = leases.get(&lost) {
            lease.lose();
        }
    }
}
