//! The surface, as its callers see it: every route on each store.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod abuse;
mod access;
mod answers;
mod common;
mod contract;
mod crowd;
mod forms;
mod guide;
mod keys;
mod live;
mod operators;
mod processing;
mod programs;
mod published;
mod stage;
mod texts;
mod transform;
