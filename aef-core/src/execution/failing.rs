//! What is done about a failed step: retry, `onError`, the loop's rule, a person; never a second time what must not be.

use jiff::{SignedDuration, Timestamp};

use super::event::{EventKind, Jump, SkipReason};
use super::flow::{Answered, Next};
use super::machine::Execution;
use super::state::{FrameKind, Phase, StepRun};
use crate::document::RecoveryOtherwise;
use crate::ids::StepId;
use crate::plan::{HandlerThen, PlanHandler, PlanKind};
use crate::recovery::{ErrorClass, ErrorClassName, ErrorMatcher, Failure, RecoveryOption};

impl Execution {
    pub(super) fn resolve_failure(&self, run: &StepRun, failure: &Failure, now: Timestamp) -> Next {
        if let Some(handler) = run.handling {
            return self.apply_handler(run, handler);
        }
        if let Some(next) = self.failure_evidence(&run.step) {
            return next;
        }
        if let Some(next) = self.raise_not_given(run, failure) {
            return next;
        }
        if failure.class() == ErrorClass::Critical {
            return Next::Emit(EventKind::Failed { failure: failure.clone(), result: None });
        }
        if !run.ask {
            if run.retry_at.is_some() {
                return self.offer(run, failure, None);
            }
            if let Some(next) = self.retry(run, failure, now) {
                return next;
            }
            if let Some(next) = self.handle(run, failure) {
                return next;
            }
            if let Some(next) = self.give_iteration_up(failure) {
                return next;
            }
        }
        self.ask_or_end(run, failure, now)
    }

    fn ask_or_end(&self, run: &StepRun, failure: &Failure, now: Timestamp) -> Next {
        let wait = self.plan.settings.recovery_wait;
        if wait.is_zero() {
            return match self.plan.settings.recovery_otherwise {
                RecoveryOtherwise::Fail => {
                    Next::Emit(EventKind::Failed { failure: failure.clone(), result: None })
                }
                RecoveryOtherwise::Skip => Next::Emit(self.skip_event(&run.step, SkipReason::Error)),
            };
        }
        let until = SignedDuration::try_from(wait).ok().and_then(|wait| now.checked_add(wait).ok());
        self.offer(run, failure, until)
    }

    fn offer(&self, run: &StepRun, failure: &Failure, until: Option<Timestamp>) -> Next {
        let options =
            vec![RecoveryOption::Retry, RecoveryOption::Skip, RecoveryOption::TakeOver, RecoveryOption::Stop];
        Next::Emit(EventKind::RecoveryOffered {
            step: run.step.clone(),
            failure: failure.clone(),
            options,
            until,
        })
    }

    fn retry(&self, run: &StepRun, failure: &Failure, now: Timestamp) -> Option<Next> {
        let planned = self.plan.step(self.plan.find(&run.step)?);
        let attempt = run.attempt + 1;
        let delay = planned.retry.delay_before(attempt, failure)?;
        if delay.is_zero() {
            return Some(Next::Emit(self.retry_event(&run.step)));
        }
        let due = now.checked_add(SignedDuration::try_from(delay).ok()?).ok()?;
        Some(Next::Emit(EventKind::RetryScheduled { step: run.step.clone(), attempt, due }))
    }

    /// The next attempt: from the step's beginning, or, where it holds an action that must not be performed again, from
    /// the one that failed.
    pub(super) fn retry_event(&self, step: &StepId) -> EventKind {
        let (attempt, from) = match self.state.focus() {
            Some(run) if run.step == *step => {
                (run.attempt + 1, if run.performed && run.phase == Phase::Acting { run.index } else { 0 })
            }
            Some(_) | None => (1, 0),
        };
        EventKind::StepRetried { step: step.clone(), attempt, from }
    }

    /// The first handler that is meant, of the step itself and then of the containers around it.
    fn handle(&self, run: &StepRun, failure: &Failure) -> Option<Next> {
        if let Some(next) = self.handler_for(run, failure) {
            return Some(next);
        }
        for frame in self.state.frames.iter().rev() {
            match &frame.kind {
                FrameKind::Group | FrameKind::Branch { .. } => {
                    if let Some(next) = self.handler_for(&frame.run, failure) {
                        return Some(next);
                    }
                }
                // A loop has a rule of its own, which stands before anything further out.
                FrameKind::Loop(each) => {
                    if each.iterating && self.gives_up_iterations(&frame.run.step) {
                        return None;
                    }
                    if let Some(next) = self.handler_for(&frame.run, failure) {
                        return Some(next);
                    }
                }
                FrameKind::Handler { .. } => return None,
            }
        }
        None
    }

    fn handler_for(&self, run: &StepRun, failure: &Failure) -> Option<Next> {
        let planned = self.plan.step(self.plan.find(&run.step)?);
        for (index, handler) in planned.on_error.iter().enumerate() {
            let index = u32::try_from(index).ok()?;
            let used = run.handled.get(&index).copied().unwrap_or(0);
            if used >= handler.max.max(1) || !meant(handler, failure) {
                continue;
            }
            match self.handler_condition(handler, &run.step) {
                Ok(true) => {
                    return Some(Next::Emit(EventKind::HandlerEntered {
                        step: run.step.clone(),
                        handler: index,
                    }));
                }
                Ok(false) => {}
                Err(next) => return next,
            }
        }
        None
    }

    /// Whether the handler's own condition holds; as an error, what must happen before that is known, or nothing where it
    /// cannot be known and the handler is passed over.
    #[expect(clippy::result_large_err, reason = "what must happen first is made and taken apart at once")]
    fn handler_condition(&self, handler: &PlanHandler, step: &StepId) -> Result<bool, Option<Next>> {
        let Some(when) = &handler.when else { return Ok(true) };
        if when.needs_page() && !self.state.session {
            return Ok(false);
        }
        match self.ask(std::slice::from_ref(when), step, std::time::Duration::ZERO) {
            Ok(Answered::Yes(_)) => Ok(true),
            Ok(Answered::No(_)) | Err(_) => Ok(false),
            Ok(Answered::Ask(next @ Next::Do(_))) => Err(Some(next)),
            Ok(Answered::Ask(_)) => Ok(false),
        }
    }

    pub(super) fn apply_handler(&self, run: &StepRun, handler: u32) -> Next {
        let Some(planned) = self.handler_of(&run.step, handler) else { return Next::Wait };
        let frame_open = self.state.frames.last().is_some_and(|frame| {
            frame.run.step == run.step
                && matches!(frame.kind, FrameKind::Handler { handler: at } if at == handler)
        });
        // What the handler leads to follows once its steps are done and its own event stands in the journal.
        let then = self.allowed_then(run, planned);
        let name = match then {
            HandlerThen::Retry => "retry",
            HandlerThen::Skip => "skip",
            HandlerThen::Fail => "fail",
            HandlerThen::Ask => "ask",
            HandlerThen::Goto(_) => "goto",
        };
        if frame_open || then == HandlerThen::Ask {
            return Next::Emit(EventKind::HandlerApplied {
                step: run.step.clone(),
                handler,
                then: name.to_owned(),
            });
        }
        self.follow_handler(run, then)
    }

    fn follow_handler(&self, run: &StepRun, then: HandlerThen) -> Next {
        match then {
            HandlerThen::Retry => Next::Emit(self.retry_event(&run.step)),
            HandlerThen::Skip => Next::Emit(self.skip_event(&run.step, SkipReason::Error)),
            HandlerThen::Goto(target) => Next::Emit(EventKind::Jumped {
                step: run.step.clone(),
                to: Jump::Goto(self.plan.step(target).id.clone()),
            }),
            HandlerThen::Fail | HandlerThen::Ask => {
                let failure = run.failure.clone().unwrap_or_else(|| {
                    Failure::new(crate::recovery::ErrorKind::Internal, "a handler without an error")
                });
                Next::Emit(EventKind::Failed { failure, result: None })
            }
        }
    }

    /// A container that holds an action that must not be repeated is not run again; a person is asked instead.
    fn allowed_then(&self, run: &StepRun, handler: &PlanHandler) -> HandlerThen {
        let container = !matches!(self.kind_of(&run.step), Some(PlanKind::Task(_)));
        if handler.then == HandlerThen::Retry && container && run.performed {
            return HandlerThen::Ask;
        }
        handler.then
    }

    fn gives_up_iterations(&self, step: &StepId) -> bool {
        matches!(self.kind_of(step), Some(PlanKind::Loop(each)) if each.continue_on_error)
    }

    fn give_iteration_up(&self, failure: &Failure) -> Option<Next> {
        let frame = self.state.frames.iter().rev().find(|frame| {
            matches!(&frame.kind, FrameKind::Loop(each) if each.iterating)
                && self.gives_up_iterations(&frame.run.step)
        })?;
        let FrameKind::Loop(each) = &frame.kind else { return None };
        Some(Next::Emit(EventKind::IterationFailed {
            step: frame.run.step.clone(),
            index: each.index.unwrap_or(0),
            failure: failure.clone(),
        }))
    }
}

fn meant(handler: &PlanHandler, failure: &Failure) -> bool {
    if handler.kinds.is_empty() {
        return ErrorMatcher::Class(ErrorClassName::Any).matches(failure);
    }
    handler.kinds.iter().any(|kind| kind.matches(failure))
}
