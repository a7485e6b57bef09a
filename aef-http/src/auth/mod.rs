//! Who asks: from a request to a principal.

mod gate;
mod internal;
mod jwks;
mod jwt;
mod keys;
mod policy;
mod tokens;

use std::fmt;
use std::sync::Arc;

use aef_core::ids::{ApiKeyId, ExecutionId, OwnerId};
use aef_core::store::ApiKey;
use async_trait::async_trait;
use axum::http::Method;
use axum::http::request::Parts;
use jiff::Timestamp;

pub(crate) use self::gate::{Caller, gate, stamp};
pub(crate) use self::internal::InternalSecret;
pub use self::jwks::JwksError;
pub use self::jwt::{JwtAuthenticator, JwtOptions};
pub(crate) use self::keys::ApiKeys;
pub use self::keys::{ImportError, IssuedKey, KeyRequest};
pub(crate) use self::tokens::StatusTokens;

use crate::problem::{Code, Problem};

/// Tells who asks, by one kind of credential. A host adds its own to [`HttpOptions`](crate::HttpOptions).
#[async_trait]
pub trait Authenticator: fmt::Debug + Send + Sync + 'static {
    /// Tells who asks; `None` where the request has no credential of this kind, so that another one is tried.
    ///
    /// # Errors
    /// Where there is such a credential and it is not good, or cannot be checked.
    async fn authenticate(&self, request: &Parts) -> Result<Option<Principal>, AuthError>;
}

/// Why a credential was not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// It is not good: unknown, expired, revoked, or made wrongly. The text is told to the caller.
    #[error("{0}")]
    Refused(String),
    /// It could not be checked.
    #[error("the credential cannot be checked")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Refused(detail) => Self::new(Code::Unauthenticated, detail),
            AuthError::Unavailable(source) => {
                tracing::warn!(error = %source, "a credential cannot be checked");
                Self::new(Code::Unavailable, "the credential cannot be checked now; ask again")
                    .retry_after(std::time::Duration::from_secs(1))
            }
        }
    }
}

/// What kind of caller it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A person, or a program of one: sees and steers what is its owner's.
    User,
    /// A service of the host: sees all, and may ask for any owner.
    Service,
}

/// Who asks.
#[derive(Debug, Clone)]
pub struct Principal {
    /// Whose things are seen; `None` for a service that speaks for no owner.
    pub owner: Option<OwnerId>,
    /// The name under which journal and audit log know the caller.
    pub actor: Arc<str>,
    /// What kind of caller it is.
    pub role: Role,
    /// The key, where one was given: its scopes and its document bound what may be done.
    pub key: Option<Arc<ApiKey>>,
    /// The only execution that may be read, where the credential is for one alone.
    pub reads_only: Option<ExecutionId>,
    /// When the access ends by itself.
    pub until: Option<Timestamp>,
}

impl Principal {
    /// A person who may do everything with what is `owner`'s.
    #[must_use]
    pub fn user(owner: OwnerId) -> Self {
        let actor = Arc::from(owner.as_str());
        Self { owner: Some(owner), actor, role: Role::User, key: None, reads_only: None, until: None }
    }

    /// A service of the host that may do everything with everybody's.
    #[must_use]
    pub fn service(actor: impl Into<Arc<str>>) -> Self {
        Self {
            owner: None,
            actor: actor.into(),
            role: Role::Service,
            key: None,
            reads_only: None,
            until: None,
        }
    }

    /// The key's id, where there is one.
    #[must_use]
    pub fn key_id(&self) -> Option<ApiKeyId> {
        self.key.as_ref().map(|key| key.id)
    }

    /// By what its requests are counted.
    pub(crate) fn counted_as(&self) -> String {
        match (&self.key, &self.reads_only, &self.owner) {
            (Some(key), ..) => key.id.to_string(),
            // Whoever polls from a form uses up no budget but its own.
            (None, Some(execution), _) => format!("reader of {execution}"),
            (None, None, Some(owner)) => format!("owner {owner}"),
            (None, None, None) => format!("service {}", self.actor),
        }
    }
}

/// The token behind `Authorization: Bearer`.
pub(crate) fn bearer(request: &Parts) -> Option<&str> {
    let value = request.headers.get(axum::http::header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The key in the address of a form, where a browser sends no header.
pub(crate) fn key_of_form(request: &Parts) -> Option<String> {
    if request.method != Method::GET || !request.uri.path().ends_with("/form") {
        return None;
    }
    let mut pairs = url::form_urlencoded::parse(request.uri.query()?.as_bytes());
    pairs.find(|(name, _)| name == "key").map(|(_, key)| key.into_owned())
}

/// The key in a header of its own: `X-API-Key`, or `apikey` as some gateways send it.
pub(crate) fn key_header(request: &Parts) -> Option<&str> {
    let value = request.headers.get("x-api-key").or_else(|| request.headers.get("apikey"))?;
    value.to_str().ok().map(str::trim)
}
