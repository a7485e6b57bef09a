//! API keys of an owner. A key itself may not make others.

use std::collections::BTreeSet;
use std::sync::Arc;

use aef_core::ids::{ApiKeyId, DocumentId};
use aef_core::secrets::ExposeSecret as _;
use aef_core::store::{ApiKey, KeyScope, Scope};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::{App, idempotency};
use crate::auth::{Caller, IssuedKey, KeyRequest};
use crate::extract::{Body, Idempotency, Params, Segment};
use crate::page::{PageParams, cut};
use crate::problem::{Code, Problem};

/// The longest name of a key, in characters.
const MAX_NAME: usize = 200;

/// How many origins a key may have.
const MAX_ORIGINS: usize = 50;

/// What a key allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ScopeName {
    /// To submit executions.
    Execute,
    /// To read executions and documents.
    Read,
    /// To steer executions and to change documents.
    Control,
}

impl From<ScopeName> for KeyScope {
    fn from(name: ScopeName) -> Self {
        match name {
            ScopeName::Execute => Self::Execute,
            ScopeName::Read => Self::Read,
            ScopeName::Control => Self::Control,
        }
    }
}

impl From<KeyScope> for ScopeName {
    fn from(scope: KeyScope) -> Self {
        match scope {
            KeyScope::Execute => Self::Execute,
            KeyScope::Read => Self::Read,
            KeyScope::Control => Self::Control,
        }
    }
}

/// What a key is to be.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewKey {
    /// What its owner calls it.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// What it allows.
    #[schema(min_items = 1)]
    scopes: Vec<ScopeName>,
    /// The only document that it is good for.
    #[schema(value_type = Option<String>)]
    aef_document_id: Option<DocumentId>,
    /// The origins of pages that may use it. A key with origins, one document and the scope `execute` alone may stand in a
    /// public page.
    #[serde(default)]
    origins: Vec<String>,
    /// Until when it is good.
    expires_at: Option<Timestamp>,
}

/// A key, without its text.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeyView {
    /// Its id.
    #[schema(value_type = String)]
    key_id: ApiKeyId,
    /// What its owner calls it.
    name: String,
    /// What its text begins with.
    prefix: String,
    /// What it allows.
    scopes: Vec<ScopeName>,
    /// The only document that it is good for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    aef_document_id: Option<DocumentId>,
    /// The origins of pages that may use it.
    origins: Vec<String>,
    /// Whether it may stand in a public page.
    publishable: bool,
    /// When it was made.
    created_at: Timestamp,
    /// Until when it is good.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// Since when it is good no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Timestamp>,
}

/// A key that was made. Its text is shown this once.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MadeKey {
    #[serde(flatten)]
    view: KeyView,
    /// The key. Keep it: it is shown this once.
    key: String,
}

/// A page of keys.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Keys {
    /// The keys, revoked and expired ones too.
    keys: Vec<KeyView>,
    /// What to ask for as `cursor` next, where there is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

fn view(key: &ApiKey) -> KeyView {
    KeyView {
        key_id: key.id,
        name: key.name.clone(),
        prefix: key.prefix.clone(),
        scopes: key.scopes.iter().copied().map(ScopeName::from).collect(),
        aef_document_id: key.document.clone(),
        origins: key.origins.clone(),
        publishable: key.is_publishable(),
        created_at: key.created_at,
        expires_at: key.expires_at,
        revoked_at: key.revoked_at,
        last_used_at: key.last_used_at,
    }
}

fn check(new: &NewKey) -> Result<(), Problem> {
    if new.name.trim().is_empty() || new.name.chars().count() > MAX_NAME {
        return Err(Problem::invalid("/name", format!("a name has from 1 to {MAX_NAME} characters")));
    }
    if new.scopes.is_empty() {
        return Err(Problem::invalid("/scopes", "a key without scopes is good for nothing"));
    }
    if new.origins.len() > MAX_ORIGINS {
        return Err(Problem::invalid("/origins", format!("a key has at most {MAX_ORIGINS} origins")));
    }
    for (index, origin) in new.origins.iter().enumerate() {
        let read = url::Url::parse(origin).ok().map(|url| url.origin().ascii_serialization());
        if read.as_deref() != Some(origin.as_str()) {
            let message =
                "an origin is written as `https://example.org` or with a port, and nothing behind it";
            return Err(Problem::invalid(&format!("/origins/{index}"), message));
        }
    }
    Ok(())
}

/// Make an API key
#[utoipa::path(
    post, path = "/keys", tag = "keys and secrets", request_body = NewKey,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes asking twice safe")),
    responses((status = 201, body = MadeKey)),
)]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Idempotency(key): Idempotency,
    Body(new): Body<NewKey>,
) -> Result<(StatusCode, Json<MadeKey>), Problem> {
    let owner = app.owner(&caller)?.clone();
    check(&new)?;
    let most = app.options.limits.keys;
    let limit = u32::try_from(most).unwrap_or(u32::MAX);
    if app.host().keys(&Scope::Owner(owner.clone()), None, limit).await?.len() >= most {
        return Err(Problem::new(Code::QuotaExceeded, format!("an owner has at most {most} keys")));
    }
    let body = crate::wire::json(&new).to_string();
    let request = KeyRequest {
        owner,
        name: new.name,
        scopes: new.scopes.into_iter().map(KeyScope::from).collect::<BTreeSet<_>>(),
        document: new.aef_document_id,
        origins: new.origins,
        expires_at: new.expires_at,
        idempotency: idempotency(key, &body),
    };
    let issued = IssuedKey::issue(request).map_err(|error| {
        tracing::error!(%error, "no key can be made");
        Problem::new(Code::Internal, "no key can be made now")
    })?;
    let created = app.host().create_key(issued.record).await?;
    if created.existing {
        let detail = format!(
            "the key {} was made and shown under this idempotency key; revoke it and make another",
            created.key.id
        );
        return Err(Problem::new(Code::IdempotencyConflict, detail));
    }
    let made = MadeKey { view: view(&created.key), key: issued.text.expose_secret().to_owned() };
    Ok((StatusCode::CREATED, Json(made)))
}

/// List API keys
#[utoipa::path(
    get, path = "/keys", tag = "keys and secrets", params(PageParams), responses((status = 200, body = Keys))
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<Keys>, Problem> {
    let limit = page.limit()?;
    let mut keys = app.host().keys(&app.scope(&caller), page.after()?, limit + 1).await?;
    let next_cursor = cut(&mut keys, limit, |key| key.id.to_string());
    Ok(Json(Keys { keys: keys.iter().map(view).collect(), next_cursor }))
}

/// Revoke an API key
#[utoipa::path(
    delete, path = "/keys/{id}", tag = "keys and secrets",
    params(("id" = String, Path, description = "The key's id")),
    responses((status = 200, body = KeyView)),
)]
pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(id): Segment<ApiKeyId>,
) -> Result<Json<KeyView>, Problem> {
    let key = app.host().revoke_key(&app.scope(&caller), id).await?;
    Ok(Json(view(&key)))
}
