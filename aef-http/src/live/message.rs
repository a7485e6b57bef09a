//! The messages of a live view.

use aef_core::engine::Inspection;
use aef_core::execution::Status;
use aef_core::ids::ExecutionId;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::narrate::LogEntry;
use crate::status::{MessageType, mapped};
use crate::wire::{
    CheckpointView, ErrorView, ExecutionStatus, StepRef, checkpoint_view, error_view, step_ref,
};

/// A message of a live view.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct LiveMessage {
    /// What it tells.
    #[serde(rename = "type")]
    pub(crate) kind: MessageType,
    /// The place in the journal up to which it tells: what to send as `after` to go on behind it.
    pub(crate) seq: u64,
    /// When it was made.
    pub(crate) timestamp: Timestamp,
    /// How the execution stands.
    pub(crate) execution: Standing,
    /// How its browser stands.
    pub(crate) browser: BrowserView,
    /// What happened since the message before, oldest first.
    pub(crate) logs: Vec<LogEntry>,
    /// The open checkpoint, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) checkpoints: Option<Vec<CheckpointView>>,
    /// What went wrong, and what may be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<ErrorView>,
}

/// How an execution stands.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LiveStanding)]
pub(crate) struct Standing {
    /// The execution.
    #[schema(value_type = String)]
    pub(crate) id: ExecutionId,
    /// Its status.
    pub(crate) status: ExecutionStatus,
    /// The step on which it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) current_step: Option<StepRef>,
    /// From 0 to 100.
    pub(crate) progress: u8,
}

/// How a browser stands.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BrowserView {
    /// The page as it looks: a picture in Base64, JPEG where it is a frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) screenshot: Option<String>,
    /// The page's address.
    pub(crate) current_url: String,
    /// Whether a worker has a browser open for it.
    pub(crate) is_ready: bool,
    /// What was done last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_action: Option<String>,
}

/// A message on how an execution stands.
pub(super) fn message(inspection: &Inspection, logs: Vec<LogEntry>, seq: u64) -> LiveMessage {
    let (record, state) = (&inspection.record, &inspection.state);
    let is_leased = record.lease.as_ref().is_some_and(|lease| lease.until > inspection.now);
    LiveMessage {
        kind: mapped(state.status).0,
        seq,
        timestamp: inspection.now,
        execution: Standing {
            id: state.id,
            status: state.status.into(),
            current_step: state.step.as_ref().map(|step| step_ref(&inspection.plan, step)),
            progress: state.progress,
        },
        browser: BrowserView {
            screenshot: None,
            current_url: state.url.clone().unwrap_or_default(),
            is_ready: is_leased && state.url.is_some() && state.status != Status::Queued,
            last_action: logs
                .iter()
                .rev()
                .find(|entry| entry.event == "action_started")
                .map(|entry| entry.message.clone()),
        },
        logs,
        checkpoints: checkpoint_view(inspection).map(|open| vec![open]),
        error: error_view(state, inspection.now),
    }
}

/// A picture as messages carry it.
pub(super) fn picture(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
