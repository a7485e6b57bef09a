//! SOP documents: kept to the letter, in versions.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::ids::{OwnerId, SopId, sha256_hex};
use crate::store::{IdempotencyKey, Scope, StoreError};

/// Keeps SOP documents as they were given. A version that was kept never changes.
#[async_trait]
pub trait SopStore: fmt::Debug + Send + Sync + 'static {
    /// Keeps a new SOP, as version 1.
    ///
    /// **Guarantees.** All or nothing. With an idempotency key (per owner) the SOP made first is given back, and nothing
    /// is made.
    ///
    /// # Errors
    /// `IdempotencyConflict` where the idempotency key came with another body, `Unavailable`.
    async fn create_sop(&self, owner: &OwnerId, sop: NewSop) -> Result<CreatedSop, StoreError>;

    /// Keeps another version. The same text as the newest version has gives that one.
    ///
    /// # Errors
    /// `NotFound`, also for another owner's; `Unavailable`.
    async fn update_sop(
        &self,
        scope: &Scope,
        id: SopId,
        title: &str,
        content: Arc<str>,
    ) -> Result<StoredSop, StoreError>;

    /// Gives an SOP: this version, or the newest.
    ///
    /// # Errors
    /// `NotFound`, also for another owner's; `Unavailable`.
    async fn sop(&self, scope: &Scope, id: SopId, version: Option<u32>) -> Result<StoredSop, StoreError>;

    /// Gives the newest version of each SOP in the order of their ids: `limit` (0 is 100, more than 1,000 is 1,000)
    /// behind `after`.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn sops(
        &self,
        scope: &Scope,
        after: Option<SopId>,
        limit: u32,
    ) -> Result<Vec<StoredSop>, StoreError>;
}

/// An SOP to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSop {
    /// Its id.
    pub id: SopId,
    /// Its title.
    pub title: String,
    /// Its text.
    pub content: Arc<str>,
    /// Makes asking twice safe.
    pub idempotency: Option<IdempotencyKey>,
}

/// An SOP that was kept, or was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedSop {
    /// Its first version.
    pub sop: StoredSop,
    /// Whether it was there before.
    pub existing: bool,
}

/// A version of an SOP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSop {
    /// Whose it is.
    pub owner: OwnerId,
    /// Its id.
    pub id: SopId,
    /// Its version, from 1.
    pub version: u32,
    /// Its title.
    pub title: String,
    /// Its text, to the letter.
    pub content: Arc<str>,
    /// When it was kept.
    pub created_at: Timestamp,
}

impl StoredSop {
    /// SHA-256 of its text, in lower-case hexadecimal.
    #[must_use]
    pub fn hash(&self) -> String {
        sha256_hex(self.content.as_bytes())
    }
}
