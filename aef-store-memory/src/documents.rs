//! Keeping documents.

use std::collections::BTreeSet;

use aef_core::ids::{DocumentHash, DocumentId, OwnerId};
use aef_core::store::{NewDocument, Scope, StoreError, StoreErrorKind, StoredDocument};
use jiff::Timestamp;

use crate::read::page_size;
use crate::state::State;

impl State {
    pub(crate) fn put_document(
        &mut self,
        owner: &OwnerId,
        document: NewDocument,
        now: Timestamp,
    ) -> StoredDocument {
        let NewDocument { id, hash, title, content } = document;
        let versions = self.documents.entry((owner.clone(), id.clone())).or_default();
        if let Some(same) = versions.iter().find(|version| version.hash == hash) {
            return same.clone();
        }
        let version = versions.last().map_or(1, |last| last.version + 1);
        let stored =
            StoredDocument { owner: owner.clone(), id, version, hash, title, content, created_at: now };
        versions.push(stored.clone());
        stored
    }

    pub(crate) fn document(
        &self,
        scope: &Scope,
        owner: &OwnerId,
        id: &DocumentId,
        version: Option<u32>,
    ) -> Result<StoredDocument, StoreError> {
        let versions = self.documents.get(&(owner.clone(), id.clone())).filter(|_| scope.covers(owner));
        let found = versions.and_then(|versions| match version {
            Some(version) => versions.iter().find(|stored| stored.version == version),
            None => versions.last(),
        });
        found.cloned().ok_or_else(|| no_document("document", id))
    }

    pub(crate) fn document_by_hash(
        &self,
        scope: &Scope,
        owner: &OwnerId,
        hash: &DocumentHash,
    ) -> Result<StoredDocument, StoreError> {
        self.documents
            .values()
            .flatten()
            .find(|stored| scope.covers(owner) && stored.owner == *owner && stored.hash == *hash)
            .cloned()
            .ok_or_else(|| {
                let message = format!("there is no document of the hash {hash}");
                StoreError::new("document_by_hash", StoreErrorKind::NotFound, message)
            })
    }

    pub(crate) fn documents(
        &self,
        scope: &Scope,
        after: Option<&DocumentId>,
        limit: u32,
    ) -> Vec<StoredDocument> {
        let mut newest: Vec<_> = self
            .documents
            .iter()
            .filter(|((owner, id), _)| scope.covers(owner) && after.is_none_or(|after| id > after))
            .filter_map(|(_, versions)| versions.last())
            .collect();
        newest.sort_by_key(|stored| (&stored.id, &stored.owner));
        let ids: BTreeSet<_> = newest.iter().map(|stored| &stored.id).collect();
        let page: BTreeSet<_> = ids.into_iter().take(page_size(limit)).collect();
        newest.iter().filter(|stored| page.contains(&stored.id)).map(|stored| (*stored).clone()).collect()
    }

    pub(crate) fn remove_document(&mut self, owner: &OwnerId, id: &DocumentId) -> Result<(), StoreError> {
        let key = (owner.clone(), id.clone());
        if !self.documents.contains_key(&key) {
            return Err(no_document("remove_document", id));
        }
        let mut records = self.executions.values().map(|entry| &entry.record);
        if records.any(|record| record.owner == *owner && record.document == *id) {
            let message = format!("an execution refers to the document `{id}`");
            return Err(StoreError::new("remove_document", StoreErrorKind::InUse, message));
        }
        self.documents.remove(&key);
        Ok(())
    }
}

fn no_document(operation: &'static str, id: &DocumentId) -> StoreError {
    StoreError::new(operation, StoreErrorKind::NotFound, format!("there is no such document `{id}`"))
}
