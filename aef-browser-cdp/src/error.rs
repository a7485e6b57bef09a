//! What can go wrong between this crate and the browser.

use std::{borrow::Cow, fmt, path::PathBuf, sync::Arc, time::Duration};

use aef_core::browser::BrowserError;
use aef_core::recovery::{ErrorKind, Failure};
use aef_core::secrets::SecretError;
use serde::Deserialize;
use tokio_tungstenite::tungstenite;

/// An error of the protocol, the process or the socket.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum CdpError {
    #[error("cannot connect to {url}")]
    Connect { url: String, source: Arc<tungstenite::Error> },
    #[error("neither a ws:// nor an http:// endpoint: {url}")]
    Endpoint { url: String },
    #[error("{url} does not tell where its browser is")]
    Discover { url: String, source: Arc<std::io::Error> },
    #[error("{method} got no answer within {limit:?}")]
    Timeout { method: Cow<'static, str>, limit: Duration },
    #[error("{method} was refused ({code}): {message}")]
    Refused { method: Cow<'static, str>, code: i64, message: String },
    #[error("unexpected payload of {method}")]
    Malformed { method: String, source: Arc<serde_json::Error> },
    #[error("the picture is not base64")]
    Picture(#[from] base64::DecodeError),
    #[error("the session is over")]
    Lost(#[source] Loss),
    #[error("the lease ended before the input was sent")]
    GateClosed,
    #[error("the way out of the context cannot be opened")]
    Gateway(#[source] Arc<std::io::Error>),
    #[error("the browser does not take messages as fast as they are written")]
    Backlog,
    #[error("{0}")]
    Fault(Fault),
    #[error("{0}")]
    Page(Failure),
    #[error("the secret was not given")]
    Secret(#[source] Arc<SecretError>),
    #[error(transparent)]
    Launch(#[from] LaunchError),
}

impl CdpError {
    pub(crate) fn malformed(method: &str, source: serde_json::Error) -> Self {
        Self::Malformed { method: method.to_owned(), source: Arc::new(source) }
    }

    /// A refusal whose method the caller adds with [`CdpError::of`].
    pub(crate) fn refused(code: i64, message: &str) -> Self {
        Self::Refused { method: Cow::Borrowed(""), code, message: message.to_owned() }
    }

    pub(crate) fn of(self, method: Cow<'static, str>) -> Self {
        let Self::Refused { code, message, .. } = self else { return self };
        // Chromium answers so for a session that was detached in the meantime.
        if code == -32001 {
            return Self::Lost(Loss::PageClosed);
        }
        Self::Refused { method, code, message }
    }

    /// A frame is no longer in the page, in the words that the browser has for its id.
    pub(crate) fn frame_gone() -> Self {
        Self::refused(-32000, "No frame for given id found").of(Cow::Borrowed("DOM.describeNode"))
    }

    /// Whether the document that the call concerned is gone, so that the call may be made again on the next.
    pub(crate) fn is_document_gone(&self) -> bool {
        const SIGNS: [&str; 6] = [
            "Execution context was destroyed",
            "Cannot find context with specified id",
            "Inspected target navigated or closed",
            "Cannot find execution context",
            "uniqueContextId not found",
            "No frame for given id found",
        ];
        matches!(self, Self::Refused { message, .. } if SIGNS.iter().any(|sign| message.contains(sign)))
    }
}

impl CdpError {
    /// Whether the page said that something is not so yet, rather than that it cannot be.
    pub(crate) fn is_waiting(&self) -> bool {
        if let Self::Fault(fault) = self {
            return !matches!(fault.kind.as_str(), "data" | "internal" | "target_changed");
        }
        matches!(self, Self::Timeout { .. })
    }

    /// Whether the browser refused because one document was about to take another one's place.
    pub(crate) fn is_between_documents(&self) -> bool {
        matches!(self, Self::Refused { message, .. } if message.contains("Not attached to an active page"))
    }

    /// The same, with the time as its cause where the document went away until the time was over.
    pub(crate) fn or_timeout(self, what: &str) -> Self {
        if self.is_document_gone() {
            let failure = Failure::new(ErrorKind::Timeout, format!("the page kept navigating during {what}"));
            return Self::Page(failure.with_reason("navigating"));
        }
        self
    }

    /// The error in the words of the core.
    pub(crate) fn failure(&self) -> Failure {
        let kind = match self {
            Self::Page(failure) => return failure.clone(),
            Self::Fault(fault) => return fault.failure(),
            Self::GateClosed => {
                return Failure::new(ErrorKind::Timeout, self.to_string()).with_reason("lease_ended");
            }
            Self::Lost(loss) => return Failure::new(loss.kind(), loss.to_string()),
            Self::Connect { .. } | Self::Endpoint { .. } | Self::Discover { .. } | Self::Backlog => {
                ErrorKind::Disconnected
            }
            Self::Timeout { .. } => ErrorKind::Timeout,
            Self::Refused { .. } | Self::Malformed { .. } | Self::Picture(_) | Self::Gateway(_) => {
                ErrorKind::Internal
            }
            Self::Secret(source) => return source.failure(),
            Self::Launch(
                LaunchError::NotFound | LaunchError::NotExecutable(_) | LaunchError::RootNeedsNoSandbox,
            ) => ErrorKind::Internal,
            Self::Launch(_) => ErrorKind::Crashed,
        };
        Failure::new(kind, self.to_string())
    }

    /// The error of one of the browser's operations.
    pub(crate) fn during(self, operation: &'static str) -> BrowserError {
        let failure = self.failure();
        let error = BrowserError::new(operation, failure.kind, failure.message).with_source(self);
        match failure.reason {
            Some(reason) => error.with_reason(reason),
            None => error,
        }
    }
}

/// An expected failure, as the script in the page tells it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Fault {
    pub(crate) kind: String,
    pub(crate) reason: Option<String>,
    pub(crate) message: String,
    pub(crate) candidates: Vec<serde_json::Value>,
}

impl Fault {
    pub(crate) fn not_found(message: &str) -> Self {
        Self { kind: "element_not_found".into(), message: message.into(), ..Self::default() }
    }

    /// Whether nothing had been done to the page when it occurred.
    pub(crate) fn is_before_effect(&self) -> bool {
        !matches!(self.reason.as_deref(), Some("value_rejected" | "state_unchanged" | "exception"))
    }

    fn failure(&self) -> Failure {
        let kind = match self.kind.as_str() {
            "element_not_found" => ErrorKind::ElementNotFound,
            "ambiguous" => ErrorKind::Ambiguous,
            "not_actionable" => ErrorKind::NotActionable,
            "target_changed" => ErrorKind::TargetChanged,
            "data" => ErrorKind::Data,
            _ => ErrorKind::Internal,
        };
        let names: Vec<&str> = self.candidates.iter().filter_map(serde_json::Value::as_str).collect();
        let message = if names.is_empty() {
            self.message.clone()
        } else {
            format!("{}; candidates: {}", self.message, names.join(", "))
        };
        Failure { reason: self.reason.clone(), ..Failure::new(kind, message) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.failure().fmt(out)
    }
}

/// Why a page, or the whole browser, is gone.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Loss {
    #[error("the browser exited with {status}; its last words: {stderr}")]
    Exited { status: String, stderr: String },
    #[error("the connection to the browser ended")]
    Disconnected { source: Option<Arc<tungstenite::Error>> },
    #[error("the page crashed")]
    PageCrashed,
    #[error("the page was closed")]
    PageClosed,
    #[error("the page asked something when the next one was about to come, which nobody can answer any more")]
    PageStuck,
    #[error("the page sent events faster than they could be handled")]
    Overflow,
    #[error("the session was closed by its owner")]
    Closed,
}

impl Loss {
    /// The kind of error that it is for the session.
    pub(crate) const fn kind(&self) -> ErrorKind {
        match self {
            Self::Exited { .. } | Self::PageCrashed | Self::Overflow => ErrorKind::Crashed,
            Self::Disconnected { .. } => ErrorKind::Disconnected,
            Self::PageClosed | Self::PageStuck | Self::Closed => ErrorKind::PageLost,
        }
    }
}

/// Why no browser could be started.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum LaunchError {
    #[error(
        "no Chromium found; install it (Debian: `apt install chromium chromium-headless-shell`) or name it in AEF_CHROMIUM"
    )]
    NotFound,
    #[error("{} is not an executable file", .0.display())]
    NotExecutable(PathBuf),
    #[error(
        "Chromium's sandbox cannot start as root: run as another user, or disable it explicitly with the no-sandbox option"
    )]
    RootNeedsNoSandbox,
    #[error("cannot prepare a profile directory")]
    Profile(#[source] Arc<std::io::Error>),
    #[error("cannot start {}", path.display())]
    Spawn { path: PathBuf, source: Arc<std::io::Error> },
    #[error("the browser exited with {status} before it could be reached; its last words: {stderr}")]
    ExitedEarly { status: String, stderr: String },
    #[error("the browser did not open its port within {limit:?}; its last words: {stderr}")]
    NoPort { limit: Duration, stderr: String },
}
