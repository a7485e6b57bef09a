//! AEF documents.

use std::sync::Arc;

use aef_core::document::Document;
use aef_core::engine::Engine;
use aef_core::ids::DocumentId;
use aef_core::plan::Plan;
use aef_core::store::StoredDocument;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::sops::VersionParam;
use crate::app::{App, apart, bound_document, may_see_document};
use crate::auth::Caller;
use crate::extract::{DocumentText, Params, Segment};
use crate::page::{PageParams, cut};
use crate::problem::{Code, Fault, Problem, faults};

/// A document in a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DocumentRow {
    /// Its id, as its author wrote it.
    #[schema(value_type = String)]
    aef_document_id: DocumentId,
    /// Its version, from 1.
    version: u32,
    /// Its title.
    title: String,
    /// SHA-256 of its canonical JSON.
    hash: String,
    /// When this version was kept.
    created_at: Timestamp,
}

/// A document that was kept.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Kept {
    #[serde(flatten)]
    row: DocumentRow,
    /// What is probably not meant.
    warnings: Vec<Fault>,
}

/// A document.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DocumentView {
    #[serde(flatten)]
    row: DocumentRow,
    /// Its canonical JSON.
    #[schema(value_type = Object)]
    document: Arc<Value>,
}

/// A page of documents.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Documents {
    /// The documents, each in its newest version.
    documents: Vec<DocumentRow>,
    /// What to ask for as `cursor` next, where there is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// What was found in a document that can be run.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Validated {
    /// Its id.
    #[schema(value_type = String)]
    aef_document_id: DocumentId,
    /// SHA-256 of its canonical JSON.
    hash: String,
    /// How many steps it has.
    steps: usize,
    /// What is probably not meant.
    warnings: Vec<Fault>,
}

fn row(stored: &StoredDocument) -> DocumentRow {
    DocumentRow {
        aef_document_id: stored.id.clone(),
        version: stored.version,
        title: stored.title.clone(),
        hash: stored.hash.to_string(),
        created_at: stored.created_at,
    }
}

/// Reads and compiles a document.
async fn compiled(app: &App, text: DocumentText) -> Result<Plan, Problem> {
    let engine = app.engine.clone();
    let compiling = move || {
        let read =
            if text.is_yaml { Document::from_yaml(&text.text) } else { Document::from_json(&text.text) };
        let document = read.map_err(|found| Problem::of_diagnostics("document", &found))?;
        compile(&engine, &document)
    };
    apart(compiling).await?
}

/// Compiles a document, which takes a while where it is large.
pub(super) fn compile(engine: &Engine, document: &Document) -> Result<Plan, Problem> {
    engine.compile(document).map_err(|found| Problem::of_diagnostics("document", &found))
}

/// Keep a document
#[utoipa::path(
    post, path = "/documents", tag = "operators",
    request_body(description = "An AEF document", content((Object = "application/json"), (String = "application/yaml"))),
    responses((status = 201, body = Kept)),
)]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    text: DocumentText,
) -> Result<(StatusCode, Json<Kept>), Problem> {
    let scoped = app.scoped(&caller)?;
    let plan = compiled(&app, text).await?;
    may_see_document(&caller, &plan.document.id)?;
    let stored = scoped.put_document(&plan.document).await?;
    Ok((StatusCode::CREATED, Json(Kept { row: row(&stored), warnings: faults(plan.warnings()) })))
}

/// List documents
#[utoipa::path(
    get, path = "/documents", tag = "operators", params(PageParams), responses((status = 200, body = Documents))
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<Documents>, Problem> {
    let limit = page.limit()?;
    if let Some(bound) = bound_document(&caller) {
        let documents = match app.document(&caller, bound, None).await {
            Ok(stored) => vec![row(&stored)],
            Err(problem) if problem.code() == Code::NotFound => Vec::new(),
            Err(problem) => return Err(problem),
        };
        return Ok(Json(Documents { documents, next_cursor: None }));
    }
    let after = page.after::<String>()?.map(DocumentId::from);
    let mut documents = app.scoped(&caller)?.documents(after, limit + 1).await?;
    let next_cursor = cut(&mut documents, limit, |stored| stored.id.to_string());
    Ok(Json(Documents { documents: documents.iter().map(row).collect(), next_cursor }))
}

/// Read a document
#[utoipa::path(
    get, path = "/documents/{id}", tag = "operators",
    params(("id" = String, Path, description = "The document"), VersionParam),
    responses((status = 200, body = DocumentView)),
)]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(id): Segment<String>,
    Params(which): Params<VersionParam>,
) -> Result<Json<DocumentView>, Problem> {
    let stored = app.document(&caller, &DocumentId::from(id), which.version).await?;
    Ok(Json(DocumentView { row: row(&stored), document: stored.content }))
}

/// Check a document without keeping it
#[utoipa::path(
    post, path = "/documents/validate", tag = "operators",
    request_body(description = "An AEF document", content((Object = "application/json"), (String = "application/yaml"))),
    responses((status = 200, body = Validated)),
)]
pub(super) async fn validate(
    State(app): State<Arc<App>>,
    text: DocumentText,
) -> Result<Json<Validated>, Problem> {
    let plan = compiled(&app, text).await?;
    Ok(Json(Validated {
        aef_document_id: plan.document.id.clone(),
        hash: plan.hash.to_string(),
        steps: plan.steps.len(),
        warnings: faults(plan.warnings()),
    }))
}
