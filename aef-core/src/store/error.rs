//! What goes wrong in a store.

use std::fmt;

/// What kind of error a store had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// There is no such thing, or it is another owner's.
    NotFound,
    /// The journal has another head than the append expects.
    Conflict,
    /// Somebody else has the lease, or it has run out, or (with `require_unleased`) it is live.
    LeaseLost,
    /// The execution is finished.
    Finished,
    /// The batch id (or the id of an execution to make) came with other content before.
    BatchMismatch,
    /// The idempotency key came with another body before.
    IdempotencyConflict,
    /// An execution refers to it.
    InUse,
    /// The store did not answer, or is full. Whether it took effect is not known.
    Unavailable,
    /// What is kept cannot be read: damaged, or of a newer version.
    Unreadable,
}

/// An error of a store.
#[derive(Debug)]
pub struct StoreError {
    operation: &'static str,
    kind: StoreErrorKind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl StoreError {
    /// An error of `operation`.
    #[must_use]
    pub fn new(operation: &'static str, kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self { operation, kind, message: message.into(), source: None }
    }

    /// The same with its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What kind of error it is.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// What was being done.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        self.operation
    }

    /// Whether doing the same again may help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self.kind, StoreErrorKind::Unavailable)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.operation, self.message)
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
