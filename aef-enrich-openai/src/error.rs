//! Why an endpoint gave no proposals.

use std::fmt;

/// What kind of error it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChatErrorKind {
    /// The options make no sense.
    Configuration,
    /// The endpoint cannot be reached.
    Unreachable,
    /// It did not answer in time.
    Timeout,
    /// It is busy or out of order, also after the last attempt.
    Busy,
    /// It refuses the key.
    Unauthorised,
    /// It sends elsewhere. Redirects are not followed.
    Redirected,
    /// It refuses the request.
    Refused,
    /// Its reply is longer than allowed, or was cut off at its own limit.
    TooLong,
    /// Its reply is not what was asked for.
    Malformed,
}

impl ChatErrorKind {
    /// Whether the next request would meet it, too.
    #[must_use]
    pub const fn is_lasting(self) -> bool {
        matches!(
            self,
            Self::Configuration | Self::Unreachable | Self::Unauthorised | Self::Redirected | Self::Busy
        )
    }

    /// Whether the same request may go well a moment later.
    pub(crate) const fn is_passing(self) -> bool {
        matches!(self, Self::Unreachable | Self::Busy)
    }
}

/// Why an endpoint gave no proposals. Neither the key nor what the endpoint said stands in it.
#[derive(Debug)]
pub struct ChatError {
    kind: ChatErrorKind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl ChatError {
    pub(crate) fn new(kind: ChatErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What kind it is.
    #[must_use]
    pub const fn kind(&self) -> ChatErrorKind {
        self.kind
    }
}

impl fmt::Display for ChatError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for ChatError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
