//! How the store is opened.

use std::sync::Arc;
use std::time::Duration;

use aef_core::clock::{Clock, SystemClock};

/// How a [`SqliteStore`](crate::SqliteStore) is opened.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// By which clock leases run out and executions wake. All processes on one file need the same time. The computer's
    /// clock by default.
    pub clock: Arc<dyn Clock>,
    /// How long to wait for another process that writes. 10 s by default.
    pub busy_timeout: Duration,
    /// How many connections read. 4 by default.
    pub readers: u32,
    /// How many bytes the file may grow to; beyond that the store is full. Without a bound by default.
    pub max_size: Option<u64>,
    /// How often to look for what other processes have written, while somebody is subscribed. 200 ms by default.
    pub poll: Duration,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            busy_timeout: Duration::from_secs(10),
            readers: 4,
            max_size: None,
            poll: Duration::from_millis(200),
        }
    }
}
