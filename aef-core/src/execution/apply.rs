//! Folding: what each event changes. Total, and it evaluates nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::checkpoint::{Answer, AnswerKind, ApplyTo, Checkpoint, CheckpointKind, Evidence};
use super::event::{Actor, Event, EventKind, Jump, SettledBy, Values};
use super::machine::Execution;
use super::state::{
    At, Doubt, End, Frame, FrameKind, InFlight, LoopFrame, Open, Parking, Phase, Recovery, Shown, StepRun,
};
use super::status::{PauseReason, Status};
use super::variables::{Variable, Variables};
use crate::browser::ActionOutcome;
use crate::document::OnTimeout;
use crate::ids::{Seq, StepId};
use crate::plan::{PlanKind, PlanThen};
use crate::recovery::RecoveryOption;

/// How many answers are remembered, to tell a late one which counted.
const ANSWERS_KEPT: usize = 16;

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
            | EventKind::Stopped
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
            EventKind::Queued { inputs, held, start_at, parent, seed } => {
                if let Some(seed) = seed {
                    self.apply_seed(seed);
                }
                let state = &mut self.state;
                state.inputs = Variable::new((**inputs).clone());
                state.held = *held;
                state.start_at = *start_at;
                state.parent = *parent;
                state.created_at = event.at;
            }
            EventKind::Started { vars: None } => state.held = false,
            EventKind::Started { vars: Some(vars) } => {
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
            EventKind::Stopped => self.end(event, Status::Stopped, None),
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

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "apply_kind sends each event to the part that knows it"
    )]
    fn apply_step(&mut self, event: &Event) {
        match &event.kind {
            EventKind::StepEntered { step, visit } => {
                let (attempt, handled) = match self.state.run.take() {
                    Some(run) if run.step == *step => (run.attempt, run.handled),
                    Some(_) | None => (1, BTreeMap::new()),
                };
                let mut run = StepRun::new(step.clone(), *visit, Phase::Entered, event.at);
                run.attempt = attempt;
                run.handled = handled;
                self.state.at = At::Step(step.clone());
                self.visits_mut().insert(step.clone(), *visit);
                self.state.run = Some(run);
                self.state.steps_entered += 1;
                self.state.evidence = None;
            }
            EventKind::StepRetried { attempt, from, .. } => self.retried(*attempt, *from, event),
            EventKind::StepCompleted { step, verified, sets } => {
                self.left(step, *verified || self.counts_as_run(step));
                self.set_all(sets);
                self.go_behind(step, true);
            }
            EventKind::StepSkipped { step, sets, .. } => {
                let guard = self.state.run.is_none() && self.state.at == At::Step(step.clone());
                self.left(step, false);
                self.set_all(sets);
                self.go_behind(step, !guard);
            }
            EventKind::StepFailed { failure, .. } => self.fail_focus(event, failure),
            EventKind::Jumped { to, .. } => self.jump(to),
            EventKind::HandlerEntered { step, handler } => self.enter_handler(step, *handler),
            EventKind::HandlerApplied { step, handler, then } => self.handler_applied(step, *handler, then),
            EventKind::RecoveryOffered { step, failure, options, until } => {
                self.state.recovery = Some(Recovery {
                    step: step.clone(),
                    failure: failure.clone(),
                    options: options.clone(),
                    until: *until,
                });
                self.state.waiting_since = Some(event.at);
            }
            EventKind::RecoveryChosen { option } => {
                self.state.recovery = None;
                self.state.paused = None;
                if let Some(run) = self.state.focus_mut() {
                    run.retry_at = None;
                    run.ask |= *option == RecoveryOption::TakeOver;
                }
            }
            EventKind::RetryScheduled { due, .. } => {
                if let Some(run) = self.state.focus_mut() {
                    run.retry_at = Some(*due);
                }
            }
            _ => {}
        }
    }

    fn retried(&mut self, attempt: u32, from: u32, event: &Event) {
        self.state.recovery = None;
        self.state.evidence = None;
        let Some(run) = self.state.focus_mut() else { return };
        run.attempt = attempt;
        run.failure = None;
        run.retry_at = None;
        run.ask = false;
        run.handling = None;
        run.since = event.at;
        run.index = from;
        if from == 0 && run.phase == Phase::Acting {
            run.phase = Phase::Entered;
            run.verify_before = None;
            let undo = run.undo.take();
            self.undo(undo);
        }
    }

    /// What is done whenever a step is left: questions about it are void, its container's frame is gone.
    fn left(&mut self, step: &StepId, ran: bool) {
        let state = &mut self.state;
        state.steps_run += u64::from(ran);
        if state.checkpoint.as_ref().is_some_and(|open| open.checkpoint.step == *step) {
            state.checkpoint = None;
        }
        state.recovery = None;
        state.doubt = None;
        state.evidence = None;
        state.requests.skip = false;
        state.single_step_done |= state.single_step.as_ref() == Some(step);
        let before = self.work_before(step);
        if let Some(place) = self.state.frames.iter().rposition(|frame| frame.run.step == *step) {
            self.pop_frames(place);
        }
        self.state.run = None;
        let work = self.step_work(step);
        self.state.work_done = self.state.work_done.max(before + work);
    }

    fn go_behind(&mut self, step: &StepId, follow: bool) {
        let Some(index) = self.plan.find(step) else { return };
        let planned = self.plan.step(index);
        self.state.at = if follow && matches!(planned.kind, PlanKind::End(_)) {
            At::Done(Some(step.clone()))
        } else if follow && planned.then.is_some() {
            At::Behind(step.clone())
        } else {
            self.next_of(index)
        };
    }

    fn fail_focus(&mut self, event: &Event, failure: &crate::recovery::Failure) {
        self.state.last_failure = Some(failure.clone());
        if let At::Step(step) = &self.state.at
            && self.state.run.is_none()
        {
            self.state.run = Some(StepRun::new(step.clone(), 0, Phase::Guard, event.at));
        }
        if let Some(run) = self.state.focus_mut() {
            run.fail(failure.clone());
        }
    }

    fn jump(&mut self, to: &Jump) {
        self.state.run = None;
        match to {
            Jump::Goto(target) => {
                let Some(index) = self.plan.find(target) else { return };
                let owner = self.plan.container(index).map(|owner| self.plan.step(owner).id.clone());
                let keep = owner.map_or(0, |owner| {
                    self.state.frames.iter().rposition(|frame| frame.run.step == owner).map_or(0, |at| at + 1)
                });
                self.pop_frames(keep);
                self.state.at = At::Step(target.clone());
            }
            Jump::Break(owner) => {
                if let Some(place) = self.state.frames.iter().rposition(|frame| frame.run.step == *owner) {
                    self.pop_frames(place + 1);
                    if let FrameKind::Loop(each) = &mut self.state.frames[place].kind {
                        each.done = true;
                        each.iterating = false;
                    }
                    self.state.at = At::BlockEnd;
                }
            }
            Jump::Continue(owner) => {
                if let Some(place) = self.state.frames.iter().rposition(|frame| frame.run.step == *owner) {
                    self.pop_frames(place + 1);
                    self.state.at = At::BlockEnd;
                }
            }
            Jump::End => {
                self.pop_frames(0);
                self.state.at = At::Done(None);
            }
        }
    }

    fn enter_handler(&mut self, step: &StepId, handler: u32) {
        let failure = self.state.focus().and_then(|run| run.failure.clone());
        if let Some(place) = self.state.frames.iter().rposition(|frame| frame.run.step == *step) {
            let mut run = self.state.frames[place].run.clone();
            run.performed |= self.state.frames[place].dirty;
            run.dirty |= self.state.frames[place].dirty;
            self.pop_frames(place);
            self.state.run = Some(run);
            self.state.at = At::Step(step.clone());
        }
        let Some(run) = &mut self.state.run else { return };
        run.failure = failure;
        run.failure_seen = true;
        run.handling = Some(handler);
        *run.handled.entry(handler).or_default() += 1;
        let body = self.handler_of(step, handler).and_then(|handler| handler.steps);
        if let (Some(body), Some(run)) = (body, self.state.run.clone()) {
            self.push_frame(run, FrameKind::Handler { handler });
            self.state.at = self.first_of(body);
        }
    }

    fn handler_applied(&mut self, step: &StepId, handler: u32, then: &str) {
        if let Some(place) = self.state.frames.iter().rposition(|frame| {
            frame.run.step == *step
                && matches!(frame.kind, FrameKind::Handler { handler: at } if at == handler)
        }) {
            let run = self.state.frames[place].run.clone();
            self.pop_frames(place);
            self.state.run = Some(run);
            self.state.at = At::Step(step.clone());
        }
        if let Some(run) = self.state.focus_mut() {
            // Otherwise `handling` stays until what the handler says has been followed.
            if then == "ask" {
                run.handling = None;
                run.ask = true;
            }
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "apply_kind sends each event to the part that knows it"
    )]
    fn apply_action(&mut self, event: &Event) {
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

    fn doubt_settled(&mut self, by: SettledBy, event: &Event) {
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

    fn note_page(&mut self, outcome: &ActionOutcome) {
        if !outcome.url.is_empty() {
            self.state.url = Some(outcome.url.clone());
        }
    }

    /// Marks what an action that was performed means for retries (`performed`) and for entering again (`dirty`).
    fn performed(&mut self, flight: &InFlight, outcome: Option<&ActionOutcome>) {
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

    fn mark_dirty(&mut self) {
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

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "apply_kind sends each event to the part that knows it"
    )]
    fn apply_block(&mut self, event: &Event) {
        match &event.kind {
            EventKind::LoopEntered { items, .. } => {
                let items_at = items.as_ref().map(|_| self.state.seq);
                let work = self.loop_work(items.as_ref().map(|items| items.len()));
                self.state.work_total = (self.state.work_total + work.0).saturating_sub(work.1);
                self.enter_body(FrameKind::Loop(LoopFrame {
                    items_at,
                    items: items.clone(),
                    index: None,
                    iterating: false,
                    done: false,
                    collected: Arc::default(),
                    collected_bytes: 0,
                }));
                self.state.at = At::BlockEnd;
            }
            EventKind::IterationStarted { step, index } => self.start_iteration(step, *index),
            EventKind::IterationCompleted { step, collected, last, .. } => {
                self.end_iteration(step, collected, *last);
            }
            EventKind::IterationFailed { step, failure, index } => {
                self.state.items_failed += 1;
                self.state.last_failure = Some(failure.clone());
                self.iteration_failed(step, *index, failure);
            }
            EventKind::GroupEntered { step } => {
                if let Some(PlanKind::Group(body)) = self.kind_of(step) {
                    let body = *body;
                    self.enter_body(FrameKind::Group);
                    self.state.at = self.first_of(body);
                }
            }
            EventKind::BranchTaken { step, branch, .. } => {
                let body = self.branch_body(step, *branch);
                self.enter_body(FrameKind::Branch { branch: *branch });
                self.state.at = body.map_or(At::BlockEnd, |body| self.first_of(body));
            }
            _ => {}
        }
    }

    fn enter_body(&mut self, kind: FrameKind) {
        self.state.evidence = None;
        if let Some(mut run) = self.state.run.take() {
            run.phase = Phase::Acting;
            self.push_frame(run, kind);
        }
    }

    fn push_frame(&mut self, run: StepRun, kind: FrameKind) {
        self.state.run = None;
        self.state.frames.push(Frame {
            run,
            kind,
            locals: Variables::default(),
            visits: BTreeMap::new(),
            undo: super::variables::Undo::default(),
            dirty: false,
            work_before: self.state.work_done,
        });
    }

    fn start_iteration(&mut self, step: &StepId, index: u32) {
        let Some(place) = self.state.frames.iter().rposition(|frame| frame.run.step == *step) else { return };
        if let FrameKind::Loop(each) = &mut self.state.frames[place].kind {
            each.index = Some(index);
            each.iterating = true;
        }
        let locals = self.iteration_locals(place).unwrap_or_default();
        self.forget_approvals(step);
        let frame = &mut self.state.frames[place];
        frame.locals = locals;
        frame.visits.clear();
        frame.undo.clear();
        frame.dirty = false;
        self.state.at = self.first_of_frame(place);
    }

    fn end_iteration(&mut self, step: &StepId, collected: &Values, last: bool) {
        let Some(place) = self.state.frames.iter().rposition(|frame| frame.run.step == *step) else { return };
        self.pop_frames(place + 1);
        self.state.run = None;
        let frame = &mut self.state.frames[place];
        frame.locals = Variables::default();
        if let FrameKind::Loop(each) = &mut frame.kind {
            each.iterating = false;
            each.done |= last;
            for (name, value) in collected {
                each.collected_bytes += super::variables::json_size(value);
                let lists = Arc::make_mut(&mut each.collected);
                Arc::make_mut(lists.entry(name.clone()).or_default()).push(value.clone());
            }
        }
        self.state.at = At::BlockEnd;
    }

    fn iteration_failed(&mut self, step: &StepId, index: u32, failure: &crate::recovery::Failure) {
        let errors = match self.kind_of(step) {
            Some(PlanKind::Loop(planned)) => planned.collect_errors.clone(),
            _ => None,
        };
        let collected = errors
            .map(|name| {
                let error = serde_json::json!({
                    "index": index, "kind": failure.kind, "reason": failure.reason, "message": failure.message,
                    "step": failure.step,
                });
                Values::from([(name, error)])
            })
            .unwrap_or_default();
        self.end_iteration(step, &collected, false);
        self.state.recovery = None;
        self.state.doubt = None;
        self.state.evidence = None;
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "apply_kind sends each event to the part that knows it"
    )]
    fn apply_person(&mut self, event: &Event) {
        let state = &mut self.state;
        match &event.kind {
            EventKind::CheckpointRaised { checkpoint } => {
                state.raised += 1;
                state.waiting_since = Some(event.at);
                state.evidence = None;
                state.checkpoint =
                    Some(Open { checkpoint: checkpoint.clone(), raised_at: event.at, expired: false });
            }
            EventKind::CheckpointAnswered { answer, sets, .. } => {
                let open = state.checkpoint.take();
                state.paused = None;
                state.waiting_since = None;
                if let Some(open) = open {
                    state.answered.push_back((open.checkpoint.id, answer.clone()));
                    if state.answered.len() > ANSWERS_KEPT {
                        state.answered.pop_front();
                    }
                    self.set_all(sets);
                    self.answered(&open.checkpoint, answer, event);
                }
            }
            EventKind::CheckpointExpired { .. } => self.checkpoint_expired(event),
            EventKind::CheckpointWithdrawn { .. } => state.checkpoint = None,
            EventKind::PauseRequested => state.requests.pause = true,
            EventKind::StopRequested => state.requests.stop = true,
            EventKind::SkipRequested => state.requests.skip = true,
            EventKind::TakeoverRequested => state.requests.take_over = true,
            EventKind::Paused { reason } => {
                state.paused = Some(*reason);
                state.taken_over = None;
                state.requests.pause = false;
                state.single_step = None;
                state.single_step_done = false;
                state.waiting_since.get_or_insert(event.at);
            }
            EventKind::Resumed { single_step } => self.resumed(single_step.as_ref(), event),
            EventKind::TakenOver | EventKind::TakeoverExtended => {
                state.requests.take_over = false;
                state.taken_over = Some(event.at);
                state.page_touched = true;
            }
            EventKind::HandedBack => {
                state.taken_over = None;
                state.page_lost = false;
                state.evidence = None;
                if state.paused == Some(PauseReason::PageLost) {
                    state.paused = None;
                }
                if let Some(run) = state.focus_mut() {
                    run.ask |= run.failure.is_some();
                    run.since = event.at;
                }
            }
            _ => {}
        }
    }

    fn resumed(&mut self, single_step: Option<&StepId>, event: &Event) {
        let state = &mut self.state;
        if state.paused.take() == Some(PauseReason::PageLost) {
            state.page_lost = false;
        }
        state.waiting_since = (state.checkpoint.is_some() || state.recovery.is_some()).then_some(event.at);
        if let Some(open) = &mut state.checkpoint {
            open.expired = false;
            open.checkpoint.expires_at = None;
        }
        state.single_step = single_step.cloned();
        state.single_step_done = false;
        if let Some(run) = state.focus_mut() {
            run.since = event.at;
        }
    }

    fn checkpoint_expired(&mut self, event: &Event) {
        let Some(open) = &mut self.state.checkpoint else { return };
        open.expired = true;
        match open.checkpoint.on_timeout {
            OnTimeout::Pause => {
                self.state.paused = Some(PauseReason::CheckpointTimeout);
            }
            OnTimeout::Reject => {
                self.state.checkpoint = None;
                self.state.requests.stop = true;
            }
            OnTimeout::Skip => {
                self.state.checkpoint = None;
                self.state.requests.skip = true;
            }
            OnTimeout::Approve => {
                if let Some(open) = self.state.checkpoint.take() {
                    self.answered(&open.checkpoint, &Answer::approve(), event);
                }
            }
        }
    }

    fn answered(&mut self, checkpoint: &Checkpoint, answer: &Answer, event: &Event) {
        if answer.apply_to == ApplyTo::Step {
            let standing = (event.actor.clone(), answer.clone());
            self.state.standing.insert(checkpoint.step.clone(), standing);
        }
        if let Some(run) = self.state.focus_mut() {
            run.since = event.at;
        }
        match answer.response {
            AnswerKind::Approve | AnswerKind::Modify | AnswerKind::Done | AnswerKind::Choose => {
                self.agreed(checkpoint);
            }
            AnswerKind::Reject | AnswerKind::Stop => self.state.requests.stop = true,
            AnswerKind::Skip => self.state.requests.skip = true,
            AnswerKind::TakeOver => self.state.requests.take_over = true,
            AnswerKind::Retry => {
                // The person says that it has not happened: the doubt is gone, and the action is next again.
                if let (Some(doubt), Some(run)) = (self.state.doubt.take(), &mut self.state.run) {
                    run.index = doubt.index;
                    run.verify_before = None;
                }
            }
        }
    }

    fn agreed(&mut self, checkpoint: &Checkpoint) {
        match checkpoint.kind {
            CheckpointKind::BeforeExecution => {
                let shown = self.shown(checkpoint);
                self.state.approvals.insert(checkpoint.step.clone(), shown);
            }
            CheckpointKind::AfterExecution => {
                if let Some(run) = self.state.focus_mut() {
                    run.after_answered = true;
                }
            }
            // The events that follow in the same batch say what comes of these.
            CheckpointKind::Decision | CheckpointKind::Manual | CheckpointKind::InDoubt => {}
        }
    }

    fn shown(&self, checkpoint: &Checkpoint) -> Shown {
        self.shown_of(&checkpoint.step, &checkpoint.actions, checkpoint.evidence.as_ref())
    }

    pub(super) fn shown_of(
        &self,
        step: &StepId,
        actions: &[Arc<crate::document::Action>],
        evidence: Option<&Evidence>,
    ) -> Shown {
        let rendered = serde_json::to_vec(actions).unwrap_or_default();
        let digest = crate::ids::sha256_hex(&rendered);
        let visit = self.state.focus().map_or(0, |run| run.visit);
        match evidence.filter(|_| self.binds_to_page(step)) {
            Some(evidence) => Shown {
                visit,
                digest,
                url: Some(evidence.url.clone()),
                fingerprints: evidence.fingerprints.clone(),
            },
            None => Shown { visit, digest, url: None, fingerprints: Vec::new() },
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

    fn set_global(&mut self, name: &str, value: &Value) {
        Arc::make_mut(&mut self.state.globals).insert(name.to_owned(), Variable::new(value.clone()));
    }

    /// Sets variables, remembering for each block around what stood there.
    fn set_all(&mut self, sets: &Values) {
        for (name, value) in sets {
            let scope = self.scope_of(name);
            let before = self.scope_variables(scope).get(name.as_str()).cloned();
            let state = &mut self.state;
            if !state.root_dirty && scope == 0 {
                state.root.note(scope, name, before.as_ref());
            }
            for (place, frame) in state.frames.iter_mut().enumerate() {
                if !frame.dirty && scope < place + 1 {
                    frame.undo.note(scope, name, before.as_ref());
                }
            }
            if let Some(run) = state.run.as_mut().filter(|run| !run.dirty) {
                run.undo.note(scope, name, before.as_ref());
            }
            let variables = match scope {
                0 => &mut state.globals,
                scope => &mut state.frames[scope - 1].locals,
            };
            Arc::make_mut(variables).insert(name.clone(), Variable::new(value.clone()));
        }
    }

    fn undo(&mut self, undo: Vec<(usize, String, Option<Variable>)>) {
        for (scope, name, before) in undo {
            let variables = match scope {
                0 => &mut self.state.globals,
                scope => match self.state.frames.get_mut(scope - 1) {
                    Some(frame) => &mut frame.locals,
                    None => continue,
                },
            };
            let variables = Arc::make_mut(variables);
            match before {
                Some(before) => variables.insert(name, before),
                None => variables.remove(&name),
            };
        }
    }

    /// The scope that a name is set in: declared names are the document's, others belong to the innermost iteration.
    fn scope_of(&self, name: &str) -> usize {
        if self.plan.vars.contains_key(name) {
            return 0;
        }
        self.state
            .frames
            .iter()
            .rposition(|frame| matches!(&frame.kind, FrameKind::Loop(each) if each.iterating))
            .map_or(0, |place| place + 1)
    }

    fn scope_variables(&self, scope: usize) -> &Variables {
        match scope {
            0 => &self.state.globals,
            scope => &self.state.frames[scope - 1].locals,
        }
    }

    /// Leaves all frames from `keep` on. What their loops collected goes to the scope around.
    fn pop_frames(&mut self, keep: usize) {
        while self.state.frames.len() > keep {
            let Some(frame) = self.state.frames.pop() else { return };
            self.state.run = None;
            if let FrameKind::Loop(each) = frame.kind {
                let sets = self.merge_collected(&each.collected);
                self.set_all(&sets);
            }
        }
    }

    fn merge_collected(&self, collected: &BTreeMap<String, Arc<Vec<Value>>>) -> Values {
        collected
            .iter()
            .map(|(name, items)| {
                let scope = self.scope_of(name);
                let mut list = match self.scope_variables(scope).get(name.as_str()).map(Variable::json) {
                    Some(Value::Array(before)) => before.clone(),
                    Some(_) | None => Vec::new(),
                };
                list.extend(items.iter().cloned());
                (name.clone(), Value::Array(list))
            })
            .collect()
    }

    /// The variables with which the running iteration of the loop in this frame begins.
    fn iteration_locals(&self, place: usize) -> Option<Variables> {
        let frame = &self.state.frames[place];
        let FrameKind::Loop(each) = &frame.kind else { return None };
        let Some(PlanKind::Loop(planned)) = self.kind_of(&frame.run.step) else { return None };
        let index = each.index?;
        let mut locals = BTreeMap::new();
        if let (Some(name), Some(items)) = (&planned.item, &each.items)
            && let Some(item) = items.get(index as usize)
        {
            locals.insert(name.clone(), Variable::new(item.clone()));
        }
        if let Some(name) = &planned.index {
            locals.insert(name.clone(), Variable::new(index.into()));
        }
        Some(Arc::new(locals))
    }

    /// Supplies the items of a loop that a snapshot only refers to.
    pub fn supply_items(&mut self, seq: Seq, event: &Event) {
        if let EventKind::Queued { seed: Some(seed), .. } = &event.kind {
            return self.supply_seed_items(seed);
        }
        let EventKind::LoopEntered { items: Some(list), .. } = &event.kind else { return };
        for frame in &mut self.state.frames {
            if let FrameKind::Loop(each) = &mut frame.kind
                && each.items_at == Some(seq)
            {
                each.items = Some(Arc::clone(list));
            }
        }
    }

    fn jump_of(then: PlanThen, plan: &crate::plan::Plan) -> Jump {
        match then {
            PlanThen::Goto(step) => Jump::Goto(plan.step(step).id.clone()),
            PlanThen::Break(step) => Jump::Break(plan.step(step).id.clone()),
            PlanThen::Continue(step) => Jump::Continue(plan.step(step).id.clone()),
        }
    }

    /// Where a step itself says that control goes.
    pub(super) fn planned_jump(&self, step: &StepId) -> Option<Jump> {
        let index = self.plan.find(step)?;
        self.plan.step(index).then.map(|then| Self::jump_of(then, &self.plan))
    }

    /// Who made the standing answer for a step's checkpoints, and which.
    pub(super) fn standing(&self, step: &StepId) -> Option<&(Actor, Answer)> {
        self.state.standing.get(step)
    }
}
