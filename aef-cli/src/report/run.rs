//! The part of the fold that reads what concerns the whole execution.

use aef::execution::{Event, EventKind, LogLevel, Status};

use super::fold::{Fold, Slot};
use super::model::Child;
use super::views;
use crate::describe;

impl Fold<'_> {
    /// Reads an event of the execution; tells whether it was one.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other parts of the fold read the rest")]
    pub(super) fn run_event(&mut self, event: &Event) -> bool {
        match &event.kind {
            EventKind::Started { .. } => {
                self.ends.started.get_or_insert(event.at);
            }
            EventKind::SessionOpened { restored } => {
                let text =
                    if *restored { "A browser was opened, cookies restored" } else { "A browser was opened" };
                self.note(event, "plain", text);
            }
            EventKind::SessionFailed { failure } => {
                self.failure(failure);
                self.note(event, "bad", "No browser could be opened");
            }
            EventKind::SessionLost { failure } => {
                self.failure(failure);
                self.note(event, "bad", "The browser was lost");
            }
            EventKind::SessionClosed => self.note(event, "plain", "The browser was closed"),
            EventKind::BrowserStateSaved { state: None } => {
                self.note(event, "plain", "Cookies and storage could not be kept");
            }
            EventKind::ParkingStarted | EventKind::BrowserStateSaved { .. } => {}
            EventKind::VariablesSet { sets } => {
                self.note(event, "plain", "Variables were set");
                self.values(sets);
            }
            EventKind::PauseRequested => self.note(event, "wait", "A pause was asked for"),
            EventKind::StopRequested => self.note(event, "wait", "A stop was asked for"),
            EventKind::SkipRequested => self.note(event, "wait", "Leaving the step out was asked for"),
            EventKind::TakeoverRequested => self.note(event, "wait", "The live page was asked for"),
            EventKind::Paused { reason } => {
                self.note(event, "wait", format!("Paused ({})", describe::words(reason.as_str())));
            }
            EventKind::Resumed { single_step: None } => self.note(event, "plain", "Resumed"),
            EventKind::Resumed { single_step: Some(step) } => {
                self.note(event, "plain", format!("Resumed for one step, {}", self.outline.name(step)));
            }
            EventKind::TakenOver => self.note(event, "wait", "The live page was taken over"),
            EventKind::TakeoverExtended => {}
            EventKind::HandedBack => self.note(event, "plain", "The live page was handed back"),
            EventKind::Logged { level, code, message, conditions } => {
                let tone = if *level >= LogLevel::Warn { "wait" } else { "plain" };
                let seen: Vec<_> = conditions.iter().map(|result| result.detail.as_str()).collect();
                let seen = if seen.is_empty() { String::new() } else { format!(" ({})", seen.join("; ")) };
                self.note(event, tone, format!("{code}: {message}{seen}"));
            }
            _ => return self.end_event(event),
        }
        true
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the other parts of the fold read the rest")]
    fn end_event(&mut self, event: &Event) -> bool {
        let status = match &event.kind {
            EventKind::Completed { result, .. } => {
                self.ends.result.clone_from(result);
                Status::Completed
            }
            EventKind::Failed { failure, result } => {
                self.ends.result.clone_from(result);
                self.ends.failure = Some(failure.clone());
                Status::Failed
            }
            EventKind::Stopped { result } => {
                self.ends.result.clone_from(result);
                self.note(event, "bad", "Stopped");
                Status::Stopped
            }
            _ => return false,
        };
        self.ends.status = Some(status);
        self.ends.finished = Some(event.at);
        true
    }

    fn failure(&mut self, failure: &aef::recovery::Failure) {
        self.notable();
        let view = views::failure(failure, self.outline);
        self.push(Slot::Leaf(Box::new(Child::Failure(view))));
    }
}
