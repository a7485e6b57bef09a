//! Errors of the engine.

use std::fmt;

use crate::execution::{Answer, Rejected};
use crate::secrets::SecretError;
use crate::store::{StoreError, StoreErrorKind};

/// What kind of error the engine had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EngineErrorKind {
    /// There is no such execution or document, or it is another owner's.
    NotFound,
    /// What was asked makes no sense in the state in which the execution stands.
    Rejected,
    /// The checkpoint was answered before; [`EngineError::answered`] tells how.
    AlreadyAnswered,
    /// The inputs, the data of a form, or the plan are not acceptable.
    Invalid,
    /// A secret that the document declares has no value.
    SecretMissing,
    /// The idempotency key was used with other contents.
    IdempotencyConflict,
    /// Others changed the execution again and again at the same time; asking again may help.
    Busy,
    /// The store, or the place where secrets or artifacts are kept, did not answer.
    Unavailable,
    /// What is kept cannot be read: damaged, or of a newer version.
    Unreadable,
    /// A bug.
    Internal,
}

/// An error of the engine.
#[derive(Debug)]
pub struct EngineError {
    operation: &'static str,
    kind: EngineErrorKind,
    message: String,
    answered: Option<Box<Answer>>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl EngineError {
    /// An error of `operation`.
    #[must_use]
    pub fn new(operation: &'static str, kind: EngineErrorKind, message: impl Into<String>) -> Self {
        Self { operation, kind, message: message.into(), answered: None, source: None }
    }

    /// The same with its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The error of an answer that came too late.
    #[must_use]
    pub(crate) fn answered_before(operation: &'static str, answer: Box<Answer>) -> Self {
        let message = format!("the checkpoint was answered before with {}", answer.response.as_str());
        Self { answered: Some(answer), ..Self::new(operation, EngineErrorKind::AlreadyAnswered, message) }
    }

    /// An error of the store, as one of the engine's `operation`.
    #[must_use]
    pub(crate) fn of_store(operation: &'static str, error: StoreError) -> Self {
        let (kind, message) = match error.kind() {
            StoreErrorKind::NotFound => (EngineErrorKind::NotFound, "it does not exist"),
            StoreErrorKind::Finished => (EngineErrorKind::Rejected, "the execution is finished"),
            StoreErrorKind::IdempotencyConflict => {
                (EngineErrorKind::IdempotencyConflict, "the idempotency key was used with other contents")
            }
            StoreErrorKind::InUse => (EngineErrorKind::Rejected, "an execution refers to it"),
            StoreErrorKind::Conflict | StoreErrorKind::LeaseLost => {
                (EngineErrorKind::Busy, "the execution was changed at the same time")
            }
            StoreErrorKind::Unavailable => (EngineErrorKind::Unavailable, "the store did not answer"),
            StoreErrorKind::Unreadable => (EngineErrorKind::Unreadable, "what is kept cannot be read"),
            StoreErrorKind::BatchMismatch => {
                (EngineErrorKind::Internal, "a batch was sent with two contents")
            }
        };
        Self::new(operation, kind, message).with_source(error)
    }

    /// A rejected input, as an error of the engine's `operation`.
    #[must_use]
    pub(crate) fn of_rejected(operation: &'static str, rejected: Rejected) -> Self {
        match rejected.answered {
            Some(answer) => Self::answered_before(operation, answer),
            None => {
                Self::new(operation, EngineErrorKind::Rejected, "it makes no sense now").with_source(rejected)
            }
        }
    }

    /// An error of a secret, as one of the engine's `operation`.
    #[must_use]
    pub(crate) fn of_secret(operation: &'static str, error: SecretError) -> Self {
        let kind = match error {
            SecretError::Missing { .. }
            | SecretError::OriginRefused { .. }
            | SecretError::NotGiven { .. } => EngineErrorKind::SecretMissing,
            SecretError::Unavailable { .. } => EngineErrorKind::Unavailable,
        };
        Self::new(operation, kind, "a secret cannot be had").with_source(error)
    }

    /// What kind of error it is.
    #[must_use]
    pub const fn kind(&self) -> EngineErrorKind {
        self.kind
    }

    /// What was being done.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        self.operation
    }

    /// What is wrong, without the operation in front.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// For an answer that came too late: the one that counted.
    #[must_use]
    pub fn answered(&self) -> Option<&Answer> {
        self.answered.as_deref()
    }

    /// Whether doing the same again may help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self.kind, EngineErrorKind::Busy | EngineErrorKind::Unavailable)
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.operation, self.message)
    }
}

impl std::error::Error for EngineError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
