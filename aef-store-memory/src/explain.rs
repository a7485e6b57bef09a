//! Saying what an execution waits for.

use aef_core::ids::ExecutionId;
use aef_core::store::{Explanation, Scope, StoreError, Surroundings};
use jiff::Timestamp;

use crate::state::State;

impl State {
    pub(crate) fn explain(
        &self,
        scope: &Scope,
        execution: ExecutionId,
        now: Timestamp,
    ) -> Result<Explanation, StoreError> {
        let record = &self.entry("explain", scope, execution)?.record;
        let alive = self.workers.values().filter(|sign| sign.is_alive(now));
        let around = Surroundings {
            running: self.running(&record.owner, now),
            workers: alive.map(|sign| sign.per_owner).collect(),
        };
        Ok(record.explain(&around, now))
    }
}
