//! Who asked for what.

use std::sync::Arc;

use aef_core::store::AuditRecord;
use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Caller;
use crate::extract::Params;
use crate::page::{PageParams, cut};
use crate::problem::Problem;

/// Something that was asked for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuditRow {
    /// When.
    at: Timestamp,
    /// Who asked.
    actor: String,
    /// What was asked, as method and route.
    action: String,
    /// The path that was asked for.
    target: String,
    /// The status of the answer.
    status: u16,
    /// From where.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// The id of the request.
    request_id: String,
}

/// A page of the audit log, oldest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Audit {
    /// The entries.
    entries: Vec<AuditRow>,
    /// What to ask for as `cursor` next, where there is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

fn row(record: &AuditRecord) -> AuditRow {
    let entry = &record.entry;
    AuditRow {
        at: record.at,
        actor: entry.actor.clone(),
        action: entry.action.clone(),
        target: entry.target.clone(),
        status: entry.status,
        address: entry.address.clone(),
        request_id: entry.request.clone(),
    }
}

/// Read the audit log
#[utoipa::path(
    get, path = "/audit", tag = "keys and secrets", params(PageParams), responses((status = 200, body = Audit))
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<Audit>, Problem> {
    let limit = page.limit()?;
    let mut records = app.host().audit(&app.scope(&caller), page.after()?, limit + 1).await?;
    let next_cursor = cut(&mut records, limit, |record| record.place.to_string());
    Ok(Json(Audit { entries: records.iter().map(row).collect(), next_cursor }))
}
