//! The part of the fold that reads the events of steps, loops and branches.

use aef::execution::{Event, EventKind, Jump, SkipReason};
use aef::ids::StepId;

use super::fold::{Fold, FrameKind, NodeDraft, Slot};
use super::model::Child;
use super::views::{self, BAD, DONE, PLAIN};
use crate::describe;

impl Fold<'_> {
    /// Reads an event of a step; tells whether it was one.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other parts of the fold read the rest")]
    pub(super) fn step_event(&mut self, event: &Event) -> bool {
        match &event.kind {
            EventKind::StepEntered { step, visit } => self.enter(event, step, *visit),
            EventKind::StepCompleted { step, verified, sets } => {
                self.counts.steps_done += 1;
                self.counts.steps_verified += u64::from(*verified);
                self.within(event, step);
                self.values(sets);
                let text = if *verified { "done, verified" } else { "done" };
                self.leave(event, FrameKind::Step, step, views::badge(text, DONE));
            }
            EventKind::StepSkipped { step, reason, .. } => {
                self.counts.steps_skipped += 1;
                if self.find(FrameKind::Step, step).is_none() {
                    self.enter(event, step, 1);
                }
                let text = match reason {
                    SkipReason::Guard => "skipped: its condition was false",
                    SkipReason::Person => "skipped by a person",
                    SkipReason::Timeout => "skipped: nobody answered",
                    SkipReason::Error => "skipped after an error",
                };
                self.leave(event, FrameKind::Step, step, views::badge(text, PLAIN));
            }
            EventKind::StepFailed { step, failure } => {
                self.counts.failures += 1;
                self.within(event, step);
                self.notable();
                let view = views::failure(failure, self.outline);
                self.push(Slot::Leaf(Box::new(Child::Failure(view))));
                self.mark(step, views::badge("failed", BAD));
            }
            EventKind::StepRetried { step, attempt, from } => {
                self.counts.retries += 1;
                self.within(event, step);
                let place = if *from == 0 { String::new() } else { format!(" from action {}", from + 1) };
                self.note(event, "plain", format!("Attempt {attempt} began{place}"));
                self.unmark(step);
            }
            EventKind::RetryScheduled { step, attempt, due } => {
                self.within(event, step);
                self.note(event, "plain", format!("Attempt {attempt} was set for {}", views::clock(*due)));
            }
            EventKind::Jumped { step, to } => {
                let to = match to {
                    Jump::Goto(target) => format!("Went to {}", self.outline.name(target)),
                    Jump::Break(target) => format!("Left the loop {}", self.outline.name(target)),
                    Jump::Continue(target) => {
                        format!("Went to the next round of {}", self.outline.name(target))
                    }
                    Jump::End => "Went to the end".to_owned(),
                };
                self.note(event, "plain", format!("{to} from {}", self.outline.name(step)));
            }
            _ => return self.body_event(event),
        }
        true
    }

    /// Reads an event of a body: loop, group, branch, handler.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other parts of the fold read the rest")]
    fn body_event(&mut self, event: &Event) -> bool {
        match &event.kind {
            EventKind::LoopEntered { step, items } => {
                self.within(event, step);
                if let Some(items) = items {
                    self.detail(step, format!("{} items", items.len()));
                    self.items.insert(step.clone(), std::sync::Arc::clone(items));
                }
            }
            EventKind::IterationStarted { step, index } => self.iterate(event, step, *index),
            EventKind::IterationCompleted { step, collected, .. } => {
                self.within_iteration(event, step);
                self.values(collected);
                self.leave(event, FrameKind::Iteration, step, views::badge("done", DONE));
            }
            EventKind::IterationFailed { step, failure, .. } => {
                self.counts.items_failed += 1;
                self.within_iteration(event, step);
                self.notable();
                let view = views::failure(failure, self.outline);
                self.push(Slot::Leaf(Box::new(Child::Failure(view))));
                self.leave(event, FrameKind::Iteration, step, views::badge("given up", BAD));
            }
            EventKind::GroupEntered { step } => self.within(event, step),
            EventKind::BranchTaken { step, label, .. } => {
                self.within(event, step);
                self.detail(step, format!("took “{label}”"));
            }
            EventKind::HandlerEntered { step, handler } => {
                self.within(event, step);
                let title = format!("Error handler {}", handler + 1);
                self.open(FrameKind::Handler, step, NodeDraft::new(title, event.at));
            }
            EventKind::HandlerApplied { step, then, .. } => {
                self.leave(event, FrameKind::Handler, step, views::badge("done", DONE));
                self.note(event, "plain", format!("The error handler says: {}", describe::words(then)));
            }
            EventKind::Reentered { step, body } => self.reenter(event, step.as_ref(), *body),
            _ => return false,
        }
        true
    }

    fn enter(&mut self, event: &Event, step: &StepId, visit: u32) {
        let outline = self.outline;
        match outline.step(step) {
            Some(known) => self.close_while(event.at, |frame| {
                known.parent.as_ref() != Some(&frame.step) && !outline.contains(&frame.step, step)
            }),
            // A step that the document does not know cannot be placed; it does not stand inside another task.
            None => self.close_while(event.at, |frame| {
                frame.kind == FrameKind::Step
                    && outline.step(&frame.step).is_none_or(|known| known.kind == "task")
            }),
        }
        let mut draft = NodeDraft::new(outline.name(step).to_owned(), event.at);
        if visit > 1 {
            draft.detail = Some(format!("visit {visit}"));
        }
        self.open(FrameKind::Step, step, draft);
    }

    fn iterate(&mut self, event: &Event, step: &StepId, index: u32) {
        self.counts.iterations += 1;
        self.within(event, step);
        let items = self.items.get(step);
        let total = items.map(|items| format!(" of {}", items.len())).unwrap_or_default();
        let item = items.and_then(|items| items.get(index as usize)).map(describe::line);
        let draft = NodeDraft {
            detail: item,
            iteration: true,
            ..NodeDraft::new(format!("Round {}{total}", index + 1), event.at)
        };
        self.open(FrameKind::Iteration, step, draft);
    }

    /// Closes what is open inside the innermost visit of `step`; enters it where the journal begins inside it.
    fn within(&mut self, event: &Event, step: &StepId) {
        match self.find(FrameKind::Step, step) {
            Some(place) => self.close_behind(event, place),
            None => self.enter(event, step, 1),
        }
    }

    fn within_iteration(&mut self, event: &Event, step: &StepId) {
        match self.find(FrameKind::Iteration, step) {
            Some(place) => self.close_behind(event, place),
            None => self.within(event, step),
        }
    }

    fn close_behind(&mut self, event: &Event, place: usize) {
        let keep = self.frames[place].node;
        self.close_while(event.at, |frame| frame.node != keep);
    }

    fn leave(&mut self, event: &Event, kind: FrameKind, step: &StepId, status: super::model::Badge) {
        let Some(place) = self.find(kind, step) else { return };
        let node = self.frames[place].node;
        self.nodes[node].status = Some(status);
        self.close_behind(event, place);
        self.close_while(event.at, |frame| frame.node == node);
    }

    fn mark(&mut self, step: &StepId, status: super::model::Badge) {
        if let Some(place) = self.find(FrameKind::Step, step) {
            let node = self.frames[place].node;
            self.nodes[node].status = Some(status);
        }
    }

    fn unmark(&mut self, step: &StepId) {
        if let Some(place) = self.find(FrameKind::Step, step) {
            let node = self.frames[place].node;
            self.nodes[node].status = None;
        }
    }

    fn detail(&mut self, step: &StepId, text: String) {
        if let Some(place) = self.find(FrameKind::Step, step) {
            let node = self.frames[place].node;
            self.nodes[node].detail = Some(text);
        }
    }

    fn reenter(&mut self, event: &Event, step: Option<&StepId>, body: bool) {
        let outline = self.outline;
        let place = match step {
            Some(step) => {
                self.close_while(event.at, |frame| {
                    outline.contains(step, &frame.step) || (!body && frame.step == *step)
                });
                format!("the beginning of {}", outline.name(step))
            }
            None => {
                self.close_while(event.at, |_| true);
                "the beginning".to_owned()
            }
        };
        self.note(event, "wait", format!("The page was gone; work went back to {place} to make it again"));
    }
}
