//! The part of the fold that reads the events of actions, and of doubts about them.

use aef::browser::{ActionOutcome, Effect};
use aef::document::Action;
use aef::execution::{Event, EventKind, SettledBy};
use jiff::Timestamp;

use super::fold::{Draft, Fold, Slot};
use super::model::ActionView;
use super::views::{self, BAD, DONE, PLAIN, WAIT};
use crate::describe;

impl Fold<'_> {
    /// Reads an event of an action; tells whether it was one.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other parts of the fold read the rest")]
    pub(super) fn action_event(&mut self, event: &Event) -> bool {
        match &event.kind {
            EventKind::ActionStarted { op, action, .. } => {
                self.counts.actions += 1;
                let view = begun(event, action);
                self.by_op.insert(*op, self.actions.len());
                self.push(Slot::Action(self.actions.len()));
                self.actions.push(Draft { began: event.at, view });
            }
            EventKind::ActionSucceeded { op, outcome, sets, artifact } => {
                self.outcome(*op, event.at, outcome);
                let file = artifact.as_ref().map(|artifact| views::file(artifact, &mut self.pictures));
                if let Some(view) = self.action(*op) {
                    view.status = views::badge("done", DONE);
                    view.values = views::pairs(sets);
                    view.file = file;
                }
            }
            EventKind::ActionFailed { op, failure, effect, outcome } => {
                if let Some(outcome) = outcome {
                    self.outcome(*op, event.at, outcome);
                }
                let failure = views::failure(failure, self.outline);
                let text = match effect {
                    Effect::None => "failed, without effect",
                    Effect::Possible => "failed, may have had an effect",
                };
                if let Some(view) = self.action(*op) {
                    view.status = views::badge(text, BAD);
                    view.failure = Some(failure);
                }
            }
            EventKind::ActionInDoubt { op, failure } => {
                self.counts.doubts += 1;
                self.notable();
                let failure = views::failure(failure, self.outline);
                if let Some(view) = self.action(*op) {
                    view.status = views::badge("in doubt", WAIT);
                    view.failure.get_or_insert(failure);
                }
            }
            EventKind::DoubtUnverified { op, conditions } => {
                let seen: Vec<_> = conditions.iter().map(|result| result.detail.as_str()).collect();
                let seen = if seen.is_empty() { String::new() } else { format!(": {}", seen.join("; ")) };
                if let Some(view) = self.action(*op) {
                    view.notes.push(format!("What the step verifies does not hold{seen}"));
                }
            }
            EventKind::DoubtSettled { op, by } => {
                self.counts.settled += 1;
                let by = match by {
                    SettledBy::Verify => "what the step verifies was false before and holds now".to_owned(),
                    SettledBy::Person => format!("{} said so", event.actor),
                };
                let settled = format!("It has happened: {by} ({})", views::clock(event.at));
                if let Some(view) = self.action(*op) {
                    view.status = views::badge("done, after a doubt", DONE);
                    view.settled = Some(settled);
                }
            }
            _ => return false,
        }
        true
    }

    fn action(&mut self, op: u64) -> Option<&mut ActionView> {
        let index = *self.by_op.get(&op)?;
        self.actions.get_mut(index).map(|draft| &mut draft.view)
    }

    fn outcome(&mut self, op: u64, at: Timestamp, outcome: &ActionOutcome) {
        let writes: Vec<_> = outcome.writes.iter().map(|write| views::write(at, write)).collect();
        self.writes.extend(writes.iter().cloned());
        let Some(index) = self.by_op.get(&op) else { return };
        let Some(Draft { began, view }) = self.actions.get_mut(*index) else { return };
        view.took = Some(views::between(*began, at));
        view.url = Some(outcome.url.clone()).filter(|url| !url.is_empty());
        view.notes = views::notes(outcome);
        view.writes = writes;
    }
}

/// An action of which no more is known than that it began.
fn begun(event: &Event, action: &Action) -> ActionView {
    ActionView {
        text: describe::action(action),
        purpose: action.description.clone(),
        status: views::badge("begun", PLAIN),
        at: views::clock(event.at),
        took: None,
        url: None,
        writes: Vec::new(),
        notes: Vec::new(),
        values: Vec::new(),
        failure: None,
        settled: None,
        file: None,
    }
}
