//! What the cases share: short words for making, claiming and appending.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use aef_core::execution::Status;
use aef_core::ids::{BatchId, DocumentHash, DocumentId, Epoch, ExecutionId, OwnerId, Seq, WorkerId};
use aef_core::store::{
    Append, Appended, Claim, ClaimRequest, ExecutionRecord, Expect, IdempotencyKey, JournalEntry, Loaded,
    NewExecution, RenewRequest, Renewals, Scope, Store, StoreError, StoreErrorKind, Summary,
};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::StoreUnderTest;

/// How long leases hold in the cases.
pub(super) const LEASE: Duration = Duration::from_secs(15);

/// A little less and a little more than a lease: a store's clock may run while a case does.
pub(super) const ALMOST: Duration = Duration::from_secs(12);
pub(super) const EXPIRED: Duration = Duration::from_secs(18);

/// The format that the cases write.
pub(super) const FORMAT: u16 = 1;

/// A store, and who moves its clock.
pub(super) struct Scene<'a> {
    pub(super) store: Arc<dyn Store>,
    under: &'a dyn StoreUnderTest,
}

impl<'a> Scene<'a> {
    pub(super) fn new(under: &'a dyn StoreUnderTest) -> Self {
        Self { store: under.store(), under }
    }

    /// The same scene, in a process that has just started.
    pub(super) async fn reopen(&self) -> Self {
        Self { store: self.under.reopen().await, under: self.under }
    }

    pub(super) async fn advance(&self, by: Duration) {
        self.under.advance(by).await;
    }

    pub(super) async fn now(&self) -> Timestamp {
        self.store.now().await.expect("the store has a time")
    }

    pub(super) async fn create(&self, new: NewExecution) -> ExecutionRecord {
        let created = self.store.create(new).await.expect("the execution is made");
        assert!(!created.existing, "it was not there before");
        created.record
    }

    /// An execution of the owner that is ready.
    pub(super) async fn queued(&self, owner: &str) -> ExecutionRecord {
        let now = self.now().await;
        self.create(NewExecution { wake_at: Some(now), ..new_execution(owner) }).await
    }

    /// Several of them.
    pub(super) async fn all_queued(&self, owner: &str, count: usize) -> Vec<ExecutionRecord> {
        let mut records = Vec::new();
        for _ in 0..count {
            records.push(self.queued(owner).await);
        }
        records
    }

    /// An execution that the worker holds.
    pub(super) async fn held(&self, owner: &str, worker: &str) -> Claim {
        let record = self.queued(owner).await;
        self.claim_only(worker, record.id).await
    }

    pub(super) async fn claim(&self, request: ClaimRequest) -> Vec<Claim> {
        self.store.claim(request).await.expect("claiming works, be there work or not")
    }

    /// Claims this one, which must be ready.
    pub(super) async fn claim_only(&self, worker: &str, execution: ExecutionId) -> Claim {
        let claims = self.claim(ClaimRequest { only: Some(execution), ..claim_by(worker) }).await;
        let [claim] = claims.try_into().expect("the execution is ready");
        claim
    }

    /// The ids that a claim of so many gives.
    pub(super) async fn claimed(&self, worker: &str, limit: u32) -> Vec<ExecutionId> {
        let claims = self.claim(ClaimRequest { limit, ..claim_by(worker) }).await;
        claims.into_iter().map(|claim| claim.record.id).collect()
    }

    pub(super) async fn append(&self, batch: Append) -> Appended {
        self.store.append(batch).await.expect("the batch is appended")
    }

    /// Why the batch was not appended.
    pub(super) async fn refusal(&self, batch: Append) -> StoreErrorKind {
        refusal(self.store.append(batch).await)
    }

    /// Finishes an execution that nobody holds.
    pub(super) async fn finish(&self, record: &ExecutionRecord) -> Appended {
        let batch = batch(record.id, record.head, ["end"]);
        self.append(Append { summary: Some(summary(Status::Completed)), ..batch }).await
    }

    pub(super) async fn load(&self, execution: ExecutionId) -> Loaded {
        self.store.load(&Scope::System, execution).await.expect("the execution is there")
    }

    pub(super) async fn record(&self, execution: ExecutionId) -> ExecutionRecord {
        self.load(execution).await.record
    }

    /// The whole journal, as text, its places checked.
    pub(super) async fn journal(&self, execution: ExecutionId) -> Vec<String> {
        let entries = self.store.journal(&Scope::System, execution, Seq(0), u32::MAX).await;
        let entries = entries.expect("the execution is there");
        assert_dense(&entries, 1);
        entries.iter().map(|entry| String::from_utf8_lossy(&entry.event).into_owned()).collect()
    }

    pub(super) async fn renew(&self, worker: &str, held: &[(ExecutionId, Epoch)]) -> Renewals {
        let request = RenewRequest { worker: worker.into(), executions: held.to_vec(), lease: LEASE };
        self.store.renew(request).await.expect("renewing works")
    }
}

/// An execution to make, that nobody is to wake.
pub fn new_execution(owner: &str) -> NewExecution {
    NewExecution {
        id: ExecutionId::generate(),
        owner: OwnerId::from(owner),
        document: DocumentId::from("invoices"),
        document_hash: DocumentHash::from("hash-of-invoices"),
        subset: None,
        parent: None,
        priority: 0,
        events: events(["queued"]),
        format: FORMAT,
        summary: summary(Status::Queued),
        wake_at: None,
        idempotency: None,
    }
}

/// What is indexed of an execution that stands there, and no more.
pub fn summary(status: Status) -> Summary {
    Summary { status, step: None, progress: 0, checkpoint: None, note: None }
}

pub(super) fn key(key: &str, body_hash: &str) -> Option<IdempotencyKey> {
    Some(IdempotencyKey { key: key.into(), body_hash: body_hash.into() })
}

pub(super) fn events<const N: usize>(names: [&'static str; N]) -> Vec<Bytes> {
    names.map(|name| Bytes::from_static(name.as_bytes())).to_vec()
}

/// A person's batch behind `head`.
pub fn batch<const N: usize>(execution: ExecutionId, head: Seq, names: [&'static str; N]) -> Append {
    Append {
        scope: Scope::System,
        execution,
        batch_id: BatchId::generate(),
        expect: Expect::Seq(head),
        fence: None,
        require_unleased: false,
        starts_effect: false,
        events: events(names),
        format: FORMAT,
        summary: None,
        wake_at: None,
        release: false,
        snapshot: None,
    }
}

/// The holder's batch behind `head`.
pub fn fenced<const N: usize>(claim: &Claim, head: Seq, names: [&'static str; N]) -> Append {
    let record = &claim.record;
    let worker = record.lease.as_ref().expect("a claim has its lease").worker.clone();
    let fence = Some((worker, record.epoch));
    Append { fence, wake_at: record.wake_at, ..batch(record.id, head, names) }
}

/// The request of a worker for one execution.
pub fn claim_by(worker: &str) -> ClaimRequest {
    ClaimRequest {
        worker: WorkerId::from(worker),
        limit: 1,
        lease: LEASE,
        max_format: FORMAT,
        per_owner: None,
        global: None,
        only: None,
    }
}

/// The time so much later.
pub(super) fn later(at: Timestamp, by: Duration) -> Timestamp {
    at + SignedDuration::try_from(by).expect("a short time")
}

pub(super) fn refusal<T: Debug>(result: Result<T, StoreError>) -> StoreErrorKind {
    match result {
        Ok(value) => panic!("this was to be refused, and gave {value:?}"),
        Err(error) => error.kind(),
    }
}

/// The places of these entries are those from `first`, without a gap.
pub(super) fn assert_dense(entries: &[JournalEntry], first: u64) {
    let places: Vec<u64> = entries.iter().map(|entry| entry.seq.0).collect();
    let expected: Vec<u64> = (first..first + entries.len() as u64).collect();
    assert_eq!(places, expected);
}
