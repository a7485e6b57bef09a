//! The embedded, durable AEF store, on SQLite.
//!
//! One file holds executions and documents. A write that has returned is on the disk: the journal of SQLite is a
//! write-ahead log, synchronised at every commit. All writing goes through one task, which takes what waits into one
//! transaction, so that many executions share the wait for the disk. Several processes may open the same file: one that
//! answers a checkpoint wakes the worker of another.
//!
//! ```
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! use aef_core::store::ExecutionStore as _;
//! use aef_store_sqlite::{SqliteOptions, SqliteStore};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("aef.db");
//! let store = SqliteStore::open(&path, SqliteOptions::default()).await?;
//! let now = store.now().await?;
//! # assert!(now > jiff::Timestamp::UNIX_EPOCH);
//! store.close().await;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod append;
mod census;
mod claim;
mod codec;
mod create;
mod documents;
mod error;
mod host;
mod open;
mod options;
mod purge;
mod read;
mod renew;
mod row;
mod watch;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aef_core::clock::Clock;
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
use sqlx::sqlite::SqlitePool;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::task::JoinHandle;

pub use crate::options::SqliteOptions;
use crate::writer::Writer;

/// How many notices a subscriber may be behind before it loses the oldest.
const NOTICES: usize = 1024;

/// Keeps executions and documents in one SQLite file.
pub struct SqliteStore {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    readers: SqlitePool,
    writer: Writer,
    task: JoinHandle<()>,
    notices: broadcast::Sender<Notice>,
}

impl SqliteStore {
    /// Opens the file, or makes it, with the tables of this version. Needs a tokio runtime, which the store lives as long as.
    ///
    /// # Errors
    /// `Unreadable` where the file is damaged, of a newer version, or no store at all; `Unavailable` where it cannot be
    /// opened, or another process keeps it locked.
    pub async fn open(path: impl AsRef<Path>, options: SqliteOptions) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        let connection = open::writer(&path, &options).await.map_err(|error| error.during("open"))?;
        let readers = open::readers(&path, &options);
        let notices = broadcast::channel(NOTICES).0;
        let clock = Arc::clone(&options.clock);
        let (writer, task) = Writer::start(connection, path.clone(), options, notices.clone());
        Ok(Self { path, clock, readers, writer, task, notices })
    }

    /// Finishes what is being written and closes the file. A store that is only dropped does so in the background.
    pub async fn close(self) {
        let Self { readers, writer, task, .. } = self;
        drop(writer);
        readers.close().await;
        if let Err(error) = task.await {
            tracing::error!(%error, "the task that writes has ended badly");
        }
    }

    fn time(&self) -> Timestamp {
        whole_micros(self.clock.now())
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}

#[async_trait]
impl ExecutionStore for SqliteStore {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(self.time())
    }

    async fn create(&self, request: NewExecution) -> Result<Created, StoreError> {
        self.writer.perform(request).await
    }

    async fn load(&self, scope: &Scope, execution: ExecutionId) -> Result<Loaded, StoreError> {
        let loaded = read::load(&self.readers, scope, execution, || self.time()).await;
        loaded.map_err(|error| error.during("load"))
    }

    async fn list(&self, scope: &Scope, query: ListQuery) -> Result<Page, StoreError> {
        read::list(&self.readers, scope, &query).await.map_err(|error| error.during("list"))
    }

    async fn append(&self, request: Append) -> Result<Appended, StoreError> {
        self.writer.perform(request).await
    }

    async fn journal(
        &self,
        scope: &Scope,
        execution: ExecutionId,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<JournalEntry>, StoreError> {
        let entries = read::journal(&self.readers, scope, execution, after, limit).await;
        entries.map_err(|error| error.during("journal"))
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claim>, StoreError> {
        self.writer.perform(request).await
    }

    async fn renew(&self, request: RenewRequest) -> Result<Renewals, StoreError> {
        self.writer.perform(request).await
    }

    async fn subscribe(&self) -> Result<BoxStream<'static, Notice>, StoreError> {
        let receiver = self.notices.subscribe();
        self.writer.watch().await?;
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
        let explanation = read::explain(&self.readers, scope, execution, || self.time()).await;
        explanation.map_err(|error| error.during("explain"))
    }

    async fn census(&self, scope: &Scope) -> Result<Census, StoreError> {
        let census = census::take(&self.readers, scope, || self.time()).await;
        census.map_err(|error| error.during("census"))
    }

    async fn purge(&self, scope: &Scope, finished_before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.writer.perform(purge::Purge { scope: scope.clone(), finished_before, limit }).await
    }
}

#[async_trait]
impl DocumentStore for SqliteStore {
    async fn put_document(
        &self,
        owner: &OwnerId,
        document: NewDocument,
    ) -> Result<StoredDocument, StoreError> {
        self.writer.perform(documents::Put { owner: owner.clone(), document }).await
    }

    async fn document(
        &self,
        scope: &Scope,
        owner: &OwnerId,
        id: &DocumentId,
        version: Option<u32>,
    ) -> Result<StoredDocument, StoreError> {
        let found = documents::one(&self.readers, scope, owner, id, version).await;
        found.map_err(|error| error.during("document"))
    }

    async fn document_by_hash(
        &self,
        scope: &Scope,
        owner: &OwnerId,
        hash: &DocumentHash,
    ) -> Result<StoredDocument, StoreError> {
        let found = documents::by_hash(&self.readers, scope, owner, hash).await;
        found.map_err(|error| error.during("document_by_hash"))
    }

    async fn documents(
        &self,
        scope: &Scope,
        after: Option<DocumentId>,
        limit: u32,
    ) -> Result<Vec<StoredDocument>, StoreError> {
        let page = documents::newest(&self.readers, scope, after.as_ref(), limit).await;
        page.map_err(|error| error.during("documents"))
    }

    async fn remove_document(&self, owner: &OwnerId, id: &DocumentId) -> Result<(), StoreError> {
        self.writer.perform(documents::Remove { owner: owner.clone(), id: id.clone() }).await
    }
}
