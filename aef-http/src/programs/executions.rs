//! Submitting work, and asking what became of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use aef_core::engine::{Inspection, SubmitOptions};
use aef_core::execution::Status;
use aef_core::ids::{DocumentId, ExecutionId};
use aef_core::store::{ExecutionRecord, ListQuery};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::{App, bound_document};
use crate::auth::Caller;
use crate::envelope::{Enveloped, wrap, wrap_as};
use crate::extract::{Body, Idempotency, OptionalBody, Params, Segment, parsed};
use crate::operators::halt;
use crate::page::{PageParams, cursor};
use crate::problem::{Code, Problem};
use crate::status::{ProgramStatus, for_programs};
use crate::wire::FailureView;

/// How many executions the figures are taken of.
const COUNTED: usize = 10_000;

/// What is to be executed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Submit {
    /// The inputs, as the engine's schema asks for them.
    #[schema(value_type = Option<Object>)]
    user_input: Option<Value>,
    /// The same under the name that some clients send.
    #[schema(value_type = Option<Object>)]
    input: Option<Value>,
    /// Not read: some clients send one.
    #[schema(value_type = Option<Object>)]
    #[expect(dead_code, reason = "it is let in and not read")]
    options: Option<Value>,
}

/// Work that was submitted.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Submitted {
    /// The execution.
    #[schema(value_type = String)]
    execution_id: ExecutionId,
    /// Where it stands.
    status: ProgramStatus,
    /// Where to ask what became of it.
    status_url: String,
    /// What may be sent there instead of the key: it reads this execution only, for seven days.
    status_token: String,
}

/// What became of work.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Progress {
    /// The execution.
    #[schema(value_type = String)]
    execution_id: ExecutionId,
    /// Where it stands.
    status: ProgramStatus,
    /// From 0 to 100; 100 only when completed.
    progress: u8,
    /// What it waits for: `nothing`, `start`, `person`, `timer`, `worker`, `owner_limit`, `global_limit`, `no_worker` or
    /// `room`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    waiting_for: Option<Value>,
    /// What it resulted in.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    /// Why it failed; of kind `stopped` where a person ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureView>,
    /// When it was submitted.
    created_at: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at: Option<Timestamp>,
}

/// Work in a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProgressRow {
    /// The execution.
    #[schema(value_type = String)]
    execution_id: ExecutionId,
    /// The engine.
    #[schema(value_type = String)]
    engine_id: DocumentId,
    /// Where it stands.
    status: ProgramStatus,
    /// From 0 to 100.
    progress: u8,
    /// When it was submitted.
    created_at: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at: Option<Timestamp>,
}

/// A page of work, newest first.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Work {
    /// The executions.
    executions: Vec<ProgressRow>,
    /// What to ask for as `cursor` next, where there is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// How much work there is.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stats {
    /// How many executions were counted: the newest 10,000 at most.
    total: usize,
    /// How many have not begun.
    queued: usize,
    /// How many have begun and are not finished.
    processing: usize,
    /// How many are completed.
    completed: usize,
    /// How many failed or were stopped.
    failed: usize,
    /// The share of those that ended which completed, from 0 to 1; absent where none ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    success_rate: Option<f64>,
    /// By engine, how many there are.
    engines: BTreeMap<String, usize>,
}

/// That an execution was stopped.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Halted {
    /// The execution.
    #[schema(value_type = String)]
    execution_id: ExecutionId,
    /// `stopped`, `stopping`, or how it had ended already.
    status: String,
    /// `completed` once the browser is gone, else `pending`.
    cleanup: String,
}

/// Which execution is to go on.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Resume {
    /// The execution, where the path names the engine.
    #[schema(value_type = Option<String>)]
    execution_id: Option<ExecutionId>,
}

/// An execution that goes on.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resumed {
    /// The execution.
    #[schema(value_type = String)]
    execution_id: ExecutionId,
    /// Where it stands.
    status: ProgramStatus,
}

/// Submit work
#[utoipa::path(
    post, path = "/{id}/execute", tag = "programs",
    params(
        ("id" = String, Path, description = "The engine: a document's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes asking twice safe"),
    ),
    request_body = Submit,
    responses((status = 202, body = Enveloped<Submitted>)),
)]
pub(super) async fn execute(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(id): Segment<String>,
    Idempotency(idempotency_key): Idempotency,
    headers: HeaderMap,
    Body(asked): Body<Submit>,
) -> Result<(StatusCode, Json<Enveloped<Submitted>>), Problem> {
    let stored = app.document(&caller, &DocumentId::from(id), None).await?;
    let plan = app.plan(&stored, None)?;
    let inputs = match (asked.user_input, asked.input) {
        (Some(_), Some(_)) => {
            return Err(Problem::invalid("/input", "send `userInput` or `input`, not both"));
        }
        (Some(inputs), None) | (None, Some(inputs)) => inputs,
        (None, None) => Value::Null,
    };
    let owner = app.owner(&caller)?;
    app.has_room(owner).await?;
    let options = SubmitOptions { idempotency_key, ..SubmitOptions::default() };
    let handle = app.scoped(&caller)?.submit(&plan, inputs, options).await?;
    let record = handle.record().await?;
    let submitted = Submitted {
        execution_id: record.id,
        status: for_programs(record.summary.status),
        status_url: format!("{}/engines-api/executions/{}", app.base(&headers), record.id),
        status_token: app.tokens.issue(record.id, owner),
    };
    Ok(wrap_as(StatusCode::ACCEPTED, submitted))
}

/// Ask what became of work
#[utoipa::path(
    get, path = "/executions/{executionId}", tag = "programs",
    params(("executionId" = String, Path, description = "The execution")),
    responses((status = 200, body = Enveloped<Progress>)),
)]
pub(super) async fn status(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(id): Segment<ExecutionId>,
) -> Result<Json<Enveloped<Progress>>, Problem> {
    let (handle, inspection) = app.inspect(&caller, id).await?;
    let waits = if inspection.state.status.is_final() { None } else { Some(handle.explain().await?) };
    Ok(wrap(progress(&inspection, waits.as_ref().map(crate::wire::json))))
}

fn progress(inspection: &Inspection, waiting_for: Option<Value>) -> Progress {
    let state = &inspection.state;
    let stopped = || FailureView {
        kind: "stopped".to_owned(),
        reason: None,
        message: "the execution was stopped before its end".to_owned(),
        step_id: state.step.as_ref().map(ToString::to_string),
    };
    Progress {
        execution_id: state.id,
        status: for_programs(state.status),
        progress: state.progress,
        waiting_for,
        result: state.result.clone(),
        failure: match state.status {
            Status::Stopped => Some(stopped()),
            Status::Failed => state.failure.as_ref().map(FailureView::from),
            Status::Created
            | Status::Queued
            | Status::Running
            | Status::Paused
            | Status::WaitingCheckpoint
            | Status::WaitingRecovery
            | Status::TakenOver
            | Status::Completed => None,
        },
        created_at: state.created_at,
        completed_at: state.finished_at,
    }
}

/// List work
#[utoipa::path(
    get, path = "/executions", tag = "programs", params(PageParams), responses((status = 200, body = Enveloped<Work>))
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<Enveloped<Work>>, Problem> {
    let query = ListQuery {
        document: bound_document(&caller).cloned(),
        after: page.after()?,
        limit: page.limit()?,
        ..ListQuery::default()
    };
    let listed = app.engine.store().list(&app.scope(&caller), query).await?;
    let row = |record: &ExecutionRecord| ProgressRow {
        execution_id: record.id,
        engine_id: record.document.clone(),
        status: for_programs(record.summary.status),
        progress: record.summary.progress,
        created_at: record.created_at,
        completed_at: record.finished_at,
    };
    let executions = listed.records.iter().map(row).collect();
    Ok(wrap(Work { executions, next_cursor: listed.next.map(cursor) }))
}

/// Count work
#[utoipa::path(get, path = "/stats", tag = "programs", responses((status = 200, body = Enveloped<Stats>)))]
pub(super) async fn stats(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> Result<Json<Enveloped<Stats>>, Problem> {
    let mut stats = Stats::default();
    let document = bound_document(&caller).cloned();
    let mut query = ListQuery { document, limit: 1_000, ..ListQuery::default() };
    while stats.total < COUNTED {
        let page = app.engine.store().list(&app.scope(&caller), query.clone()).await?;
        for record in &page.records {
            stats.count(record);
        }
        match page.next {
            Some(next) => query.after = Some(next),
            None => break,
        }
    }
    let ended = stats.completed + stats.failed;
    stats.success_rate = (ended > 0).then(|| stats.completed as f64 / ended as f64);
    Ok(wrap(stats))
}

impl Stats {
    fn count(&mut self, record: &ExecutionRecord) {
        self.total += 1;
        *self.engines.entry(record.document.to_string()).or_default() += 1;
        let count = match for_programs(record.summary.status) {
            ProgramStatus::Queued => &mut self.queued,
            ProgramStatus::Processing => &mut self.processing,
            ProgramStatus::Completed => &mut self.completed,
            ProgramStatus::Failed => &mut self.failed,
        };
        *count += 1;
    }
}

/// Stop work
#[utoipa::path(
    post, path = "/stop/{executionId}", tag = "programs",
    params(("executionId" = String, Path, description = "The execution")),
    responses((status = 200, body = Enveloped<Halted>), (status = 202, body = Enveloped<Halted>)),
)]
pub(super) async fn stop(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(id): Segment<ExecutionId>,
) -> Result<(StatusCode, Json<Enveloped<Halted>>), Problem> {
    let (status, Json(stopped)) = halt(&app, &caller, id).await?;
    let halted =
        Halted { execution_id: id, status: stopped.status.to_owned(), cleanup: stopped.cleanup.to_owned() };
    Ok(wrap_as(status, halted))
}

/// Let paused work go on
#[utoipa::path(
    post, path = "/{id}/resume", tag = "programs",
    params(("id" = String, Path, description = "The execution, or the engine where the body names the execution")),
    request_body = Resume,
    responses((status = 200, body = Enveloped<Resumed>)),
)]
pub(super) async fn resume(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(id): Segment<String>,
    OptionalBody(asked): OptionalBody<Resume>,
) -> Result<Json<Enveloped<Resumed>>, Problem> {
    let execution_id = match asked.execution_id {
        Some(execution) => execution,
        None => parsed(&id)?,
    };
    let handle = app.execution(&caller, execution_id).await?;
    if asked.execution_id.is_some() && handle.record().await?.document.as_str() != id {
        let detail = format!("{execution_id} is no execution of the engine `{id}`");
        return Err(Problem::new(Code::DocumentMismatch, detail));
    }
    let state = handle.resume().await?;
    Ok(wrap(Resumed { execution_id, status: for_programs(state.status) }))
}
