//! Tickets: what lets a browser open a live view once, without a header.

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::ids::{ApiKeyId, ExecutionId, OwnerId};
use crate::store::StoreError;

/// Keeps tickets until they are taken. They stand in the store so that any process of a host takes what another gave.
#[async_trait]
pub trait TicketStore: fmt::Debug + Send + Sync + 'static {
    /// Keeps a ticket. Those that have expired are removed on the way.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn put_ticket(&self, ticket: LiveTicket) -> Result<(), StoreError>;

    /// Takes a ticket by its hash: of any number of callers one gets it. `None` where there is none, or it has expired.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn take_ticket(&self, hash: &str) -> Result<Option<LiveTicket>, StoreError>;
}

/// A ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveTicket {
    /// SHA-256 of its text, in lower-case hexadecimal.
    pub hash: String,
    /// The execution that may be watched.
    pub execution: ExecutionId,
    /// For whom; `None` for the host itself.
    pub owner: Option<OwnerId>,
    /// By what name the journal knows the holder.
    pub actor: String,
    /// The key by which it was got: when that is revoked, what the ticket opened ends.
    pub key: Option<ApiKeyId>,
    /// When the holder's own access ends, where it does.
    pub access_until: Option<Timestamp>,
    /// Until when it may be taken.
    pub expires_at: Timestamp,
}
