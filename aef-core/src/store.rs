//! The stores, as the engine sees them: the journal of every execution, and the documents they run.
//!
//! A store never reads inside an event. What it must index stands beside the events in an [`Append`].

mod census;
pub mod columns;
mod digest;
mod error;
mod explain;
mod host;
mod packing;
mod time;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::execution::Status;
use crate::ids::{BatchId, DocumentHash, DocumentId, Epoch, ExecutionId, OwnerId, Seq, StepId, WorkerId};

pub use self::census::Census;
pub use self::error::{StoreError, StoreErrorKind};
pub use self::explain::{Explanation, Limits, Surroundings};
pub use self::host::{
    ApiKey, ApiKeyStore, AuditEntry, AuditLog, AuditRecord, CheckpointIndex, CreatedApiKey, CreatedSop,
    HostStore, KeyScope, LiveDirectory, LiveHolder, LiveTicket, NewApiKey, NewSop, SecretName, SecretStore,
    SopStore, StoredSop, TicketStore,
};
pub use self::packing::{Truncated, pack_events, unpack_events};
pub use self::time::{next_micros, whole_micros};
pub use crate::execution::{OpenCheckpoint, Summary};

/// For whom a read or an append is. Each says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// One owner; what belongs to another is not found.
    Owner(OwnerId),
    /// The engine itself.
    System,
}

impl Scope {
    /// Whose it is; `None` where it is the engine's.
    #[must_use]
    pub const fn owner(&self) -> Option<&OwnerId> {
        match self {
            Self::Owner(owner) => Some(owner),
            Self::System => None,
        }
    }

    /// Whether what belongs to `owner` may be seen.
    #[must_use]
    pub fn covers(&self, owner: &OwnerId) -> bool {
        self.owner().is_none_or(|own| own == owner)
    }
}

/// Keeps executions. See the crate's architecture for the guarantees G1–G14, which its conformance list tests.
///
/// Times are kept to the microsecond, which every database can: what the store's clock gives is cut to it
/// ([`whole_micros`]), and a `wake_at` is rounded up to it ([`next_micros`]), so that nobody is woken too early.
#[async_trait]
pub trait ExecutionStore: fmt::Debug + Send + Sync + 'static {
    /// The store's time, which all workers share.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn now(&self) -> Result<Timestamp, StoreError>;

    /// Makes an execution with its first events.
    ///
    /// **Guarantees.** All or nothing. With an idempotency key (per owner, kept as long as the execution and 30 days
    /// past its purge) the execution made first is given back, and nothing is made; sent again with the same id it has
    /// no second effect. Of an execution that was purged since, the row is given as it was at the end.
    ///
    /// # Errors
    /// `IdempotencyConflict` where the key came with another body, `BatchMismatch` where the id came with other content,
    /// `Unavailable`.
    async fn create(&self, request: NewExecution) -> Result<Created, StoreError>;

    /// Gives an execution: its row, its newest snapshot, and the events behind that.
    ///
    /// # Errors
    /// `NotFound`, also for another owner's; `Unavailable`.
    async fn load(&self, scope: &Scope, execution: ExecutionId) -> Result<Loaded, StoreError>;

    /// Gives rows, newest first (`oldest_first` turns that round): in the order of their ids, which begin with the time.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn list(&self, scope: &Scope, query: ListQuery) -> Result<Page, StoreError>;

    /// Appends events to a journal.
    ///
    /// **Guarantees.** All or nothing (G1). Under the row's lock, in this order (G2): a `batch_id` that is known gives its
    /// first result again, with other content `BatchMismatch`; a finished execution refuses (`Finished`, G8); the fence's
    /// epoch must be the row's, else `LeaseLost`; `require_unleased` demands that no lease is live and raises the epoch; a
    /// batch that starts an effect needs a lease that has not run out by the store's clock, read after locking, else
    /// `LeaseLost`; then the sequence must match, else `Conflict`. Fenced appends renew the lease to the length that it was
    /// claimed or last renewed with; one that was released is not theirs any more (`LeaseLost`). A batch that finishes the
    /// execution ends the lease and clears `wake_at`. Sequence numbers are dense (G4).
    ///
    /// # Errors
    /// As above; `NotFound`, also for another owner's; `Unavailable`, after which it is not known whether the batch was
    /// appended: send it again.
    async fn append(&self, request: Append) -> Result<Appended, StoreError>;

    /// Gives events with their places, in order, at most `limit` of them.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    async fn journal(
        &self,
        scope: &Scope,
        execution: ExecutionId,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<JournalEntry>, StoreError>;

    /// Leases executions whose time has come to a worker.
    ///
    /// **Guarantees.** Those whose `wake_at` has passed and that no live lease holds: owners are served least recently
    /// first, and each gets its own by priority and then by time. Each claim raises the epoch (G3). A claim never brings an
    /// owner above `per_owner`, nor all of them together above `global`, however many claim at once (G7). What was written
    /// in a newer format than `max_format` is left alone (G13). The fifth claim in a row without an event in between is
    /// told by `claims_without_event` (G14).
    ///
    /// # Errors
    /// `Unavailable`.
    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claim>, StoreError>;

    /// Renews leases, and tells how far each journal is (G10).
    ///
    /// # Errors
    /// `Unavailable`.
    async fn renew(&self, request: RenewRequest) -> Result<Renewals, StoreError>;

    /// Tells of appends as they happen. Notices may be lost; see G10.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn subscribe(&self) -> Result<BoxStream<'static, Notice>, StoreError>;

    /// Says what an execution waits for (G12).
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    async fn explain(&self, scope: &Scope, execution: ExecutionId) -> Result<Explanation, StoreError>;

    /// Counts what is not finished, for those who watch over the whole.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn census(&self, scope: &Scope) -> Result<Census, StoreError>;

    /// Removes finished executions, those that finished first before others; gives how many.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn purge(&self, scope: &Scope, finished_before: Timestamp, limit: u32) -> Result<u64, StoreError>;
}

/// Keeps documents, in immutable versions.
#[async_trait]
pub trait DocumentStore: fmt::Debug + Send + Sync + 'static {
    /// Keeps a document. The same content again, by its hash, gives the version that is there, be it the newest or not;
    /// other content under the same id gives the next one.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn put_document(
        &self,
        owner: &OwnerId,
        document: NewDocument,
    ) -> Result<StoredDocument, StoreError>;

    /// Gives a document: this version, or the newest.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    async fn document(
        &self,
        scope: &Scope,
        owner: &OwnerId,
        id: &DocumentId,
        version: Option<u32>,
    ) -> Result<StoredDocument, StoreError>;

    /// Gives a document of the owner by its hash.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    async fn document_by_hash(
        &self,
        scope: &Scope,
        owner: &OwnerId,
        hash: &DocumentHash,
    ) -> Result<StoredDocument, StoreError>;

    /// Gives the newest version of each document, in the order of their ids: of `limit` ids (0 is 100, more than 1,000 is
    /// 1,000) behind `after`. The system sees under one id as many documents as owners have one, together on one page.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn documents(
        &self,
        scope: &Scope,
        after: Option<DocumentId>,
        limit: u32,
    ) -> Result<Vec<StoredDocument>, StoreError>;

    /// Removes all versions of a document.
    ///
    /// # Errors
    /// `InUse` where an execution refers to one, `NotFound`, `Unavailable`.
    async fn remove_document(&self, owner: &OwnerId, id: &DocumentId) -> Result<(), StoreError>;
}

/// Both stores in one.
pub trait Store: ExecutionStore + DocumentStore {}

impl<S: ExecutionStore + DocumentStore> Store for S {}

/// Events to append.
#[derive(Debug, Clone, PartialEq)]
pub struct Append {
    /// For whom it is appended.
    pub scope: Scope,
    /// The execution.
    pub execution: ExecutionId,
    /// Names the batch, so that it can be sent again.
    pub batch_id: BatchId,
    /// What the journal must look like.
    pub expect: Expect,
    /// Who writes under which claim; `None` for people.
    pub fence: Option<(WorkerId, Epoch)>,
    /// Demands that no lease is live; raises the epoch, so that a worker that claimed meanwhile is refused.
    pub require_unleased: bool,
    /// Whether an action is about to be performed.
    pub starts_effect: bool,
    /// The events, each as its JSON.
    pub events: Vec<Bytes>,
    /// The format that they are written in.
    pub format: u16,
    /// What the store indexes; `None` leaves it (with [`Expect::NotFinished`]).
    pub summary: Option<Summary>,
    /// When a worker is needed next; `None` never. With [`Expect::NotFinished`] the earlier of this and what stands counts.
    pub wake_at: Option<Timestamp>,
    /// Whether the lease ends with this append; counts only with a fence.
    pub release: bool,
    /// A snapshot as of the last event of the batch.
    pub snapshot: Option<Bytes>,
}

/// What the journal must look like for an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Its last event has this place.
    Seq(Seq),
    /// It is not finished; for requests that must not starve behind a fast worker.
    NotFinished,
}

/// What became of an append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The place of the batch's last event.
    pub head: Seq,
    /// The row's epoch.
    pub epoch: Epoch,
    /// Until when the lease holds now; `None` without one.
    pub lease_until: Option<Timestamp>,
    /// The store's time.
    pub now: Timestamp,
}

/// An execution to make.
#[derive(Debug, Clone, PartialEq)]
pub struct NewExecution {
    /// Its id.
    pub id: ExecutionId,
    /// Whose it is.
    pub owner: OwnerId,
    /// The document.
    pub document: DocumentId,
    /// The hash to which it is pinned.
    pub document_hash: DocumentHash,
    /// The steps of a subset run.
    pub subset: Option<Vec<StepId>>,
    /// The execution it was forked from.
    pub parent: Option<ExecutionId>,
    /// Higher is served first; 0 is usual.
    pub priority: i32,
    /// The first events.
    pub events: Vec<Bytes>,
    /// The format that they are written in.
    pub format: u16,
    /// What the store indexes.
    pub summary: Summary,
    /// When a worker is needed; `None` while it is held.
    pub wake_at: Option<Timestamp>,
    /// Makes asking twice safe.
    pub idempotency: Option<IdempotencyKey>,
}

/// A key under which an execution is made once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The caller's key.
    pub key: String,
    /// A hash of what was asked.
    pub body_hash: String,
}

/// An execution that was made, or was there.
#[derive(Debug, Clone, PartialEq)]
pub struct Created {
    /// Its row.
    pub record: ExecutionRecord,
    /// Whether it was there before.
    pub existing: bool,
}

/// The row of an execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionRecord {
    /// Its id.
    pub id: ExecutionId,
    /// Whose it is.
    pub owner: OwnerId,
    /// The document.
    pub document: DocumentId,
    /// The hash to which it is pinned.
    pub document_hash: DocumentHash,
    /// The steps of a subset run.
    pub subset: Option<Vec<StepId>>,
    /// The execution it was forked from.
    pub parent: Option<ExecutionId>,
    /// Higher is served first.
    pub priority: i32,
    /// What is indexed of it.
    pub summary: Summary,
    /// The place of its last event.
    pub head: Seq,
    /// How often it was claimed (or finalised without a lease).
    pub epoch: Epoch,
    /// Who holds it.
    pub lease: Option<Lease>,
    /// When a worker is needed next.
    pub wake_at: Option<Timestamp>,
    /// The newest format of its events.
    pub format: u16,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last appended to.
    pub updated_at: Timestamp,
    /// When it finished.
    pub finished_at: Option<Timestamp>,
}

/// A worker's hold on an execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lease {
    /// The worker.
    pub worker: WorkerId,
    /// Until when, by the store's clock.
    pub until: Timestamp,
}

/// An execution with what is needed to fold it.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// Its row.
    pub record: ExecutionRecord,
    /// Its newest snapshot.
    pub snapshot: Option<StoredSnapshot>,
    /// The events behind the snapshot, or all.
    pub tail: Vec<JournalEntry>,
    /// The store's time.
    pub now: Timestamp,
}

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSnapshot {
    /// The place of the last event in it.
    pub seq: Seq,
    /// What the machine wrote.
    pub bytes: Bytes,
}

/// An event in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// The place.
    pub seq: Seq,
    /// The event's JSON.
    pub event: Bytes,
}

/// Which rows to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListQuery {
    /// Only these statuses; empty is all.
    pub statuses: Vec<Status>,
    /// Only executions of this document.
    pub document: Option<DocumentId>,
    /// Only those made at this time or later.
    pub since: Option<Timestamp>,
    /// Only those with an open checkpoint.
    pub open_checkpoints: bool,
    /// Oldest first.
    pub oldest_first: bool,
    /// Behind this one, in the order of the list.
    pub after: Option<ExecutionId>,
    /// How many; 0 is 100, more than 1,000 is 1,000.
    pub limit: u32,
}

/// Some rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// The rows.
    pub records: Vec<ExecutionRecord>,
    /// What to ask for next as `after`, where there is more.
    pub next: Option<ExecutionId>,
}

/// A worker's request for work.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimRequest {
    /// The worker.
    pub worker: WorkerId,
    /// How many at most.
    pub limit: u32,
    /// How long the lease holds.
    pub lease: Duration,
    /// The newest format that it reads.
    pub max_format: u16,
    /// How many live leases one owner may have over all workers.
    pub per_owner: Option<u32>,
    /// How many live leases all owners may have together over all workers.
    pub global: Option<u32>,
    /// Only this one.
    pub only: Option<ExecutionId>,
}

impl ClaimRequest {
    /// By which limits it claims.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        Limits { per_owner: self.per_owner, global: self.global }
    }
}

/// An execution that was leased.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// Its row, with the lease in it.
    pub record: ExecutionRecord,
    /// How many claims in a row have seen no event, this one included.
    pub claims_without_event: u32,
    /// Its journal as far as the row knows it, where the store reads it on the way; the worker loads it otherwise.
    pub journal: Option<ClaimedJournal>,
    /// The store's time.
    pub now: Timestamp,
}

/// The journal of an execution that was leased, up to the head of its row.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedJournal {
    /// Its newest snapshot.
    pub snapshot: Option<StoredSnapshot>,
    /// The events behind the snapshot, or all.
    pub tail: Vec<JournalEntry>,
}

/// A worker's request to keep what it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct RenewRequest {
    /// The worker. An empty list of executions still tells that it is alive.
    pub worker: WorkerId,
    /// What it holds, and under which claim.
    pub executions: Vec<(ExecutionId, Epoch)>,
    /// How long the lease holds from now.
    pub lease: Duration,
}

/// What became of leases.
#[derive(Debug, Clone, PartialEq)]
pub struct Renewals {
    /// Those that hold: until when, and how far the journal is.
    pub held: Vec<Renewed>,
    /// Those that another worker has, or that ended.
    pub lost: Vec<ExecutionId>,
    /// The store's time.
    pub now: Timestamp,
}

/// A lease that was renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewed {
    /// The execution.
    pub execution: ExecutionId,
    /// Until when.
    pub until: Timestamp,
    /// The place of its last event.
    pub head: Seq,
}

/// Something was appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// To which.
    pub execution: ExecutionId,
    /// The place of the last event.
    pub head: Seq,
    /// Its status.
    pub status: Status,
    /// When a worker is needed.
    pub wake_at: Option<Timestamp>,
    /// Until when a worker has it, so that it is no other one's to take up before; `None` where nobody has.
    pub lease_until: Option<Timestamp>,
}

impl From<&ExecutionRecord> for Notice {
    /// What is told of a row that was written.
    fn from(record: &ExecutionRecord) -> Self {
        Self {
            execution: record.id,
            head: record.head,
            status: record.summary.status,
            wake_at: record.wake_at,
            lease_until: record.lease.as_ref().map(|lease| lease.until),
        }
    }
}

/// A document to keep.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDocument {
    /// Its id.
    pub id: DocumentId,
    /// Its hash.
    pub hash: DocumentHash,
    /// Its title.
    pub title: String,
    /// Its canonical JSON.
    pub content: Arc<Value>,
}

/// A document that is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredDocument {
    /// Whose it is.
    pub owner: OwnerId,
    /// Its id.
    pub id: DocumentId,
    /// Its version, from 1.
    pub version: u32,
    /// Its hash.
    pub hash: DocumentHash,
    /// Its title.
    pub title: String,
    /// Its canonical JSON.
    pub content: Arc<Value>,
    /// When it was kept.
    pub created_at: Timestamp,
}
