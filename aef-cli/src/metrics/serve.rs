//! Telling what was measured, over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aef::http::{MetricsSource, OPEN_METRICS};
use aef::store::{Scope, Store};
use async_trait::async_trait;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use tokio::net::TcpListener;

use super::{Metrics, queue};
use crate::failure::Failure;

/// How long the store may take; a scrape gives up after 10 s by default.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whom the answers come from.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    metrics: Metrics,
    store: Arc<dyn Store>,
}

impl Source {
    /// What these have measured, and what the store counts.
    pub(crate) fn new(metrics: Metrics, store: Arc<dyn Store>) -> Self {
        Self { metrics, store }
    }
}

#[async_trait]
impl MetricsSource for Source {
    /// Where the store does not answer, its part is left out: a series that is missing is an alert, one that stands still is
    /// not.
    async fn open_metrics(&self) -> Option<String> {
        let census = tokio::time::timeout(PATIENCE, self.store.census(&Scope::System)).await;
        let mut text = String::new();
        let mut encoded = encode_registry(&mut text, &self.metrics.registry);
        match census {
            Ok(Ok(census)) => {
                encoded = encoded.and_then(|()| encode_registry(&mut text, &queue::gauges(&census)));
            }
            Ok(Err(error)) => tracing::warn!(%error, "the executions cannot be counted"),
            Err(_) => tracing::warn!("the executions were not counted in time"),
        }
        match encoded.and_then(|()| encode_eof(&mut text)) {
            Ok(()) => Some(text),
            Err(error) => {
                tracing::error!(%error, "the metrics cannot be written");
                None
            }
        }
    }
}

/// Serves `/metrics` and `/healthz` at this address as long as the process lives; gives the address that it is.
///
/// # Errors
/// Where the address cannot be had.
pub(crate) async fn serve(
    address: SocketAddr,
    metrics: Metrics,
    store: Arc<dyn Store>,
) -> Result<SocketAddr, Failure> {
    let failed = |error| Failure::environment(format!("cannot listen at {address}")).with_source(error);
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let router = Router::new()
        .route("/metrics", get(tell))
        .route("/healthz", get(health))
        .with_state(Source::new(metrics, store));
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "metrics are no longer served");
        }
    });
    Ok(bound)
}

async fn tell(State(source): State<Source>) -> Response {
    match source.open_metrics().await {
        Some(text) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Whether the store answers.
async fn health(State(Source { store, .. }): State<Source>) -> StatusCode {
    match tokio::time::timeout(PATIENCE, store.now()).await {
        Ok(Ok(_)) => StatusCode::OK,
        Ok(Err(_)) | Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
