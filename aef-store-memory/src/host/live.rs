//! Where workers serve live views.

use aef_core::ids::{ExecutionId, WorkerId};
use aef_core::store::{Limits, LiveDirectory, LiveHolder, Scope, StoreError};
use async_trait::async_trait;

use crate::MemoryStore;
use crate::state::Sign;

#[async_trait]
impl LiveDirectory for MemoryStore {
    async fn advertise(&self, worker: &WorkerId, address: Option<&str>) -> Result<(), StoreError> {
        let (mut state, now) = self.lock();
        match address {
            Some(address) => {
                state.workers.entry(worker.clone()).or_insert(Sign { seen: now, limits: Limits::default() });
                state.host.live.insert(worker.clone(), address.to_owned());
            }
            None => drop(state.host.live.remove(worker)),
        }
        Ok(())
    }

    async fn live_holder(
        &self,
        scope: &Scope,
        execution: ExecutionId,
    ) -> Result<Option<LiveHolder>, StoreError> {
        let (state, now) = self.lock();
        let entry = state.entry("live_holder", scope, execution)?;
        let held = entry.record.lease.as_ref().filter(|_| entry.is_leased(now));
        Ok(held.map(|lease| LiveHolder {
            worker: lease.worker.clone(),
            address: state.host.live.get(&lease.worker).cloned(),
        }))
    }
}
