//! The secrets of owners, sealed before they reach a store.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use crate::ids::OwnerId;
use crate::store::StoreError;

/// Keeps secrets under the names that documents use. A store sees only what was sealed with a key that it does not have.
#[async_trait]
pub trait SecretStore: fmt::Debug + Send + Sync + 'static {
    /// Keeps a secret; one of that name is replaced.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn put_secret(&self, owner: &OwnerId, name: &str, sealed: Bytes) -> Result<(), StoreError>;

    /// Gives what was sealed.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    async fn sealed_secret(&self, owner: &OwnerId, name: &str) -> Result<Bytes, StoreError>;

    /// Gives the names of an owner's secrets, in their order.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn secret_names(&self, owner: &OwnerId) -> Result<Vec<SecretName>, StoreError>;

    /// Removes a secret.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    async fn remove_secret(&self, owner: &OwnerId, name: &str) -> Result<(), StoreError>;
}

/// That there is a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretName {
    /// Its name.
    pub name: String,
    /// When its value was last set.
    pub updated_at: Timestamp,
}
