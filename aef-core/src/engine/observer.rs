//! Those who are told what happens.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::execution::Event;
use crate::ids::{ExecutionId, OwnerId, Seq};

/// Is told each event, once it is durable, by the process that appended it.
///
/// It must not block: it is called between two actions. What it panics with is caught and logged.
pub trait Observer: std::fmt::Debug + Send + Sync + 'static {
    /// Takes note of one event.
    fn on_event(&self, observed: &Observed<'_>);

    /// Takes note that a worker of this process has lost an execution before it was done with it: its lease ran out, or
    /// another worker has it. Does nothing unless it is overridden.
    fn on_lease_lost(&self, execution: ExecutionId) {
        let _ = execution;
    }
}

/// An event that has become durable.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a> {
    /// The execution.
    pub execution: ExecutionId,
    /// Whose it is.
    pub owner: &'a OwnerId,
    /// The event's place.
    pub seq: Seq,
    /// The event.
    pub event: &'a Event,
}

/// All observers of an engine.
#[derive(Debug, Default, Clone)]
pub(crate) struct Observers(Vec<Arc<dyn Observer>>);

impl Observers {
    pub(crate) fn add(&mut self, observer: Arc<dyn Observer>) {
        self.0.push(observer);
    }

    /// Tells the events that stand behind `before`.
    pub(crate) fn tell(&self, execution: ExecutionId, owner: &OwnerId, before: Seq, events: &[Event]) {
        if self.0.is_empty() {
            return;
        }
        for (place, event) in (before.0 + 1..).zip(events) {
            let observed = Observed { execution, owner, seq: Seq(place), event };
            self.each(execution, |observer| observer.on_event(&observed));
        }
    }

    /// Tells that a lease was lost.
    pub(crate) fn tell_lease_lost(&self, execution: ExecutionId) {
        self.each(execution, |observer| observer.on_lease_lost(execution));
    }

    fn each(&self, execution: ExecutionId, tell: impl Fn(&dyn Observer)) {
        for observer in &self.0 {
            if catch_unwind(AssertUnwindSafe(|| tell(&**observer))).is_err() {
                tracing::error!(%execution, ?observer, "an observer panicked");
            }
        }
    }
}
