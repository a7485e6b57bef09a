//! What went wrong, as `application/problem+json` (RFC 9457).
//!
//! One table holds every code with its status and title. The detail says what to do.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use aef_core::document::{Diagnostic, Diagnostics, Severity};
use aef_core::engine::{EngineError, EngineErrorKind};
use aef_core::execution::Answer;
use aef_core::store::{StoreError, StoreErrorKind};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// How soon a caller may ask again where the store did not answer.
const SOON: Duration = Duration::from_secs(1);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:ident, $title:literal;)+) => {
        /// The stable code of a problem.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* $name,)+
        }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The code as it stands in answers.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// The status with which it is answered.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)+ }
            }

            /// What it says of every problem of this code.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }
        }
    };
}

codes! {
    /// The request cannot be read.
    Malformed = "malformed", BAD_REQUEST, "The request cannot be read";
    /// A service must say for which owner it asks.
    OwnerRequired = "owner_required", BAD_REQUEST, "The request names no owner";
    /// There is no credential, or none that is good.
    Unauthenticated = "unauthenticated", UNAUTHORIZED, "A credential is needed";
    /// The credential does not allow it.
    Forbidden = "forbidden", FORBIDDEN, "The credential does not allow this";
    /// The page's origin is not one of those allowed.
    OriginRefused = "origin_refused", FORBIDDEN, "The origin is not allowed";
    /// There is no such thing, or it is another owner's.
    NotFound = "not_found", NOT_FOUND, "There is no such thing";
    /// The route does not take this method.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "The method is not allowed here";
    /// The body took too long to arrive.
    Timeout = "request_timeout", REQUEST_TIMEOUT, "The request took too long to arrive";
    /// As things stand it cannot be done.
    WrongState = "wrong_state", CONFLICT, "This cannot be done as things stand";
    /// The checkpoint was answered before.
    AlreadyAnswered = "already_answered", CONFLICT, "The checkpoint was answered before";
    /// The execution was made from another document.
    DocumentMismatch = "document_mismatch", CONFLICT, "The execution is of another document";
    /// The idempotency key was used with other contents.
    IdempotencyConflict = "idempotency_conflict", CONFLICT, "The idempotency key was used before";
    /// Others changed the same thing at the same time.
    Busy = "busy", CONFLICT, "Others changed it at the same time";
    /// The body is too large.
    TooLarge = "too_large", PAYLOAD_TOO_LARGE, "The body is too large";
    /// The body is of another type than the route takes.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The type of the body is not supported";
    /// A document does not compile, or no document can be made of an SOP.
    InvalidDocument = "invalid_document", UNPROCESSABLE_ENTITY, "The document is not valid";
    /// The inputs do not fit the document, the data not the form, or a value not its place.
    InvalidInput = "invalid_input", UNPROCESSABLE_ENTITY, "The input is not valid";
    /// A secret that the document declares has no value.
    SecretMissing = "secret_missing", UNPROCESSABLE_ENTITY, "A secret has no value";
    /// Too many requests.
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, "Too many requests";
    /// The owner has too many unfinished executions, live connections or secrets.
    QuotaExceeded = "quota_exceeded", TOO_MANY_REQUESTS, "A quota is used up";
    /// A bug, or what is kept cannot be read.
    Internal = "internal", INTERNAL_SERVER_ERROR, "Something is wrong on the server";
    /// The host has not set up what this needs.
    NotConfigured = "not_configured", NOT_IMPLEMENTED, "The host has not set this up";
    /// The server or its store cannot answer now.
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "The service cannot answer now";
}

/// What went wrong with a request.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: String,
    errors: Vec<Fault>,
    answer: Option<Box<Answer>>,
    retry_after: Option<Duration>,
}

/// One thing that is wrong in a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Fault {
    /// Where: a JSON pointer into the body, or into the document in it.
    pub(crate) pointer: String,
    /// What kind of fault it is.
    pub(crate) code: String,
    /// `error` or `warning`.
    pub(crate) severity: String,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) help: Option<String>,
}

/// A problem as it is answered.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// A name of the kind of problem.
    #[serde(rename = "type")]
    kind: String,
    /// The kind of problem in words.
    title: &'static str,
    /// The status.
    status: u16,
    /// The stable code, as `docs/http.md` lists them.
    code: &'static str,
    /// What is wrong and what to do.
    detail: String,
    /// The detail again, for simple clients.
    error: String,
    /// Each thing that is wrong in the body.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
    /// For `already_answered`: the answer that counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    answer: Option<Box<Answer>>,
}

impl Problem {
    /// A problem of this code; the detail says what is wrong and what to do.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), answer: None, retry_after: None }
    }

    /// The same with the time after which asking again may help.
    #[must_use]
    pub const fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    pub(crate) fn with_faults(mut self, faults: Vec<Fault>) -> Self {
        self.errors = faults;
        self
    }

    /// There is no such thing, as far as the caller may know.
    pub(crate) fn not_found(what: impl fmt::Display) -> Self {
        Self::new(Code::NotFound, format!("there is no {what}, or it is not yours"))
    }

    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(Code::Malformed, detail)
    }

    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(Code::Forbidden, detail)
    }

    /// A value that does not fit its place.
    pub(crate) fn invalid(pointer: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::new(Code::InvalidInput, message.clone()).with_faults(vec![Fault {
            pointer: pointer.to_owned(),
            code: "invalid_value".to_owned(),
            severity: "error".to_owned(),
            message,
            help: None,
        }])
    }

    /// A document or an SOP that is not valid.
    pub(crate) fn of_diagnostics(what: &str, found: &Diagnostics) -> Self {
        let count = found.iter().filter(|one| one.severity == Severity::Error).count();
        let detail = format!("the {what} has {count} errors; `errors` names each with its place");
        Self::new(Code::InvalidDocument, detail).with_faults(faults(found))
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The status with which it is answered.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.code.status()
    }

    pub(crate) fn body(&self) -> ProblemBody {
        ProblemBody {
            kind: format!("urn:aef:problem:{}", self.code.as_str()),
            title: self.code.title(),
            status: self.status().as_u16(),
            code: self.code.as_str(),
            detail: self.detail.clone(),
            error: self.detail.clone(),
            errors: self.errors.clone(),
            answer: self.answer.clone(),
        }
    }
}

/// Diagnostics as faults.
pub(crate) fn faults<'a>(found: impl IntoIterator<Item = &'a Diagnostic>) -> Vec<Fault> {
    let fault = |one: &Diagnostic| Fault {
        pointer: one.pointer.clone(),
        code: one.code.to_owned(),
        severity: match one.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
        .to_owned(),
        message: one.message.clone(),
        help: one.help.clone(),
    };
    found.into_iter().map(fault).collect()
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.body()).expect("a problem is plain data");
        let mut response = (self.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        // For whoever wraps the answer.
        response.extensions_mut().insert(self);
        response
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        let code = engine_code(error.kind());
        if let Some(answer) = error.answered() {
            let detail = format!("{}; that answer counts", error.message());
            return Self { answer: Some(Box::new(answer.clone())), ..Self::new(code, detail) };
        }
        if code == Code::Internal {
            return internal(&error);
        }
        if code == Code::Unavailable {
            return unavailable(&error);
        }
        if code == Code::NotFound {
            return Self::not_found("such execution or document");
        }
        match error.source().and_then(|source| source.downcast_ref::<Diagnostics>()) {
            Some(found) => Self::new(code, error.message()).with_faults(faults(found)),
            None => Self::new(code, in_full(&error, error.message())),
        }
    }
}

const fn engine_code(kind: EngineErrorKind) -> Code {
    match kind {
        EngineErrorKind::NotFound => Code::NotFound,
        EngineErrorKind::Rejected => Code::WrongState,
        EngineErrorKind::AlreadyAnswered => Code::AlreadyAnswered,
        EngineErrorKind::Invalid => Code::InvalidInput,
        EngineErrorKind::SecretMissing => Code::SecretMissing,
        EngineErrorKind::IdempotencyConflict => Code::IdempotencyConflict,
        EngineErrorKind::Busy => Code::Busy,
        EngineErrorKind::Unavailable => Code::Unavailable,
        // Kinds that a later version of the engine adds are its own affair.
        EngineErrorKind::Unreadable | EngineErrorKind::Internal | _ => Code::Internal,
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error.kind() {
            StoreErrorKind::NotFound => Self::not_found("such thing"),
            StoreErrorKind::IdempotencyConflict => {
                Self::new(Code::IdempotencyConflict, "the idempotency key was used with other contents")
            }
            StoreErrorKind::InUse => Self::new(Code::WrongState, "an execution refers to it"),
            StoreErrorKind::Unavailable => unavailable(&error),
            StoreErrorKind::Conflict
            | StoreErrorKind::LeaseLost
            | StoreErrorKind::Finished
            | StoreErrorKind::BatchMismatch
            | StoreErrorKind::Unreadable
            | _ => internal(&error),
        }
    }
}

/// What the caller cannot help; the log says more.
fn internal(error: &(dyn Error + 'static)) -> Problem {
    tracing::error!(error = in_full(error, &error.to_string()), "a request failed");
    Problem::new(Code::Internal, "this is not your fault; the server's log says more under the request's id")
}

fn unavailable(error: &(dyn Error + 'static)) -> Problem {
    tracing::warn!(error = in_full(error, &error.to_string()), "a request cannot be answered now");
    Problem::new(Code::Unavailable, "the store did not answer; ask again").retry_after(SOON)
}

/// A message with its causes.
fn in_full(error: &(dyn Error + 'static), message: &str) -> String {
    let mut text = message.to_owned();
    let mut cause = error.source();
    while let Some(source) = cause {
        text = format!("{text}: {source}");
        cause = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_code_is_there_once_and_is_an_error() {
        let codes: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(codes.len(), Code::ALL.len());
        for code in Code::ALL {
            let status = code.status();
            assert!(status.is_client_error() || status.is_server_error(), "{}", code.as_str());
        }
    }

    #[test]
    fn a_wait_is_told_in_whole_seconds_and_never_as_none() {
        let header = |wait| {
            let problem = Problem::new(Code::RateLimited, "wait").retry_after(wait);
            let response = problem.into_response();
            response.headers().get(header::RETRY_AFTER).unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(header(Duration::from_millis(1)), "1");
        assert_eq!(header(Duration::from_millis(1_001)), "2");
        assert_eq!(header(Duration::ZERO), "1");
    }
}
