//! What must happen next, as a function of the state alone: an event, a command, or nothing.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::command::{Command, OpenSession};
use super::event::{EventKind, Jump, SkipReason, Values};
use super::machine::Execution;
use super::state::{At, FrameKind, Parking, Phase, StepRun};
use super::status::PauseReason;
use super::variables::{Layer, View};
use crate::browser::ConditionResult;
use crate::document::{ActionKind, BrowserConfig, Condition, Risk};
use crate::ids::{Seq, StepId};
use crate::plan::{ExpressionError, PlanCondition, PlanKind, PlanStep, Scope};
use crate::recovery::{ErrorKind, Failure};

/// What must happen next.
#[derive(Debug)]
pub(super) enum Next {
    Emit(EventKind),
    Do(Command),
    Wait,
}

/// What the page answered.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) token: Seq,
    pub(super) results: Vec<ConditionResult>,
}

/// No step may be visited more often in one run of its block.
const MAX_VISITS: u32 = 100;

/// What came of a condition.
pub(super) enum Answered {
    Yes(Vec<ConditionResult>),
    No(Vec<ConditionResult>),
    Ask(Next),
}

impl Execution {
    pub(super) fn next(&self, now: Timestamp) -> Next {
        let state = &self.state;
        if state.end.is_some() || state.held {
            return Next::Wait;
        }
        if !state.started {
            return self.begin(now);
        }
        if let Some(next) = self.interrupted(now) {
            return next;
        }
        if let Some(doubt) = &state.doubt {
            return self.settle_doubt(doubt);
        }
        if let Some(run) = state.focus()
            && let Some(failure) = &run.failure
        {
            return self.resolve_failure(run, failure, now);
        }
        match (&state.run, &state.at) {
            (Some(run), _) if run.phase != Phase::Guard => self.next_in_step(run),
            (Some(_), At::Step(step)) | (None, At::Step(step)) => {
                self.boundary().unwrap_or_else(|| self.arrive(step))
            }
            (_, At::Behind(step)) => self.leave(step),
            (_, At::BlockEnd) => self.boundary().unwrap_or_else(|| self.block_end()),
            (_, At::Done(end)) => self.boundary().unwrap_or_else(|| self.done(end.as_ref())),
        }
    }

    fn begin(&self, now: Timestamp) -> Next {
        if self.state.requests.stop {
            return Next::Emit(EventKind::Stopped { result: None });
        }
        if self.state.paused.is_some() || self.state.start_at.is_some_and(|start| start > now) {
            return Next::Wait;
        }
        let mut vars = Values::new();
        if self.state.parent.is_none() || self.state.globals.is_empty() {
            let scope = self.scope(None);
            for (name, template) in &self.plan.vars {
                match template.render(&scope) {
                    Ok(value) => drop(vars.insert(name.clone(), value)),
                    Err(error) => {
                        return Next::Emit(EventKind::Failed {
                            failure: expression_failure(&error),
                            result: None,
                        });
                    }
                }
            }
        }
        Next::Emit(EventKind::Started { inputs: None, vars: Some(vars) })
    }

    /// What stands above the procedure: an action in flight, parking, requests, waits, limits.
    fn interrupted(&self, now: Timestamp) -> Option<Next> {
        let state = &self.state;
        if let Some(flight) = &state.in_flight {
            return Some(self.in_flight_next(flight));
        }
        if let Some(parking) = state.parking {
            let command = match parking {
                Parking::Saving => Command::SaveBrowserState,
                Parking::Closing => Command::CloseSession,
            };
            return Some(Next::Do(command));
        }
        if state.requests.stop {
            return Some(if state.session {
                Next::Do(Command::CloseSession)
            } else {
                Next::Emit(EventKind::Stopped { result: None })
            });
        }
        if let Some(failure) = self.over_limit(now) {
            return Some(Next::Emit(EventKind::Failed { failure, result: None }));
        }
        if state.requests.take_over {
            let next = if state.session { Next::Emit(EventKind::TakenOver) } else { self.open_session() };
            return Some(next);
        }
        if state.requests.skip {
            let step = self.skippable()?;
            let reason = if state.checkpoint.as_ref().is_some_and(|open| open.expired) {
                SkipReason::Timeout
            } else {
                SkipReason::Person
            };
            return Some(Next::Emit(self.skip_event(&step, reason)));
        }
        if state.taken_over.is_some() || state.paused.is_some() {
            return Some(Next::Wait);
        }
        if let Some(open) = &state.checkpoint {
            return Some(self.standing_answer(&open.checkpoint));
        }
        state.recovery.is_some().then_some(Next::Wait)
    }

    fn in_flight_next(&self, flight: &super::state::InFlight) -> Next {
        if self.fresh != Some(flight.op) {
            return Next::Wait;
        }
        let Some(run) = &self.state.run else { return Next::Wait };
        let Some(planned) = self.planned_action(&run.step, flight.index) else { return Next::Wait };
        if self.state.requests.stop {
            return Next::Do(Command::CancelAction { op: flight.op });
        }
        if matches!(flight.action.kind, ActionKind::Set(_)) {
            return self.set_variables_now(run, flight, planned);
        }
        Next::Do(Command::PerformAction {
            op: flight.op,
            step: run.step.clone(),
            action: Arc::clone(&flight.action),
            timeout: planned.timeout.min(self.time_left(run)),
        })
    }

    fn set_variables_now(
        &self,
        run: &StepRun,
        flight: &super::state::InFlight,
        planned: &crate::plan::PlanAction,
    ) -> Next {
        match self
            .evaluate_all(&run.step, &planned.set)
            .and_then(|sets| self.check_sizes(&sets).map(|()| sets))
        {
            Ok(sets) => Next::Emit(EventKind::ActionSucceeded {
                op: flight.op,
                outcome: Arc::default(),
                sets,
                artifact: None,
            }),
            Err(failure) => Next::Emit(EventKind::ActionFailed {
                op: flight.op,
                failure: failure.at(&run.step, Some(flight.index)),
                effect: crate::browser::Effect::None,
                outcome: None,
            }),
        }
    }

    /// What takes effect between two steps: a pause that was asked for, the end of a single step.
    fn boundary(&self) -> Option<Next> {
        if self.state.requests.pause {
            return Some(Next::Emit(EventKind::Paused { reason: PauseReason::Requested }));
        }
        (self.state.single_step.is_some() && self.state.single_step_done)
            .then(|| Next::Emit(EventKind::Paused { reason: PauseReason::SingleStep }))
    }

    fn arrive(&self, step: &StepId) -> Next {
        let Some(index) = self.plan.find(step) else { return self.lost_place(step) };
        let planned = self.plan.step(index);
        if self.state.steps_entered >= self.plan.settings.max_steps {
            let most = self.plan.settings.max_steps;
            return self.fail_step(
                step,
                limit(
                    "max_steps",
                    format!("{most} steps were entered: raise `config.maxSteps` if that is right"),
                ),
            );
        }
        let visit = self.visits(step) + 1;
        if visit > MAX_VISITS {
            return self.fail_step(
                step,
                limit(
                    "max_visits",
                    format!(
                        "step `{step}` was come back to {MAX_VISITS} times: check the jumps that lead to it"
                    ),
                ),
            );
        }
        if let Some(guard) = &planned.when {
            match self.ask(std::slice::from_ref(guard), step, Duration::ZERO) {
                Ok(Answered::Yes(_)) => {}
                Ok(Answered::No(_)) => return Next::Emit(self.skip_event(step, SkipReason::Guard)),
                Ok(Answered::Ask(next)) => return next,
                Err(failure) => return self.fail_step(step, failure),
            }
        }
        Next::Emit(EventKind::StepEntered { step: step.clone(), visit })
    }

    fn next_in_step(&self, run: &StepRun) -> Next {
        let Some(index) = self.plan.find(&run.step) else { return self.lost_place(&run.step) };
        let planned = self.plan.step(index);
        if let Some(handler) = run.handling {
            return self.apply_handler(run, handler);
        }
        if run.phase == Phase::Entered
            && let Some(next) = self.end_of_dry_run(planned).or_else(|| self.before_checkpoint(planned))
        {
            return next;
        }
        match &planned.kind {
            PlanKind::Task(task) => self.next_in_task(run, planned, task),
            PlanKind::Manual(manual) => self.raise_manual(run, planned, manual),
            PlanKind::End(_) => self.complete_step(planned, run.verified),
            PlanKind::Group(_) => Next::Emit(EventKind::GroupEntered { step: run.step.clone() }),
            PlanKind::Loop(each) => self.enter_loop(&run.step, each),
            PlanKind::Decision(decision) => self.decide(run, planned, decision),
        }
    }

    /// A dry run is stopped before the first step that may change something, and shows what that step would do.
    fn end_of_dry_run(&self, planned: &PlanStep) -> Option<Next> {
        let changes = match &planned.kind {
            PlanKind::Task(_) => planned.risk > Risk::Read,
            PlanKind::Manual(_) => true,
            PlanKind::Group(_) | PlanKind::Loop(_) | PlanKind::Decision(_) | PlanKind::End(_) => false,
        };
        if !self.state.dry_run || !changes {
            return None;
        }
        if self.state.session {
            return Some(Next::Do(Command::CloseSession));
        }
        let result = json!({
            "dryRun": true,
            "stoppedBefore": {
                "stepId": planned.id,
                "stepName": planned.name,
                "risk": planned.risk,
                "actions": self.rendered_actions(planned),
            },
        });
        Some(Next::Emit(EventKind::Stopped { result: Some(result) }))
    }

    fn leave(&self, step: &StepId) -> Next {
        let to = self.planned_jump(step).unwrap_or(Jump::End);
        Next::Emit(EventKind::Jumped { step: step.clone(), to })
    }

    /// Completes a step whose work is done: its outputs, the checkpoint after it, and then the event.
    pub(super) fn complete_step(&self, planned: &PlanStep, verified: bool) -> Next {
        if let Some(next) = self.step_evidence(planned).or_else(|| self.after_checkpoint(planned)) {
            return next;
        }
        match self.outputs(&planned.id) {
            Ok(sets) => Next::Emit(EventKind::StepCompleted { step: planned.id.clone(), verified, sets }),
            Err(failure) => self.fail_step(&planned.id, failure),
        }
    }

    pub(super) fn outputs(&self, step: &StepId) -> Result<Values, Failure> {
        let Some(index) = self.plan.find(step) else { return Ok(Values::new()) };
        let outputs = &self.plan.step(index).outputs;
        if outputs.is_empty() {
            return Ok(Values::new());
        }
        let sets = self.evaluate_all(step, outputs)?;
        self.check_sizes(&sets)?;
        Ok(sets)
    }

    pub(super) fn evaluate_all(
        &self,
        step: &StepId,
        expressions: &[(String, crate::plan::Expression)],
    ) -> Result<Values, Failure> {
        let scope = self.scope(Some(step));
        expressions
            .iter()
            .map(|(name, expression)| {
                let value = expression.evaluate(&scope).map_err(|error| expression_failure(&error))?;
                Ok((name.clone(), value))
            })
            .collect()
    }

    pub(super) fn fail_step(&self, step: &StepId, failure: Failure) -> Next {
        Next::Emit(EventKind::StepFailed { step: step.clone(), failure: failure.at(step, None) })
    }

    fn lost_place(&self, step: &StepId) -> Next {
        let message = format!("the plan has no step `{step}`: the journal belongs to another document");
        Next::Emit(EventKind::Failed { failure: Failure::new(ErrorKind::Internal, message), result: None })
    }

    pub(super) fn skip_event(&self, step: &StepId, reason: SkipReason) -> EventKind {
        let names =
            self.plan.find(step).map(|index| self.plan.step(index).sets.as_slice()).unwrap_or_default();
        let sets = names.iter().map(|name| (name.clone(), serde_json::Value::Null)).collect();
        EventKind::StepSkipped { step: step.clone(), reason, sets }
    }

    /// Asks conditions: those that need no page are answered here, others by the page in its present state.
    pub(super) fn ask(
        &self,
        conditions: &[PlanCondition],
        step: &StepId,
        wait: Duration,
    ) -> Result<Answered, Failure> {
        let scope = self.scope(Some(step));
        let rendered: Vec<Condition> = conditions
            .iter()
            .map(|condition| condition.render(&scope))
            .collect::<Result<_, _>>()
            .map_err(|error| expression_failure(&error))?;
        let own = rendered.iter().filter_map(Condition::timeout).map(|span| span.0).max().unwrap_or_default();
        self.answer_rendered(rendered, wait.max(own))
    }

    pub(super) fn answer_rendered(
        &self,
        rendered: Vec<Condition>,
        wait: Duration,
    ) -> Result<Answered, Failure> {
        let constants: Vec<_> = rendered.iter().map(Condition::constant).collect();
        let as_result = |holds: bool| ConditionResult { holds, detail: String::new() };
        if constants.iter().all(Option::is_some) {
            let results: Vec<_> = constants.into_iter().map(|value| as_result(value == Some(true))).collect();
            return Ok(sort_answer(results));
        }
        if let Some(next) = self.page() {
            return Ok(Answered::Ask(next));
        }
        if let Some(seen) = self.seen.as_ref().filter(|seen| seen.token == self.state.seq)
            && seen.results.len() == rendered.len()
        {
            return Ok(sort_answer(seen.results.clone()));
        }
        Ok(Answered::Ask(Next::Do(Command::Observe {
            token: self.state.seq,
            conditions: rendered,
            timeout: wait,
        })))
    }

    /// What must happen before a page can be worked on; nothing where one is open and is the right one.
    pub(super) fn page(&self) -> Option<Next> {
        if !self.state.session {
            return Some(self.open_session());
        }
        if !self.state.page_lost {
            return None;
        }
        match self.reentry() {
            Some((step, body)) => Some(Next::Emit(EventKind::Reentered { step, body })),
            // Verification only reads, so it may be done on the address where the work stood.
            None if self.only_verification_is_left() => None,
            None => Some(Next::Emit(EventKind::Paused { reason: PauseReason::PageLost })),
        }
    }

    fn only_verification_is_left(&self) -> bool {
        self.state
            .run
            .as_ref()
            .is_some_and(|run| run.phase == Phase::Acting && run.index >= self.action_count(&run.step))
    }

    /// Where work can be entered again on a fresh page without repeating anything: the step, or the body of a container
    /// (`true`); the document's own steps have no name.
    pub(super) fn reentry(&self) -> Option<(Option<StepId>, bool)> {
        let state = &self.state;
        if let Some(run) = &state.run {
            let index = self.plan.find(&run.step)?;
            let planned = self.plan.step(index);
            if planned.resume == crate::document::Resume::Ask {
                return None;
            }
            if !run.dirty && begins_with_navigate(&planned.kind) && run.phase != Phase::Guard {
                return Some((Some(run.step.clone()), false));
            }
        }
        for (place, frame) in state.frames.iter().enumerate().rev() {
            let begins =
                self.block_of_frame(place).is_some_and(|block| self.plan.block(block).begins_with_navigate);
            if begins && !frame.dirty && !matches!(frame.kind, FrameKind::Handler { .. }) {
                return Some((Some(frame.run.step.clone()), true));
            }
        }
        (self.plan.blocks[0].begins_with_navigate && !state.root_dirty).then_some((None, false))
    }

    pub(super) fn open_session(&self) -> Next {
        let scope = self.scope(None);
        let config = match self.plan.settings.browser.render(&scope) {
            Ok(value) => serde_json::from_value::<BrowserConfig>(value),
            Err(error) => {
                return Next::Emit(EventKind::Failed { failure: expression_failure(&error), result: None });
            }
        };
        let config = match config {
            Ok(config) => config,
            Err(error) => {
                let message = format!(
                    "`config.browser` is not what it should be once its templates are filled in: {error}"
                );
                let failure = Failure::new(ErrorKind::Data, message).with_reason("browser_config");
                return Next::Emit(EventKind::Failed { failure, result: None });
            }
        };
        let at_page = self.state.page_touched && (self.state.doubt.is_some() || self.reentry().is_none());
        Next::Do(Command::OpenSession(Box::new(OpenSession {
            config,
            timezone: self.plan.settings.timezone.clone(),
            restore: self.state.browser_state.clone(),
            url: self.state.url.clone().filter(|url| at_page && url.starts_with("http")),
        })))
    }

    /// How long the step may still work.
    pub(super) fn time_left(&self, run: &StepRun) -> Duration {
        let Some(index) = self.plan.find(&run.step) else { return Duration::ZERO };
        let used = self.state.last_at.as_millisecond() - run.since.as_millisecond();
        let used = Duration::from_millis(u64::try_from(used).unwrap_or(0));
        self.plan.step(index).timeout.saturating_sub(used)
    }

    fn over_limit(&self, now: Timestamp) -> Option<Failure> {
        let settings = &self.plan.settings;
        let since =
            |start: Timestamp| u64::try_from(now.as_millisecond() - start.as_millisecond()).unwrap_or(0);
        let millis = |limit: Duration| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        if since(self.state.created_at) >= millis(settings.max_age) {
            return Some(limit("max_age", "the execution is older than `config.maxAge`".to_owned()));
        }
        let running = self.state.running_ms + self.state.running_since.map_or(0, since);
        (running >= millis(settings.max_duration)).then(|| {
            limit("max_duration", "the execution has run for longer than `config.maxDuration`".to_owned())
        })
    }

    pub(super) fn scope(&self, step: Option<&StepId>) -> Scope {
        let state = &self.state;
        let mut scopes = Vec::with_capacity(state.frames.len() + 1);
        for frame in state.frames.iter().rev() {
            if let FrameKind::Loop(each) = &frame.kind {
                if !frame.locals.is_empty() {
                    scopes.push(Layer::Variables(Arc::clone(&frame.locals)));
                }
                if !each.collected.is_empty() {
                    scopes.push(Layer::Collected(Arc::clone(&each.collected)));
                }
            }
        }
        scopes.push(Layer::Variables(Arc::clone(&state.globals)));
        let error = state.frames.iter().rev().find_map(|frame| frame.run.failure.as_ref());
        View {
            scopes,
            inputs: state.inputs.clone(),
            execution: self.id,
            started_at: state.started_at.unwrap_or(state.last_at),
            step: step.cloned(),
            error: error.or_else(|| state.run.as_ref()?.failure.as_ref()).cloned(),
            timezone: self.timezone(),
        }
        .into_scope()
    }
}

fn sort_answer(results: Vec<ConditionResult>) -> Answered {
    if results.iter().all(|result| result.holds) { Answered::Yes(results) } else { Answered::No(results) }
}

fn begins_with_navigate(kind: &PlanKind) -> bool {
    match kind {
        PlanKind::Task(task) => {
            task.actions.first().is_some_and(|action| matches!(action.source.kind, ActionKind::Navigate(_)))
        }
        PlanKind::Loop(_)
        | PlanKind::Decision(_)
        | PlanKind::Group(_)
        | PlanKind::Manual(_)
        | PlanKind::End(_) => false,
    }
}

pub(super) fn limit(reason: &str, message: String) -> Failure {
    Failure::new(ErrorKind::LimitExceeded, message).with_reason(reason)
}

pub(super) fn expression_failure(error: &ExpressionError) -> Failure {
    Failure::new(ErrorKind::Expression, error.to_string())
}
