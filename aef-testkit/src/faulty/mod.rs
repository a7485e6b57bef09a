//! Stores and browsers that fail where a test says so.
//!
//! Calls are counted from 1 over all operations and all sessions, so that a test can run once without faults, see how many
//! calls there were, and then fail each of them in turn.

mod browser;
mod schedule;
mod store;
#[cfg(test)]
mod tests;

pub use browser::{BrowserFault, FaultyBrowser};
pub use store::{FaultyStore, StoreFault};
