//! What a key may run. An engine is a document of its owner's.

use std::sync::Arc;

use aef_core::ids::DocumentId;
use aef_core::store::StoredDocument;
use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::{App, bound_document};
use crate::auth::Caller;
use crate::envelope::{Enveloped, wrap};
use crate::extract::{Params, Segment};
use crate::page::{PageParams, cut};
use crate::problem::{Code, Problem};

/// An engine: a document that may be executed by key.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Engine {
    /// The document's id.
    #[schema(value_type = String)]
    id: DocumentId,
    /// Its title.
    name: String,
    /// What else a person should know.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// Its version.
    version: u32,
    /// The JSON Schema of its inputs.
    #[schema(value_type = Object)]
    inputs: Value,
    /// When this version was kept.
    updated_at: Timestamp,
}

/// A page of engines.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Engines {
    /// The engines.
    engines: Vec<Engine>,
    /// What to ask for as `cursor` next, where there is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// What a document says of itself.
pub(super) fn description(stored: &StoredDocument) -> Option<String> {
    let text = |name: &str| stored.content.get(name).and_then(Value::as_str).map(str::to_owned);
    text("description").or_else(|| text("goal"))
}

fn engine(stored: &StoredDocument) -> Engine {
    let anything = || serde_json::json!({ "type": "object" });
    Engine {
        id: stored.id.clone(),
        name: stored.title.clone(),
        description: description(stored),
        version: stored.version,
        inputs: stored.content.get("inputs").cloned().unwrap_or_else(anything),
        updated_at: stored.created_at,
    }
}

/// List what may be run
#[utoipa::path(
    get, path = "/list", tag = "programs", params(PageParams), responses((status = 200, body = Enveloped<Engines>))
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<Enveloped<Engines>>, Problem> {
    let limit = page.limit()?;
    if let Some(bound) = bound_document(&caller) {
        let engines = match app.document(&caller, bound, None).await {
            Ok(stored) => vec![engine(&stored)],
            Err(problem) if problem.code() == Code::NotFound => Vec::new(),
            Err(problem) => return Err(problem),
        };
        return Ok(wrap(Engines { engines, next_cursor: None }));
    }
    let after = page.after::<String>()?.map(DocumentId::from);
    let mut documents = app.scoped(&caller)?.documents(after, limit + 1).await?;
    let next_cursor = cut(&mut documents, limit, |stored| stored.id.to_string());
    Ok(wrap(Engines { engines: documents.iter().map(engine).collect(), next_cursor }))
}

/// Read what may be run
#[utoipa::path(
    get, path = "/{id}", tag = "programs",
    params(("id" = String, Path, description = "The engine: a document's id")),
    responses((status = 200, body = Enveloped<Engine>)),
)]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<Json<Enveloped<Engine>>, Problem> {
    let stored = app.document(&caller, &DocumentId::from(id), None).await?;
    Ok(wrap(engine(&stored)))
}
