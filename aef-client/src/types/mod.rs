//! What stands on the wire.

mod documents;
mod executions;
mod live;
mod owners;
mod programs;

pub use self::documents::{
    Diagnostic, Document, DocumentRow, Documents, KeptDocument, KeptFile, Sop, SopRow, Sops, Transform,
    Transformed, ValidatedDocument,
};
pub use self::executions::{
    Accepted, Act, Answered, Checkpoint, Checkpoints, Choice, Execute, Execution, ExecutionError,
    ExecutionRow, Executions, Failure, Fork, Forked, LogEntry, Logs, NextAction, RecoveryChoice, Respond,
    Standing, Steering, Step, Stopped,
};
pub use self::live::{Browser, LiveMessage, LiveStanding, MessageType, Ticket};
pub use self::owners::{Audit, AuditEntry, Key, Keys, MadeKey, NewKey, NewSecret, Secret, Secrets};
pub use self::programs::{
    Engine, Engines, Halted, Outcome, Performed, Process, ProcessOne, ProgramStatus, Progress, ProgressRow,
    Resume, Resumed, Stats, Submit, Submitted, Work,
};

use serde::{Deserialize, Serialize};

/// How a server stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// `ok`.
    pub status: String,
}

/// Which page of a list.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Page {
    /// `nextCursor` of the page before. Default the first page.
    pub cursor: Option<String>,
    /// How many, from 1 to 100. Default 50.
    pub limit: Option<u32>,
}

/// Which version.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Version {
    /// From 1. Default the newest.
    pub version: Option<u32>,
}

/// Which executions.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ExecutionFilter {
    /// Only those with one of these statuses, separated by commas. Default any.
    pub status: Option<String>,
    /// Only those of this document. Default any.
    pub document: Option<String>,
    /// Only those made at this time or later. Default any.
    pub since: Option<jiff::Timestamp>,
    /// `nextCursor` of the page before. Default the first page.
    pub cursor: Option<String>,
    /// How many, from 1 to 100. Default 50.
    pub limit: Option<u32>,
}

/// Which entries of a log.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LogFilter {
    /// Only entries of this gravity or a higher one: `debug`, `info`, `warn` or `error`. Default any.
    pub level: Option<String>,
    /// Only entries of this step. Default any.
    #[serde(rename = "stepId")]
    pub step_id: Option<String>,
    /// Only entries of this time or later. Default any.
    pub since: Option<jiff::Timestamp>,
    /// Only entries behind this place: `nextCursor` of the page before, or the `seq` of an entry. Default 0.
    pub after: Option<u64>,
    /// How many, from 1 to 100. Default 50.
    pub limit: Option<u32>,
}

/// From where a live view goes on.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LiveFrom {
    /// The `seq` of the last message that was seen. Default: the newest entries of the log.
    pub after: Option<u64>,
    /// How many seconds to wait for something new behind `after`; at most 60. Default 0.
    pub wait: Option<u64>,
}

/// What a file is called.
#[derive(Debug, Clone, Serialize)]
pub struct FileName {
    /// Its name, without directories.
    pub name: String,
}

/// With which key a form submits.
#[derive(Debug, Clone, Serialize)]
pub struct FormKey {
    /// A publishable key.
    pub key: String,
}
