//! What stands on the wire for executions and their checkpoints, the same in REST and live.

use aef_core::document::Risk;
use aef_core::engine::Inspection;
use aef_core::execution::{
    AnswerKind, ApplyTo, Checkpoint, CheckpointKind, ExecutionState, PauseReason, Status,
};
use aef_core::ids::{CheckpointId, DocumentId, ExecutionId, StepId};
use aef_core::plan::Plan;
use aef_core::recovery::{Failure, RecoveryOption};
use aef_core::store::{ExecutionRecord, Explanation};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

macro_rules! names {
    // The names are tokens: as literals of the macro they would not reach the description.
    ($($(#[$doc:meta])* $name:ident of $of:ty { $($variant:ident = $text:tt),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        pub(crate) enum $name {
            $(#[serde(rename = $text)] $variant,)+
        }

        impl From<$of> for $name {
            fn from(value: $of) -> Self {
                match value { $(<$of>::$variant => Self::$variant,)+ }
            }
        }

        impl From<$name> for $of {
            fn from(value: $name) -> Self {
                match value { $($name::$variant => Self::$variant,)+ }
            }
        }
    )+};
}

names! {
    /// Where an execution stands. The last three are final.
    ExecutionStatus of Status {
        Created = "created", Queued = "queued", Running = "running", Paused = "paused",
        WaitingCheckpoint = "waiting_checkpoint", WaitingRecovery = "waiting_recovery", TakenOver = "taken_over",
        Completed = "completed", Failed = "failed", Stopped = "stopped",
    }
    /// An answer to a checkpoint.
    Response of AnswerKind {
        Approve = "approve", Reject = "reject", Skip = "skip", Modify = "modify", Choose = "choose",
        Retry = "retry", Done = "done", TakeOver = "take_over", Stop = "stop",
    }
    /// To what an answer applies.
    Applies of ApplyTo { This = "this", Step = "step" }
    /// What a checkpoint is about.
    Kind of CheckpointKind {
        BeforeExecution = "before_execution", AfterExecution = "after_execution", Decision = "decision",
        Manual = "manual", InDoubt = "in_doubt",
    }
    /// What a step may change.
    RiskLevel of Risk { Read = "read", Write = "write", Destructive = "destructive" }
    /// How to recover from a failure.
    Recovery of RecoveryOption { Retry = "retry", Skip = "skip", TakeOver = "take_over", Stop = "stop" }
    /// Why an execution is paused.
    Paused of PauseReason {
        Requested = "requested", SingleStep = "single_step", CheckpointTimeout = "checkpoint_timeout",
        PageLost = "page_lost", TakeoverIdle = "takeover_idle", Poisoned = "poisoned",
    }
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct StepRef {
    /// Its id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
}

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FailureView {
    /// What went wrong, as documents name it; `stopped` where a person ended the execution.
    pub(crate) kind: String,
    /// Which of several causes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// What happened and what to do.
    pub(crate) message: String,
    /// The step in which it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) step_id: Option<String>,
}

/// A failure with what may be done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ErrorView {
    /// What happened and what to do.
    pub(crate) message: String,
    /// What went wrong, as documents name it.
    pub(crate) kind: String,
    /// What may be chosen.
    pub(crate) recovery_options: Vec<RecoveryChoice>,
    /// In how many seconds the step is tried again by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) auto_retry_in: Option<u64>,
}

/// One way to recover.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct RecoveryChoice {
    /// What to send as `option`.
    pub(crate) id: Recovery,
    /// A short label.
    pub(crate) label: String,
    /// What choosing it will do.
    pub(crate) description: String,
}

/// A choice that a checkpoint offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Choice {
    /// What to send as `option`.
    pub(crate) id: String,
    /// Its label.
    pub(crate) label: String,
}

/// A question to a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CheckpointView {
    /// Its id.
    #[schema(value_type = String, example = "chk_01jz5m4c3hf8r9v4q8b6t2x0ya")]
    pub(crate) id: CheckpointId,
    /// The execution.
    #[schema(value_type = String)]
    pub(crate) execution_id: ExecutionId,
    /// The step.
    pub(crate) step_id: String,
    /// The step's name.
    pub(crate) step_name: String,
    /// What it is about.
    pub(crate) kind: Kind,
    /// A label of the document's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) label: Option<String>,
    /// The question.
    pub(crate) title: String,
    /// More about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// What will be done, or was: actions as documents write them, secrets by name only.
    #[schema(value_type = Vec<Object>)]
    pub(crate) actions: Vec<Value>,
    /// The page's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
    /// Where the picture of the page is, relative to the surface.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) screenshot: Option<String>,
    /// What the step may change.
    pub(crate) risk: RiskLevel,
    /// What went wrong, where it is not known whether something has happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<FailureView>,
    /// The JSON Schema of the data that an answer gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) form: Option<Value>,
    /// What may be chosen.
    pub(crate) options: Vec<Choice>,
    /// The answers that are possible.
    pub(crate) responses: Vec<Response>,
    /// When it was raised.
    pub(crate) created_at: Timestamp,
    /// When it expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<Timestamp>,
    /// How long it has been open, in seconds.
    pub(crate) age: u64,
    /// `open`: answered ones stand in the log.
    pub(crate) status: String,
}

/// An execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExecutionView {
    /// Its id.
    #[schema(value_type = String, example = "exec_01jz5m4c3hf8r9v4q8b6t2x0ya")]
    pub(crate) execution_id: ExecutionId,
    /// The document.
    #[schema(value_type = String)]
    pub(crate) aef_document_id: DocumentId,
    /// Where it stands.
    pub(crate) status: ExecutionStatus,
    /// From 0 to 100; 100 only when completed.
    pub(crate) progress: u8,
    /// The step on which it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) current_step: Option<StepRef>,
    /// The iterations of the loops around that step, from the outermost in, from 0.
    pub(crate) iterations: Vec<u32>,
    /// The open checkpoint, if there is one.
    pub(crate) checkpoints: Vec<CheckpointView>,
    /// The failure for which recovery is on offer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<ErrorView>,
    /// Why it failed, or why the last attempt at a step did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<FailureView>,
    /// Why it is paused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) paused: Option<Paused>,
    /// What it waits for: `nothing`, `start`, `person`, `timer`, `worker`, `owner_limit`, `global_limit`, `no_worker` or
    /// `room`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) waiting_for: Option<Value>,
    /// Whether a pause was asked for and has not taken effect.
    pub(crate) pausing: bool,
    /// Whether a stop was asked for and has not taken effect.
    pub(crate) stopping: bool,
    /// What it resulted in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) result: Option<Value>,
    /// How many iterations were given up.
    pub(crate) items_failed: u32,
    /// The address on which the work stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) current_url: Option<String>,
    /// The execution it was forked from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) parent_id: Option<ExecutionId>,
    /// The place of its last event.
    pub(crate) seq: u64,
    /// When it was made.
    pub(crate) created_at: Timestamp,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finished_at: Option<Timestamp>,
}

/// An execution in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExecutionRow {
    /// Its id.
    #[schema(value_type = String)]
    pub(crate) execution_id: ExecutionId,
    /// The document.
    #[schema(value_type = String)]
    pub(crate) aef_document_id: DocumentId,
    /// Where it stands.
    pub(crate) status: ExecutionStatus,
    /// From 0 to 100.
    pub(crate) progress: u8,
    /// The id of the step on which it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) current_step_id: Option<String>,
    /// A sentence on what it waits for or why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
    /// The execution it was forked from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) parent_id: Option<ExecutionId>,
    /// When it was made.
    pub(crate) created_at: Timestamp,
    /// When something last happened.
    pub(crate) updated_at: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finished_at: Option<Timestamp>,
}

impl From<&ExecutionRecord> for ExecutionRow {
    fn from(record: &ExecutionRecord) -> Self {
        Self {
            execution_id: record.id,
            aef_document_id: record.document.clone(),
            status: record.summary.status.into(),
            progress: record.summary.progress,
            current_step_id: record.summary.step.as_ref().map(ToString::to_string),
            note: record.summary.note.clone(),
            parent_id: record.parent,
            created_at: record.created_at,
            updated_at: record.updated_at,
            finished_at: record.finished_at,
        }
    }
}

impl From<&Failure> for FailureView {
    fn from(failure: &Failure) -> Self {
        Self {
            kind: failure.kind.as_str().to_owned(),
            reason: failure.reason.clone(),
            message: failure.message.clone(),
            step_id: failure.step.as_ref().map(ToString::to_string),
        }
    }
}

impl From<RecoveryOption> for RecoveryChoice {
    fn from(option: RecoveryOption) -> Self {
        Self {
            id: option.into(),
            label: option.label().to_owned(),
            description: option.description().to_owned(),
        }
    }
}

/// A step by its id and name.
pub(crate) fn step_ref(plan: &Plan, id: &StepId) -> StepRef {
    let name = plan.find(id).map_or_else(|| id.to_string(), |index| plan.step(index).name.clone());
    StepRef { id: id.to_string(), name }
}

/// The failure for which recovery is on offer, with what may be done.
pub(crate) fn error_view(state: &ExecutionState, now: Timestamp) -> Option<ErrorView> {
    if let Some(offer) = &state.recovery {
        return Some(ErrorView {
            message: offer.failure.message.clone(),
            kind: offer.failure.kind.as_str().to_owned(),
            recovery_options: offer.options.iter().copied().map(RecoveryChoice::from).collect(),
            auto_retry_in: offer.auto_retry_at.map(|due| seconds_until(now, due)),
        });
    }
    let failure = state.failure.as_ref().filter(|_| state.status == Status::Failed)?;
    Some(ErrorView {
        message: failure.message.clone(),
        kind: failure.kind.as_str().to_owned(),
        recovery_options: Vec::new(),
        auto_retry_in: None,
    })
}

/// Whole seconds left, rounded up; 0 where the time is over.
fn seconds_until(now: Timestamp, due: Timestamp) -> u64 {
    let left = due.duration_since(now);
    u64::try_from(left.as_secs() + i64::from(left.subsec_nanos() > 0)).unwrap_or(0)
}

/// An open checkpoint.
pub(crate) fn checkpoint_view(inspection: &Inspection) -> Option<CheckpointView> {
    let open = inspection.record.summary.checkpoint.as_ref();
    let checkpoint: &Checkpoint = inspection.state.checkpoint.as_deref()?;
    let raised_at = open.map_or(inspection.now, |open| open.raised_at);
    let execution = inspection.record.id;
    let evidence = checkpoint.evidence.as_ref();
    let picture = evidence.and_then(|evidence| evidence.screenshot.as_ref());
    Some(CheckpointView {
        id: checkpoint.id,
        execution_id: execution,
        step_id: checkpoint.step.to_string(),
        step_name: checkpoint.step_name.clone(),
        kind: checkpoint.kind.into(),
        label: checkpoint.label.clone(),
        title: checkpoint.title.clone(),
        description: checkpoint.description.clone(),
        actions: checkpoint.actions.iter().map(|action| json(action.as_ref())).collect(),
        url: evidence.map(|evidence| evidence.url.clone()),
        screenshot: picture
            .map(|picture| format!("/api/aef/executions/{execution}/artifacts/{}", picture.artifact)),
        risk: checkpoint.risk.into(),
        failure: checkpoint.failure.as_ref().map(FailureView::from),
        form: checkpoint.form.as_deref().cloned(),
        options: checkpoint
            .options
            .iter()
            .map(|option| Choice { id: option.id.clone(), label: option.label.clone() })
            .collect(),
        responses: checkpoint.answers.iter().copied().map(Response::from).collect(),
        created_at: raised_at,
        expires_at: checkpoint.expires_at,
        age: seconds_until(raised_at, inspection.now),
        status: "open".to_owned(),
    })
}

/// What is plain data, as JSON.
pub(crate) fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("what the engine shows is plain data")
}

/// An execution with what it waits for, where that is known.
pub(crate) fn execution_view(inspection: &Inspection, waits: Option<&Explanation>) -> ExecutionView {
    let (record, state) = (&inspection.record, &inspection.state);
    ExecutionView {
        execution_id: state.id,
        aef_document_id: record.document.clone(),
        status: state.status.into(),
        progress: state.progress,
        current_step: state.step.as_ref().map(|step| step_ref(&inspection.plan, step)),
        iterations: state.iterations.clone(),
        checkpoints: checkpoint_view(inspection).into_iter().collect(),
        error: error_view(state, inspection.now),
        failure: state.failure.as_ref().map(FailureView::from),
        paused: state.paused.map(Paused::from),
        waiting_for: waits.map(json),
        pausing: state.pausing,
        stopping: state.stopping,
        result: state.result.clone(),
        items_failed: state.items_failed,
        current_url: state.url.clone(),
        parent_id: record.parent,
        seq: state.seq.0,
        created_at: state.created_at,
        started_at: state.started_at,
        finished_at: state.finished_at,
    }
}
