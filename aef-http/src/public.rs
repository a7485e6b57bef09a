//! What is answered without a credential: health, metrics, and the description of the surface.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::options::OPEN_METRICS;
use crate::problem::{Code, Problem};

/// How it stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    #[schema(value_type = String)]
    status: &'static str,
}

/// The routes.
pub(crate) fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(healthz)).routes(routes!(readyz)).routes(routes!(metrics))
}

/// Whether the process lives
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, body = Health)))]
async fn healthz() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Whether requests can be answered
#[utoipa::path(get, path = "/readyz", tag = "health", responses((status = 200, body = Health)))]
async fn readyz(State(app): State<Arc<App>>) -> Result<Json<Health>, Problem> {
    if app.options.shutdown.has_begun() {
        return Err(Problem::new(Code::Unavailable, "the server is shutting down"));
    }
    app.engine.store().now().await?;
    Ok(Json(Health { status: "ok" }))
}

/// Figures for Prometheus
#[utoipa::path(
    get, path = "/metrics", tag = "health",
    responses((
        status = 200, description = "The text format of OpenMetrics",
        body = String, content_type = "application/openmetrics-text",
    )),
)]
async fn metrics(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let source = app.options.metrics.as_ref();
    let source = source.ok_or_else(|| Problem::new(Code::NotConfigured, "the host gives no figures here"))?;
    let text = source.open_metrics().await;
    let text = text.ok_or_else(|| Problem::new(Code::Internal, "the figures cannot be told now"))?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(OPEN_METRICS))], text).into_response())
}
