//! Submitting executions, and letting held ones go.

use std::sync::Arc;

use aef_core::engine::SubmitOptions;
use aef_core::ids::{DocumentId, ExecutionId, StepId};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Body, Idempotency};
use crate::problem::{Code, Problem};
use crate::wire::ExecutionStatus;

/// What is to be executed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Execute {
    /// The document.
    #[schema(value_type = String)]
    aef_document_id: DocumentId,
    /// Which version; the newest where nothing is asked.
    #[schema(minimum = 1)]
    version: Option<u32>,
    /// Only these steps; what they read of others becomes an input.
    #[schema(value_type = Option<Vec<String>>, min_items = 1)]
    step_ids: Option<Vec<StepId>>,
    /// The inputs, as the document's schema asks for them. For a held execution, instead of those with which it was made.
    #[schema(value_type = Option<Object>)]
    inputs: Option<Value>,
    /// A held execution that was made of the document, to be let go instead of making one.
    #[schema(value_type = Option<String>)]
    execution_id: Option<ExecutionId>,
    /// Higher is served first; 0 is usual.
    priority: Option<i32>,
    /// Not before.
    start_at: Option<Timestamp>,
    /// Whether it is stopped before the first step that may change something; its result then shows what that step would
    /// do.
    dry_run: Option<bool>,
}

/// An execution that was submitted.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Accepted {
    /// Its id.
    #[schema(value_type = String)]
    execution_id: ExecutionId,
    /// Where it stands.
    status: ExecutionStatus,
    /// Where it can be watched: a live view, by WebSocket or by polling.
    websocket_url: String,
    /// Where it can be read.
    status_url: String,
}

/// Execute a document
#[utoipa::path(
    post, path = "/execute", tag = "operators", request_body = Execute,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes asking twice safe")),
    responses((status = 202, body = Accepted)),
)]
pub(super) async fn execute(
    State(app): State<Arc<App>>,
    caller: Caller,
    Idempotency(key): Idempotency,
    headers: HeaderMap,
    Body(asked): Body<Execute>,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    let (execution_id, status) = match asked.execution_id {
        Some(held) => (held, start(&app, &caller, held, &asked).await?),
        None => submit(&app, &caller, key, asked).await?,
    };
    let status_url = format!("{}/api/aef/executions/{execution_id}", app.base(&headers));
    let websocket_url = format!("{}/api/aef/live/{execution_id}", app.socket_base(&headers));
    Ok((StatusCode::ACCEPTED, Json(Accepted { execution_id, status, websocket_url, status_url })))
}

/// Lets a held execution go.
async fn start(
    app: &App,
    caller: &Caller,
    held: ExecutionId,
    asked: &Execute,
) -> Result<ExecutionStatus, Problem> {
    let handle = app.execution(caller, held).await?;
    let record = handle.record().await?;
    if record.document != asked.aef_document_id {
        let detail = format!("{held} was made from the document `{}`", record.document);
        return Err(Problem::new(Code::DocumentMismatch, detail));
    }
    let settled = [
        ("version", asked.version.is_some()),
        ("stepIds", asked.step_ids.is_some()),
        ("priority", asked.priority.is_some()),
        ("startAt", asked.start_at.is_some()),
        ("dryRun", asked.dry_run.is_some()),
    ];
    if let Some((field, _)) = settled.into_iter().find(|(_, given)| *given) {
        let message = format!("a held execution was made with its `{field}`: leave it out");
        return Err(Problem::invalid(&format!("/{field}"), message));
    }
    let inputs = asked.inputs.clone().unwrap_or(Value::Null);
    Ok(handle.start_with(inputs).await?.status.into())
}

async fn submit(
    app: &App,
    caller: &Caller,
    idempotency_key: Option<String>,
    asked: Execute,
) -> Result<(ExecutionId, ExecutionStatus), Problem> {
    let stored = app.document(caller, &asked.aef_document_id, asked.version).await?;
    let plan = app.plan(&stored, asked.step_ids.as_deref())?;
    app.has_room(app.owner(caller)?).await?;
    let options = SubmitOptions {
        idempotency_key,
        priority: asked.priority.unwrap_or(0),
        start_at: asked.start_at,
        dry_run: asked.dry_run.unwrap_or(false),
        ..SubmitOptions::default()
    };
    let inputs = asked.inputs.unwrap_or(Value::Null);
    let handle = app.scoped(caller)?.submit(&plan, inputs, options).await?;
    let record = handle.record().await?;
    Ok((record.id, record.summary.status.into()))
}
