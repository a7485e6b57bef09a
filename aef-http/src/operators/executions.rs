//! Executions: lists, one whole, forks.

use std::sync::Arc;

use aef_core::engine::{ForkOptions, SubmitOptions};
use aef_core::ids::{DocumentId, ExecutionId, StepId};
use aef_core::store::ListQuery;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::{App, bound_document};
use crate::auth::Caller;
use crate::extract::{Idempotency, OptionalBody, Params, Segment};
use crate::page::{PageParams, cursor};
use crate::problem::Problem;
use crate::wire::{ExecutionRow, ExecutionStatus, ExecutionView, execution_view};

/// Which executions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// Only those with one of these statuses, separated by commas.
    #[param(example = "running,paused")]
    status: Option<String>,
    /// Only those of this document.
    document: Option<String>,
    /// Only those made at this time or later.
    since: Option<Timestamp>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// How many; 50 where nothing is asked.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// A page of executions, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Executions {
    /// The executions.
    executions: Vec<ExecutionRow>,
    /// What to ask for as `cursor` next, where there is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// How to fork.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Fork {
    /// Where the new execution begins; where the old one failed, or its beginning, where nothing is asked.
    #[schema(value_type = Option<String>)]
    from_step: Option<StepId>,
    /// Another document, or the same one in its newest version, to go on with.
    #[schema(value_type = Option<String>)]
    aef_document_id: Option<DocumentId>,
}

/// An execution that was made of another.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Forked {
    /// The new execution.
    #[schema(value_type = String)]
    execution_id: ExecutionId,
    /// The one it was made of.
    #[schema(value_type = String)]
    parent_id: ExecutionId,
    /// Where the new one stands.
    status: ExecutionStatus,
}

fn statuses(names: Option<&str>) -> Result<Vec<aef_core::execution::Status>, Problem> {
    let read = |name: &str| {
        aef_core::execution::Status::from_name(name.trim())
            .ok_or_else(|| Problem::malformed("`status` names a status that there is not"))
    };
    names.map_or_else(|| Ok(Vec::new()), |names| names.split(',').map(read).collect())
}

/// List executions
#[utoipa::path(
    get, path = "/executions", tag = "operators", params(ListParams), responses((status = 200, body = Executions))
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> Result<Json<Executions>, Problem> {
    let page = PageParams::new(params.cursor, params.limit);
    let asked = params.document.map(DocumentId::from);
    let bound = bound_document(&caller);
    if asked.as_ref().is_some_and(|asked| bound.is_some_and(|bound| bound != asked)) {
        return Ok(Json(Executions { executions: Vec::new(), next_cursor: None }));
    }
    let query = ListQuery {
        statuses: statuses(params.status.as_deref())?,
        document: asked.or_else(|| bound.cloned()),
        since: params.since,
        after: page.after()?,
        limit: page.limit()?,
        ..ListQuery::default()
    };
    let listed = app.engine.store().list(&app.scope(&caller), query).await?;
    Ok(Json(Executions {
        executions: listed.records.iter().map(ExecutionRow::from).collect(),
        next_cursor: listed.next.map(cursor),
    }))
}

/// Read an execution
#[utoipa::path(
    get, path = "/executions/{id}", tag = "operators",
    params(("id" = String, Path, description = "The execution")),
    responses((status = 200, body = ExecutionView)),
)]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(id): Segment<ExecutionId>,
) -> Result<Json<ExecutionView>, Problem> {
    let (handle, inspection) = app.inspect(&caller, id).await?;
    let waits = handle.explain().await?;
    Ok(Json(execution_view(&inspection, Some(&waits))))
}

/// Run an execution again from one of its steps, as a new execution
#[utoipa::path(
    post, path = "/executions/{id}/fork", tag = "operators",
    params(
        ("id" = String, Path, description = "The execution"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes asking twice safe"),
    ),
    request_body = Fork,
    responses((status = 201, body = Forked)),
)]
pub(super) async fn fork(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(id): Segment<ExecutionId>,
    Idempotency(idempotency_key): Idempotency,
    OptionalBody(asked): OptionalBody<Fork>,
) -> Result<(StatusCode, Json<Forked>), Problem> {
    let handle = app.execution(&caller, id).await?;
    let record = handle.record().await?;
    app.has_room(&record.owner).await?;
    let plan = match &asked.aef_document_id {
        Some(document) => Some(app.plan(&app.document(&caller, document, None).await?, None)?),
        None => None,
    };
    let submit = SubmitOptions { idempotency_key, ..SubmitOptions::default() };
    let options = ForkOptions { from: asked.from_step, plan: plan.as_deref(), inputs: None, submit };
    let forked = handle.fork(options).await?;
    let made = forked.record().await?;
    let answer = Forked { execution_id: made.id, parent_id: id, status: made.summary.status.into() };
    Ok((StatusCode::CREATED, Json(answer)))
}
