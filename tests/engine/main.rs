//! The engine as a whole: on a store in memory, a scripted browser and virtual time.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks for one event among all")]

mod control;
mod extend;
mod faults;
mod given;
mod live;
mod parking;
mod queue;
#[cfg(feature = "http")]
mod relay;
mod resolving;
mod run;
mod support;
mod sweep;
mod tracing;
mod workers;
