//! Keeping API keys.

use aef_core::ids::ApiKeyId;
use aef_core::store::{ApiKey, ApiKeyStore, CreatedApiKey, NewApiKey, Scope, StoreError, whole_micros};
use async_trait::async_trait;
use jiff::Timestamp;

use super::{Host, not_found};
use crate::MemoryStore;
use crate::read::page_size;

impl Host {
    fn create_key(&mut self, new: NewApiKey, now: Timestamp) -> Result<CreatedApiKey, StoreError> {
        let made = self.keys_made.under("create_key", &new.owner, new.idempotency.as_ref())?;
        if let Some(key) = made.and_then(|id| self.keys.get(&id)) {
            return Ok(CreatedApiKey { key: key.clone(), existing: true });
        }
        self.keys_made.note(&new.owner, new.idempotency, new.id);
        let key = ApiKey {
            id: new.id,
            owner: new.owner,
            name: new.name,
            prefix: new.prefix,
            hash: new.hash,
            scopes: new.scopes,
            document: new.document,
            origins: new.origins,
            created_at: now,
            expires_at: new.expires_at.map(whole_micros),
            revoked_at: None,
            last_used_at: None,
        };
        self.keys.insert(key.id, key.clone());
        Ok(CreatedApiKey { key, existing: false })
    }

    fn key_mut(
        &mut self,
        operation: &'static str,
        scope: &Scope,
        id: ApiKeyId,
    ) -> Result<&mut ApiKey, StoreError> {
        let found = self.keys.get_mut(&id).filter(|key| scope.covers(&key.owner));
        found.ok_or_else(|| not_found(operation, format_args!("key {id}")))
    }
}

#[async_trait]
impl ApiKeyStore for MemoryStore {
    async fn create_key(&self, key: NewApiKey) -> Result<CreatedApiKey, StoreError> {
        let (mut state, now) = self.lock();
        state.host.create_key(key, now)
    }

    async fn keys_by_prefix(&self, prefix: &str) -> Result<Vec<ApiKey>, StoreError> {
        let (state, _) = self.lock();
        Ok(state.host.keys.values().filter(|key| key.prefix == prefix).cloned().collect())
    }

    async fn key(&self, scope: &Scope, id: ApiKeyId) -> Result<ApiKey, StoreError> {
        let (mut state, _) = self.lock();
        state.host.key_mut("key", scope, id).cloned()
    }

    async fn keys(
        &self,
        scope: &Scope,
        after: Option<ApiKeyId>,
        limit: u32,
    ) -> Result<Vec<ApiKey>, StoreError> {
        let (state, _) = self.lock();
        let seen = state.host.keys.values().filter(|key| scope.covers(&key.owner));
        let behind = seen.filter(|key| after.is_none_or(|after| key.id > after));
        Ok(behind.take(page_size(limit)).cloned().collect())
    }

    async fn revoke_key(&self, scope: &Scope, id: ApiKeyId) -> Result<ApiKey, StoreError> {
        let (mut state, now) = self.lock();
        let key = state.host.key_mut("revoke_key", scope, id)?;
        key.revoked_at.get_or_insert(now);
        Ok(key.clone())
    }

    async fn touch_key(&self, id: ApiKeyId, at: Timestamp) -> Result<(), StoreError> {
        let (mut state, _) = self.lock();
        if let Some(key) = state.host.keys.get_mut(&id) {
            let at = whole_micros(at);
            key.last_used_at = Some(key.last_used_at.map_or(at, |last| last.max(at)));
        }
        Ok(())
    }
}
