//! What happens next in containers: loops, decisions, and at the end of blocks and of the document.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::event::{EventKind, Values};
use super::flow::{Answered, Next, expression_failure};
use super::machine::Execution;
use super::state::{Frame, FrameKind, LoopFrame, StepRun};
use super::task::too_many_iterations;
use crate::ids::StepId;
use crate::plan::{PlanCondition, PlanDecision, PlanKind, PlanLoop, PlanOver, PlanStep};
use crate::recovery::{ErrorKind, Failure};

impl Execution {
    pub(super) fn enter_loop(&self, step: &StepId, planned: &PlanLoop) -> Next {
        let PlanOver::ForEach(expression) = &planned.over else {
            return Next::Emit(EventKind::LoopEntered { step: step.clone(), items: None });
        };
        let items = match expression.evaluate(&self.scope(Some(step))) {
            Ok(Value::Array(items)) => items,
            Ok(other) => {
                let message = format!(
                    "`forEach: {}` must give a list, and gives {}",
                    expression.source(),
                    kind_of(&other)
                );
                return self
                    .fail_step(step, Failure::new(ErrorKind::Data, message).with_reason("not_a_list"));
            }
            Err(error) => return self.fail_step(step, expression_failure(&error)),
        };
        if items.len() > planned.max_iterations as usize {
            let failure = too_many_iterations(planned.max_iterations);
            let message = format!("the list has {} items; {}", items.len(), failure.message);
            return self.fail_step(step, Failure { message, ..failure });
        }
        Next::Emit(EventKind::LoopEntered { step: step.clone(), items: Some(Arc::new(items)) })
    }

    pub(super) fn decide(&self, run: &StepRun, planned: &PlanStep, decision: &PlanDecision) -> Next {
        if let Some(ask) = &decision.ask {
            return self.raise_decision(run, planned, ask);
        }
        let scope = self.scope(Some(&run.step));
        let mut rendered = Vec::with_capacity(decision.branches.len());
        let mut broken = None;
        for branch in &decision.branches {
            let Some(when) = &branch.when else { break };
            match when.render(&scope) {
                Ok(condition) => rendered.push(condition),
                // A branch behind one that holds is never read, so its error counts only if control gets there.
                Err(error) => {
                    broken = Some(expression_failure(&error));
                    break;
                }
            }
        }
        let own = rendered.iter().filter_map(crate::document::Condition::timeout).map(|span| span.0).max();
        let results = match self.first_that_holds(&rendered, own.unwrap_or(Duration::ZERO)) {
            Ok(found) => found,
            Err(next) => return next,
        };
        if let Some(place) = results {
            return self.take_branch(&run.step, decision, place);
        }
        match broken {
            Some(failure) => self.fail_step(&run.step, failure),
            None => self.take_branch(&run.step, decision, decision.branches.len()),
        }
    }

    /// The first condition that holds; constants in front of it need no page.
    #[expect(clippy::result_large_err, reason = "what must happen first is made and taken apart at once")]
    fn first_that_holds(
        &self,
        rendered: &[crate::document::Condition],
        wait: Duration,
    ) -> Result<Option<usize>, Next> {
        let constants: Vec<_> = rendered.iter().map(crate::document::Condition::constant).collect();
        let known = constants.iter().position(|value| *value != Some(false));
        match known.map(|place| (place, constants[place])) {
            None => return Ok(None),
            Some((place, Some(true))) => return Ok(Some(place)),
            Some(_) => {}
        }
        match self.answer_rendered(rendered.to_vec(), wait) {
            Ok(Answered::Yes(results) | Answered::No(results)) => {
                Ok(results.iter().position(|result| result.holds))
            }
            Ok(Answered::Ask(next)) => Err(next),
            Err(_) => Ok(None),
        }
    }

    fn take_branch(&self, step: &StepId, decision: &PlanDecision, place: usize) -> Next {
        let Some(branch) = decision.branches.get(place).or(decision.otherwise.as_ref()) else {
            let message = "no branch holds and there is no `otherwise`";
            return self.fail_step(step, Failure::new(ErrorKind::Data, message).with_reason("no_branch"));
        };
        let branch_index = u32::try_from(place).unwrap_or(u32::MAX);
        Next::Emit(EventKind::BranchTaken {
            step: step.clone(),
            branch: branch_index,
            label: branch.label.clone(),
        })
    }

    pub(super) fn block_end(&self) -> Next {
        let Some(frame) = self.state.frames.last() else { return Next::Wait };
        let Some(index) = self.plan.find(&frame.run.step) else { return Next::Wait };
        let planned = self.plan.step(index);
        match (&frame.kind, &planned.kind) {
            (FrameKind::Loop(each), PlanKind::Loop(looped)) => self.loop_end(planned, looped, frame, each),
            (FrameKind::Handler { handler }, _) => self.apply_handler(&frame.run, *handler),
            _ => self.complete_step(planned, false),
        }
    }

    fn loop_end(&self, planned: &PlanStep, looped: &PlanLoop, frame: &Frame, each: &LoopFrame) -> Next {
        let step = &frame.run.step;
        if each.iterating {
            return self.end_of_iteration(step, looped, each);
        }
        if each.done {
            return self.complete_step(planned, false);
        }
        let next = each.index.map_or(0, |index| index + 1);
        let goes_on = match &looped.over {
            PlanOver::ForEach(_) => {
                Ok(each.items.as_ref().is_some_and(|items| (next as usize) < items.len()))
            }
            PlanOver::While(condition) => self.holds(condition, step),
            PlanOver::Until(_) => Ok(true),
        };
        match goes_on {
            Ok(true) if next >= looped.max_iterations => {
                self.fail_step(step, too_many_iterations(looped.max_iterations))
            }
            Ok(true) => Next::Emit(EventKind::IterationStarted { step: step.clone(), index: next }),
            Ok(false) => self.complete_step(planned, false),
            Err(next) => next,
        }
    }

    fn end_of_iteration(&self, step: &StepId, looped: &PlanLoop, each: &LoopFrame) -> Next {
        let last = match &looped.over {
            PlanOver::Until(condition) => match self.holds(condition, step) {
                Ok(holds) => holds,
                Err(next) => return next,
            },
            PlanOver::ForEach(_) | PlanOver::While(_) => false,
        };
        let collected: Result<Values, Failure> = self.evaluate_all(step, &looped.collect);
        match collected.and_then(|collected| self.check_sizes(&collected).map(|()| collected)) {
            Ok(collected) => Next::Emit(EventKind::IterationCompleted {
                step: step.clone(),
                index: each.index.unwrap_or(0),
                collected,
                last,
            }),
            Err(failure) => self.fail_step(step, failure),
        }
    }

    /// Whether a condition holds; as an error, what must happen before that is known.
    #[expect(clippy::result_large_err, reason = "what must happen first is made and taken apart at once")]
    fn holds(&self, condition: &PlanCondition, step: &StepId) -> Result<bool, Next> {
        match self.ask(std::slice::from_ref(condition), step, Duration::ZERO) {
            Ok(Answered::Yes(_)) => Ok(true),
            Ok(Answered::No(_)) => Ok(false),
            Ok(Answered::Ask(next)) => Err(next),
            Err(failure) => Err(self.fail_step(step, failure)),
        }
    }

    pub(super) fn done(&self, end: Option<&StepId>) -> Next {
        let planned = end.and_then(|end| match self.kind_of(end) {
            Some(PlanKind::End(planned)) => Some(planned),
            _ => None,
        });
        if planned.is_none() && self.state.steps_run == 0 {
            let message =
                "the end was reached and nothing had been done or verified: every step was left out";
            let failure = Failure::new(ErrorKind::NothingRan, message);
            return Next::Emit(EventKind::Failed { failure, result: None });
        }
        let result = match planned.and_then(|planned| planned.result.as_ref()) {
            Some(template) => match template.render(&self.scope(end)) {
                Ok(result) => Some(result),
                Err(error) => {
                    let failure = expression_failure(&error);
                    let failure = end.map_or(failure.clone(), |end| failure.at(end, None));
                    return Next::Emit(EventKind::Failed { failure, result: None });
                }
            },
            None => None,
        };
        if let (Some(end), true) = (end, planned.is_some_and(|planned| planned.failed)) {
            let message = format!("the procedure ended at `{end}`, which says that it has failed");
            let failure =
                Failure::new(ErrorKind::VerificationFailed, message).with_reason("end").at(end, None);
            return Next::Emit(EventKind::Failed { failure, result });
        }
        Next::Emit(EventKind::Completed { result, items_failed: self.state.items_failed })
    }
}

const fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}
