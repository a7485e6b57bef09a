//! Questions to a person, as text: what is asked, what will be done, and which command answers it. The same of an execution
//! that is kept here and of a server's.

use std::fmt::{self, Display};
use std::path::Path;

use aef::client;
use aef::document::{Action, Risk};
use aef::execution::{AnswerKind, Checkpoint, CheckpointKind, ExecutionState, Status};
use aef::ids::ExecutionId;
use aef::recovery::RecoveryOption;
use jiff::Timestamp;
use serde_json::Value;

use crate::describe;

/// A checkpoint with all that a person needs to answer it.
#[derive(Debug)]
pub(crate) struct Question {
    /// Its id.
    pub(crate) id: String,
    kind: CheckpointKind,
    /// What the document calls its kind.
    label: Option<String>,
    title: String,
    description: Option<String>,
    step_name: String,
    risk: Risk,
    /// What went wrong, where it is not known whether something has happened.
    doubt: Option<String>,
    /// What will be done, or was.
    actions: Vec<String>,
    page: Option<String>,
    /// Where its picture is.
    picture: Option<String>,
    /// What may be chosen: ids and labels.
    pub(crate) options: Vec<(String, String)>,
    /// The JSON Schema of the data that an answer gives.
    pub(crate) form: Option<Value>,
    expires_at: Option<Timestamp>,
    /// The answers that are possible.
    pub(crate) answers: Vec<AnswerKind>,
}

impl Question {
    /// Of an execution whose artifacts are here.
    fn kept(checkpoint: &Checkpoint, execution: ExecutionId, artifacts: &Path) -> Self {
        let evidence = checkpoint.evidence.as_ref();
        let folder = artifacts.join("executions").join(execution.to_string());
        let picture = evidence.and_then(|evidence| evidence.screenshot.as_ref());
        Self {
            id: checkpoint.id.to_string(),
            kind: checkpoint.kind,
            label: checkpoint.label.clone(),
            title: checkpoint.title.clone(),
            description: checkpoint.description.clone(),
            step_name: checkpoint.step_name.clone(),
            risk: checkpoint.risk,
            doubt: checkpoint.failure.as_ref().map(ToString::to_string),
            actions: checkpoint.actions.iter().map(|action| describe::action(action)).collect(),
            page: evidence.map(|evidence| format!("{} {}", evidence.title, evidence.url)),
            picture: picture.map(|picture| folder.join(picture.artifact.as_str()).display().to_string()),
            options: checkpoint
                .options
                .iter()
                .map(|option| (option.id.clone(), option.label.clone()))
                .collect(),
            form: checkpoint.form.as_deref().cloned(),
            expires_at: checkpoint.expires_at,
            answers: checkpoint.answers.clone(),
        }
    }

    /// Of a server's execution.
    fn told(checkpoint: &client::Checkpoint) -> Self {
        let action = |value: &Value| {
            // A server of a later version may know actions that are not known here.
            let known = serde_json::from_value::<Action>(value.clone());
            known.map_or_else(|_| describe::line(value), |action| describe::action(&action))
        };
        Self {
            id: checkpoint.id.clone(),
            kind: checkpoint.kind,
            label: checkpoint.label.clone(),
            title: checkpoint.title.clone(),
            description: checkpoint.description.clone(),
            step_name: checkpoint.step_name.clone(),
            risk: checkpoint.risk,
            doubt: checkpoint.failure.as_ref().map(ToString::to_string),
            actions: checkpoint.actions.iter().map(action).collect(),
            page: checkpoint.url.clone(),
            picture: checkpoint.screenshot.clone(),
            options: checkpoint
                .options
                .iter()
                .map(|option| (option.id.clone(), option.label.clone()))
                .collect(),
            form: checkpoint.form.clone(),
            expires_at: checkpoint.expires_at,
            answers: checkpoint.responses.clone(),
        }
    }

    /// Whether it asks no more than leave.
    pub(crate) const fn is_routine(&self) -> bool {
        match self.kind {
            CheckpointKind::BeforeExecution | CheckpointKind::AfterExecution => true,
            CheckpointKind::Decision | CheckpointKind::Manual | CheckpointKind::InDoubt => false,
        }
    }

    /// The command that gives an answer.
    fn respond(&self, answer: AnswerKind, again: &str) -> String {
        let more = match answer {
            AnswerKind::Choose => {
                let option = self.options.first().map_or("ID", |(id, _)| id);
                format!(" --option {option}")
            }
            AnswerKind::Modify => " --data '{ … }'".to_owned(),
            AnswerKind::Done if self.form.is_some() => " --data '{ … }'".to_owned(),
            AnswerKind::Approve
            | AnswerKind::Reject
            | AnswerKind::Skip
            | AnswerKind::Retry
            | AnswerKind::Done
            | AnswerKind::TakeOver
            | AnswerKind::Stop => String::new(),
        };
        format!("aef respond {} {}{more}{again}", self.id, answer.as_str())
    }
}

impl Display for Question {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "? {}", self.title)?;
        let mut line = |name: &str, value: &str| writeln!(out, "  {name:<9} {value}");
        if let Some(description) = &self.description {
            line("", description)?;
        }
        let kind = self.label.clone().unwrap_or_else(|| describe::words(self.kind.as_str()));
        line("step", &format!("{} ({kind})", self.step_name))?;
        line("risk", describe::risk(self.risk))?;
        if let Some(doubt) = &self.doubt {
            line("doubt", doubt)?;
        }
        for (index, action) in self.actions.iter().enumerate() {
            let doing = if self.kind == CheckpointKind::AfterExecution { "did" } else { "will do" };
            line(if index == 0 { doing } else { "" }, action)?;
        }
        if let Some(page) = &self.page {
            line("page", page)?;
        }
        if let Some(picture) = &self.picture {
            line("picture", picture)?;
        }
        for (id, label) in &self.options {
            line("option", &format!("{id}: {label}"))?;
        }
        if let Some(form) = &self.form {
            line("form", &describe::shortened(&form.to_string(), 400))?;
        }
        if let Some(expires) = self.expires_at {
            line("until", &expires.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())?;
        }
        line("id", &self.id)
    }
}

/// A recovery on offer.
#[derive(Debug)]
pub(crate) struct Offer {
    /// What went wrong.
    pub(crate) failure: String,
    /// What may be chosen.
    pub(crate) options: Vec<RecoveryOption>,
}

impl Display for Offer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "! {}", self.failure)?;
        self.options
            .iter()
            .try_for_each(|option| writeln!(out, "  {:<9} {}", option.id(), option.description()))
    }
}

/// What an execution asks a person.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) question: Option<Question>,
    pub(crate) offer: Option<Offer>,
}

impl Asked {
    /// What an execution asks whose artifacts are here.
    pub(crate) fn kept(state: &ExecutionState, artifacts: &Path) -> Self {
        let open = state.checkpoint.as_deref();
        let offer = state.recovery.as_ref();
        Self {
            question: open.map(|open| Question::kept(open, state.id, artifacts)),
            offer: offer
                .map(|offer| Offer { failure: offer.failure.to_string(), options: offer.options.clone() }),
        }
    }

    /// What a server's execution asks.
    pub(crate) fn told(execution: &client::Execution) -> Self {
        let offer = |error: &client::ExecutionError| Offer {
            failure: execution.failure.as_ref().map_or_else(|| error.message.clone(), ToString::to_string),
            options: error.recovery_options.iter().map(|choice| choice.id).collect(),
        };
        Self {
            question: execution.checkpoints.first().map(Question::told),
            // Of what has failed for good it is told, too, and nothing is on offer.
            offer: execution.error.as_ref().map(offer).filter(|offer| !offer.options.is_empty()),
        }
    }

    /// The commands with which an execution in this status goes on.
    pub(crate) fn commands(&self, id: &impl Display, status: Status, again: &str) -> Vec<String> {
        if status.is_final() {
            return Vec::new();
        }
        let question = self.question.as_ref();
        let asks = matches!(status, Status::WaitingCheckpoint | Status::Paused);
        let answers = question
            .filter(|_| asks)
            .into_iter()
            .flat_map(|open| open.answers.iter().map(|answer| open.respond(*answer, again)));
        let offer = self.offer.iter().filter(|_| status == Status::WaitingRecovery);
        let recoveries = offer
            .flat_map(|offer| &offer.options)
            .map(|option| format!("aef recover {id} {}{again}", option.id()));
        answers.chain(recoveries).chain([format!("aef resume {id}{again}")]).collect()
    }
}

impl Display for Asked {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.question.iter().try_for_each(|question| question.fmt(out))?;
        self.offer.iter().try_for_each(|offer| offer.fmt(out))
    }
}
