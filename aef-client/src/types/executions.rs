//! Executions: how they stand, and what is done with them.

use std::fmt;

use aef_core::document::Risk;
use aef_core::execution::{Answer, AnswerKind, ApplyTo, CheckpointKind, LogLevel, PauseReason, Status};
use aef_core::recovery::RecoveryOption;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What is to be executed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Execute {
    /// The document.
    pub aef_document_id: String,
    /// Which version. Default the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Only these steps. Default all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_ids: Option<Vec<String>>,
    /// The inputs, as the document's schema asks for them. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Value>,
    /// A held execution that was made of the document, to be let go. Default: one is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<String>,
    /// Higher is served first. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// Not before. Default now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_at: Option<Timestamp>,
    /// Whether it ends before the first step that may change something. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

/// An execution that was submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    /// Its id.
    pub execution_id: String,
    /// Where it stands.
    pub status: Status,
    /// Where it can be watched.
    pub websocket_url: String,
    /// Where it can be read.
    pub status_url: String,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// What went wrong, as documents name it; `stopped` where a person ended the execution.
    pub kind: String,
    /// Which of several causes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What happened and what to do.
    pub message: String,
    /// The step in which it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_id: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.kind)?;
        if let Some(reason) = &self.reason {
            write!(out, " ({reason})")?;
        }
        if let Some(step) = &self.step_id {
            write!(out, " in step `{step}`")?;
        }
        write!(out, ": {}", self.message)
    }
}

/// A failure with what may be done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionError {
    /// What happened and what to do.
    pub message: String,
    /// What went wrong, as documents name it.
    pub kind: String,
    /// What may be chosen.
    pub recovery_options: Vec<RecoveryChoice>,
    /// In how many seconds the step is tried again by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_retry_in: Option<u64>,
}

/// One way to recover.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryChoice {
    /// What to send as `option`.
    pub id: RecoveryOption,
    /// A short label.
    pub label: String,
    /// What choosing it will do.
    pub description: String,
}

/// A choice that a checkpoint offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What to send as `option`.
    pub id: String,
    /// Its label.
    pub label: String,
}

/// A question to a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    /// Its id.
    pub id: String,
    /// The execution.
    pub execution_id: String,
    /// The step.
    pub step_id: String,
    /// The step's name.
    pub step_name: String,
    /// What it is about.
    pub kind: CheckpointKind,
    /// A label of the document's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The question.
    pub title: String,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What will be done, or was: actions as documents write them, secrets by name only.
    pub actions: Vec<Value>,
    /// The page's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Where the picture of the page is, relative to the surface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screenshot: Option<String>,
    /// What the step may change.
    pub risk: Risk,
    /// What went wrong, where it is not known whether something has happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The JSON Schema of the data that an answer gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Value>,
    /// What may be chosen.
    pub options: Vec<Choice>,
    /// The answers that are possible.
    pub responses: Vec<AnswerKind>,
    /// When it was raised.
    pub created_at: Timestamp,
    /// When it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// How long it has been open, in seconds.
    pub age: u64,
    /// `open`: answered ones stand in the log.
    pub status: String,
}

/// An execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Execution {
    /// Its id.
    pub execution_id: String,
    /// The document.
    pub aef_document_id: String,
    /// Where it stands.
    pub status: Status,
    /// From 0 to 100; 100 only when completed.
    pub progress: u8,
    /// The step on which it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_step: Option<Step>,
    /// The iterations of the loops around that step, from the outermost in, from 0.
    pub iterations: Vec<u32>,
    /// The open checkpoint, if there is one.
    pub checkpoints: Vec<Checkpoint>,
    /// The failure for which recovery is on offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ExecutionError>,
    /// Why it failed, or why the last attempt at a step did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Why it is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<PauseReason>,
    /// What it waits for: `waitsFor` is `nothing`, `start`, `person`, `timer`, `worker`, `owner_limit`, `no_worker` or
    /// `room`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<Value>,
    /// Whether a pause was asked for and has not taken effect.
    pub pausing: bool,
    /// Whether a stop was asked for and has not taken effect.
    pub stopping: bool,
    /// What it resulted in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// How many iterations were given up.
    pub items_failed: u32,
    /// The address on which the work stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_url: Option<String>,
    /// The execution it was forked from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
    /// The place of its last event.
    pub seq: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}

/// An execution in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionRow {
    /// Its id.
    pub execution_id: String,
    /// The document.
    pub aef_document_id: String,
    /// Where it stands.
    pub status: Status,
    /// From 0 to 100.
    pub progress: u8,
    /// The id of the step on which it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_step_id: Option<String>,
    /// A sentence on what it waits for or why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The execution it was forked from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When something last happened.
    pub updated_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}

/// A page of executions, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Executions {
    /// The executions.
    pub executions: Vec<ExecutionRow>,
    /// What to ask for as `cursor` next, where there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// How to fork.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fork {
    /// Where the new execution begins. Default where the old one failed, or its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_step: Option<String>,
    /// Another document, or the same one in its newest version, to go on with. Default the one it was made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aef_document_id: Option<String>,
}

/// An execution that was made of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Forked {
    /// The new execution.
    pub execution_id: String,
    /// The one it was made of.
    pub parent_id: String,
    /// Where the new one stands.
    pub status: Status,
}

/// A page of open checkpoints, those that wait longest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoints {
    /// The checkpoints.
    pub checkpoints: Vec<Checkpoint>,
    /// What to ask for as `cursor` next, where there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// An answer to a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Respond {
    /// What it says; one of the checkpoint's `responses`.
    pub response: AnswerKind,
    /// For choose: which option.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub option: Option<String>,
    /// To this checkpoint, or to all later ones of the same step, too. Default this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apply_to: Option<ApplyTo>,
    /// Data for the form. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// A remark for the record. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl Respond {
    /// An answer without data or remark.
    #[must_use]
    pub const fn new(response: AnswerKind) -> Self {
        Self { response, option: None, apply_to: None, data: None, comment: None }
    }
}

impl From<Answer> for Respond {
    fn from(answer: Answer) -> Self {
        Self {
            response: answer.response,
            option: answer.option,
            apply_to: Some(answer.apply_to).filter(|applies| *applies != ApplyTo::This),
            data: answer.data,
            comment: answer.comment,
        }
    }
}

/// An answer that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answered {
    /// `success`: the answer is durable.
    pub status: String,
    /// What follows.
    pub next_action: NextAction,
    /// The execution.
    pub execution_id: String,
    /// Where the execution stands now.
    pub execution_status: Status,
}

/// What follows from an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NextAction {
    /// It goes on.
    Continue,
    /// It is stopped.
    StopExecution,
    /// The step is left out.
    SkipStep,
    /// The step is tried again.
    RetryStep,
}

/// What is to be done with an execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Act {
    /// The step: for `execute` the one to run; for `skip` and `retry` the one on which it must stand. Default any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_id: Option<String>,
    /// What.
    pub action: Steering,
    /// For `recover`: which of the `recovery_options`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub option: Option<RecoveryOption>,
    /// Variables to set first; only while it is paused. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Map<String, Value>>,
}

impl Act {
    /// An action that needs nothing more.
    #[must_use]
    pub const fn new(action: Steering) -> Self {
        Self { step_id: None, action, option: None, data: None }
    }
}

/// What can be done with an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Steering {
    /// Run one step of a paused execution, and pause again.
    Execute,
    /// Leave the current step out.
    Skip,
    /// Try the failed step again.
    Retry,
    /// Pause at the next step.
    Pause,
    /// Go on.
    Resume,
    /// Give the live page to the caller.
    TakeOver,
    /// Take the live page back.
    HandBack,
    /// Choose how to recover.
    Recover,
}

/// What became of a wish to stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// `stopped`, `stopping`, or how it had ended already: `completed` or `failed`.
    pub status: String,
    /// `completed` once the browser is gone, else `pending`.
    pub cleanup: String,
}

/// An entry of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    /// The place of the event in the journal.
    pub seq: u64,
    /// When.
    pub timestamp: Timestamp,
    /// How grave.
    pub level: LogLevel,
    /// What happened, as a sentence.
    pub message: String,
    /// The step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_id: Option<String>,
    /// The event's name in the journal.
    pub event: String,
    /// What else the journal holds of it, where that is short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

/// A page of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Logs {
    /// The entries, oldest first.
    pub logs: Vec<LogEntry>,
    /// What to ask for as `after` next, where there may be more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// How the execution stands.
    pub execution: Standing,
}

/// How an execution stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// Its status.
    pub status: Status,
    /// The step on which it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_step: Option<Step>,
    /// From 0 to 100.
    pub progress: u8,
}
