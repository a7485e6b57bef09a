//! The AEF store for many workers on many machines, on PostgreSQL 13 or newer.
//!
//! A write that has returned is durable as the server understands it. Any number of processes on any number of hosts may
//! work on one database: they claim executions from its queue without waiting for each other, go by its clock alone, and
//! wake each other through its notifications. Everything stands in the schema `aef`, which the store makes and brings up to
//! date when it connects.
//!
//! ```no_run
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! use aef_core::store::ExecutionStore as _;
//! use aef_store_postgres::{PostgresOptions, PostgresStore};
//!
//! let options = PostgresOptions::new("postgres://aef:secret@db.example/aef?sslmode=verify-full")?;
//! let store = PostgresStore::connect(options).await?;
//! let now = store.now().await?;
//! store.close().await;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Roles
//! One role that owns the schema is enough. Where applications and workers are to have rights of their own, let a role that
//! may make tables connect once, run the following, and open the store with [`migrate`](PostgresOptions::migrate) off:
//!
//! ```sql
#![doc = include_str!("../sql/roles.sql")]
//! ```
//!
//! # Poolers
//! Through a pooler in transaction mode, such as PgBouncer, set [`pooled`](PostgresOptions::pooled). The store then keeps
//! nothing in a session and listens to nothing; a worker finds work by polling, so give workers direct connections
//! where you can.

mod access;
mod append;
mod census;
mod claim;
mod codec;
mod create;
mod documents;
mod error;
mod herald;
mod host;
mod open;
mod options;
mod purge;
mod read;
mod renew;
mod row;
mod writers;

use std::fmt;

use aef_core::ids::{DocumentHash, DocumentId, ExecutionId, OwnerId, Seq};
use aef_core::store::{
    Append, Appended, Census, Claim, ClaimRequest, Created, DocumentStore, ExecutionStore, Explanation,
    JournalEntry, ListQuery, Loaded, NewDocument, NewExecution, Notice, Page, RenewRequest, Renewals, Scope,
    StoreError, StoredDocument,
};
use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use jiff::Timestamp;
use tokio::sync::broadcast::error::RecvError;

use crate::access::Access;
use crate::error::Error;
use crate::herald::{Guard, Herald, Pace};
pub use crate::options::PostgresOptions;
use crate::writers::Writers;

/// Keeps executions and documents in a PostgreSQL database.
pub struct PostgresStore {
    access: Access,
    writers: Writers,
    herald: Herald,
    guard: Guard,
}

impl PostgresStore {
    /// Connects to the database and brings its tables up to date. Needs a tokio runtime, which the store lives as long as.
    ///
    /// # Errors
    /// `Unreadable` where the tables are of a newer version, of another program or not up to date, where the server is older
    /// than PostgreSQL 13, or where the role lacks rights; `Unavailable` where it cannot be reached.
    pub async fn connect(options: PostgresOptions) -> Result<Self, StoreError> {
        let access = Access::new(&options);
        open::prepare(&access, &options).await.map_err(|error| error.during("connect"))?;
        let herald = Herald::start(access.clone(), !options.pooled);
        let writers = Writers::start(&access, &herald, &options);
        let guard = herald.guard();
        Ok(Self { access, writers, herald, guard })
    }

    /// Finishes what is being written and closes the connections. A store that is only dropped does so in the background.
    pub async fn close(self) {
        let Self { access, writers, herald: _, guard } = self;
        writers.close().await;
        drop(guard);
        access.pool().close().await;
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PostgresStore").field("herald", &self.herald).finish_non_exhaustive()
    }
}

#[async_trait]
impl ExecutionStore for PostgresStore {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        read::now(&self.access).await.map_err(|error| error.during("now"))
    }

    async fn create(&self, request: NewExecution) -> Result<Created, StoreError> {
        let created = create::create(&self.access, &request).await;
        let created = created.map_err(|error| error.during("create"))?;
        if !created.existing {
            self.herald.tell(Notice::from(&created.record), Pace::Prompt);
        }
        Ok(created)
    }

    async fn load(&self, scope: &Scope, execution: ExecutionId) -> Result<Loaded, StoreError> {
        read::load(&self.access, scope, execution).await.map_err(|error| error.during("load"))
    }

    async fn list(&self, scope: &Scope, query: ListQuery) -> Result<Page, StoreError> {
        read::list(&self.access, scope, &query).await.map_err(|error| error.during("list"))
    }

    async fn append(&self, request: Append) -> Result<Appended, StoreError> {
        self.writers.append(request).await
    }

    async fn journal(
        &self,
        scope: &Scope,
        execution: ExecutionId,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<JournalEntry>, StoreError> {
        let entries = read::journal(&self.access, scope, execution, after, limit).await;
        entries.map_err(|error| error.during("journal"))
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claim>, StoreError> {
        claim::claim(&self.access, &request).await.map_err(|error| error.during("claim"))
    }

    async fn renew(&self, request: RenewRequest) -> Result<Renewals, StoreError> {
        renew::renew(&self.access, &request).await.map_err(|error| error.during("renew"))
    }

    async fn subscribe(&self) -> Result<BoxStream<'static, Notice>, StoreError> {
        let receiver = self.herald.subscribe().await.map_err(|error: Error| error.during("subscribe"))?;
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
        let explanation = read::explain(&self.access, scope, execution).await;
        explanation.map_err(|error| error.during("explain"))
    }

    async fn census(&self, scope: &Scope) -> Result<Census, StoreError> {
        census::take(&self.access, scope).await.map_err(|error| error.during("census"))
    }

    async fn purge(&self, scope: &Scope, finished_before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let removed = purge::purge(&self.access, scope, finished_before, limit).await;
        removed.map_err(|error| error.during("purge"))
    }
}

#[async_trait]
impl DocumentStore for PostgresStore {
    async fn put_document(
        &self,
        owner: &OwnerId,
        document: NewDocument,
    ) -> Result<StoredDocument, StoreError> {
        documents::put(&self.access, owner, document).await.map_err(|error| error.during("put_document"))
    }

    async fn document(
        &self,
        scope: &Scope,
        owner: &OwnerId,
        id: &DocumentId,
        version: Option<u32>,
    ) -> Result<StoredDocument, StoreError> {
        let found = documents::one(&self.access, scope, owner, id, version).await;
        found.map_err(|error| error.during("document"))
    }

    async fn document_by_hash(
        &self,
        scope: &Scope,
        owner: &OwnerId,
        hash: &DocumentHash,
    ) -> Result<StoredDocument, StoreError> {
        let found = documents::by_hash(&self.access, scope, owner, hash).await;
        found.map_err(|error| error.during("document_by_hash"))
    }

    async fn documents(
        &self,
        scope: &Scope,
        after: Option<DocumentId>,
        limit: u32,
    ) -> Result<Vec<StoredDocument>, StoreError> {
        let page = documents::newest(&self.access, scope, after.as_ref(), limit).await;
        page.map_err(|error| error.during("documents"))
    }

    async fn remove_document(&self, owner: &OwnerId, id: &DocumentId) -> Result<(), StoreError> {
        documents::remove(&self.access, owner, id).await.map_err(|error| error.during("remove_document"))
    }
}
