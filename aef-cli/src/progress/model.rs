//! How far each step is: a fold of events over the outline.

use std::collections::BTreeMap;

use aef::execution::{Event, EventKind};
use aef::ids::StepId;

use crate::describe;
use crate::outline::Outline;

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// It has not begun, or not in this round of its loop.
    Pending,
    /// It is under way.
    Current,
    /// A person is asked about it.
    Waiting,
    /// It is done.
    Done,
    /// Its last attempt failed.
    Failed,
    /// It was left out.
    Skipped,
}

impl Mark {
    /// The sign in front of the step.
    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Pending => "·",
            Self::Current => "▸",
            Self::Waiting => "?",
            Self::Done => "✓",
            Self::Failed => "✗",
            Self::Skipped => "–",
        }
    }
}

/// How far an execution is.
#[derive(Debug)]
pub(super) struct Progress {
    outline: Outline,
    marks: BTreeMap<StepId, Mark>,
    details: BTreeMap<StepId, String>,
    totals: BTreeMap<StepId, usize>,
    current: Option<StepId>,
    action: Option<String>,
}

/// A step as it is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) depth: usize,
    pub(super) mark: Mark,
    pub(super) text: String,
}

impl Progress {
    pub(super) const fn new(outline: Outline) -> Self {
        Self {
            outline,
            marks: BTreeMap::new(),
            details: BTreeMap::new(),
            totals: BTreeMap::new(),
            current: None,
            action: None,
        }
    }

    /// What is being done.
    pub(super) fn action(&self) -> Option<&str> {
        self.action.as_deref()
    }

    /// Reads the next event.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other events move no step")]
    pub(super) fn apply(&mut self, event: &Event) {
        match &event.kind {
            EventKind::StepEntered { step, .. } | EventKind::StepRetried { step, .. } => {
                self.mark(step, Mark::Current);
                self.current = Some(step.clone());
            }
            EventKind::StepCompleted { step, .. } => self.mark(step, Mark::Done),
            EventKind::StepSkipped { step, .. } => self.mark(step, Mark::Skipped),
            EventKind::StepFailed { step, .. } => self.mark(step, Mark::Failed),
            EventKind::LoopEntered { step, items: Some(items) } => {
                self.totals.insert(step.clone(), items.len());
                self.details.insert(step.clone(), format!("{} items", items.len()));
            }
            EventKind::IterationStarted { step, index } => {
                self.begin_body(step);
                let total = self.totals.get(step).map(|total| format!(" of {total}")).unwrap_or_default();
                self.details.insert(step.clone(), format!("round {}{total}", index + 1));
            }
            EventKind::GroupEntered { step } => self.begin_body(step),
            EventKind::BranchTaken { step, label, .. } => {
                self.begin_body(step);
                self.details.insert(step.clone(), label.clone());
            }
            EventKind::ActionStarted { action, .. } => self.action = Some(describe::action(action)),
            EventKind::ActionSucceeded { .. }
            | EventKind::ActionFailed { .. }
            | EventKind::ActionInDoubt { .. } => {
                self.action = None;
            }
            EventKind::CheckpointRaised { checkpoint } => {
                self.mark(&checkpoint.step, Mark::Waiting);
                self.action = Some(checkpoint.title.clone());
            }
            EventKind::CheckpointAnswered { step, .. } => {
                self.mark(step, Mark::Current);
                self.action = None;
            }
            _ => {}
        }
    }

    /// The rows to draw, at most `limit`: those around the current step where there are more.
    pub(super) fn rows(&self, limit: usize) -> Vec<Row> {
        let count = self.outline.steps.len();
        let current = self.current.as_ref();
        let place = self.outline.steps.iter().position(|step| Some(&step.id) == current).unwrap_or(0);
        // A third of the rows shows what is behind, the rest what is ahead.
        let first = place.saturating_sub(limit / 3).min(count.saturating_sub(limit));
        self.outline.steps.iter().skip(first).take(limit).map(|step| self.row(&step.id)).collect()
    }

    fn row(&self, id: &StepId) -> Row {
        let depth = self.outline.step(id).map_or(0, |step| step.depth);
        let detail = self.details.get(id).map(|detail| format!(" ({detail})")).unwrap_or_default();
        let mark = self.marks.get(id).copied().unwrap_or(Mark::Pending);
        Row { depth, mark, text: format!("{}{detail}", self.outline.name(id)) }
    }

    fn mark(&mut self, step: &StepId, mark: Mark) {
        self.marks.insert(step.clone(), mark);
    }

    /// All that a container holds begins anew.
    fn begin_body(&mut self, container: &StepId) {
        let outline = &self.outline;
        self.marks.retain(|step, _| !outline.contains(container, step));
        self.details.retain(|step, _| !outline.contains(container, step));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event(value: &Value) -> Event {
        let mut event = json!({ "at": "2026-03-02T09:15:00Z", "actor": "engine", "v": 1 });
        event.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
        serde_json::from_value(event).unwrap()
    }

    fn drawn(progress: &Progress, limit: usize) -> Vec<String> {
        let rows = progress.rows(limit);
        rows.iter().map(|row| format!("{}{} {}", "  ".repeat(row.depth), row.mark.sign(), row.text)).collect()
    }

    fn outline() -> Outline {
        Outline::of(&json!({ "steps": [
            { "id": "first", "name": "First" },
            { "id": "each", "name": "Each", "type": "loop", "steps": [{ "id": "a", "name": "A" }, { "id": "b", "name": "B" }] },
            { "id": "last", "name": "Last" },
        ] }))
    }

    #[test]
    fn a_new_round_begins_its_steps_anew() {
        let mut progress = Progress::new(outline());
        for value in [
            json!({ "type": "step_entered", "step": "first", "visit": 1 }),
            json!({ "type": "step_completed", "step": "first" }),
            json!({ "type": "step_entered", "step": "each", "visit": 1 }),
            json!({ "type": "loop_entered", "step": "each", "items": [1, 2] }),
            json!({ "type": "iteration_started", "step": "each", "index": 0 }),
            json!({ "type": "step_entered", "step": "a", "visit": 1 }),
            json!({ "type": "step_completed", "step": "a" }),
            json!({ "type": "iteration_started", "step": "each", "index": 1 }),
            json!({ "type": "step_entered", "step": "a", "visit": 1 }),
        ] {
            progress.apply(&event(&value));
        }
        assert_eq!(drawn(&progress, 9), ["✓ First", "▸ Each (round 2 of 2)", "  ▸ A", "  · B", "· Last"]);
        assert_eq!(drawn(&progress, 2), ["  ▸ A", "  · B"], "the current step stays in sight");
    }

    #[test]
    fn a_failure_stays_until_the_step_is_tried_again() {
        let mut progress = Progress::new(outline());
        progress.apply(&event(&json!({ "type": "step_entered", "step": "first", "visit": 1 })));
        let failure = json!({ "kind": "timeout", "message": "late" });
        progress.apply(&event(&json!({ "type": "step_failed", "step": "first", "failure": failure })));
        assert_eq!(drawn(&progress, 1), ["✗ First"]);
        progress.apply(&event(&json!({ "type": "step_retried", "step": "first", "attempt": 2, "from": 0 })));
        assert_eq!(drawn(&progress, 1), ["▸ First"]);
    }
}
