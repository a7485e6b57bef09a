//! What happens next in a task, and how a doubt about one of its actions is settled.

use std::time::Duration;

use super::event::{EventKind, SettledBy};
use super::flow::{Answered, Next, expression_failure, limit};
use super::machine::Execution;
use super::state::{Doubt, StepRun};
use crate::browser::ConditionResult;
use crate::document::InDoubtPolicy;
use crate::plan::{PlanAction, PlanKind, PlanStep, PlanTask};
use crate::recovery::{ErrorKind, Failure};

impl Execution {
    pub(super) fn next_in_task(&self, run: &StepRun, planned: &PlanStep, task: &PlanTask) -> Next {
        match task.actions.get(run.index as usize) {
            Some(action) => self.start_action(run, planned, task, action),
            None => self.verify(run, planned, task),
        }
    }

    fn start_action(&self, run: &StepRun, planned: &PlanStep, task: &PlanTask, action: &PlanAction) -> Next {
        if action.source.kind.needs_page() {
            if let Some(next) = self.page() {
                return next;
            }
            if self.time_left(run).is_zero() {
                let seconds = planned.timeout.as_secs();
                return self.fail_step(&run.step, step_timeout(seconds));
            }
        }
        let rendered = match action.render(&self.scope(Some(&run.step))) {
            Ok(rendered) => rendered,
            Err(error) => {
                let failure = expression_failure(&error).at(&run.step, Some(run.index));
                return self.fail_step(&run.step, failure);
            }
        };
        let mut verify_before = run.verify_before;
        if !action.repeatable && verify_before.is_none() && !task.verify.is_empty() {
            match self.ask(&task.verify, &run.step, Duration::ZERO) {
                Ok(Answered::Yes(_)) => verify_before = Some(true),
                Ok(Answered::No(_)) => verify_before = Some(false),
                Ok(Answered::Ask(next)) => return without_wait(next),
                // What cannot be evaluated before the actions have run cannot settle a doubt; it may still hold after them.
                Err(_) => {}
            }
        }
        Next::Emit(EventKind::ActionStarted {
            step: run.step.clone(),
            index: run.index,
            op: self.state.ops + 1,
            action: rendered,
            verify_before,
        })
    }

    fn verify(&self, run: &StepRun, planned: &PlanStep, task: &PlanTask) -> Next {
        if task.verify.is_empty() || run.verified {
            return self.complete_step(planned, run.verified);
        }
        match self.ask(&task.verify, &run.step, self.time_left(run)) {
            Ok(Answered::Yes(_)) => self.complete_step(planned, true),
            Ok(Answered::No(results)) => {
                let message = format!("what the step must lead to is not there: {}", unmet(&results));
                self.fail_step(&run.step, Failure::new(ErrorKind::VerificationFailed, message))
            }
            Ok(Answered::Ask(next)) => next,
            Err(failure) => self.fail_step(&run.step, failure),
        }
    }

    pub(super) fn settle_doubt(&self, doubt: &Doubt) -> Next {
        let Some(run) = &self.state.run else { return Next::Wait };
        let verify = match self.kind_of(&run.step) {
            Some(PlanKind::Task(task)) if run.verify_before == Some(false) => task.verify.as_slice(),
            _ => &[],
        };
        if !doubt.checked && !verify.is_empty() {
            if !self.state.session {
                return self.open_session();
            }
            return self.verify_doubt(doubt, run, verify);
        }
        if self.plan.settings.in_doubt == InDoubtPolicy::Fail {
            let message = format!(
                "it is not known whether `{}` has happened, and nobody is to be asked: {}",
                doubt.action.kind.name(),
                doubt.failure.message
            );
            let failure = Failure::new(ErrorKind::InDoubt, message).at(&run.step, Some(doubt.index));
            return Next::Emit(EventKind::Failed { failure, result: None });
        }
        self.raise_in_doubt(run, doubt)
    }

    fn verify_doubt(&self, doubt: &Doubt, run: &StepRun, verify: &[crate::plan::PlanCondition]) -> Next {
        let unverified = |conditions| Next::Emit(EventKind::DoubtUnverified { op: doubt.op, conditions });
        let scope = self.scope(Some(&run.step));
        let rendered: Result<Vec<_>, _> = verify.iter().map(|condition| condition.render(&scope)).collect();
        let Ok(rendered) = rendered else { return unverified(Vec::new()) };
        // The page may be another one than before; here it is only read.
        if let Some(seen) = self.seen.as_ref().filter(|seen| seen.token == self.state.seq)
            && seen.results.len() == rendered.len()
        {
            return if seen.results.iter().all(|result| result.holds) {
                Next::Emit(EventKind::DoubtSettled { op: doubt.op, by: SettledBy::Verify })
            } else {
                unverified(seen.results.clone())
            };
        }
        let timeout =
            self.plan.find(&run.step).map(|index| self.plan.step(index).timeout).unwrap_or_default();
        Next::Do(super::command::Command::Observe { token: self.state.seq, conditions: rendered, timeout })
    }
}

/// The state before an action is read as it is, whatever a condition's own timeout says.
fn without_wait(next: Next) -> Next {
    if let Next::Do(super::command::Command::Observe { token, conditions, .. }) = next {
        return Next::Do(super::command::Command::Observe { token, conditions, timeout: Duration::ZERO });
    }
    next
}

fn step_timeout(seconds: u64) -> Failure {
    Failure::new(
        ErrorKind::Timeout,
        format!(
            "the step has worked for {seconds} s, which is its timeout: raise `timeout` if it needs longer"
        ),
    )
    .with_reason("step_timeout")
}

/// The conditions that do not hold, for a person.
pub(super) fn unmet(results: &[ConditionResult]) -> String {
    let unmet: Vec<_> = results
        .iter()
        .enumerate()
        .filter(|(_, result)| !result.holds)
        .map(|(index, result)| match result.detail.as_str() {
            "" => format!("condition {} does not hold", index + 1),
            detail => format!("condition {}: {detail}", index + 1),
        })
        .collect();
    unmet.join("; ")
}

/// A loop that would run on.
pub(super) fn too_many_iterations(most: u32) -> Failure {
    limit(
        "max_iterations",
        format!("the loop would run more than {most} times: raise its `maxIterations` if that is right"),
    )
}
