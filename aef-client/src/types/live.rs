//! The live view.

use aef_core::execution::Status;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Checkpoint, ExecutionError, LogEntry, Step};

/// A message of a live view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LiveMessage {
    /// What it tells.
    #[serde(rename = "type")]
    pub kind: MessageType,
    /// The place in the journal up to which it tells: what to send as `after` to go on behind it.
    pub seq: u64,
    /// When it was made.
    pub timestamp: Timestamp,
    /// How the execution stands.
    pub execution: LiveStanding,
    /// How its browser stands.
    pub browser: Browser,
    /// What happened since the message before, oldest first.
    pub logs: Vec<LogEntry>,
    /// The open checkpoint, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoints: Option<Vec<Checkpoint>>,
    /// What went wrong, and what may be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ExecutionError>,
}

/// What a live message tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageType {
    /// How it stands.
    ExecutionUpdate,
    /// A person is asked.
    CheckpointRequired,
    /// It reached its end, or was stopped.
    ExecutionComplete,
    /// A step or the execution failed, and says what may be done.
    Error,
}

/// How an execution stands, in a live message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveStanding {
    /// The execution.
    pub id: String,
    /// Its status.
    pub status: Status,
    /// The step on which it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_step: Option<Step>,
    /// From 0 to 100.
    pub progress: u8,
}

/// How a browser stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Browser {
    /// The page as it looks: a picture in Base64, JPEG where it is a frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screenshot: Option<String>,
    /// The page's address.
    pub current_url: String,
    /// Whether a worker has a browser open for it.
    pub is_ready: bool,
    /// What was done last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_action: Option<String>,
}

/// A ticket that opens a live view once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ticket {
    /// What to send as `ticket`.
    pub ticket: String,
    /// Where to send it.
    pub websocket_url: String,
    /// How many seconds it is good.
    pub expires_in: u64,
}
