//! What the store knows of all executions, whichever worker performs them.

use aef::execution::Status;
use aef::store::Census;
use jiff::Timestamp;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::Labels;

/// What a census says, as gauges.
pub(super) fn gauges(census: &Census) -> Registry {
    let mut registry = Registry::with_prefix("aef");
    let by_status: Family<Labels<1>, Gauge> = Family::default();
    for status in Status::ALL.into_iter().filter(|status| !status.is_final()) {
        let count = census.statuses.get(&status).copied().unwrap_or(0);
        by_status.get_or_create(&[("status", status.as_str())]).set(number(count));
    }
    registry.register("executions", "Executions that are not finished, by status", by_status);
    let mut gauge = |name: &str, help: &str, count: u64| {
        let gauge: Gauge = Gauge::default();
        gauge.set(number(count));
        registry.register(name, help, gauge);
    };
    gauge("executions_ready", "Executions that a worker could claim now", census.ready);
    gauge("executions_leased", "Executions that workers hold", census.leased);
    gauge("checkpoints_open", "Checkpoints that wait for an answer", census.checkpoints);
    gauge("workers_alive", "Workers that have shown themselves for less than a minute", census.workers);
    let mut age = |name: &str, help: &str, since: Option<Timestamp>| {
        let age = since.map_or(0.0, |since| census.now.duration_since(since).as_secs_f64());
        let gauge: Gauge<f64, std::sync::atomic::AtomicU64> = Gauge::default();
        gauge.set(age.max(0.0));
        registry.register_with_unit(name, help, Unit::Seconds, gauge);
    };
    age("ready_age", "How long the execution has been ready that waits longest", census.ready_since);
    age("checkpoint_age", "How long the oldest open checkpoint has been open", census.asked_since);
    registry
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn every_status_has_a_series_and_ages_are_in_seconds() {
        let now = Timestamp::from_second(1_000).unwrap();
        let mut census = Census::new(2, now);
        census.statuses.insert(Status::Queued, 3);
        census.ready = 3;
        census.ready_since = Some(Timestamp::from_millisecond(990_500).unwrap());
        let mut text = String::new();
        encode(&mut text, &gauges(&census)).unwrap();
        for line in [
            "aef_executions{status=\"queued\"} 3",
            "aef_executions{status=\"waiting_checkpoint\"} 0",
            "aef_executions_ready 3",
            "aef_ready_age_seconds 9.5",
            "aef_checkpoint_age_seconds 0.0",
            "aef_workers_alive 2",
        ] {
            assert!(text.lines().any(|told| told == line), "{line} is missing in\n{text}");
        }
    }
}
