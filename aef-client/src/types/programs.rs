//! What programs submit, and what became of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Failure;

/// An engine: a document that may be executed by key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Engine {
    /// The document's id.
    pub id: String,
    /// Its title.
    pub name: String,
    /// What else a person should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its version.
    pub version: u32,
    /// The JSON Schema of its inputs.
    pub inputs: Value,
    /// When this version was kept.
    pub updated_at: Timestamp,
}

/// A page of engines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Engines {
    /// The engines.
    pub engines: Vec<Engine>,
    /// What to ask for as `cursor` next, where there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Work to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Submit {
    /// The inputs, as the engine's schema asks for them. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_input: Option<Value>,
}

/// Work that was submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Submitted {
    /// The execution.
    pub execution_id: String,
    /// Where it stands.
    pub status: ProgramStatus,
    /// Where to ask what became of it.
    pub status_url: String,
    /// What may be sent there instead of the key: it reads this execution only, for seven days.
    pub status_token: String,
}

/// The status of an execution as programs see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProgramStatus {
    /// It has not begun.
    Queued,
    /// It has begun and is not finished; `waitingFor` says what it waits for.
    Processing,
    /// It reached its end, and all that it verified held.
    Completed,
    /// It failed, or was stopped.
    Failed,
}

/// What became of work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// The execution.
    pub execution_id: String,
    /// Where it stands.
    pub status: ProgramStatus,
    /// From 0 to 100; 100 only when completed.
    pub progress: u8,
    /// What it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<Value>,
    /// What it resulted in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Why it failed; of kind `stopped` where a person ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
}

/// Work in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProgressRow {
    /// The execution.
    pub execution_id: String,
    /// The engine.
    pub engine_id: String,
    /// Where it stands.
    pub status: ProgramStatus,
    /// From 0 to 100.
    pub progress: u8,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
}

/// A page of work, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Work {
    /// The executions.
    pub executions: Vec<ProgressRow>,
    /// What to ask for as `cursor` next, where there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// How much work there is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// How many executions were counted.
    pub total: usize,
    /// How many have not begun.
    pub queued: usize,
    /// How many have begun and are not finished.
    pub processing: usize,
    /// How many are completed.
    pub completed: usize,
    /// How many failed or were stopped.
    pub failed: usize,
    /// The share of those that ended which completed, from 0 to 1; absent where none ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success_rate: Option<f64>,
    /// By engine, how many there are.
    pub engines: BTreeMap<String, usize>,
}

/// That an execution was stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Halted {
    /// The execution.
    pub execution_id: String,
    /// `stopped`, `stopping`, or how it had ended already.
    pub status: String,
    /// `completed` once the browser is gone, else `pending`.
    pub cleanup: String,
}

/// Which execution is to go on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resume {
    /// The execution, where the path names the engine. Default the one that the path names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<String>,
}

/// An execution that goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resumed {
    /// The execution.
    pub execution_id: String,
    /// Where it stands.
    pub status: ProgramStatus,
}

/// How much is to be performed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Process {
    /// How many executions at most, from 1 to 100. Default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// How long at most, in seconds, from 1 to 600. Default 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_seconds: Option<u64>,
}

/// Which execution is to be performed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessOne {
    /// The execution.
    pub execution_id: String,
    /// How long at most, in seconds, from 1 to 600. Default 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_seconds: Option<u64>,
}

/// What was performed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Performed {
    /// How many executions were taken up.
    pub processed: usize,
    /// What became of each.
    pub results: Vec<Outcome>,
}

/// What became of an execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The execution.
    pub execution_id: String,
    /// Where it stands now.
    pub status: ProgramStatus,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
