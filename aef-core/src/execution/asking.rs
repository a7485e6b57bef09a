//! How checkpoints are raised: with what a person needs to see, and bound to what was shown.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::checkpoint::{AnswerKind, Checkpoint, CheckpointKind, Evidence};
use super::command::Command;
use super::event::EventKind;
use super::flow::{Next, expression_failure};
use super::machine::Execution;
use super::state::{Doubt, StepRun};
use crate::document::{Action, OnTimeout, Target};
use crate::ids::{CheckpointId, StepId};
use crate::plan::{PlanAsk, PlanCheckpoint, PlanKind, PlanManual, PlanStep};
use crate::recovery::{ErrorKind, Failure};
use crate::secrets::NOT_GIVEN;

impl Execution {
    /// What a checkpoint before the step demands; nothing where it was agreed to what is there now.
    pub(super) fn before_checkpoint(&self, planned: &PlanStep) -> Option<Next> {
        let checkpoint = planned.before.as_ref()?;
        let binds = self.binds_to_page(&planned.id);
        if binds && let Some(next) = self.page() {
            return Some(next);
        }
        let actions = self.rendered_actions(planned);
        let evidence = match self.evidence(&actions) {
            Ok(evidence) => evidence,
            Err(next) => return Some(next),
        };
        let shown = self.shown_of(&planned.id, &actions, evidence.as_ref());
        if self.state.approvals.get(&planned.id) == Some(&shown) {
            return None;
        }
        let mut answers = vec![AnswerKind::Approve, AnswerKind::Reject, AnswerKind::Skip];
        if checkpoint.form.is_some() {
            answers.push(AnswerKind::Modify);
        }
        let question = Question {
            kind: CheckpointKind::BeforeExecution,
            title: format!("Run “{}”?", planned.name),
            answers,
            actions,
            evidence,
        };
        Some(self.raise(planned, checkpoint, question))
    }

    pub(super) fn after_checkpoint(&self, planned: &PlanStep) -> Option<Next> {
        let checkpoint = planned.after.as_ref()?;
        if self.state.focus().is_some_and(|run| run.after_answered) {
            return None;
        }
        let evidence = match self.evidence(&[]) {
            Ok(evidence) => evidence,
            Err(next) => return Some(next),
        };
        let mut answers = vec![AnswerKind::Approve, AnswerKind::Reject];
        if checkpoint.form.is_some() {
            answers.push(AnswerKind::Modify);
        }
        let question = Question {
            kind: CheckpointKind::AfterExecution,
            title: format!("Is what “{}” did right?", planned.name),
            answers,
            actions: Vec::new(),
            evidence,
        };
        Some(self.raise(planned, checkpoint, question))
    }

    pub(super) fn raise_manual(&self, _run: &StepRun, planned: &PlanStep, manual: &PlanManual) -> Next {
        let evidence = match self.evidence(&[]) {
            Ok(evidence) => evidence,
            Err(next) => return next,
        };
        let question = Question {
            kind: CheckpointKind::Manual,
            title: planned.name.clone(),
            answers: vec![
                AnswerKind::Done,
                AnswerKind::Approve,
                AnswerKind::Skip,
                AnswerKind::Reject,
                AnswerKind::TakeOver,
            ],
            actions: Vec::new(),
            evidence,
        };
        self.raise(planned, &manual.checkpoint, question)
    }

    pub(super) fn raise_decision(&self, _run: &StepRun, planned: &PlanStep, ask: &PlanAsk) -> Next {
        let evidence = match self.evidence(&[]) {
            Ok(evidence) => evidence,
            Err(next) => return next,
        };
        let question = Question {
            kind: CheckpointKind::Decision,
            title: planned.name.clone(),
            answers: vec![AnswerKind::Choose, AnswerKind::Skip, AnswerKind::Reject],
            actions: Vec::new(),
            evidence,
        };
        self.raise(planned, &ask.checkpoint, question)
    }

    pub(super) fn raise_in_doubt(&self, run: &StepRun, doubt: &Doubt) -> Next {
        let Some(index) = self.plan.find(&run.step) else { return Next::Wait };
        let planned = self.plan.step(index);
        let evidence = match self.evidence(&[]) {
            Ok(evidence) => evidence,
            Err(next) => return next,
        };
        let plain = PlanCheckpoint::plain();
        let question = Question {
            kind: CheckpointKind::InDoubt,
            title: format!("Did this happen: {}?", doubt.action),
            answers: vec![AnswerKind::Done, AnswerKind::Retry, AnswerKind::TakeOver, AnswerKind::Stop],
            actions: vec![Arc::clone(&doubt.action)],
            evidence,
        };
        let mut next = self.raise(planned, &plain, question);
        if let Next::Emit(EventKind::CheckpointRaised { checkpoint }) = &mut next {
            checkpoint.failure = Some(doubt.failure.clone());
        }
        next
    }

    /// Asks again for the secrets that a form asked for and that this process does not know; nothing where the failure is
    /// another one.
    pub(super) fn raise_not_given(&self, run: &StepRun, failure: &Failure) -> Option<Next> {
        if failure.kind != ErrorKind::SecretMissing || failure.reason.as_deref() != Some(NOT_GIVEN) {
            return None;
        }
        let planned = self.plan.step(self.plan.find(&run.step)?);
        let given = &self.plan.settings.given;
        let names = self.planned_action(&run.step, failure.action?)?.secrets();
        let properties: Map<String, Value> = names
            .into_iter()
            .filter_map(|name| given.get(&name).map(|schema| (name, Value::clone(schema))))
            .collect();
        let required: Vec<&String> = properties.keys().collect();
        let form = json!({ "type": "object", "required": required, "properties": properties });
        let question = Question {
            kind: CheckpointKind::Manual,
            title: format!("Give once more what “{}” enters", planned.name),
            answers: vec![AnswerKind::Done, AnswerKind::Skip, AnswerKind::Reject],
            actions: Vec::new(),
            // The picture of the failure stands in the journal already, and no page is agreed to here.
            evidence: None,
        };
        let asked = PlanCheckpoint { form: Some(Arc::new(form)), ..PlanCheckpoint::plain() };
        Some(self.raise(planned, &asked, question))
    }

    fn raise(&self, planned: &PlanStep, asked: &PlanCheckpoint, question: Question) -> Next {
        let scope = self.scope(Some(&planned.id));
        let text = |template: &Option<crate::plan::JsonTemplate>| {
            let rendered = template.as_ref().map(|template| template.render(&scope)).transpose();
            rendered.map(|value| {
                value.map(|value| match &value {
                    serde_json::Value::String(text) => text.clone(),
                    serde_json::Value::Null
                    | serde_json::Value::Bool(_)
                    | serde_json::Value::Number(_)
                    | serde_json::Value::Array(_)
                    | serde_json::Value::Object(_) => value.to_string(),
                })
            })
        };
        let (title, description) = match (text(&asked.title), text(&asked.description)) {
            (Ok(title), Ok(description)) => (title, description),
            (Err(error), _) | (_, Err(error)) => {
                return self.fail_step(&planned.id, expression_failure(&error));
            }
        };
        let about = format!("{}#{}#{}", planned.id, question.kind.as_str(), self.state.raised + 1);
        let ask = match &planned.kind {
            PlanKind::Decision(decision) => decision.ask.as_ref(),
            PlanKind::Task(_)
            | PlanKind::Loop(_)
            | PlanKind::Group(_)
            | PlanKind::Manual(_)
            | PlanKind::End(_) => None,
        };
        let asked_to_choose = ask.filter(|_| question.kind == CheckpointKind::Decision);
        let options = asked_to_choose.map(|ask| ask.options.clone()).unwrap_or_default();
        let expires_at = asked
            .timeout
            .and_then(|timeout| self.now().checked_add(jiff::SignedDuration::try_from(timeout).ok()?).ok());
        Next::Emit(EventKind::CheckpointRaised {
            checkpoint: Box::new(Checkpoint {
                id: CheckpointId::derive(self.id(), &about),
                kind: question.kind,
                label: asked.label.clone(),
                step: planned.id.clone(),
                step_name: planned.name.clone(),
                title: title.unwrap_or(question.title),
                description: description.or_else(|| planned.intent.clone()),
                actions: question.actions,
                risk: planned.risk,
                evidence: question.evidence,
                failure: None,
                form: asked.form.clone(),
                options,
                answers: question.answers,
                expires_at,
                on_timeout: asked.on_timeout,
            }),
        })
    }

    /// A checkpoint that a standing answer covers is answered at once, in the name of whoever gave it.
    pub(super) fn standing_answer(&self, checkpoint: &Checkpoint) -> Next {
        match self.standing(&checkpoint.step) {
            Some((_, answer))
                if checkpoint.answers.contains(&answer.response)
                    && checkpoint.kind != CheckpointKind::InDoubt =>
            {
                Next::Emit(EventKind::CheckpointAnswered {
                    checkpoint: checkpoint.id,
                    kind: checkpoint.kind,
                    step: checkpoint.step.clone(),
                    answer: answer.clone(),
                    sets: super::event::Values::new(),
                })
            }
            Some(_) | None => Next::Wait,
        }
    }

    /// The step's actions as they would be performed now. Where a value is only known later, as the document writes it.
    pub(super) fn rendered_actions(&self, planned: &PlanStep) -> Vec<Arc<Action>> {
        let PlanKind::Task(task) = &planned.kind else { return Vec::new() };
        let scope = self.scope(Some(&planned.id));
        let render = |action: &crate::plan::PlanAction| {
            action.render(&scope).unwrap_or_else(|_| Arc::clone(&action.source))
        };
        task.actions.iter().map(render).collect()
    }

    /// Evidence of the page as it stands, where one is open; as an error, the command that takes it.
    #[expect(clippy::result_large_err, reason = "what must happen first is made and taken apart at once")]
    fn evidence(&self, actions: &[Arc<Action>]) -> Result<Option<Evidence>, Next> {
        if !self.state.session
            || self.state.page_lost && self.state.evidence.is_none() && self.reentry().is_some()
        {
            return Ok(None);
        }
        if let Some(evidence) = &self.state.evidence {
            return Ok(Some(evidence.clone()));
        }
        let fingerprints: Vec<Target> =
            actions.iter().filter_map(|action| action.kind.target().cloned()).collect();
        Err(Next::Do(Command::CaptureEvidence { token: self.state.seq, screenshot: true, fingerprints }))
    }

    /// A picture of what each task leads to, where the document wants one.
    pub(super) fn step_evidence(&self, planned: &PlanStep) -> Option<Next> {
        let wanted = self.plan.settings.screenshots == crate::document::Screenshots::EachStep;
        let acts = match &planned.kind {
            PlanKind::Task(task) => task.actions.iter().any(|action| action.source.kind.needs_page()),
            PlanKind::Loop(_)
            | PlanKind::Decision(_)
            | PlanKind::Group(_)
            | PlanKind::Manual(_)
            | PlanKind::End(_) => false,
        };
        if !wanted || !acts || !self.state.session || self.state.page_lost {
            return None;
        }
        self.evidence(&[]).err()
    }

    /// The step's own failure as evidence of it, before anything is decided about it.
    pub(super) fn failure_evidence(&self, step: &StepId) -> Option<Next> {
        let wanted = self.plan.settings.screenshots != crate::document::Screenshots::Never;
        let seen = self.state.focus().is_none_or(|run| run.failure_seen || run.step != *step);
        (wanted && !seen && self.state.session).then(|| {
            Next::Do(Command::CaptureEvidence {
                token: self.state.seq,
                screenshot: true,
                fingerprints: Vec::new(),
            })
        })
    }
}

struct Question {
    kind: CheckpointKind,
    title: String,
    answers: Vec<AnswerKind>,
    actions: Vec<Arc<Action>>,
    evidence: Option<Evidence>,
}

impl PlanCheckpoint {
    /// A checkpoint that waits for ever.
    fn plain() -> Self {
        Self {
            title: None,
            description: None,
            form: None,
            timeout: None,
            on_timeout: OnTimeout::Pause,
            label: None,
        }
    }
}
