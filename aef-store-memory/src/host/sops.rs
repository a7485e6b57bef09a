//! Keeping SOP documents.

use std::sync::Arc;

use aef_core::ids::{OwnerId, SopId};
use aef_core::store::{CreatedSop, NewSop, Scope, SopStore, StoreError, StoredSop};
use async_trait::async_trait;
use jiff::Timestamp;

use super::{Host, not_found};
use crate::MemoryStore;
use crate::read::page_size;

impl Host {
    fn create_sop(&mut self, owner: &OwnerId, new: NewSop, now: Timestamp) -> Result<CreatedSop, StoreError> {
        let made = self.sops_made.under("create_sop", owner, new.idempotency.as_ref())?;
        if let Some(first) = made.and_then(|id| self.sops.get(&id)).and_then(|versions| versions.first()) {
            return Ok(CreatedSop { sop: first.clone(), existing: true });
        }
        self.sops_made.note(owner, new.idempotency, new.id);
        let sop = StoredSop {
            owner: owner.clone(),
            id: new.id,
            version: 1,
            title: new.title,
            content: new.content,
            created_at: now,
        };
        self.sops.insert(sop.id, vec![sop.clone()]);
        Ok(CreatedSop { sop, existing: false })
    }

    fn versions(
        &mut self,
        operation: &'static str,
        scope: &Scope,
        id: SopId,
    ) -> Result<&mut Vec<StoredSop>, StoreError> {
        let is_seen = |versions: &&mut Vec<StoredSop>| versions.iter().all(|sop| scope.covers(&sop.owner));
        self.sops.get_mut(&id).filter(is_seen).ok_or_else(|| not_found(operation, format_args!("SOP {id}")))
    }
}

#[async_trait]
impl SopStore for MemoryStore {
    async fn create_sop(&self, owner: &OwnerId, sop: NewSop) -> Result<CreatedSop, StoreError> {
        let (mut state, now) = self.lock();
        state.host.create_sop(owner, sop, now)
    }

    async fn update_sop(
        &self,
        scope: &Scope,
        id: SopId,
        title: &str,
        content: Arc<str>,
    ) -> Result<StoredSop, StoreError> {
        const UPDATE: &str = "update_sop";
        let (mut state, now) = self.lock();
        let versions = state.host.versions(UPDATE, scope, id)?;
        let newest = versions.last().cloned().ok_or_else(|| not_found(UPDATE, format_args!("SOP {id}")))?;
        if newest.content == content {
            return Ok(newest);
        }
        let version = newest.version + 1;
        let sop = StoredSop { version, title: title.to_owned(), content, created_at: now, ..newest };
        versions.push(sop.clone());
        Ok(sop)
    }

    async fn sop(&self, scope: &Scope, id: SopId, version: Option<u32>) -> Result<StoredSop, StoreError> {
        let (mut state, _) = self.lock();
        let versions = state.host.versions("sop", scope, id)?;
        let found = match version {
            Some(version) => versions.iter().find(|sop| sop.version == version),
            None => versions.last(),
        };
        found.cloned().ok_or_else(|| not_found("sop", format_args!("such version of SOP {id}")))
    }

    async fn sops(
        &self,
        scope: &Scope,
        after: Option<SopId>,
        limit: u32,
    ) -> Result<Vec<StoredSop>, StoreError> {
        let (state, _) = self.lock();
        let newest = state.host.sops.values().filter_map(|versions| versions.last());
        let seen = newest.filter(|sop| scope.covers(&sop.owner) && after.is_none_or(|after| sop.id > after));
        Ok(seen.take(page_size(limit)).cloned().collect())
    }
}
