//! API keys: how they are made, and how one is recognised.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use aef_core::ids::{ApiKeyId, DocumentId, OwnerId, sha256_hex};
use aef_core::secrets::{ExposeSecret as _, SecretString};
use aef_core::store::{ApiKey, HostStore, IdempotencyKey, KeyScope, NewApiKey};
use async_trait::async_trait;
use axum::http::request::Parts;
use jiff::{SignedDuration, Timestamp};
use subtle::ConstantTimeEq as _;

use super::{AuthError, Authenticator, Principal, Role, bearer, key_header, key_of_form};
use crate::random;

/// What our own keys begin with.
const OURS: &str = "aef_";

/// What keys begin with that an earlier system made, and that were imported.
const IMPORTED: &str = "LEKH-2-";

/// How much of an imported key finds it: what it begins with, and nine characters more.
const IMPORTED_PREFIX: usize = IMPORTED.len() + 9;

/// How many characters an imported key must have, so that it cannot be guessed from its prefix.
const IMPORTED_LENGTH: usize = IMPORTED_PREFIX + 16;

/// The longest text that is taken for a key.
const MAX_KEY: usize = 256;

/// How exactly the last use of a key is known.
const USE_NOTED: SignedDuration = SignedDuration::from_secs(60);

/// What a key is to be.
#[derive(Debug, Clone)]
pub struct KeyRequest {
    /// Whose it is.
    pub owner: OwnerId,
    /// What the owner calls it.
    pub name: String,
    /// What it allows.
    pub scopes: BTreeSet<KeyScope>,
    /// The only document that it is good for; `None` for all of the owner's.
    pub document: Option<DocumentId>,
    /// The origins of pages that may use it; empty where it is for programs.
    pub origins: Vec<String>,
    /// Until when it is good; `None` without end.
    pub expires_at: Option<Timestamp>,
    /// Makes asking twice safe.
    pub idempotency: Option<IdempotencyKey>,
}

/// A key with its text, which is shown once and kept nowhere.
pub struct IssuedKey {
    /// What a store keeps of it.
    pub record: NewApiKey,
    /// The text that its holder sends.
    pub text: SecretString,
}

impl IssuedKey {
    /// Makes a key: `aef_`, a prefix of 12 characters, and 32 random bytes.
    ///
    /// # Errors
    /// Where the system gives no random bytes.
    pub fn issue(request: KeyRequest) -> Result<Self, random::RandomError> {
        let prefix = format!("{OURS}{}", random::hex::<6>()?);
        let text = format!("{prefix}_{}", random::hex::<32>()?);
        Ok(Self::of(request, prefix, text))
    }

    /// Takes over a key `LEKH-2-…` that an earlier system made, so that its holder need not change it.
    ///
    /// # Errors
    /// Where it has another form, or is too short to be safe.
    pub fn import(request: KeyRequest, text: &SecretString) -> Result<Self, ImportError> {
        let text = text.expose_secret();
        let fits = text.starts_with(IMPORTED)
            && text.bytes().all(|byte| byte.is_ascii_graphic())
            && (IMPORTED_LENGTH..=MAX_KEY).contains(&text.len());
        if !fits {
            return Err(ImportError);
        }
        Ok(Self::of(request, text[..IMPORTED_PREFIX].to_owned(), text.to_owned()))
    }

    fn of(request: KeyRequest, prefix: String, text: String) -> Self {
        let record = NewApiKey {
            id: ApiKeyId::generate(),
            owner: request.owner,
            name: request.name,
            prefix,
            hash: sha256_hex(text.as_bytes()),
            scopes: request.scopes,
            document: request.document,
            origins: request.origins,
            expires_at: request.expires_at,
            idempotency: request.idempotency,
        };
        Self { record, text: SecretString::from(text) }
    }
}

impl fmt::Debug for IssuedKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("IssuedKey").field("record", &self.record).finish_non_exhaustive()
    }
}

/// A text that is no key of the earlier system.
#[derive(Debug, thiserror::Error)]
#[error(
    "a key to import begins with `{IMPORTED}` and has from {IMPORTED_LENGTH} to {MAX_KEY} visible ASCII characters"
)]
pub struct ImportError;

/// Recognises API keys in `Authorization: Bearer` and `X-API-Key`, and in the address of a form.
#[derive(Debug)]
pub(crate) struct ApiKeys(Arc<dyn HostStore>);

impl ApiKeys {
    pub(crate) fn new(host: Arc<dyn HostStore>) -> Self {
        Self(host)
    }

    async fn find(&self, text: &str) -> Result<ApiKey, AuthError> {
        let refused = || AuthError::Refused("the key is unknown, revoked or expired".to_owned());
        let prefix = prefix(text).ok_or_else(refused)?;
        let candidates = self.0.keys_by_prefix(prefix).await.map_err(unavailable)?;
        let hash = sha256_hex(text.as_bytes());
        let same = |key: &ApiKey| bool::from(key.hash.as_bytes().ct_eq(hash.as_bytes()));
        let key = candidates.into_iter().find(same).ok_or_else(refused)?;
        let now = Timestamp::now();
        if !key.is_good(now) {
            return Err(refused());
        }
        if key.last_used_at.is_none_or(|last| now.duration_since(last) > USE_NOTED)
            && let Err(error) = self.0.touch_key(key.id, now).await
        {
            tracing::warn!(%error, key = %key.id, "the use of a key was not noted");
        }
        Ok(key)
    }
}

fn unavailable(error: aef_core::store::StoreError) -> AuthError {
    AuthError::Unavailable(error.into())
}

/// By what a key is found; `None` for what is no key.
fn prefix(text: &str) -> Option<&str> {
    if text.len() > MAX_KEY || !text.is_ascii() {
        return None;
    }
    if text.starts_with(IMPORTED) {
        return text.get(..IMPORTED_PREFIX);
    }
    let (name, _) = text.strip_prefix(OURS)?.split_once('_')?;
    text.get(..OURS.len() + name.len())
}

/// Whether a text is meant as an API key, good or not.
fn is_meant(text: &str) -> bool {
    (text.starts_with(OURS) && !text.starts_with(super::tokens::BEGIN)) || text.starts_with(IMPORTED)
}

#[async_trait]
impl Authenticator for ApiKeys {
    async fn authenticate(&self, request: &Parts) -> Result<Option<Principal>, AuthError> {
        let in_bearer = bearer(request).filter(|text| is_meant(text));
        // A gateway's own key may stand there, with ours in the other header.
        let in_header = key_header(request).filter(|text| is_meant(text));
        let of_form = key_of_form(request);
        let in_header = in_header.or(of_form.as_deref().filter(|text| is_meant(text)));
        let text = match (in_bearer, in_header) {
            (Some(one), Some(other)) if one != other => {
                return Err(AuthError::Refused("the request holds different keys: send one".to_owned()));
            }
            (Some(text), _) | (None, Some(text)) => text,
            (None, None) => return Ok(None),
        };
        let key = self.find(text).await?;
        Ok(Some(Principal {
            owner: Some(key.owner.clone()),
            actor: Arc::from(format!("{} by {}", key.owner, key.id)),
            role: Role::User,
            until: key.expires_at,
            reads_only: None,
            key: Some(Arc::new(key)),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> KeyRequest {
        KeyRequest {
            owner: "ada".into(),
            name: "n".into(),
            scopes: [KeyScope::Read].into(),
            document: None,
            origins: Vec::new(),
            expires_at: None,
            idempotency: None,
        }
    }

    #[test]
    fn a_key_is_found_by_what_it_begins_with_and_never_shown() {
        let key = IssuedKey::issue(request()).unwrap();
        let text = key.text.expose_secret().to_owned();
        assert_eq!(prefix(&text), Some(key.record.prefix.as_str()));
        assert_eq!(text.len(), key.record.prefix.len() + 1 + 64);
        assert_eq!(key.record.hash, sha256_hex(text.as_bytes()));
        assert!(!format!("{key:?}").contains(&text[20..]));
    }

    #[test]
    fn an_imported_key_keeps_its_text() {
        let text = SecretString::from("LEKH-2-0123456789abcdef0123456789abcdef".to_owned());
        let key = IssuedKey::import(request(), &text).unwrap();
        assert_eq!(key.record.prefix, "LEKH-2-012345678");
        assert_eq!(prefix(text.expose_secret()), Some("LEKH-2-012345678"));
        for wrong in
            ["LEKH-2-short", "LEKH-1-0123456789abcdef0123456789abcdef", "LEKH-2-0123456789abcdef 0123456789"]
        {
            assert!(IssuedKey::import(request(), &SecretString::from(wrong.to_owned())).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_key_finds_nothing() {
        for text in ["", "aef_", "aef_x", "LEKH-2-", "eyJhbGciOi", "aef_é_x", &"aef_a_".repeat(100)] {
            assert_eq!(prefix(text), None, "{text}");
        }
    }
}
