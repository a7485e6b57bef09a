//! Saying what an execution waits for.

use aef_core::ids::ExecutionId;
use aef_core::store::{Census, Explanation, Scope, StoreError, Surroundings};
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
            running_globally: self.running_globally(now),
            workers: alive.map(|sign| sign.limits).collect(),
        };
        Ok(record.explain(&around, now))
    }
    /// What is not finished, counted.
    pub(crate) fn census(&self, scope: &Scope, now: Timestamp) -> Census {
        let workers = self.workers.values().filter(|sign| sign.is_alive(now)).count();
        let mut census = Census::new(workers as u64, now);
        let entries = self.executions.values().filter(|entry| scope.covers(&entry.record.owner));
        entries.for_each(|entry| census.count(&entry.record));
        census
    }
}
