//! An in-memory AEF store, for tests and trials.
//!
//! It keeps every guarantee of the stores' contract but one: what it holds is gone with the process. It is written to be
//! obviously right rather than fast, one lock around plain maps, because the other stores are compared with it.
//!
//! ```
//! use std::sync::Arc;
//! use aef_core::store::Store;
//! use aef_store_memory::MemoryStore;
//!
//! let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
//! ```

mod append;
mod claim;
mod create;
mod documents;
mod explain;
mod host;
mod read;
mod state;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aef_core::clock::{Clock, SystemClock};
use aef_core::ids::{DocumentHash, DocumentId, ExecutionId, OwnerId, Seq};
use aef_core::store::{
    Append, Appended, Census, Claim, ClaimRequest, Created, DocumentStore, ExecutionStore, Explanation,
    JournalEntry, ListQuery, Loaded, NewDocument, NewExecution, Notice, Page, RenewRequest, Renewals, Scope,
    StoreError, StoredDocument, whole_micros,
};
use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use jiff::Timestamp;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::state::State;

/// How many notices a subscriber may be behind before it loses the oldest.
const NOTICES: usize = 1024;

/// Keeps executions and documents in memory. Clones share what they hold.
#[derive(Clone)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    clock: Arc<dyn Clock>,
    notices: broadcast::Sender<Notice>,
}

impl MemoryStore {
    /// An empty store that goes by the computer's clock.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }

    /// An empty store that goes by `clock`.
    #[must_use]
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self { state: Arc::default(), clock, notices: broadcast::channel(NOTICES).0 }
    }

    /// The state, and the time read after it was locked.
    fn lock(&self) -> (MutexGuard<'_, State>, Timestamp) {
        // Nothing panics between two changes that belong together, so what a panicking thread left is whole.
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = whole_micros(self.clock.now());
        (state, now)
    }

    fn tell(&self, notice: Notice) {
        // An error says that nobody listens.
        let _ = self.notices.send(notice);
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl ExecutionStore for MemoryStore {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(whole_micros(self.clock.now()))
    }

    async fn create(&self, request: NewExecution) -> Result<Created, StoreError> {
        let (mut state, now) = self.lock();
        let created = state.create(request, now)?;
        if !created.existing {
            self.tell(Notice::from(&created.record));
        }
        Ok(created)
    }

    async fn load(&self, scope: &Scope, execution: ExecutionId) -> Result<Loaded, StoreError> {
        let (state, now) = self.lock();
        state.load(scope, execution, now)
    }

    async fn list(&self, scope: &Scope, query: ListQuery) -> Result<Page, StoreError> {
        let (state, _) = self.lock();
        Ok(state.list(scope, &query))
    }

    async fn append(&self, request: Append) -> Result<Appended, StoreError> {
        let (mut state, now) = self.lock();
        let (appended, notice) = state.append(request, now)?;
        if let Some(notice) = notice {
            self.tell(notice);
        }
        Ok(appended)
    }

    async fn journal(
        &self,
        scope: &Scope,
        execution: ExecutionId,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<JournalEntry>, StoreError> {
        let (state, _) = self.lock();
        state.journal(scope, execution, after, limit)
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claim>, StoreError> {
        let (mut state, now) = self.lock();
        Ok(state.claim(&request, now))
    }

    async fn renew(&self, request: RenewRequest) -> Result<Renewals, StoreError> {
        let (mut state, now) = self.lock();
        Ok(state.renew(&request, now))
    }

    async fn subscribe(&self) -> Result<BoxStream<'static, Notice>, StoreError> {
        let receiver = self.notices.subscribe();
        let stream = stream::unfold(receiver, |mut receiver| async move {
            loop {
                match receiver.recv().await {
                    Ok(notice) => return Some((notice, receiver)),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                }
            }
        });
        Ok(stream.boxed())
    }

    async fn explain(&self, scope: &Scope, execution: ExecutionId) -> Result<Explanation, StoreError> {
        let (state, now) = self.lock();
        state.explain(scope, execution, now)
    }

    async fn census(&self, scope: &Scope) -> Result<Census, StoreError> {
        let (state, now) = self.lock();
        Ok(state.census(scope, now))
    }

    async fn purge(&self, scope: &Scope, finished_before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let (mut state, now) = self.lock();
        Ok(state.purge(scope, finished_before, limit, now))
    }
}

#[async_trait]
impl DocumentStore for MemoryStore {
    async fn put_document(
        &self,
        owner: &OwnerId,
        document: NewDocument,
    ) -> Result<StoredDocument, StoreError> {
        let (mut state, now) = self.lock();
        Ok(state.put_document(owner, document, now))
    }

    async fn document(
        &self,
        scope: &Scope,
        owner: &OwnerId,
        id: &DocumentId,
        version: Option<u32>,
    ) -> Result<StoredDocument, StoreError> {
        let (state, _) = self.lock();
        state.document(scope, owner, id, version)
    }

    async fn document_by_hash(
        &self,
        scope: &Scope,
        owner: &OwnerId,
        hash: &DocumentHash,
    ) -> Result<StoredDocument, StoreError> {
        let (state, _) = self.lock();
        state.document_by_hash(scope, owner, hash)
    }

    async fn documents(
        &self,
        scope: &Scope,
        after: Option<DocumentId>,
        limit: u32,
    ) -> Result<Vec<StoredDocument>, StoreError> {
        let (state, _) = self.lock();
        Ok(state.documents(scope, after.as_ref(), limit))
    }

    async fn remove_document(&self, owner: &OwnerId, id: &DocumentId) -> Result<(), StoreError> {
        let (mut state, _) = self.lock();
        state.remove_document(owner, id)
    }
}
