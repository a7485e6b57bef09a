//! A browser that counts its sessions.

use std::sync::Arc;

use aef::browser::{
    ActionError, ActionRequest, Browser, BrowserError, Capture, CaptureRequest, InputGate, Observation,
    ObserveRequest, Performed, Session, SessionOptions, StorageState,
};
use aef::live::{Frames, LiveInput};
use async_trait::async_trait;
use prometheus_client::metrics::gauge::Gauge;

use super::Metrics;

/// Counts the sessions of a browser.
#[derive(Debug)]
pub(super) struct MeasuredBrowser {
    inner: Arc<dyn Browser>,
    metrics: Metrics,
}

impl MeasuredBrowser {
    pub(super) fn new(inner: Arc<dyn Browser>, metrics: Metrics) -> Self {
        Self { inner, metrics }
    }
}

#[async_trait]
impl Browser for MeasuredBrowser {
    async fn open(&self, options: SessionOptions) -> Result<Arc<dyn Session>, BrowserError> {
        let opened = self.inner.open(options).await;
        let outcome = if opened.is_ok() { "opened" } else { "failed" };
        self.metrics.session_openings.get_or_create(&[("outcome", outcome)]).inc();
        let inner = opened?;
        Ok(Arc::new(MeasuredSession { inner, _open: Open::count(self.metrics.sessions.clone()) }))
    }
}

/// An open session; counted as long as it is held.
#[derive(Debug)]
struct MeasuredSession {
    inner: Arc<dyn Session>,
    _open: Open,
}

#[derive(Debug)]
struct Open(Gauge);

impl Open {
    fn count(sessions: Gauge) -> Self {
        sessions.inc();
        Self(sessions)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[async_trait]
impl Session for MeasuredSession {
    async fn perform(&self, request: ActionRequest) -> Result<Performed, ActionError> {
        self.inner.perform(request).await
    }

    async fn observe(&self, request: ObserveRequest) -> Result<Observation, BrowserError> {
        self.inner.observe(request).await
    }

    async fn capture(&self, request: CaptureRequest) -> Result<Capture, BrowserError> {
        self.inner.capture(request).await
    }

    async fn storage_state(&self) -> Result<StorageState, BrowserError> {
        self.inner.storage_state().await
    }

    async fn close(&self) -> Result<(), BrowserError> {
        self.inner.close().await
    }

    async fn lost(&self) -> BrowserError {
        self.inner.lost().await
    }

    async fn frames(&self) -> Result<Frames, BrowserError> {
        self.inner.frames().await
    }

    async fn dispatch(&self, input: LiveInput, gate: InputGate) -> Result<(), BrowserError> {
        self.inner.dispatch(input, gate).await
    }

    async fn end_input(&self, gate: InputGate) -> Result<(), BrowserError> {
        self.inner.end_input(gate).await
    }
}
