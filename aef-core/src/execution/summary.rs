//! What a store indexes of an execution. The machine makes it, so it stands here.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::status::Status;
use crate::ids::{CheckpointId, StepId};

/// What the store indexes of an execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Its status.
    pub status: Status,
    /// The step on which it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// From 0 to 100; 100 only when completed.
    pub progress: u8,
    /// The open checkpoint, with when it was raised and when it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<OpenCheckpoint>,
    /// A sentence on what it waits for or why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The open checkpoint of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenCheckpoint {
    /// Its id.
    pub id: CheckpointId,
    /// When it was raised.
    pub raised_at: Timestamp,
    /// When it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}
