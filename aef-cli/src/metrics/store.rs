//! A store that tells how long it takes.

use std::sync::Arc;
use std::time::Instant;

use aef::ids::{DocumentHash, DocumentId, ExecutionId, OwnerId, Seq};
use aef::store::{
    Append, Appended, Census, Claim, ClaimRequest, Created, DocumentStore, ExecutionStore, Explanation,
    JournalEntry, ListQuery, Loaded, NewDocument, NewExecution, Notice, Page, RenewRequest, Renewals, Scope,
    Store, StoreError, StoreErrorKind, StoredDocument,
};
use async_trait::async_trait;
use futures::stream::BoxStream;
use jiff::Timestamp;

use super::Metrics;

/// Measures a store.
#[derive(Debug)]
pub(super) struct MeasuredStore {
    inner: Arc<dyn Store>,
    metrics: Metrics,
}

impl MeasuredStore {
    pub(super) fn new(inner: Arc<dyn Store>, metrics: Metrics) -> Self {
        Self { inner, metrics }
    }

    async fn timed<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let begun = Instant::now();
        let outcome = call.await;
        self.metrics.store_took(operation, begun.elapsed());
        if let Err(error) = &outcome {
            let labels = [("operation", operation), ("kind", kind(error.kind()))];
            self.metrics.store_errors.get_or_create(&labels).inc();
        }
        outcome
    }
}

fn kind(kind: StoreErrorKind) -> &'static str {
    match kind {
        StoreErrorKind::NotFound => "not_found",
        StoreErrorKind::Conflict => "conflict",
        StoreErrorKind::LeaseLost => "lease_lost",
        StoreErrorKind::Finished => "finished",
        StoreErrorKind::BatchMismatch => "batch_mismatch",
        StoreErrorKind::IdempotencyConflict => "idempotency_conflict",
        StoreErrorKind::InUse => "in_use",
        StoreErrorKind::Unavailable => "unavailable",
        StoreErrorKind::Unreadable => "unreadable",
        // What later versions add.
        _ => "other",
    }
}

#[async_trait]
impl ExecutionStore for MeasuredStore {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.timed("now", self.inner.now()).await
    }

    async fn create(&self, request: NewExecution) -> Result<Created, StoreError> {
        self.timed("create", self.inner.create(request)).await
    }

    async fn load(&self, scope: &Scope, execution: ExecutionId) -> Result<Loaded, StoreError> {
        self.timed("load", self.inner.load(scope, execution)).await
    }

    async fn list(&self, scope: &Scope, query: ListQuery) -> Result<Page, StoreError> {
        self.timed("list", self.inner.list(scope, query)).await
    }

    async fn append(&self, request: Append) -> Result<Appended, StoreError> {
        self.timed("append", self.inner.append(request)).await
    }

    async fn journal(
        &self,
        scope: &Scope,
        execution: ExecutionId,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<JournalEntry>, StoreError> {
        self.timed("journal", self.inner.journal(scope, execution, after, limit)).await
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claim>, StoreError> {
        let claims = self.timed("claim", self.inner.claim(request)).await?;
        self.metrics.claimed.inc_by(claims.len() as u64);
        Ok(claims)
    }

    async fn renew(&self, request: RenewRequest) -> Result<Renewals, StoreError> {
        self.timed("renew", self.inner.renew(request)).await
    }

    async fn subscribe(&self) -> Result<BoxStream<'static, Notice>, StoreError> {
        self.timed("subscribe", self.inner.subscribe()).await
    }

    async fn explain(&self, scope: &Scope, execution: ExecutionId) -> Result<Explanation, StoreError> {
        self.timed("explain", self.inner.explain(scope, execution)).await
    }

    async fn census(&self, scope: &Scope) -> Result<Census, StoreError> {
        self.timed("census", self.inner.census(scope)).await
    }

    async fn purge(&self, scope: &Scope, finished_before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.timed("purge", self.inner.purge(scope, finished_before, limit)).await
    }
}

#[async_trait]
impl DocumentStore for MeasuredStore {
    async fn put_document(
        &self,
        owner: &OwnerId,
        document: NewDocument,
    ) -> Result<StoredDocument, StoreError> {
        self.timed("put_document", self.inner.put_document(owner, document)).await
    }

    async fn document(
        &self,
        scope: &Scope,
        owner: &OwnerId,
        id: &DocumentId,
        version: Option<u32>,
    ) -> Result<StoredDocument, StoreError> {
        self.timed("document", self.inner.document(scope, owner, id, version)).await
    }

    async fn document_by_hash(
        &self,
        scope: &Scope,
        owner: &OwnerId,
        hash: &DocumentHash,
    ) -> Result<StoredDocument, StoreError> {
        self.timed("document_by_hash", self.inner.document_by_hash(scope, owner, hash)).await
    }

    async fn documents(
        &self,
        scope: &Scope,
        after: Option<DocumentId>,
        limit: u32,
    ) -> Result<Vec<StoredDocument>, StoreError> {
        self.timed("documents", self.inner.documents(scope, after, limit)).await
    }

    async fn remove_document(&self, owner: &OwnerId, id: &DocumentId) -> Result<(), StoreError> {
        self.timed("remove_document", self.inner.remove_document(owner, id)).await
    }
}
