//! A fault at each round trip of each action: the cause is told at once, and nothing is left.
//!
//! A test binary of its own, for it measures: what the others do beside it would be measured, too.

#![expect(clippy::unwrap_used, reason = "what fails here fails a test; helpers are not taken for tests")]

#[path = "../chromium/processes.rs"]
mod processes;
#[expect(dead_code, reason = "the other tests need more of it")]
#[path = "../chromium/support.rs"]
mod support;
mod table;
mod wire;
