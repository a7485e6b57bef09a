//! A worker that takes up so many executions, and ends when they wait.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::super::handle::Handle;
use super::super::{Engine, Shutdown};
use super::Work;
use super::options::WorkerOptions;
use crate::execution::Actor;
use crate::ids::ExecutionId;
use crate::store::Scope;

/// Takes up at most `limit` executions and performs them until each is finished or waits, or the time is over; gives
/// which they were.
pub(in super::super) async fn batch(
    engine: &Engine,
    options: Arc<WorkerOptions>,
    shutdown: Shutdown,
    limit: u32,
    within: Duration,
) -> Vec<ExecutionId> {
    let mut work = Work::new(engine.inner.clone(), options, shutdown);
    let deadline = Instant::now() + within;
    let mut taken = Vec::new();
    // Ends with this function, whatever it waits for.
    let mut watches = JoinSet::new();
    // Whether there may be work that was not seen yet.
    let mut look = true;
    loop {
        let left = limit.saturating_sub(u32::try_from(taken.len()).unwrap_or(u32::MAX));
        let room = work.room().min(left);
        if look && room > 0 && !work.shutdown.has_begun() {
            let claimed = work.claim_up_to(room).await;
            look = !claimed.is_empty();
            for id in claimed {
                if !taken.contains(&id) {
                    taken.push(id);
                }
                if let Some(ending) = work.shutdown_of(id) {
                    watches.spawn(end_when_waiting(engine.clone(), id, ending));
                }
            }
            continue;
        }
        if work.drivers.is_empty() {
            return taken;
        }
        tokio::select! {
            biased;
            () = work.shutdown.sudden() => {
                work.drivers.abort_all();
                return taken;
            }
            Some(ended) = work.drivers.join_next_with_id() => {
                work.reap(ended).await;
                look = true;
            }
            () = tokio::time::sleep_until(deadline), if !work.shutdown.has_begun() => work.shutdown.begin(),
        }
    }
}

/// Lets go of an execution as soon as only a person can get it further: nobody is there to keep the browser warm for.
async fn end_when_waiting(engine: Engine, id: ExecutionId, ending: Shutdown) {
    let handle = Handle::new(engine, Scope::System, id, Actor::Engine);
    if let Err(error) = handle.wait().await {
        tracing::warn!(execution = %id, %error, "it is let go: how it stands cannot be read");
    }
    ending.begin();
}

impl Work {
    /// What ends the driver of an execution alone.
    fn shutdown_of(&self, id: ExecutionId) -> Option<Shutdown> {
        let driving = self.driving.values().find(|driving| driving.claim.record.id == id);
        driving.map(|driving| driving.shutdown.clone())
    }
}
