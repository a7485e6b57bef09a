//! Folding: what each event changes. Total, and it evaluates nothing.

use serde_json::Value;

use super::event::{Event, EventKind};
use super::machine::Execution;
use super::state::{At, End, Parking, Phase, StepRun};
use super::status::{PauseReason, Status};
use super::variables::Variable;
use crate::ids::StepId;

impl Execution {
    /// Folds one event of the journal.
    pub fn apply(&mut self, event: &Event) {
        let before = self.state.status();
        self.state.seq = self.state.seq.plus(1);
        self.state.last_at = self.state.last_at.max(event.at);
        self.apply_kind(event);
        self.count_time(before, event);
        self.count_progress();
    }

    fn apply_kind(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Queued { .. }
            | EventKind::Started { .. }
            | EventKind::VariablesSet { .. }
            | EventKind::Completed { .. }
            | EventKind::Failed { .. }
            | EventKind::Stopped { .. }
            | EventKind::Logged { .. } => self.apply_life(event),
            EventKind::SessionOpened { .. }
            | EventKind::SessionFailed { .. }
            | EventKind::SessionLost { .. }
            | EventKind::SessionClosed
            | EventKind::BrowserStateSaved { .. }
            | EventKind::ParkingStarted
            | EventKind::Reentered { .. }
            | EventKind::EvidenceCaptured { .. } => self.apply_session(event),
            EventKind::StepEntered { .. }
            | EventKind::StepRetried { .. }
            | EventKind::StepCompleted { .. }
            | EventKind::StepSkipped { .. }
            | EventKind::StepFailed { .. }
            | EventKind::Jumped { .. }
            | EventKind::HandlerEntered { .. }
            | EventKind::HandlerApplied { .. }
            | EventKind::RecoveryOffered { .. }
            | EventKind::RecoveryChosen { .. }
            | EventKind::RetryScheduled { .. } => self.apply_step(event),
            EventKind::ActionStarted { .. }
            | EventKind::ActionSucceeded { .. }
            | EventKind::ActionFailed { .. }
            | EventKind::ActionInDoubt { .. }
            | EventKind::DoubtUnverified { .. }
            | EventKind::DoubtSettled { .. } => self.apply_action(event),
            EventKind::LoopEntered { .. }
            | EventKind::IterationStarted { .. }
            | EventKind::IterationCompleted { .. }
            | EventKind::IterationFailed { .. }
            | EventKind::GroupEntered { .. }
            | EventKind::BranchTaken { .. } => self.apply_block(event),
            EventKind::CheckpointRaised { .. }
            | EventKind::CheckpointAnswered { .. }
            | EventKind::CheckpointExpired { .. }
            | EventKind::CheckpointWithdrawn { .. }
            | EventKind::PauseRequested
            | EventKind::StopRequested
            | EventKind::SkipRequested
            | EventKind::TakeoverRequested
            | EventKind::Paused { .. }
            | EventKind::Resumed { .. }
            | EventKind::TakenOver
            | EventKind::TakeoverExtended
            | EventKind::HandedBack => self.apply_person(event),
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "apply_kind sends each event to the part that knows it"
    )]
    fn apply_life(&mut self, event: &Event) {
        let state = &mut self.state;
        match &event.kind {
            EventKind::Queued { inputs, held, dry_run, start_at, parent, seed } => {
                if let Some(seed) = seed {
                    self.apply_seed(seed);
                }
                let state = &mut self.state;
                state.inputs = Variable::new((**inputs).clone());
                state.held = *held;
                state.dry_run = *dry_run;
                state.start_at = *start_at;
                state.parent = *parent;
                state.created_at = event.at;
            }
            EventKind::Started { inputs, vars: None } => {
                state.held = false;
                if let Some(inputs) = inputs {
                    state.inputs = Variable::new((**inputs).clone());
                }
            }
            EventKind::Started { vars: Some(vars), .. } => {
                state.held = false;
                state.started = true;
                state.started_at = Some(event.at);
                self.state.work_total = self.plan_work();
                for (name, value) in vars {
                    self.set_global(name, value);
                }
                if matches!(self.state.at, At::BlockEnd) && self.state.frames.is_empty() {
                    self.state.at = self.first_of(crate::plan::BlockIx(0));
                }
            }
            EventKind::VariablesSet { sets } => self.set_all(sets),
            EventKind::Completed { result, .. } => {
                self.end(event, Status::Completed, result.clone());
            }
            EventKind::Failed { failure, result } => {
                self.end(event, Status::Failed, result.clone());
                if let Some(end) = &mut self.state.end {
                    end.failure = Some(failure.clone());
                }
                self.state.last_failure = Some(failure.clone());
            }
            EventKind::Stopped { result } => self.end(event, Status::Stopped, result.clone()),
            _ => {}
        }
    }

    fn end(&mut self, event: &Event, status: Status, result: Option<Value>) {
        let state = &mut self.state;
        state.end = Some(End { status, failure: None, result, at: event.at });
        state.checkpoint = None;
        state.recovery = None;
        state.in_flight = None;
        state.waiting_since = None;
        if status == Status::Completed {
            state.progress = 100;
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "apply_kind sends each event to the part that knows it"
    )]
    fn apply_session(&mut self, event: &Event) {
        let state = &mut self.state;
        match &event.kind {
            EventKind::SessionOpened { .. } => {
                state.session = true;
                if let Some(run) = state.focus_mut() {
                    run.since = event.at;
                }
            }
            EventKind::SessionFailed { failure } => {
                state.last_failure = Some(failure.clone());
                if let Some(doubt) = &mut state.doubt {
                    doubt.checked = true;
                } else if state.requests.take_over {
                    state.requests.take_over = false;
                } else {
                    self.fail_focus(event, failure);
                }
            }
            EventKind::SessionLost { .. } | EventKind::SessionClosed => {
                state.session = false;
                state.parking = None;
                state.page_lost |= state.page_touched;
                state.evidence = None;
                if state.taken_over.take().is_some() {
                    state.paused.get_or_insert(PauseReason::PageLost);
                }
            }
            EventKind::BrowserStateSaved { state: saved } => {
                if saved.is_some() {
                    state.browser_state.clone_from(saved);
                }
                if state.parking.is_some() {
                    state.parking = Some(Parking::Closing);
                }
            }
            EventKind::ParkingStarted => state.parking = Some(Parking::Saving),
            EventKind::Reentered { step, body } => self.reenter(step.as_ref(), *body, event),
            EventKind::EvidenceCaptured { evidence, .. } => {
                let failed = state.focus_mut().is_some_and(|run| {
                    run.failure_seen |= run.failure.is_some();
                    run.failure.is_some()
                });
                if !failed {
                    state.evidence = Some(evidence.clone());
                }
            }
            _ => {}
        }
    }

    fn reenter(&mut self, step: Option<&StepId>, body: bool, event: &Event) {
        self.state.page_lost = false;
        self.state.evidence = None;
        match (step, body) {
            (Some(step), false) => {
                let Some(run) = self.state.run.as_mut().filter(|run| run.step == *step) else { return };
                let undo = run.undo.take();
                let attempt = run.attempt;
                let visit = run.visit;
                let handled = std::mem::take(&mut run.handled);
                self.undo(undo);
                let mut run = StepRun::new(step.clone(), visit, Phase::Entered, event.at);
                run.attempt = attempt;
                run.handled = handled;
                self.state.run = Some(run);
            }
            (Some(owner), true) => {
                let Some(place) = self.state.frames.iter().rposition(|frame| frame.run.step == *owner) else {
                    return;
                };
                self.state.frames.truncate(place + 1);
                self.state.run = None;
                let undo = self.state.frames[place].undo.take();
                self.undo(undo);
                let locals = self.iteration_locals(place);
                let frame = &mut self.state.frames[place];
                frame.visits.clear();
                frame.dirty = false;
                if let Some(locals) = locals {
                    frame.locals = locals;
                }
                self.state.at = self.first_of_frame(place);
            }
            (None, _) => {
                self.state.frames.clear();
                self.state.run = None;
                let undo = self.state.root.take();
                self.undo(undo);
                self.state.root_visits.clear();
                self.state.root_dirty = false;
                self.state.at = self.first_of(crate::plan::BlockIx(0));
            }
        }
    }

    fn count_time(&mut self, before: Status, event: &Event) {
        let state = &mut self.state;
        let runs = |status| matches!(status, Status::Running | Status::TakenOver);
        let after = state.status();
        match (runs(before), runs(after)) {
            (false, true) => state.running_since = Some(event.at),
            (true, false) => {
                if let Some(since) = state.running_since.take() {
                    let ran = event.at.as_millisecond().saturating_sub(since.as_millisecond());
                    state.running_ms = state.running_ms.saturating_add(u64::try_from(ran).unwrap_or(0));
                }
            }
            (true, true) | (false, false) => {}
        }
        if !after.is_waiting() {
            state.waiting_since = None;
        }
    }
}
