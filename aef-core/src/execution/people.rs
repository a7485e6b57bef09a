//! What people ask: checked against where the execution stands, and written down. They never start work.

use std::sync::Arc;

use serde_json::Value;

use super::checkpoint::{Answer, AnswerKind, Checkpoint, CheckpointKind};
use super::command::{Input, Rejected, RejectedData};
use super::event::{EventKind, SettledBy, SkipReason, Values};
use super::machine::{Batch, Execution};
use super::state::At;
use super::status::{PauseReason, Status};
use crate::ids::{CheckpointId, StepId};
use crate::plan::{PlanKind, write_only};
use crate::recovery::RecoveryOption;

impl Execution {
    pub(super) fn person(&mut self, batch: &mut Batch<'_>, input: Input) -> Result<(), Rejected> {
        let name = input.name();
        if self.status().is_final() {
            return Err(self.reject(name, ": it is finished; fork it to run it again"));
        }
        match input {
            Input::Start { inputs } => self.start(batch, name, inputs),
            Input::Pause => self.pause(batch, name),
            Input::Resume => self.resume(batch, name),
            Input::Stop => {
                self.stop(batch);
                Ok(())
            }
            Input::Answer { checkpoint, answer } => self.answer(batch, name, checkpoint, answer),
            Input::Recover(option) => self.recover(batch, name, option),
            Input::Retry => self.recover(batch, name, RecoveryOption::Retry),
            Input::Skip => self.skip(batch, name),
            Input::RunStep(step) => self.run_step(batch, name, &step),
            Input::TakeOver => self.take_over(batch, name),
            Input::ExtendTakeover => self.when_taken_over(batch, name, EventKind::TakeoverExtended),
            Input::HandBack => self.when_taken_over(batch, name, EventKind::HandedBack),
            Input::SetVariables(values) => self.set_variables(batch, name, values),
            Input::Wake
            | Input::WorkerLost
            | Input::SessionReady { .. }
            | Input::SessionFailed { .. }
            | Input::SessionLost { .. }
            | Input::SessionClosed
            | Input::BrowserStateSaved { .. }
            | Input::ActionSucceeded { .. }
            | Input::ActionFailed { .. }
            | Input::Observed { .. }
            | Input::ObservationFailed { .. }
            | Input::EvidenceCaptured { .. }
            | Input::EvidenceFailed { .. } => Ok(()),
        }
    }

    fn reject(&self, input: &'static str, detail: impl Into<String>) -> Rejected {
        Rejected { input, status: self.status(), detail: detail.into(), answered: None, cause: None }
    }

    fn start(
        &mut self,
        batch: &mut Batch<'_>,
        name: &'static str,
        inputs: Option<Arc<Value>>,
    ) -> Result<(), Rejected> {
        if self.status() != Status::Created {
            return Err(self.reject(name, ": only a held execution is started"));
        }
        self.emit(batch, EventKind::Started { inputs, vars: None });
        Ok(())
    }

    fn pause(&mut self, batch: &mut Batch<'_>, name: &'static str) -> Result<(), Rejected> {
        match self.status() {
            Status::Running => {
                if !self.state.requests.pause {
                    self.emit(batch, EventKind::PauseRequested);
                }
                Ok(())
            }
            Status::Queued | Status::WaitingCheckpoint | Status::WaitingRecovery => {
                self.emit(batch, EventKind::Paused { reason: PauseReason::Requested });
                Ok(())
            }
            Status::Created
            | Status::Paused
            | Status::TakenOver
            | Status::Completed
            | Status::Failed
            | Status::Stopped => Err(self.reject(name, "")),
        }
    }

    fn resume(&mut self, batch: &mut Batch<'_>, name: &'static str) -> Result<(), Rejected> {
        if self.status() != Status::Paused {
            return Err(self.reject(name, ""));
        }
        self.emit(batch, EventKind::Resumed { single_step: None });
        Ok(())
    }

    fn stop(&mut self, batch: &mut Batch<'_>) {
        let busy = self.state.session
            || self.state.in_flight.is_some()
            || matches!(self.status(), Status::Running | Status::TakenOver);
        if !busy {
            self.emit(batch, EventKind::Stopped { result: None });
        } else if !self.state.requests.stop {
            self.emit(batch, EventKind::StopRequested);
        }
    }

    fn answer(
        &mut self,
        batch: &mut Batch<'_>,
        name: &'static str,
        id: CheckpointId,
        answer: Answer,
    ) -> Result<(), Rejected> {
        let open = self.state.checkpoint.as_ref().filter(|open| open.checkpoint.id == id);
        let Some(open) = open else {
            let answered = self.answer_of(id).cloned();
            let detail = match &answered {
                Some(counted) => {
                    format!(": checkpoint {id} was answered with {}", counted.response.as_str())
                }
                None => format!(": checkpoint {id} is not open"),
            };
            return Err(Rejected { answered: answered.map(Box::new), ..self.reject(name, detail) });
        };
        let checkpoint = open.checkpoint.clone();
        self.check_answer(name, &checkpoint, &answer)?;
        let sets = self.answer_sets(&checkpoint, &answer);
        let (step, kind) = (checkpoint.step.clone(), checkpoint.kind);
        let response = answer.response;
        let option = answer.option.clone();
        let recorded = Answer { data: public_data(&checkpoint, answer.data), ..answer };
        self.emit(
            batch,
            EventKind::CheckpointAnswered {
                checkpoint: id,
                kind,
                step: step.clone(),
                answer: recorded,
                sets,
            },
        );
        self.settle(batch, &checkpoint, response, option.as_deref());
        Ok(())
    }

    fn check_answer(
        &self,
        name: &'static str,
        checkpoint: &Checkpoint,
        answer: &Answer,
    ) -> Result<(), Rejected> {
        if !checkpoint.answers.contains(&answer.response) {
            let allowed: Vec<_> = checkpoint.answers.iter().map(|kind| kind.as_str()).collect();
            return Err(self.reject(
                name,
                format!(
                    ": {} is not an answer here; one of {} is",
                    answer.response.as_str(),
                    allowed.join(", ")
                ),
            ));
        }
        if answer.response == AnswerKind::Choose {
            let chosen = answer.option.as_deref().unwrap_or_default();
            if !checkpoint.options.iter().any(|option| option.id == chosen) {
                let ids: Vec<_> = checkpoint.options.iter().map(|option| option.id.as_str()).collect();
                return Err(
                    self.reject(name, format!(": `{chosen}` is not an option; one of {} is", ids.join(", ")))
                );
            }
        }
        let gives_data = matches!(
            answer.response,
            AnswerKind::Modify | AnswerKind::Choose | AnswerKind::Done | AnswerKind::Approve
        );
        if let (Some(form), true) = (&checkpoint.form, gives_data) {
            let optional = answer.data.is_none() && checkpoint.kind == CheckpointKind::BeforeExecution
                || answer.data.is_none() && checkpoint.kind == CheckpointKind::AfterExecution;
            if !optional {
                let data = answer.data.clone().unwrap_or_else(|| Value::Object(serde_json::Map::new()));
                crate::plan::Plan::check_form(form, &data).map_err(|diagnostics| Rejected {
                    cause: Some(Box::new(RejectedData::Form(diagnostics))),
                    ..self.reject(name, ": the data does not fit the form")
                })?;
            }
        }
        Ok(())
    }

    /// What an answer sets: the variable of a manual step or of a question as a whole, else each field of the form by its
    /// name.
    fn answer_sets(&self, checkpoint: &Checkpoint, answer: &Answer) -> Values {
        // What a form marks `writeOnly` must not stand in the journal: it is entered as a secret, and sets nothing.
        let Some(data) = public_data(checkpoint, answer.data.clone()) else { return Values::new() };
        let whole = match self.kind_of(&checkpoint.step) {
            Some(PlanKind::Manual(manual)) if checkpoint.kind == CheckpointKind::Manual => {
                Some(&manual.variable)
            }
            Some(PlanKind::Decision(decision)) if checkpoint.kind == CheckpointKind::Decision => {
                decision.ask.as_ref().map(|ask| &ask.variable)
            }
            _ => None,
        };
        match (whole, data) {
            (Some(variable), data) => variable.iter().map(|name| (name.clone(), data.clone())).collect(),
            (None, Value::Object(fields)) if checkpoint.form.is_some() => fields.into_iter().collect(),
            (None, _) => Values::new(),
        }
    }

    /// What follows at once from an answer.
    fn settle(
        &mut self,
        batch: &mut Batch<'_>,
        checkpoint: &Checkpoint,
        response: AnswerKind,
        option: Option<&str>,
    ) {
        match (checkpoint.kind, response) {
            (CheckpointKind::InDoubt, AnswerKind::Done) => {
                if let Some(op) = self.state.doubt.as_ref().map(|doubt| doubt.op) {
                    self.emit(batch, EventKind::DoubtSettled { op, by: SettledBy::Person });
                }
            }
            (CheckpointKind::Decision, AnswerKind::Choose) => {
                if let Some((branch, label)) =
                    self.branch_of_option(&checkpoint.step, option.unwrap_or_default())
                {
                    self.emit(batch, EventKind::BranchTaken { step: checkpoint.step.clone(), branch, label });
                }
            }
            (CheckpointKind::Manual, AnswerKind::Done | AnswerKind::Approve | AnswerKind::Modify) => {
                if matches!(self.kind_of(&checkpoint.step), Some(PlanKind::Manual(_))) {
                    self.complete(batch, &checkpoint.step.clone());
                } else {
                    // What it lacked was given.
                    let kind = self.retry_event(&checkpoint.step);
                    self.emit(batch, kind);
                }
            }
            _ => {}
        }
    }

    /// Completes a step whose work is done elsewhere; where its outputs cannot be evaluated it fails.
    fn complete(&mut self, batch: &mut Batch<'_>, step: &StepId) {
        let kind = match self.outputs(step) {
            Ok(sets) => EventKind::StepCompleted { step: step.clone(), verified: false, sets },
            Err(failure) => EventKind::StepFailed { step: step.clone(), failure },
        };
        self.emit(batch, kind);
    }

    fn branch_of_option(&self, step: &StepId, option: &str) -> Option<(u32, String)> {
        let Some(PlanKind::Decision(decision)) = self.kind_of(step) else { return None };
        let found = decision.branches.iter().position(|branch| branch.option.as_deref() == Some(option));
        let place = found.unwrap_or(decision.branches.len());
        let branch = decision.branches.get(place).or(decision.otherwise.as_ref())?;
        Some((u32::try_from(place).ok()?, branch.label.clone()))
    }

    fn recover(
        &mut self,
        batch: &mut Batch<'_>,
        name: &'static str,
        option: RecoveryOption,
    ) -> Result<(), Rejected> {
        let Some(recovery) = self.state.recovery.clone() else {
            return Err(self.reject(name, ": no recovery is on offer"));
        };
        if !recovery.options.contains(&option) {
            return Err(self.reject(name, format!(": `{}` is not on offer", option.id())));
        }
        self.emit(batch, EventKind::RecoveryChosen { option });
        match option {
            RecoveryOption::Retry => {
                let kind = self.retry_event(&recovery.step);
                self.emit(batch, kind);
            }
            RecoveryOption::Skip => {
                let kind = self.skip_event(&recovery.step, SkipReason::Person);
                self.emit(batch, kind);
            }
            RecoveryOption::TakeOver => self.emit(batch, EventKind::TakeoverRequested),
            RecoveryOption::Stop => self.stop(batch),
        }
        Ok(())
    }

    fn skip(&mut self, batch: &mut Batch<'_>, name: &'static str) -> Result<(), Rejected> {
        let status = self.status();
        match status {
            Status::Running => {
                if !self.state.requests.skip {
                    self.emit(batch, EventKind::SkipRequested);
                }
                Ok(())
            }
            Status::Paused | Status::WaitingCheckpoint | Status::WaitingRecovery => {
                let Some(step) = self.skippable() else {
                    return Err(self.reject(name, ": it stands at no step"));
                };
                if let Some(open) = &self.state.checkpoint {
                    let checkpoint = open.checkpoint.id;
                    self.emit(batch, EventKind::CheckpointWithdrawn { checkpoint });
                }
                let kind = self.skip_event(&step, SkipReason::Person);
                self.emit(batch, kind);
                Ok(())
            }
            Status::Created
            | Status::Queued
            | Status::TakenOver
            | Status::Completed
            | Status::Failed
            | Status::Stopped => Err(self.reject(name, "")),
        }
    }

    /// The step that a skip is about.
    pub(super) fn skippable(&self) -> Option<StepId> {
        self.state.focus().map(|run| run.step.clone()).or_else(|| match &self.state.at {
            At::Step(step) => Some(step.clone()),
            At::Behind(_) | At::BlockEnd | At::Done(_) => None,
        })
    }

    fn run_step(&mut self, batch: &mut Batch<'_>, name: &'static str, step: &StepId) -> Result<(), Rejected> {
        if self.status() != Status::Paused {
            return Err(self.reject(name, ": pause it first"));
        }
        let Some(index) = self.plan.find(step) else {
            return Err(self.reject(name, format!(": there is no step `{step}`")));
        };
        let open = self.plan.container(index).is_none_or(|owner| {
            let owner = &self.plan.step(owner).id;
            self.state.frames.iter().any(|frame| frame.run.step == *owner)
        });
        if !open {
            return Err(
                self.reject(name, format!(": step `{step}` stands in a container that was not entered"))
            );
        }
        if let Some(open) = &self.state.checkpoint {
            let checkpoint = open.checkpoint.id;
            self.emit(batch, EventKind::CheckpointWithdrawn { checkpoint });
        }
        if self.state.current_step() != Some(step) {
            let from = self.state.current_step().cloned().unwrap_or_else(|| step.clone());
            let to = super::event::Jump::Goto(step.clone());
            self.emit(batch, EventKind::Jumped { step: from, to });
        }
        self.emit(batch, EventKind::Resumed { single_step: Some(step.clone()) });
        Ok(())
    }

    fn take_over(&mut self, batch: &mut Batch<'_>, name: &'static str) -> Result<(), Rejected> {
        match self.status() {
            Status::Running | Status::Paused | Status::WaitingCheckpoint | Status::WaitingRecovery => {
                if !self.state.requests.take_over {
                    self.emit(batch, EventKind::TakeoverRequested);
                }
                Ok(())
            }
            Status::Created
            | Status::Queued
            | Status::TakenOver
            | Status::Completed
            | Status::Failed
            | Status::Stopped => Err(self.reject(name, "")),
        }
    }

    fn when_taken_over(
        &mut self,
        batch: &mut Batch<'_>,
        name: &'static str,
        kind: EventKind,
    ) -> Result<(), Rejected> {
        if self.status() != Status::TakenOver {
            return Err(self.reject(name, ": nobody has taken it over"));
        }
        self.emit(batch, kind);
        Ok(())
    }

    fn set_variables(
        &mut self,
        batch: &mut Batch<'_>,
        name: &'static str,
        sets: Values,
    ) -> Result<(), Rejected> {
        if !self.status().is_waiting() {
            return Err(self.reject(name, ": pause it first"));
        }
        self.check_sizes(&sets).map_err(|failure| Rejected {
            cause: Some(Box::new(RejectedData::Values(failure))),
            ..self.reject(name, ": the values are too large")
        })?;
        self.emit(batch, EventKind::VariablesSet { sets });
        Ok(())
    }
}

/// What of an answer's data may stand in the journal beside its variables: fields that the form marks `writeOnly` are
/// secrets and are left out.
fn public_data(checkpoint: &Checkpoint, data: Option<Value>) -> Option<Value> {
    let mut data = data?;
    if let (Some(form), Value::Object(fields)) = (&checkpoint.form, &mut data) {
        for (name, _) in write_only(form) {
            fields.remove(name);
        }
    }
    Some(data)
}
