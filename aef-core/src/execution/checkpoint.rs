//! Questions to a person, and their answers.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::document::{Action, AskOption, Fingerprint, OnTimeout, Risk};
use crate::ids::{ArtifactHash, CheckpointId, StepId};
use crate::recovery::Failure;

/// What a checkpoint is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckpointKind {
    /// May this step begin?
    BeforeExecution,
    /// Is what it did right?
    AfterExecution,
    /// Which branch?
    Decision,
    /// A person does something and says so.
    Manual,
    /// Did this happen?
    InDoubt,
}

impl CheckpointKind {
    /// The name in journals.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BeforeExecution => "before_execution",
            Self::AfterExecution => "after_execution",
            Self::Decision => "decision",
            Self::Manual => "manual",
            Self::InDoubt => "in_doubt",
        }
    }
}

/// What was shown of the page.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// The current tab's address.
    #[serde(default)]
    pub url: String,
    /// Its title.
    #[serde(default)]
    pub title: String,
    /// The picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screenshot: Option<Artifact>,
    /// What the targets of the step's actions were, in their order; `None` where one was not there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fingerprints: Vec<Option<Fingerprint>>,
}

/// A file kept beside the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// SHA-256 of its bytes.
    pub artifact: ArtifactHash,
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
}

/// A question to a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    /// Its id, derived from what it is about.
    pub id: CheckpointId,
    /// What it is about.
    pub kind: CheckpointKind,
    /// A label of the document's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The step.
    pub step: StepId,
    /// The step's name.
    pub step_name: String,
    /// The question.
    pub title: String,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What will be done, or was; values as they will be entered, secrets by name only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<Arc<Action>>,
    /// What the step may change.
    pub risk: Risk,
    /// The page as it stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// For in_doubt: what went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The JSON Schema of the data that an answer gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Arc<Value>>,
    /// For decision: what may be chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<AskOption>,
    /// The answers that are possible.
    pub answers: Vec<AnswerKind>,
    /// When it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// What happens then.
    pub on_timeout: OnTimeout,
}

/// The kinds of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerKind {
    /// Go on.
    Approve,
    /// Stop the execution.
    Reject,
    /// Leave the step out.
    Skip,
    /// Go on with other data.
    Modify,
    /// This option.
    Choose,
    /// In doubt: perform it again.
    Retry,
    /// In doubt: it has happened. Manual: it is done.
    Done,
    /// Give me the page.
    TakeOver,
    /// Stop the execution.
    Stop,
}

impl AnswerKind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Approve,
        Self::Reject,
        Self::Skip,
        Self::Modify,
        Self::Choose,
        Self::Retry,
        Self::Done,
        Self::TakeOver,
        Self::Stop,
    ];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Skip => "skip",
            Self::Modify => "modify",
            Self::Choose => "choose",
            Self::Retry => "retry",
            Self::Done => "done",
            Self::TakeOver => "take_over",
            Self::Stop => "stop",
        }
    }

    /// The answer of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// To what an answer applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplyTo {
    /// This checkpoint.
    #[default]
    This,
    /// This and all later ones of the same step in this execution.
    Step,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// What it says.
    pub response: AnswerKind,
    /// For choose: which option.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub option: Option<String>,
    /// Data for the form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// To what it applies.
    #[serde(default)]
    pub apply_to: ApplyTo,
    /// A remark for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl Answer {
    /// An answer that says this and no more.
    #[must_use]
    pub const fn new(response: AnswerKind) -> Self {
        Self { response, option: None, data: None, apply_to: ApplyTo::This, comment: None }
    }

    /// The answer that approves.
    #[must_use]
    pub const fn approve() -> Self {
        Self::new(AnswerKind::Approve)
    }

    /// The answer that chooses `option`.
    #[must_use]
    pub fn choose(option: impl Into<String>) -> Self {
        Self { option: Some(option.into()), ..Self::new(AnswerKind::Choose) }
    }

    /// The same with data for the form.
    #[must_use]
    pub fn with_data(mut self, data: Value) -> Self {
        self.data = Some(data);
        self
    }
}
