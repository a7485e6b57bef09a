//! The surface, as its callers see it: every route on the memory store and on SQLite.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod common;
mod forms;
mod keys;
mod live;
mod operators;
mod processing;
mod programs;
mod stage;
