//! A store that fails where a test says so.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aef_core::ids::{DocumentHash, DocumentId, ExecutionId, OwnerId, Seq};
use aef_core::store::{
    Append, Appended, Census, Claim, ClaimRequest, Created, DocumentStore, ExecutionStore, Explanation,
    JournalEntry, ListQuery, Loaded, NewDocument, NewExecution, Notice, Page, RenewRequest, Renewals, Scope,
    Store, StoreError, StoreErrorKind, StoredDocument,
};
use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use jiff::Timestamp;

use super::schedule::Schedule;

/// What goes wrong with a call to a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreFault {
    /// It fails with `Unavailable`, and the store never heard of it.
    FailBefore,
    /// It fails with `Unavailable`, but the store has done it: the acknowledgement is lost.
    FailAfter,
    /// The process ends before the store hears of it. The call never returns; see [`FaultyStore::crashed`].
    CrashBefore,
    /// The process ends when the store has done it, before it learns of that.
    CrashAfter,
    /// It reaches the store so much later.
    Delay(Duration),
    /// A `load` or `journal` gives what the `load` before has seen, as a replica behind its primary does. Other calls are
    /// not touched.
    Stale,
}

/// A store around another one, with faults.
#[derive(Debug)]
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    schedule: Schedule<StoreFault>,
    loses_notices: Arc<AtomicBool>,
    seen: Mutex<BTreeMap<ExecutionId, Loaded>>,
}

impl FaultyStore {
    /// A store that does as `inner` does, so far without faults.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, schedule: Schedule::new(), loses_notices: Arc::default(), seen: Mutex::default() }
    }

    /// The same with a fault at a call, counted from 1.
    #[must_use]
    pub fn at(self, call: u64, fault: StoreFault) -> Self {
        self.schedule.add(call, fault);
        self
    }

    /// Says whether notices are lost from here on.
    pub fn lose_notices(&self, lost: bool) {
        self.loses_notices.store(lost, Ordering::SeqCst);
    }

    /// The operations that were called so far, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<&'static str> {
        self.schedule.calls()
    }

    /// Waits until a crash is reached. The test then drops all that belongs to the process.
    pub async fn crashed(&self) {
        self.schedule.crashed().await;
    }

    async fn call<T: Send>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let unavailable =
            || Err(StoreError::new(operation, StoreErrorKind::Unavailable, "the store went away"));
        match self.schedule.next(operation) {
            None | Some(StoreFault::Stale) => call.await,
            Some(StoreFault::FailBefore) => unavailable(),
            Some(StoreFault::FailAfter) => {
                call.await?;
                unavailable()
            }
            Some(StoreFault::CrashBefore) => self.schedule.crash().await,
            Some(StoreFault::CrashAfter) => {
                // Whatever it answers, nobody is left to hear it.
                let _ = call.await;
                self.schedule.crash().await
            }
            Some(StoreFault::Delay(delay)) => {
                tokio::time::sleep(delay).await;
                call.await
            }
        }
    }

    fn seen(&self) -> MutexGuard<'_, BTreeMap<ExecutionId, Loaded>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the next call is a stale one; it counts then.
    fn stale(&self, operation: &'static str) -> bool {
        self.schedule.take_if(operation, |fault| *fault == StoreFault::Stale)
    }
}

#[async_trait]
impl ExecutionStore for FaultyStore {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.call("now", self.inner.now()).await
    }

    async fn create(&self, request: NewExecution) -> Result<Created, StoreError> {
        self.call("create", self.inner.create(request)).await
    }

    async fn load(&self, scope: &Scope, execution: ExecutionId) -> Result<Loaded, StoreError> {
        if self.stale("load") {
            if let Some(loaded) = self.seen().get(&execution) {
                return Ok(loaded.clone());
            }
            return self.inner.load(scope, execution).await;
        }
        let loaded = self.call("load", self.inner.load(scope, execution)).await?;
        self.seen().insert(execution, loaded.clone());
        Ok(loaded)
    }

    async fn list(&self, scope: &Scope, query: ListQuery) -> Result<Page, StoreError> {
        self.call("list", self.inner.list(scope, query)).await
    }

    async fn append(&self, request: Append) -> Result<Appended, StoreError> {
        self.call("append", self.inner.append(request)).await
    }

    async fn journal(
        &self,
        scope: &Scope,
        execution: ExecutionId,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<JournalEntry>, StoreError> {
        if self.stale("journal") {
            let head = self.seen().get(&execution).map(|loaded| loaded.record.head);
            let mut entries = self.inner.journal(scope, execution, after, limit).await?;
            entries.retain(|entry| head.is_none_or(|head| entry.seq <= head));
            return Ok(entries);
        }
        self.call("journal", self.inner.journal(scope, execution, after, limit)).await
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claim>, StoreError> {
        self.call("claim", self.inner.claim(request)).await
    }

    async fn renew(&self, request: RenewRequest) -> Result<Renewals, StoreError> {
        self.call("renew", self.inner.renew(request)).await
    }

    async fn subscribe(&self) -> Result<BoxStream<'static, Notice>, StoreError> {
        let notices = self.call("subscribe", self.inner.subscribe()).await?;
        let lost = Arc::clone(&self.loses_notices);
        Ok(notices.filter(move |_| futures::future::ready(!lost.load(Ordering::SeqCst))).boxed())
    }

    async fn explain(&self, scope: &Scope, execution: ExecutionId) -> Result<Explanation, StoreError> {
        self.call("explain", self.inner.explain(scope, execution)).await
    }

    async fn census(&self, scope: &Scope) -> Result<Census, StoreError> {
        self.call("census", self.inner.census(scope)).await
    }

    async fn purge(&self, scope: &Scope, finished_before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.call("purge", self.inner.purge(scope, finished_before, limit)).await
    }
}

#[async_trait]
impl DocumentStore for FaultyStore {
    async fn put_document(
        &self,
        owner: &OwnerId,
        document: NewDocument,
    ) -> Result<StoredDocument, StoreError> {
        self.call("put_document", self.inner.put_document(owner, document)).await
    }

    async fn document(
        &self,
        scope: &Scope,
        owner: &OwnerId,
        id: &DocumentId,
        version: Option<u32>,
    ) -> Result<StoredDocument, StoreError> {
        self.call("document", self.inner.document(scope, owner, id, version)).await
    }

    async fn document_by_hash(
        &self,
        scope: &Scope,
        owner: &OwnerId,
        hash: &DocumentHash,
    ) -> Result<StoredDocument, StoreError> {
        self.call("document_by_hash", self.inner.document_by_hash(scope, owner, hash)).await
    }

    async fn documents(
        &self,
        scope: &Scope,
        after: Option<DocumentId>,
        limit: u32,
    ) -> Result<Vec<StoredDocument>, StoreError> {
        self.call("documents", self.inner.documents(scope, after, limit)).await
    }

    async fn remove_document(&self, owner: &OwnerId, id: &DocumentId) -> Result<(), StoreError> {
        self.call("remove_document", self.inner.remove_document(owner, id)).await
    }
}
