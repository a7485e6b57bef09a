//! What goes wrong, and what may be done about it.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::StepId;

/// What went wrong. Recovery reads this, never a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// No element matches the locator.
    ElementNotFound,
    /// Several elements match where one was asked for.
    Ambiguous,
    /// The element is there and cannot be acted on; the reason says why.
    NotActionable,
    /// Another element than the recorded one matches.
    TargetChanged,
    /// Something did not happen in time.
    Timeout,
    /// A page could not be reached.
    Navigation,
    /// A request failed on the way.
    Network,
    /// A page answered with a status of 400 or above.
    HttpStatus,
    /// A dialog stood in the way.
    Dialog,
    /// A condition of `verify` does not hold.
    VerificationFailed,
    /// A script in the page threw.
    Script,
    /// The page or the browser crashed.
    Crashed,
    /// The connection to the browser ended.
    Disconnected,
    /// The page on which the work stood is gone and cannot be made again.
    PageLost,
    /// A policy forbids it.
    Policy,
    /// A secret has no value, or not for this place.
    SecretMissing,
    /// An expression or template could not be evaluated.
    Expression,
    /// Data has the wrong shape or is too large.
    Data,
    /// A named limit was reached.
    LimitExceeded,
    /// The execution reached its end without having done or verified anything.
    NothingRan,
    /// It is not known whether an action happened.
    InDoubt,
    /// A bug, or a worker that cannot do what the plan asks.
    Internal,
}

/// How a kind of error is answered by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// Likely gone on a second try: retried, with the options on offer meanwhile.
    Transient,
    /// A person chooses.
    Persistent,
    /// The execution fails at once.
    Critical,
}

impl ErrorKind {
    /// The kind's name as it stands in documents and journals.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ElementNotFound => "element_not_found",
            Self::Ambiguous => "ambiguous",
            Self::NotActionable => "not_actionable",
            Self::TargetChanged => "target_changed",
            Self::Timeout => "timeout",
            Self::Navigation => "navigation",
            Self::Network => "network",
            Self::HttpStatus => "http_status",
            Self::Dialog => "dialog",
            Self::VerificationFailed => "verification_failed",
            Self::Script => "script",
            Self::Crashed => "crashed",
            Self::Disconnected => "disconnected",
            Self::PageLost => "page_lost",
            Self::Policy => "policy",
            Self::SecretMissing => "secret_missing",
            Self::Expression => "expression",
            Self::Data => "data",
            Self::LimitExceeded => "limit_exceeded",
            Self::NothingRan => "nothing_ran",
            Self::InDoubt => "in_doubt",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// Why a step or an execution failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// What went wrong.
    pub kind: ErrorKind,
    /// Which of several causes, where one kind has several: `disabled`, `covered`, `value_rejected`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What happened and what to do, for a person.
    pub message: String,
    /// Whether trying again is likely to help, where the kind alone does not say: an `http_status` of 5xx or 429,
    /// a `timeout` of a navigation.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub transient: bool,
    /// The step in which it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// The action in the step, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<u32>,
}

impl Failure {
    /// A failure of this kind, without reason and place.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, reason: None, message: message.into(), transient: false, step: None, action: None }
    }

    /// The same with a reason.
    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// The same with its place.
    #[must_use]
    pub fn at(mut self, step: &StepId, action: Option<u32>) -> Self {
        self.step.get_or_insert_with(|| step.clone());
        self.action = self.action.or(action);
        self
    }

    /// How it is answered by default.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        match self.kind {
            ErrorKind::Navigation | ErrorKind::Network | ErrorKind::Crashed | ErrorKind::Disconnected => {
                ErrorClass::Transient
            }
            ErrorKind::Timeout | ErrorKind::HttpStatus if self.transient => ErrorClass::Transient,
            ErrorKind::Policy
            | ErrorKind::SecretMissing
            | ErrorKind::Expression
            | ErrorKind::Data
            | ErrorKind::LimitExceeded
            | ErrorKind::NothingRan
            | ErrorKind::Internal => ErrorClass::Critical,
            ErrorKind::ElementNotFound
            | ErrorKind::Ambiguous
            | ErrorKind::NotActionable
            | ErrorKind::TargetChanged
            | ErrorKind::Timeout
            | ErrorKind::HttpStatus
            | ErrorKind::Dialog
            | ErrorKind::VerificationFailed
            | ErrorKind::Script
            | ErrorKind::PageLost
            | ErrorKind::InDoubt => ErrorClass::Persistent,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.kind)?;
        if let Some(reason) = &self.reason {
            write!(out, " ({reason})")?;
        }
        if let Some(step) = &self.step {
            write!(out, " in step `{step}`")?;
        }
        write!(out, ": {}", self.message)
    }
}

/// What `retry.kinds` and `onError.kinds` name: one kind, or a class of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ErrorMatcher {
    /// Every error of a class.
    Class(ErrorClassName),
    /// One kind.
    Kind(ErrorKind),
}

/// The class names that a document may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClassName {
    /// See [`ErrorClass::Transient`].
    Transient,
    /// See [`ErrorClass::Persistent`].
    Persistent,
    /// Every error that is not critical.
    Any,
}

impl ErrorMatcher {
    /// Whether `failure` is meant. Critical errors are matched only by their kind.
    #[must_use]
    pub fn matches(self, failure: &Failure) -> bool {
        match self {
            Self::Kind(kind) => kind == failure.kind,
            Self::Class(ErrorClassName::Transient) => failure.class() == ErrorClass::Transient,
            Self::Class(ErrorClassName::Persistent) => failure.class() == ErrorClass::Persistent,
            Self::Class(ErrorClassName::Any) => failure.class() != ErrorClass::Critical,
        }
    }
}

/// When and how often a failed step is tried again without asking.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy {
    /// How often the step is tried in all, the first time included. Default 3.
    pub max_attempts: u32,
    /// The wait before the second attempt. Default 30 s.
    pub delay: Duration,
    /// What the wait is multiplied by for each further attempt. Default 2.
    pub backoff: f64,
    /// Which errors are retried. Default: transient ones.
    pub kinds: Vec<ErrorMatcher>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            delay: Duration::from_secs(30),
            backoff: 2.0,
            kinds: vec![ErrorMatcher::Class(ErrorClassName::Transient)],
        }
    }
}

/// No wait between two attempts is longer.
pub const MAX_RETRY_DELAY: Duration = Duration::from_secs(24 * 60 * 60);

impl RetryPolicy {
    /// The wait before attempt `next` (the second is 2), or `None` where no further one is allowed.
    #[must_use]
    pub fn delay_before(&self, next: u32, failure: &Failure) -> Option<Duration> {
        if next < 2 || next > self.max_attempts || !self.kinds.iter().any(|kind| kind.matches(failure)) {
            return None;
        }
        let factor = self.backoff.max(1.0).powi(i32::try_from(next - 2).unwrap_or(i32::MAX));
        let seconds = (self.delay.as_secs_f64() * factor).min(MAX_RETRY_DELAY.as_secs_f64());
        Some(Duration::from_secs_f64(seconds))
    }
}

/// What a person may choose when a step has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecoveryOption {
    /// Try again: from the step's beginning where all that it did may be repeated, else from the action that failed.
    Retry,
    /// Leave the step undone and go on behind it.
    Skip,
    /// Take the live page over, and hand it back.
    TakeOver,
    /// End the execution.
    Stop,
}

impl RecoveryOption {
    /// The option's name on the wire.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Skip => "skip",
            Self::TakeOver => "take_over",
            Self::Stop => "stop",
        }
    }

    /// A short label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Retry => "Try again",
            Self::Skip => "Skip this step",
            Self::TakeOver => "Take over",
            Self::Stop => "Stop",
        }
    }

    /// What choosing it will do.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Retry => {
                "runs the step again; actions that must not be repeated are not performed a second time"
            }
            Self::Skip => "leaves the step undone and goes on with the next one",
            Self::TakeOver => "gives you the live page; automation waits until you hand it back",
            Self::Stop => "ends the execution here",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_by_the_backoff_and_ends_with_the_attempts() {
        let policy = RetryPolicy::default();
        let failure = Failure::new(ErrorKind::Network, "reset");
        let waits: Vec<_> = (1..=4).map(|next| policy.delay_before(next, &failure)).collect();
        let seconds = |s| Some(Duration::from_secs(s));
        assert_eq!(waits, [None, seconds(30), seconds(60), None]);
    }

    #[test]
    fn other_errors_are_not_retried() {
        let failure = Failure::new(ErrorKind::ElementNotFound, "no such button");
        assert_eq!(RetryPolicy::default().delay_before(2, &failure), None);
    }

    #[test]
    fn a_wait_is_bounded() {
        let policy = RetryPolicy { max_attempts: 1000, backoff: 10.0, ..RetryPolicy::default() };
        let failure = Failure::new(ErrorKind::Network, "reset");
        assert_eq!(policy.delay_before(900, &failure), Some(MAX_RETRY_DELAY));
    }

    #[test]
    fn a_timeout_is_transient_only_where_said_so() {
        let mut failure = Failure::new(ErrorKind::Timeout, "late");
        assert_eq!(failure.class(), ErrorClass::Persistent);
        failure.transient = true;
        assert_eq!(failure.class(), ErrorClass::Transient);
    }
}
