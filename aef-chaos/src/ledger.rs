//! What the journals say was written, and what the site saw.

use std::collections::{BTreeMap, BTreeSet};

use aef_core::browser::ActionOutcome;
use aef_core::engine::{EngineError, Handle, Recorded};
use aef_core::execution::{Actor, EventKind};
use aef_core::ids::{CheckpointId, Seq};

/// How many events are read at a time.
const PAGE: u32 = 500;

/// What a journal tells of writes and answers.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// POSTs that outcomes report, by action.
    reported: BTreeMap<u64, u64>,
    /// Actions whose outcome nobody saw, and of which it is known since that they happened.
    settled: BTreeSet<u64>,
    /// Actions of which it was not known whether they happened.
    pub(crate) doubts: u64,
    /// Attempts of steps that failed and were made again.
    pub(crate) retries: u64,
    /// How often the browser's state was brought back.
    pub(crate) restored: u64,
    /// How often the execution was parked.
    pub(crate) parked: u64,
    /// The remarks of the answers that people gave, by checkpoint.
    pub(crate) answers: BTreeMap<CheckpointId, Vec<String>>,
}

impl Account {
    /// Reads a journal.
    ///
    /// # Errors
    /// Where the store fails.
    pub(crate) async fn of(handle: &Handle) -> Result<Self, EngineError> {
        let mut account = Self::default();
        let mut after = Seq(0);
        loop {
            let page = handle.journal(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(account) };
            after = last.seq;
            for recorded in &page {
                account.read(recorded);
            }
        }
    }

    /// How many writes there were.
    pub(crate) fn writes(&self) -> u64 {
        let unseen = self.settled.iter().filter(|op| !self.reported.contains_key(op)).count() as u64;
        self.reported.values().sum::<u64>() + unseen
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest says nothing of writes and answers")]
    fn read(&mut self, recorded: &Recorded) {
        let event = &recorded.event;
        match &event.kind {
            EventKind::ActionSucceeded { op, outcome, .. } => self.report(*op, outcome),
            EventKind::ActionFailed { op, outcome: Some(outcome), .. } => self.report(*op, outcome),
            EventKind::ActionInDoubt { .. } => self.doubts += 1,
            EventKind::DoubtSettled { op, .. } => drop(self.settled.insert(*op)),
            EventKind::StepRetried { .. } => self.retries += 1,
            EventKind::SessionOpened { restored: true } => self.restored += 1,
            EventKind::ParkingStarted => self.parked += 1,
            EventKind::CheckpointAnswered { checkpoint, answer, .. }
                if matches!(event.actor, Actor::Person(_)) =>
            {
                let remark = answer.comment.clone().unwrap_or_default();
                self.answers.entry(*checkpoint).or_default().push(remark);
            }
            _ => {}
        }
    }

    fn report(&mut self, op: u64, outcome: &ActionOutcome) {
        let posts = outcome.writes.iter().filter(|write| write.method == "POST").count() as u64;
        if posts > 0 {
            self.reported.insert(op, posts);
        }
    }
}
