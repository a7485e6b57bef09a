//! Why a call did not succeed.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::types::Diagnostic;

/// Why a call did not succeed.
#[derive(Debug)]
pub struct ClientError {
    kind: ErrorKind,
    message: String,
    problem: Option<Box<Problem>>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The kinds of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The options, or what is to be sent, cannot be used.
    Configuration,
    /// The server cannot be reached, or the answer broke off. Whether the call was done is not known.
    Unreachable,
    /// The answer did not come in time. Whether the call was done is not known.
    Timeout,
    /// The server refused: [`ClientError::problem`] says why.
    Refused,
    /// The answer is none that this client knows.
    Unreadable,
}

/// What the server says is wrong, and what to do (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Problem {
    /// The status of the answer.
    pub status: u16,
    /// The stable code, such as `not_found`; empty where something else than the surface answered.
    #[serde(default)]
    pub code: String,
    /// What is wrong and what to do.
    #[serde(default)]
    pub detail: String,
    /// Each thing that is wrong in what was sent.
    #[serde(default)]
    pub errors: Vec<Diagnostic>,
    /// For `already_answered`: the answer that counted.
    #[serde(default)]
    pub answer: Option<Value>,
    /// After which time asking again may help.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
}

impl ClientError {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), problem: None, source: None }
    }

    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    pub(crate) fn refused(problem: Problem) -> Self {
        let message = if problem.detail.is_empty() {
            format!("the server answered {}", problem.status)
        } else {
            problem.detail.clone()
        };
        Self { problem: Some(Box::new(problem)), ..Self::new(ErrorKind::Refused, message) }
    }

    /// What kind of error it is.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What the server says, where it refused.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        self.problem.as_deref()
    }

    /// Whether the server refused with this code.
    #[must_use]
    pub fn has_code(&self, code: &str) -> bool {
        self.problem().is_some_and(|problem| problem.code == code)
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl Error for ClientError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}
