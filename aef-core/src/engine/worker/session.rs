//! The browser of one execution: opened, asked, looked at, and closed.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::perform::{Context, Done};
use crate::browser::{Capture, CaptureRequest, ObserveRequest, Session, SessionOptions};
use crate::document::{Condition, ImageFormat, Target};
use crate::execution::{Artifact, Evidence, Input, OpenSession};
use crate::ids::Seq;
use crate::recovery::{ErrorKind, Failure};

/// How long evidence may take.
const CAPTURE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long closing a browser, or reading its state, may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

impl Context {
    pub(super) async fn open(self, open: OpenSession) -> Done {
        match self.try_open(open).await {
            Ok((session, restored)) => Done::Opened { session, restored },
            Err(failure) => Done::fact(Input::SessionFailed { failure }),
        }
    }

    async fn try_open(&self, open: OpenSession) -> Result<(Arc<dyn Session>, bool), Failure> {
        let browser = self.engine.browser.as_ref().ok_or_else(|| {
            let message =
                "this worker has no browser; give the engine one with `Engine::builder(…).browser(…)`";
            Failure::new(ErrorKind::Internal, message)
        })?;
        let restore = match &open.restore {
            Some(artifact) => match self.engine.artifacts.state(self.record.id, artifact).await {
                Ok(state) => Some(state),
                Err(error) => {
                    tracing::warn!(%error, "the browser begins empty: its state cannot be had");
                    None
                }
            },
            None => None,
        };
        let restored = restore.is_some();
        let options = SessionOptions {
            execution: self.record.id,
            policy: self.engine.policy.navigation(&open.config),
            config: open.config,
            timezone: Some(open.timezone).filter(|name| !name.is_empty()),
            restore,
            url: open.url,
        };
        match timeout(self.open_timeout, browser.open(options)).await {
            Ok(Ok(session)) => Ok((session, restored)),
            Ok(Err(error)) => Err(error.failure()),
            Err(_) => {
                let message = format!("the browser did not open within {:?}", self.open_timeout);
                Err(Failure::new(ErrorKind::Disconnected, message))
            }
        }
    }

    pub(super) async fn observe(
        self,
        session: Option<Arc<dyn Session>>,
        token: Seq,
        conditions: Vec<Condition>,
        wait: Duration,
    ) -> Done {
        let failed = |failure| Done::fact(Input::ObservationFailed { token, failure });
        let Some(session) = session else { return failed(no_browser()) };
        let request = ObserveRequest { conditions, timeout: wait };
        // Reading once has no timeout of its own.
        let limit = wait.max(Duration::from_secs(5)) + self.grace;
        match timeout(limit, session.observe(request)).await {
            Ok(Ok(observation)) => Done::fact(Input::Observed { token, observation }),
            Ok(Err(error)) => failed(error.failure()),
            Err(_) => failed(unresponsive(limit)),
        }
    }

    pub(super) async fn capture(
        self,
        session: Option<Arc<dyn Session>>,
        token: Seq,
        screenshot: bool,
        fingerprints: Vec<Target>,
    ) -> Done {
        let failed = |failure| Done::fact(Input::EvidenceFailed { token, failure });
        let Some(session) = session else { return failed(no_browser()) };
        let screenshot = screenshot.then_some(ImageFormat::Png);
        let capture = match timeout(
            CAPTURE_TIMEOUT,
            session.capture(CaptureRequest { screenshot, fingerprints }),
        )
        .await
        {
            Ok(Ok(capture)) => capture,
            Ok(Err(error)) => return failed(error.failure()),
            Err(_) => return failed(unresponsive(CAPTURE_TIMEOUT)),
        };
        let Capture { url, title, screenshot, fingerprints } = capture;
        // A picture that cannot be kept is no reason not to ask the person.
        let screenshot = match screenshot {
            Some(file) => self.keep(file).await.ok(),
            None => None,
        };
        let evidence = Evidence { url, title, screenshot, fingerprints };
        Done::fact(Input::EvidenceCaptured { token, evidence })
    }

    pub(super) async fn save_state(self, session: Option<Arc<dyn Session>>) -> Done {
        let state = match session {
            Some(session) => self.kept_state(&*session).await,
            None => None,
        };
        Done::fact(Input::BrowserStateSaved { state })
    }

    /// Keeps cookies and storage, where there is a key to keep them under.
    pub(super) async fn kept_state(&self, session: &dyn Session) -> Option<Artifact> {
        if !self.engine.artifacts.keeps_state() {
            tracing::warn!(
                "cookies and storage are not kept, for there is no key: it goes on in an empty browser"
            );
            return None;
        }
        let state = match timeout(CLOSE_TIMEOUT, session.storage_state()).await {
            Ok(Ok(state)) => state,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the browser's state cannot be read");
                return None;
            }
            Err(_) => {
                tracing::warn!("the browser's state was not told in time");
                return None;
            }
        };
        match self.engine.artifacts.keep_state(self.record.id, &state).await {
            Ok(artifact) => Some(artifact),
            Err(error) => {
                tracing::warn!(%error, "the browser's state cannot be kept");
                None
            }
        }
    }

    pub(super) async fn close(session: Option<Arc<dyn Session>>) -> Done {
        if let Some(session) = session {
            close(&*session).await;
        }
        Done::fact(Input::SessionClosed)
    }
}

/// Closes a browser; what goes wrong is only logged, since the context is given up either way.
pub(super) async fn close(session: &dyn Session) {
    match timeout(CLOSE_TIMEOUT, session.close()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the browser could not be closed"),
        Err(_) => tracing::warn!("the browser did not close in time"),
    }
}

fn no_browser() -> Failure {
    Failure::new(ErrorKind::Disconnected, "no browser is open")
}

fn unresponsive(limit: Duration) -> Failure {
    Failure::new(ErrorKind::Timeout, format!("the browser did not answer within {limit:?}"))
        .with_reason("unresponsive")
}
