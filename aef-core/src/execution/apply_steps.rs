//! Folding: steps, jumps, handlers of errors, recovery.

use std::collections::BTreeMap;

use super::event::{Event, EventKind, Jump};
use super::machine::Execution;
use super::state::{At, FrameKind, Phase, Recovery, StepRun};
use crate::ids::StepId;
use crate::plan::{PlanKind, PlanThen};
use crate::recovery::RecoveryOption;

impl Execution {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "apply_kind sends each event to the part that knows it"
    )]
    pub(super) fn apply_step(&mut self, event: &Event) {
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

    pub(super) fn retried(&mut self, attempt: u32, from: u32, event: &Event) {
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
    pub(super) fn left(&mut self, step: &StepId, ran: bool) {
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

    pub(super) fn go_behind(&mut self, step: &StepId, follow: bool) {
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

    pub(super) fn fail_focus(&mut self, event: &Event, failure: &crate::recovery::Failure) {
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

    pub(super) fn jump(&mut self, to: &Jump) {
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

    pub(super) fn enter_handler(&mut self, step: &StepId, handler: u32) {
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

    pub(super) fn handler_applied(&mut self, step: &StepId, handler: u32, then: &str) {
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

    pub(super) fn jump_of(then: PlanThen, plan: &crate::plan::Plan) -> Jump {
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
}
