//! Folding: actions, and what they leave behind.

use std::sync::Arc;

use super::event::{Event, EventKind, SettledBy};
use super::machine::Execution;
use super::state::{Doubt, InFlight, Phase};
use crate::browser::ActionOutcome;

impl Execution {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "apply_kind sends each event to the part that knows it"
    )]
    pub(super) fn apply_action(&mut self, event: &Event) {
        match &event.kind {
            EventKind::ActionStarted { index, op, action, verify_before, .. } => {
                self.state.ops = (*op).max(self.state.ops);
                self.state.evidence = None;
                self.state.in_flight = Some(InFlight { op: *op, index: *index, action: Arc::clone(action) });
                self.state.page_touched |= action.kind.needs_page();
                if let Some(run) = &mut self.state.run {
                    run.phase = Phase::Acting;
                    run.index = *index;
                    run.verify_before = run.verify_before.or(*verify_before);
                }
            }
            EventKind::ActionSucceeded { op, outcome, sets, .. } => {
                if let Some(flight) = self.state.in_flight.take_if(|flight| flight.op == *op) {
                    self.note_page(outcome);
                    self.performed(&flight, Some(outcome));
                    if let Some(run) = &mut self.state.run {
                        run.index = flight.index + 1;
                    }
                    self.set_all(sets);
                }
            }
            EventKind::ActionFailed { op, outcome, .. } => {
                if let Some(flight) = self.state.in_flight.take_if(|flight| flight.op == *op) {
                    if let Some(outcome) = outcome {
                        self.note_page(outcome);
                        if !outcome.writes.is_empty() && self.is_repeatable(&flight) {
                            self.mark_dirty();
                        }
                    }
                    self.state.last_flight = Some(flight);
                }
            }
            EventKind::ActionInDoubt { op, failure } => {
                if let Some(flight) = self.state.last_flight.take_if(|flight| flight.op == *op) {
                    self.state.doubt = Some(Doubt {
                        op: *op,
                        index: flight.index,
                        action: flight.action,
                        failure: failure.clone(),
                        checked: false,
                    });
                }
                self.state.last_failure = Some(failure.clone());
            }
            EventKind::DoubtUnverified { .. } => {
                if let Some(doubt) = &mut self.state.doubt {
                    doubt.checked = true;
                }
                self.state.evidence = None;
            }
            EventKind::DoubtSettled { by, .. } => self.doubt_settled(*by, event),
            _ => {}
        }
    }

    pub(super) fn doubt_settled(&mut self, by: SettledBy, event: &Event) {
        let Some(doubt) = self.state.doubt.take() else { return };
        self.state.evidence = None;
        self.mark_dirty();
        let actions = self.state.run.as_ref().map_or(0, |run| self.action_count(&run.step));
        if let Some(run) = &mut self.state.run {
            run.performed = true;
            run.since = event.at;
            run.index = match by {
                SettledBy::Verify => actions,
                SettledBy::Person => doubt.index + 1,
            };
            run.verified = by == SettledBy::Verify;
        }
    }

    pub(super) fn note_page(&mut self, outcome: &ActionOutcome) {
        if !outcome.url.is_empty() {
            self.state.url = Some(outcome.url.clone());
        }
    }

    /// Marks what an action that was performed means for retries (`performed`) and for entering again (`dirty`).
    pub(super) fn performed(&mut self, flight: &InFlight, outcome: Option<&ActionOutcome>) {
        let repeatable = self.is_repeatable(flight);
        let never_again = self.is_never_again(flight);
        let wrote = outcome.is_none_or(|outcome| !outcome.writes.is_empty());
        let blind = !flight.action.kind.needs_page() && !repeatable;
        if wrote || never_again || blind {
            self.mark_dirty();
        }
        if let Some(run) = &mut self.state.run {
            run.performed |= !repeatable || wrote;
        }
    }

    pub(super) fn mark_dirty(&mut self) {
        self.state.root_dirty = true;
        self.state.root.clear();
        for frame in &mut self.state.frames {
            frame.dirty = true;
            frame.undo.clear();
        }
        if let Some(run) = &mut self.state.run {
            run.dirty = true;
            run.undo.clear();
        }
    }
}
