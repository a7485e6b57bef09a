//! What is not finished, counted.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ExecutionRecord;
use crate::execution::Status;

/// What is not finished, counted. What has finished is left out, so that counting costs what is under way and not what
/// ever was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Census {
    /// How many have each status; those of which there is none are left out.
    pub statuses: BTreeMap<Status, u64>,
    /// How many a worker could claim now.
    pub ready: u64,
    /// Since when the one of them could have been claimed that waits longest.
    pub ready_since: Option<Timestamp>,
    /// How many a live lease holds.
    pub leased: u64,
    /// How many have an open checkpoint.
    pub checkpoints: u64,
    /// When the oldest of these was raised.
    pub asked_since: Option<Timestamp>,
    /// How many workers have shown themselves for less than a minute, whoever they work for.
    pub workers: u64,
    /// The store's time.
    pub now: Timestamp,
}

impl Census {
    /// Counts nothing yet.
    #[must_use]
    pub const fn new(workers: u64, now: Timestamp) -> Self {
        Self {
            statuses: BTreeMap::new(),
            ready: 0,
            ready_since: None,
            leased: 0,
            checkpoints: 0,
            asked_since: None,
            workers,
            now,
        }
    }

    /// Counts a row. What a store that cannot count by itself goes by.
    pub fn count(&mut self, record: &ExecutionRecord) {
        let summary = &record.summary;
        if summary.status.is_final() {
            return;
        }
        *self.statuses.entry(summary.status).or_default() += 1;
        let until = record.lease.as_ref().map(|lease| lease.until);
        if until.is_some_and(|until| until > self.now) {
            self.leased += 1;
        } else if let Some(due) = record.wake_at.filter(|due| *due <= self.now) {
            self.ready += 1;
            earlier(&mut self.ready_since, until.map_or(due, |until| until.max(due)));
        }
        if let Some(open) = &summary.checkpoint {
            self.checkpoints += 1;
            earlier(&mut self.asked_since, open.raised_at);
        }
    }
}

fn earlier(known: &mut Option<Timestamp>, found: Timestamp) {
    *known = Some(known.map_or(found, |known| known.min(found)));
}
