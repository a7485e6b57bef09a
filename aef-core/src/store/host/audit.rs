//! Who asked for what, and how that was answered.

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::ids::OwnerId;
use crate::store::{Scope, StoreError};

/// Keeps what callers have asked for. What they asked of an execution stands in its journal, too; here stands everything
/// that changes something, also what was refused.
#[async_trait]
pub trait AuditLog: fmt::Debug + Send + Sync + 'static {
    /// Keeps an entry, at the store's time.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn record_audit(&self, entry: AuditEntry) -> Result<(), StoreError>;

    /// Gives entries in the order in which they were kept: `limit` (0 is 100, more than 1,000 is 1,000) behind `after`.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn audit(
        &self,
        scope: &Scope,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, StoreError>;

    /// Removes the entries from before `before`, oldest first, at most `limit`; gives how many.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn trim_audit(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;
}

/// Something that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Whose things it was about; `None` for the host's own.
    pub owner: Option<OwnerId>,
    /// Who asked: a user, a key by its id, a service.
    pub actor: String,
    /// What was asked, as method and route.
    pub action: String,
    /// The path that was asked for.
    pub target: String,
    /// The status of the answer.
    pub status: u16,
    /// From where.
    pub address: Option<String>,
    /// The id of the request.
    pub request: String,
}

/// An entry in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its place; later entries have higher ones.
    pub place: u64,
    /// When it was kept.
    pub at: Timestamp,
    /// What was asked.
    pub entry: AuditEntry,
}
