//! What a worker measures, for Prometheus.

mod browser;
mod observer;
mod queue;
mod serve;
mod store;

use std::sync::Arc;
use std::time::Duration;

use aef::browser::Browser;
use aef::engine::Observer;
use aef::store::Store;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

pub(crate) use self::serve::{Source, serve};

use self::browser::MeasuredBrowser;
use self::observer::Measuring;
use self::store::MeasuredStore;

/// Labels with their values. All values come from fixed lists, so that there are never more series than those have words.
type Labels<const N: usize> = [(&'static str, &'static str); N];

/// Histograms by labels. The constructor is a plain function, so that the type can be named.
type Histograms<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;

/// What this process measures. Clones measure the same.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    registry: Arc<Registry>,
    store_durations: Histograms<1>,
    store_errors: Family<Labels<2>, Counter>,
    claimed: Counter,
    leases_lost: Counter,
    finished: Family<Labels<1>, Counter>,
    actions: Family<Labels<1>, Counter>,
    action_durations: Histogram,
    sessions: Gauge,
    session_openings: Family<Labels<1>, Counter>,
}

impl Metrics {
    /// Measures nothing yet.
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Arc::default(),
            store_durations: Family::new_with_constructor(short),
            store_errors: Family::default(),
            claimed: Counter::default(),
            leases_lost: Counter::default(),
            finished: Family::default(),
            actions: Family::default(),
            action_durations: long(),
            sessions: Gauge::default(),
            session_openings: Family::default(),
        };
        metrics.registry = Arc::new(metrics.registered());
        metrics
    }

    fn registered(&self) -> Registry {
        let mut registry = Registry::with_prefix("aef");
        let duration = "How long the store took, by operation";
        registry.register_with_unit("store_duration", duration, Unit::Seconds, self.store_durations.clone());
        let errors = "Operations that the store refused or failed, by operation and kind";
        registry.register("store_errors", errors, self.store_errors.clone());
        registry.register("executions_claimed", "Executions claimed by this worker", self.claimed.clone());
        let lost = "Executions that this worker lost before it was done with them";
        registry.register("leases_lost", lost, self.leases_lost.clone());
        let finished = "Executions that this worker brought to their end, by outcome";
        registry.register("executions_finished", finished, self.finished.clone());
        registry.register("actions", "Actions that this worker performed, by outcome", self.actions.clone());
        let duration = "How long actions took";
        registry.register_with_unit(
            "action_duration",
            duration,
            Unit::Seconds,
            self.action_durations.clone(),
        );
        registry.register("browser_sessions", "Browser sessions that are open", self.sessions.clone());
        let openings = "Browser sessions that were to be opened, by outcome";
        registry.register("browser_sessions_opened", openings, self.session_openings.clone());
        registry
    }

    /// The same store, measured.
    pub(crate) fn store(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(MeasuredStore::new(store, self.clone()))
    }

    /// The same browser, measured.
    pub(crate) fn browser(&self, browser: Arc<dyn Browser>) -> Arc<dyn Browser> {
        Arc::new(MeasuredBrowser::new(browser, self.clone()))
    }

    /// What an engine tells its events to.
    pub(crate) fn observer(&self) -> Arc<dyn Observer> {
        Arc::new(Measuring::new(self.clone()))
    }

    fn store_took(&self, operation: &'static str, time: Duration) {
        self.store_durations.get_or_create(&[("operation", operation)]).observe(time.as_secs_f64());
    }
}

/// From half a millisecond to 8 s: what a database takes.
fn short() -> Histogram {
    Histogram::new(exponential_buckets(0.000_5, 2.0, 15))
}

/// From 10 ms to 5 min: what a page takes.
fn long() -> Histogram {
    Histogram::new(exponential_buckets(0.01, 2.0, 16))
}
