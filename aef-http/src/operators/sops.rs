//! SOP documents: kept as given, in versions.

use std::sync::Arc;

use aef_core::ids::SopId;
use aef_core::store::{NewSop, StoredSop};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::app::{App, idempotency};
use crate::auth::Caller;
use crate::extract::{DocumentText, Idempotency, Params, Segment, from_json};
use crate::page::{PageParams, cut};
use crate::problem::{Code, Problem};

/// The longest title that is kept of an SOP, in characters.
const MAX_TITLE: usize = 500;

/// An SOP in a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SopRow {
    /// Its id.
    #[schema(value_type = String)]
    sop_id: SopId,
    /// Its version, from 1.
    version: u32,
    /// Its title.
    title: String,
    /// When this version was kept.
    created_at: Timestamp,
}

/// An SOP, to the letter.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SopView {
    #[serde(flatten)]
    row: SopRow,
    /// SHA-256 of its text.
    hash: String,
    /// The document as it was given.
    #[schema(value_type = Object)]
    document: Box<RawValue>,
}

/// A page of SOPs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sops {
    /// The SOPs, each in its newest version.
    sops: Vec<SopRow>,
    /// What to ask for as `cursor` next, where there is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Which version.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct VersionParam {
    /// Which version; the newest where nothing is asked.
    #[param(minimum = 1)]
    pub(super) version: Option<u32>,
}

fn row(sop: &StoredSop) -> SopRow {
    SopRow { sop_id: sop.id, version: sop.version, title: sop.title.clone(), created_at: sop.created_at }
}

/// What is kept of an SOP: it must be a JSON object; all else is for the transformation to judge.
fn title(text: &DocumentText) -> Result<String, Problem> {
    if text.is_yaml {
        return Err(Problem::new(Code::UnsupportedMediaType, "send an SOP as application/json"));
    }
    let sop: Map<String, Value> = from_json(text.text.as_bytes())?;
    let title = sop.get("meta").and_then(|meta| meta.get("title")).and_then(Value::as_str);
    Ok(title.unwrap_or("untitled").chars().take(MAX_TITLE).collect())
}

/// Keep an SOP
#[utoipa::path(
    post, path = "/sops", tag = "operators",
    request_body(content = Object, description = "An SOP document; kept to the letter"),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes asking twice safe")),
    responses((status = 201, body = SopRow), (status = 200, body = SopRow, description = "It was kept before under this key")),
)]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Idempotency(key): Idempotency,
    text: DocumentText,
) -> Result<(StatusCode, Json<SopRow>), Problem> {
    let title = title(&text)?;
    let idempotency = idempotency(key, &text.text);
    let sop = NewSop { id: SopId::generate(), title, content: text.text.into(), idempotency };
    let created = app.host().create_sop(app.owner(&caller)?, sop).await?;
    let status = if created.existing { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Json(row(&created.sop))))
}

/// List SOPs
#[utoipa::path(get, path = "/sops", tag = "operators", params(PageParams), responses((status = 200, body = Sops)))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<Sops>, Problem> {
    let limit = page.limit()?;
    let mut sops = app.host().sops(&app.scope(&caller), page.after()?, limit + 1).await?;
    let next_cursor = cut(&mut sops, limit, |sop| sop.id.to_string());
    Ok(Json(Sops { sops: sops.iter().map(row).collect(), next_cursor }))
}

/// Read an SOP
#[utoipa::path(
    get, path = "/sops/{id}", tag = "operators",
    params(("id" = String, Path, description = "The SOP"), VersionParam),
    responses((status = 200, body = SopView)),
)]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(id): Segment<SopId>,
    Params(which): Params<VersionParam>,
) -> Result<Json<SopView>, Problem> {
    let sop = app.host().sop(&app.scope(&caller), id, which.version).await?;
    let document = RawValue::from_string(sop.content.to_string());
    let document = document.map_err(|error| {
        tracing::error!(%error, sop = %id, "a kept SOP is no JSON");
        Problem::new(Code::Internal, "the SOP that is kept cannot be read")
    })?;
    Ok(Json(SopView { row: row(&sop), hash: sop.hash(), document }))
}

/// Keep another version of an SOP
#[utoipa::path(
    put, path = "/sops/{id}", tag = "operators",
    params(("id" = String, Path, description = "The SOP")),
    request_body(content = Object, description = "An SOP document; kept to the letter"),
    responses((status = 200, body = SopRow)),
)]
pub(super) async fn update(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(id): Segment<SopId>,
    text: DocumentText,
) -> Result<Json<SopRow>, Problem> {
    let title = title(&text)?;
    let sop = app.host().update_sop(&app.scope(&caller), id, &title, text.text.into()).await?;
    Ok(Json(row(&sop)))
}
