//! Counts what the engine tells.

use std::time::Duration;

use aef::engine::{Observed, Observer};
use aef::execution::EventKind;
use aef::ids::ExecutionId;

use super::Metrics;

/// Counts events.
#[derive(Debug)]
pub(super) struct Measuring(Metrics);

impl Measuring {
    pub(super) const fn new(metrics: Metrics) -> Self {
        Self(metrics)
    }

    fn finished(&self, outcome: &'static str) {
        self.0.finished.get_or_create(&[("outcome", outcome)]).inc();
    }

    fn acted(&self, outcome: &'static str) {
        self.0.actions.get_or_create(&[("outcome", outcome)]).inc();
    }
}

impl Observer for Measuring {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is not counted")]
    fn on_event(&self, observed: &Observed<'_>) {
        match &observed.event.kind {
            EventKind::Completed { .. } => self.finished("completed"),
            EventKind::Failed { .. } => self.finished("failed"),
            EventKind::Stopped { .. } => self.finished("stopped"),
            EventKind::ActionSucceeded { outcome, .. } => {
                self.acted("succeeded");
                let took = Duration::from_millis(outcome.duration_ms);
                self.0.action_durations.observe(took.as_secs_f64());
            }
            EventKind::ActionFailed { .. } => self.acted("failed"),
            EventKind::ActionInDoubt { .. } => self.acted("in_doubt"),
            _ => {}
        }
    }

    fn on_lease_lost(&self, _: ExecutionId) {
        self.0.leases_lost.inc();
    }
}
