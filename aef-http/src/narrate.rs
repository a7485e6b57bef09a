//! Events as entries of a log.

use aef_core::engine::Recorded;
use aef_core::execution::{EventKind, LogLevel};
use aef_core::ids::StepId;
use aef_core::plan::Plan;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::wire::{json, step_ref};

/// The longest data of an entry, in bytes of JSON; longer ones are left out, and the journal has them.
const MAX_DATA: usize = 4 * 1024;

/// How grave an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    /// For the curious.
    Debug,
    /// As it should be.
    Info,
    /// Worth a look.
    Warn,
    /// Wrong.
    Error,
}

impl From<LogLevel> for Level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Debug => Self::Debug,
            LogLevel::Info => Self::Info,
            LogLevel::Warn => Self::Warn,
            LogLevel::Error => Self::Error,
        }
    }
}

/// An entry of a log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LogEntry {
    /// The place of the event in the journal.
    pub(crate) seq: u64,
    /// When.
    pub(crate) timestamp: Timestamp,
    /// How grave.
    pub(crate) level: Level,
    /// What happened, as a sentence.
    pub(crate) message: String,
    /// The step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) step_id: Option<String>,
    /// The event's name in the journal.
    pub(crate) event: String,
    /// What else the journal holds of it, where that is short.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) data: Option<Map<String, Value>>,
}

/// An event as an entry.
pub(crate) fn entry(recorded: &Recorded, plan: &Plan) -> LogEntry {
    let kind = &recorded.event.kind;
    let Value::Object(mut data) = json(kind) else { unreachable!("an event is an object") };
    let event =
        data.shift_remove("type").and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default();
    let step = data.shift_remove("step").and_then(|step| step.as_str().map(str::to_owned));
    let fits = !data.is_empty() && Value::Object(data.clone()).to_string().len() <= MAX_DATA;
    LogEntry {
        seq: recorded.seq.0,
        timestamp: recorded.event.at,
        level: level(kind),
        message: sentence(kind, &event, step.as_deref().map(|step| name(plan, step)).as_deref()),
        step_id: step,
        event,
        data: fits.then_some(data),
    }
}

fn name(plan: &Plan, step: &str) -> String {
    step_ref(plan, &StepId::from(step)).name
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what is neither grave nor dull is as it should be")]
const fn level(kind: &EventKind) -> Level {
    match kind {
        EventKind::Logged { level, .. } => match level {
            LogLevel::Debug => Level::Debug,
            LogLevel::Info => Level::Info,
            LogLevel::Warn => Level::Warn,
            LogLevel::Error => Level::Error,
        },
        EventKind::Failed { .. }
        | EventKind::StepFailed { .. }
        | EventKind::ActionFailed { .. }
        | EventKind::SessionFailed { .. }
        | EventKind::SessionLost { .. }
        | EventKind::IterationFailed { .. } => Level::Error,
        EventKind::ActionInDoubt { .. }
        | EventKind::DoubtUnverified { .. }
        | EventKind::CheckpointExpired { .. }
        | EventKind::CheckpointWithdrawn { .. }
        | EventKind::RetryScheduled { .. }
        | EventKind::RecoveryOffered { .. }
        | EventKind::Reentered { .. }
        | EventKind::Stopped { .. } => Level::Warn,
        EventKind::ActionStarted { .. }
        | EventKind::ActionSucceeded { .. }
        | EventKind::EvidenceCaptured { .. }
        | EventKind::BrowserStateSaved { .. }
        | EventKind::ParkingStarted
        | EventKind::SessionClosed
        | EventKind::TakeoverExtended => Level::Debug,
        _ => Level::Info,
    }
}

/// What happened. Where there is nothing particular to say, the event's name in words and the step's name do.
#[expect(clippy::wildcard_enum_match_arm, reason = "the event's own name says enough of the others")]
fn sentence(kind: &EventKind, event: &str, step: Option<&str>) -> String {
    let of_step = |what: String| step.map_or(what.clone(), |step| format!("{step}: {what}"));
    match kind {
        EventKind::Logged { message, .. } => message.clone(),
        EventKind::Failed { failure, .. } => format!("failed: {failure}"),
        EventKind::StepFailed { failure, .. } => of_step(format!("failed: {}", failure.message)),
        EventKind::ActionFailed { failure, .. }
        | EventKind::ActionInDoubt { failure, .. }
        | EventKind::SessionFailed { failure }
        | EventKind::SessionLost { failure } => format!("{}: {}", words(event), failure.message),
        EventKind::IterationFailed { index, failure, .. } => {
            of_step(format!("round {} was given up: {}", index + 1, failure.message))
        }
        EventKind::IterationStarted { index, .. } => of_step(format!("round {}", index + 1)),
        EventKind::StepRetried { attempt, .. } => of_step(format!("attempt {attempt}")),
        EventKind::RetryScheduled { attempt, due, .. } => of_step(format!("attempt {attempt} at {due}")),
        EventKind::StepCompleted { verified: true, .. } => of_step("done, verified".to_owned()),
        EventKind::StepCompleted { .. } => of_step("done".to_owned()),
        EventKind::StepSkipped { .. } => of_step("skipped".to_owned()),
        EventKind::StepEntered { .. } => of_step("begins".to_owned()),
        EventKind::BranchTaken { label, .. } => of_step(format!("takes {label}")),
        EventKind::ActionStarted { action, .. } => {
            let what = json(action.as_ref()).get("action").and_then(Value::as_str).map(str::to_owned);
            of_step(what.unwrap_or_else(|| "action".to_owned()))
        }
        EventKind::Paused { reason } => format!("paused: {}", words(reason.as_str())),
        EventKind::CheckpointRaised { checkpoint } => {
            format!("{}: a person is asked: {}", checkpoint.step_name, checkpoint.title)
        }
        EventKind::CheckpointAnswered { answer, .. } => {
            of_step(format!("answered with {}", words(answer.response.as_str())))
        }
        EventKind::RecoveryChosen { option } => format!("recovery: {}", option.label()),
        EventKind::Completed { items_failed, .. } if *items_failed > 0 => {
            format!("completed; {items_failed} rounds were given up")
        }
        _ => of_step(words(event)),
    }
}

/// A name of a journal in words.
fn words(name: &str) -> String {
    name.replace('_', " ")
}
