//! What a journal says was written.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::desk::Desk;

/// The writes of a journal.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// POSTs that outcomes report, by action.
    reported: BTreeMap<u64, u64>,
    /// Actions whose outcome nobody saw, and of which it is known since that they happened.
    settled: BTreeSet<u64>,
}

impl Account {
    /// Reads the journal of an execution.
    pub(crate) fn of(desk: &Desk, id: &str) -> Self {
        let mut account = Self::default();
        for line in desk.run(&["journal", "--json", id]).ended(0).stdout.lines() {
            account.read(&serde_json::from_str(line).unwrap());
        }
        account
    }

    /// How many writes there were.
    pub(crate) fn writes(&self) -> u64 {
        let unseen = self.settled.iter().filter(|op| !self.reported.contains_key(op)).count() as u64;
        self.reported.values().sum::<u64>() + unseen
    }

    fn read(&mut self, event: &Value) {
        let Some(op) = event["op"].as_u64() else { return };
        if event["type"] == "doubt_settled" {
            self.settled.insert(op);
        }
        let writes = event["outcome"]["writes"].as_array().into_iter().flatten();
        let posts = writes.filter(|write| write["method"] == "POST").count() as u64;
        if posts > 0 {
            self.reported.insert(op, posts);
        }
    }
}
