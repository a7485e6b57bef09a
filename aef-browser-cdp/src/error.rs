//! What can go wrong between this crate and the browser.

use std::{borrow::Cow, path::PathBuf, sync::Arc, time::Duration};

use tokio_tungstenite::tungstenite;

/// An error of the protocol, the process or the socket.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum CdpError {
    #[error("cannot connect to {url}")]
    Connect { url: String, source: Arc<tungstenite::Error> },
    #[error("not a ws:// endpoint: {url}")]
    Endpoint { url: String },
    #[error("{method} got no answer within {limit:?}")]
    Timeout { method: Cow<'static, str>, limit: Duration },
    #[error("{method} was refused ({code}): {message}")]
    Refused { method: Cow<'static, str>, code: i64, message: String },
    #[error("unexpected payload of {method}")]
    Malformed { method: String, source: Arc<serde_json::Error> },
    #[error("the session is over")]
    Lost(#[source] Loss),
    #[error("the lease ended before the input was sent")]
    GateClosed,
    #[error("the browser does not take messages as fast as they are written")]
    Backlog,
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

    pub(crate) fn of(self, name: &Cow<'static, str>) -> Self {
        match self {
            // Chromium answers so for a session that was detached in the meantime.
            Self::Refused { code: -32001, .. } => Self::Lost(Loss::PageClosed),
            Self::Refused { code, message, .. } => Self::Refused { method: name.clone(), code, message },
            other => other,
        }
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
    #[error("the page sent events faster than they could be handled")]
    Overflow,
    #[error("the session was closed by its owner")]
    Closed,
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
