//! Keeping sealed secrets.

use aef_core::ids::OwnerId;
use aef_core::store::{SecretName, SecretStore, StoreError};
use async_trait::async_trait;
use bytes::Bytes;

use super::not_found;
use crate::MemoryStore;

#[async_trait]
impl SecretStore for MemoryStore {
    async fn put_secret(&self, owner: &OwnerId, name: &str, sealed: Bytes) -> Result<(), StoreError> {
        let (mut state, now) = self.lock();
        state.host.secrets.insert((owner.clone(), name.to_owned()), (sealed, now));
        Ok(())
    }

    async fn sealed_secret(&self, owner: &OwnerId, name: &str) -> Result<Bytes, StoreError> {
        let (state, _) = self.lock();
        let found = state.host.secrets.get(&(owner.clone(), name.to_owned()));
        let found = found.map(|(sealed, _)| sealed.clone());
        found.ok_or_else(|| not_found("sealed_secret", format_args!("secret `{name}`")))
    }

    async fn secret_names(&self, owner: &OwnerId) -> Result<Vec<SecretName>, StoreError> {
        let (state, _) = self.lock();
        let own = state.host.secrets.iter().filter(|((of, _), _)| of == owner);
        Ok(own.map(|((_, name), (_, at))| SecretName { name: name.clone(), updated_at: *at }).collect())
    }

    async fn remove_secret(&self, owner: &OwnerId, name: &str) -> Result<(), StoreError> {
        let (mut state, _) = self.lock();
        let removed = state.host.secrets.remove(&(owner.clone(), name.to_owned()));
        removed.map(drop).ok_or_else(|| not_found("remove_secret", format_args!("secret `{name}`")))
    }
}
