//! API keys: kept as hashes, found by a prefix.

use std::collections::BTreeSet;
use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{ApiKeyId, DocumentId, OwnerId};
use crate::store::{IdempotencyKey, Scope, StoreError};

/// Keeps API keys. The secret itself is never given to a store.
#[async_trait]
pub trait ApiKeyStore: fmt::Debug + Send + Sync + 'static {
    /// Keeps a key.
    ///
    /// **Guarantees.** All or nothing. With an idempotency key (per owner) the key made first is given back, and nothing
    /// is made.
    ///
    /// # Errors
    /// `IdempotencyConflict` where the idempotency key came with another body, `Unavailable`.
    async fn create_key(&self, key: NewApiKey) -> Result<CreatedApiKey, StoreError>;

    /// Gives the keys of this prefix, whoever owns them: the caller compares hashes. Most often one, or none.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn keys_by_prefix(&self, prefix: &str) -> Result<Vec<ApiKey>, StoreError>;

    /// Gives a key.
    ///
    /// # Errors
    /// `NotFound`, also for another owner's; `Unavailable`.
    async fn key(&self, scope: &Scope, id: ApiKeyId) -> Result<ApiKey, StoreError>;

    /// Gives keys in the order of their ids, revoked and expired ones too: `limit` (0 is 100, more than 1,000 is 1,000)
    /// behind `after`.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn keys(
        &self,
        scope: &Scope,
        after: Option<ApiKeyId>,
        limit: u32,
    ) -> Result<Vec<ApiKey>, StoreError>;

    /// Revokes a key. One that is revoked stays as it is.
    ///
    /// # Errors
    /// `NotFound`, also for another owner's; `Unavailable`.
    async fn revoke_key(&self, scope: &Scope, id: ApiKeyId) -> Result<ApiKey, StoreError>;

    /// Notes that a key was used. The time never goes back; an unknown key is no error.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn touch_key(&self, id: ApiKeyId, at: Timestamp) -> Result<(), StoreError>;
}

/// What a key allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyScope {
    /// To submit executions.
    Execute,
    /// To read executions and documents.
    Read,
    /// To steer executions and to change documents.
    Control,
}

impl KeyScope {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Execute, Self::Read, Self::Control];

    /// The name in stores and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Execute => "execute",
            Self::Read => "read",
            Self::Control => "control",
        }
    }

    /// The scope of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

/// A key to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose it is.
    pub owner: OwnerId,
    /// What the owner calls it.
    pub name: String,
    /// By which it is found: the beginning of the key's text, which is no secret.
    pub prefix: String,
    /// SHA-256 of the whole text, in lower-case hexadecimal.
    pub hash: String,
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

/// A key that was kept, or was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedApiKey {
    /// The key.
    pub key: ApiKey,
    /// Whether it was there before.
    pub existing: bool,
}

/// A key that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose it is.
    pub owner: OwnerId,
    /// What the owner calls it.
    pub name: String,
    /// By which it is found.
    pub prefix: String,
    /// SHA-256 of the whole text, in lower-case hexadecimal.
    pub hash: String,
    /// What it allows.
    pub scopes: BTreeSet<KeyScope>,
    /// The only document that it is good for.
    pub document: Option<DocumentId>,
    /// The origins of pages that may use it.
    pub origins: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it is good.
    pub expires_at: Option<Timestamp>,
    /// Since when it is good no more.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

impl ApiKey {
    /// Whether it is good at `now`: neither revoked nor expired.
    #[must_use]
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| end > now)
    }

    /// Whether it may stand in a public page: it only submits, for one document, from named origins.
    #[must_use]
    pub fn is_publishable(&self) -> bool {
        self.document.is_some()
            && !self.origins.is_empty()
            && self.scopes.iter().all(|scope| *scope == KeyScope::Execute)
    }
}
