//! A store of one's own: how to write one, and how to prove it.
//!
//! This one keeps everything in memory and says what it was asked. What matters is the end of the file: the list of cases
//! that every store has to pass, run on this one. Run the program with `cargo run --example custom_store`, and the cases with
//! `cargo test --example custom_store`.

use std::sync::Arc;

use aef::clock::Clock;
use aef::ids::{DocumentHash, DocumentId, ExecutionId, OwnerId, Seq};
use aef::memory::MemoryStore;
use aef::store::{
    Append, Appended, Census, Claim, ClaimRequest, Created, DocumentStore, ExecutionStore, Explanation,
    JournalEntry, ListQuery, Loaded, NewDocument, NewExecution, Notice, Page, RenewRequest, Renewals, Scope,
    Store, StoreError, StoredDocument,
};
use async_trait::async_trait;
use futures::stream::BoxStream;
use jiff::Timestamp;
use tracing::info;

/// A store that tells what is written. Where another would speak to its database, this one asks `inner`.
#[derive(Debug, Clone)]
struct TellingStore {
    inner: MemoryStore,
}

impl TellingStore {
    /// A store by this clock. A store takes its clock from outside, so that tests can move it.
    fn new(clock: Arc<dyn Clock>) -> Self {
        Self { inner: MemoryStore::with_clock(clock) }
    }
}

#[async_trait]
impl ExecutionStore for TellingStore {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.inner.now().await
    }

    async fn create(&self, request: NewExecution) -> Result<Created, StoreError> {
        let created = self.inner.create(request).await?;
        info!(execution = %created.record.id, existing = created.existing, "created");
        Ok(created)
    }

    async fn load(&self, scope: &Scope, execution: ExecutionId) -> Result<Loaded, StoreError> {
        self.inner.load(scope, execution).await
    }

    async fn list(&self, scope: &Scope, query: ListQuery) -> Result<Page, StoreError> {
        self.inner.list(scope, query).await
    }

    async fn append(&self, request: Append) -> Result<Appended, StoreError> {
        let (execution, events) = (request.execution, request.events.len());
        let appended = self.inner.append(request).await?;
        info!(%execution, events, head = %appended.head, "appended");
        Ok(appended)
    }

    async fn journal(
        &self,
        scope: &Scope,
        execution: ExecutionId,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<JournalEntry>, StoreError> {
        self.inner.journal(scope, execution, after, limit).await
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claim>, StoreError> {
        let worker = request.worker.clone();
        let claims = self.inner.claim(request).await?;
        info!(%worker, claims = claims.len(), "claimed");
        Ok(claims)
    }

    async fn renew(&self, request: RenewRequest) -> Result<Renewals, StoreError> {
        self.inner.renew(request).await
    }

    async fn subscribe(&self) -> Result<BoxStream<'static, Notice>, StoreError> {
        self.inner.subscribe().await
    }

    async fn explain(&self, scope: &Scope, execution: ExecutionId) -> Result<Explanation, StoreError> {
        self.inner.explain(scope, execution).await
    }

    async fn census(&self, scope: &Scope) -> Result<Census, StoreError> {
        self.inner.census(scope).await
    }

    async fn purge(&self, scope: &Scope, finished_before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let removed = self.inner.purge(scope, finished_before, limit).await?;
        info!(removed, "purged");
        Ok(removed)
    }
}

#[async_trait]
impl DocumentStore for TellingStore {
    async fn put_document(
        &self,
        owner: &OwnerId,
        document: NewDocument,
    ) -> Result<StoredDocument, StoreError> {
        let stored = self.inner.put_document(owner, document).await?;
        info!(document = %stored.id, version = stored.version, "kept");
        Ok(stored)
    }

    async fn document(
        &self,
        scope: &Scope,
        owner: &OwnerId,
        id: &DocumentId,
        version: Option<u32>,
    ) -> Result<StoredDocument, StoreError> {
        self.inner.document(scope, owner, id, version).await
    }

    async fn document_by_hash(
        &self,
        scope: &Scope,
        owner: &OwnerId,
        hash: &DocumentHash,
    ) -> Result<StoredDocument, StoreError> {
        self.inner.document_by_hash(scope, owner, hash).await
    }

    async fn documents(
        &self,
        scope: &Scope,
        after: Option<DocumentId>,
        limit: u32,
    ) -> Result<Vec<StoredDocument>, StoreError> {
        self.inner.documents(scope, after, limit).await
    }

    async fn remove_document(&self, owner: &OwnerId, id: &DocumentId) -> Result<(), StoreError> {
        self.inner.remove_document(owner, id).await
    }
}

#[tokio::main]
async fn main() -> Result<(), StoreError> {
    tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).init();
    // Whatever takes an `Arc<dyn Store>` takes this one.
    let store: Arc<dyn Store> = Arc::new(TellingStore::new(Arc::new(aef::clock::SystemClock)));
    let document = NewDocument {
        id: DocumentId::from("invoices"),
        hash: DocumentHash::from("the hash of its canonical JSON"),
        title: "File the invoices".into(),
        content: Arc::new(serde_json::json!({ "aef": 1 })),
    };
    let owner = OwnerId::from("ada");
    store.put_document(&owner, document.clone()).await?;
    let same = store.put_document(&owner, document).await?;
    info!(version = same.version, "the same content is the same version");
    Ok(())
}

#[cfg(test)]
mod tests {
    use aef_testkit::conformance::store::{self as cases, Volatile};

    use super::*;

    /// Each case of the list becomes a test of its own. `Volatile` hands the store a clock by which the cases let leases
    /// run out; a durable store implements `StoreUnderTest` itself, to be opened anew.
    macro_rules! tests {
        ($($group:ident::$case:ident,)+) => {$(
            #[tokio::test]
            async fn $case() {
                cases::$group::$case(&Volatile::new(TellingStore::new)).await;
            }
        )+};
    }

    aef_testkit::for_each_store_case!(tests);
}
