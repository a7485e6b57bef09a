//! One random sequence of operations on each of the stores gives equal results.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aef::clock::Clock as _;
use aef::execution::Status;
use aef::ids::{BatchId, DocumentHash, DocumentId, Epoch, ExecutionId, OwnerId, Seq, WorkerId};
use aef::memory::MemoryStore;
use aef::postgres::{PostgresOptions, PostgresStore};
use aef::sqlite::{SqliteOptions, SqliteStore};
use aef::store::{
    Append, ClaimRequest, Expect, IdempotencyKey, ListQuery, NewDocument, NewExecution, RenewRequest, Scope,
    Store, StoreError, StoreErrorKind, Summary,
};
use aef_testkit::SimClock;
use aef_testkit::postgres::TestDatabase;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

/// A few names of each kind, so that operations meet.
const OWNERS: [&str; 3] = ["ada", "bob", "cyd"];
const WORKERS: [&str; 2] = ["w1", "w2"];
const STATUSES: [Status; 5] =
    [Status::Queued, Status::Running, Status::Paused, Status::WaitingCheckpoint, Status::Completed];

#[derive(Debug, Clone)]
enum Operation {
    Create { id: u8, owner: u8, priority: i8, wake: Option<i16>, key: Option<(u8, u8)>, format: u8 },
    Append { id: u8, batch: u8, content: Content, guess: Guess },
    Claim { worker: u8, limit: u8, limits: [Option<u8>; 2], only: Option<u8>, max_format: u8 },
    Renew { worker: u8, ids: Vec<u8>, lease: u8 },
    Advance { millis: u32 },
    Purge { owner: Option<u8>, limit: u8 },
    Put { owner: u8, id: u8, content: u8 },
    Remove { owner: u8, id: u8 },
    List { owner: Option<u8>, status: Option<u8>, oldest_first: bool, limit: u8 },
    Look { owner: Option<u8>, id: u8, after: u8, limit: u8 },
}

#[derive(Debug, Clone)]
struct Content {
    events: u8,
    status: Option<u8>,
    wake: Option<i16>,
    format: u8,
    snapshot: bool,
    release: bool,
}

/// How an append names what it believes: mostly right, sometimes not.
#[derive(Debug, Clone)]
struct Guess {
    fence: Option<u8>,
    stale: bool,
    not_finished: bool,
    unleased: bool,
    effect: bool,
    owner: Option<u8>,
}

fn operation() -> impl Strategy<Value = Operation> {
    let maybe_owner = || prop::option::weighted(0.4, 0..3_u8);
    let wake = || prop::option::weighted(0.8, -5..40_i16);
    let content =
        (0..3_u8, prop::option::of(0..5_u8), wake(), 1..3_u8, any::<bool>(), prop::bool::weighted(0.2))
            .prop_map(|(events, status, wake, format, snapshot, release)| Content {
                events,
                status,
                wake,
                format,
                snapshot,
                release,
            });
    let odd = || prop::bool::weighted(0.15);
    let owner = prop::option::weighted(0.2, 0..3_u8);
    let guess = (prop::option::of(0..2_u8), odd(), odd(), odd(), odd(), owner).prop_map(
        |(fence, stale, not_finished, unleased, effect, owner)| Guess {
            fence,
            stale,
            not_finished,
            unleased,
            effect,
            owner,
        },
    );
    let key = prop::option::weighted(0.3, (0..2_u8, 0..2_u8));
    let limits = [prop::option::of(0..3_u8), prop::option::weighted(0.3, 0..5_u8)];
    prop_oneof![
        4 => (0..8_u8, 0..3_u8, -1..2_i8, wake(), key, 1..3_u8).prop_map(
            |(id, owner, priority, wake, key, format)| Operation::Create { id, owner, priority, wake, key, format }
        ),
        10 => (0..8_u8, 0..24_u8, content, guess)
            .prop_map(|(id, batch, content, guess)| Operation::Append { id, batch, content, guess }),
        6 => (0..2_u8, 0..4_u8, limits, prop::option::weighted(0.3, 0..8_u8), 1..3_u8).prop_map(
            |(worker, limit, limits, only, max_format)| Operation::Claim { worker, limit, limits, only, max_format }
        ),
        3 => (0..2_u8, prop::collection::vec(0..8_u8, 0..4), 1..30_u8)
            .prop_map(|(worker, ids, lease)| Operation::Renew { worker, ids, lease }),
        4 => prop_oneof![9 => 0..20_000_u32, 1 => Just(31 * 24 * 3_600_000)]
            .prop_map(|millis| Operation::Advance { millis }),
        1 => (maybe_owner(), 0..4_u8).prop_map(|(owner, limit)| Operation::Purge { owner, limit }),
        2 => (0..3_u8, 0..2_u8, 0..3_u8).prop_map(|(owner, id, content)| Operation::Put { owner, id, content }),
        1 => (0..3_u8, 0..2_u8).prop_map(|(owner, id)| Operation::Remove { owner, id }),
        2 => (maybe_owner(), prop::option::of(0..5_u8), any::<bool>(), 0..4_u8)
            .prop_map(|(owner, status, oldest_first, limit)| Operation::List { owner, status, oldest_first, limit }),
        3 => (maybe_owner(), 0..8_u8, 0..6_u8, 0..5_u8)
            .prop_map(|(owner, id, after, limit)| Operation::Look { owner, id, after, limit }),
    ]
}

fn execution(id: u8) -> ExecutionId {
    ExecutionId::from_uuid(Uuid::from_u128(u128::from(id) + 1))
}

fn scope(owner: Option<u8>) -> Scope {
    owner.map_or(Scope::System, |owner| Scope::Owner(OwnerId::from(OWNERS[usize::from(owner)])))
}

/// Odd below the microsecond, to see it rounded alike.
fn wake_at(now: Timestamp, seconds: Option<i16>) -> Option<Timestamp> {
    seconds.map(|seconds| now + SignedDuration::from_secs(seconds.into()) + SignedDuration::from_nanos(1_500))
}

fn summary(status: u8) -> Summary {
    let status = STATUSES[usize::from(status)];
    Summary { status, step: None, progress: 1, checkpoint: None, note: Some(format!("is {status}")) }
}

fn document(id: u8, content: u8) -> NewDocument {
    NewDocument {
        id: DocumentId::new(format!("document {id}")),
        hash: DocumentHash::new(format!("hash {id} {content}")),
        title: format!("title {content}"),
        content: Arc::new(serde_json::json!({ "content": content })),
    }
}

fn create(now: Timestamp, operation: &Operation) -> Option<NewExecution> {
    let Operation::Create { id, owner, priority, wake, key, format } = operation else { return None };
    let key = key.map(|(key, body)| IdempotencyKey { key: key.to_string(), body_hash: body.to_string() });
    Some(NewExecution {
        id: execution(*id),
        owner: OwnerId::from(OWNERS[usize::from(*owner)]),
        document: DocumentId::new(format!("document {}", id % 2)),
        document_hash: DocumentHash::from("hash"),
        subset: None,
        parent: None,
        priority: (*priority).into(),
        events: vec![Bytes::from_static(b"queued")],
        format: (*format).into(),
        summary: summary(0),
        wake_at: wake_at(now, *wake),
        idempotency: key,
    })
}

/// The batch, with what it believes taken from the row as it is.
async fn append(store: &dyn Store, now: Timestamp, operation: &Operation) -> Option<Append> {
    let Operation::Append { id, batch, content, guess } = operation else { return None };
    let execution = execution(*id);
    let row = store.load(&Scope::System, execution).await.ok().map(|loaded| loaded.record);
    let (head, epoch) = row.map_or((Seq(0), Epoch(0)), |row| (row.head, row.epoch));
    let off = u64::from(guess.stale);
    let worker = |worker: u8| WorkerId::from(WORKERS[usize::from(worker)]);
    Some(Append {
        scope: scope(guess.owner),
        execution,
        batch_id: BatchId::from_uuid(Uuid::from_u128((*batch).into())),
        expect: if guess.not_finished { Expect::NotFinished } else { Expect::Seq(head.plus(off)) },
        fence: guess.fence.map(|name| (worker(name), Epoch(epoch.0 + off))),
        require_unleased: guess.unleased,
        starts_effect: guess.effect,
        events: (0..content.events).map(|number| Bytes::from(format!("event {batch}.{number}"))).collect(),
        format: content.format.into(),
        summary: content.status.map(summary),
        wake_at: wake_at(now, content.wake),
        release: content.release,
        snapshot: content.snapshot.then(|| Bytes::from(format!("snapshot {batch}"))),
    })
}

/// A result as it is compared: of an error, what kind it is of.
fn shown<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    let result: Result<T, StoreErrorKind> = result.map_err(|error| error.kind());
    format!("{result:?}")
}

/// Performs the operation, and shows what came of it.
async fn perform(store: &dyn Store, now: Timestamp, operation: &Operation) -> String {
    match operation.clone() {
        Operation::Create { .. } => {
            let request = create(now, operation).expect("it makes one");
            shown(store.create(request).await)
        }
        Operation::Append { .. } => {
            let request = append(store, now, operation).await;
            shown(store.append(request.expect("it is an append")).await)
        }
        Operation::Claim { worker, limit, limits: [per_owner, global], only, max_format } => shown(
            store
                .claim(ClaimRequest {
                    worker: WorkerId::from(WORKERS[usize::from(worker)]),
                    limit: limit.into(),
                    lease: Duration::from_secs(10),
                    max_format: max_format.into(),
                    per_owner: per_owner.map(u32::from),
                    global: global.map(u32::from),
                    only: only.map(execution),
                })
                .await
                // Whether the journal comes with it is each store's own affair.
                .map(|claims| {
                    claims
                        .into_iter()
                        .map(|claim| aef::store::Claim { journal: None, ..claim })
                        .collect::<Vec<_>>()
                }),
        ),
        Operation::Renew { worker, ids, lease } => {
            let mut executions = Vec::new();
            for id in ids {
                let row = store.load(&Scope::System, execution(id)).await;
                executions.push((execution(id), row.map_or(Epoch(1), |loaded| loaded.record.epoch)));
            }
            let worker = WorkerId::from(WORKERS[usize::from(worker)]);
            shown(
                store
                    .renew(RenewRequest { worker, executions, lease: Duration::from_secs(lease.into()) })
                    .await,
            )
        }
        Operation::Advance { .. } => String::new(),
        Operation::Purge { owner, limit } => shown(store.purge(&scope(owner), now, limit.into()).await),
        Operation::Put { owner, id, content } => {
            let owner = OwnerId::from(OWNERS[usize::from(owner)]);
            shown(store.put_document(&owner, document(id, content)).await)
        }
        Operation::Remove { owner, id } => {
            let owner = OwnerId::from(OWNERS[usize::from(owner)]);
            shown(store.remove_document(&owner, &document(id, 0).id).await)
        }
        Operation::List { owner, status, oldest_first, limit } => {
            let statuses = status.map(|status| STATUSES[usize::from(status)]).into_iter().collect();
            let query = ListQuery { statuses, oldest_first, limit: limit.into(), ..ListQuery::default() };
            shown(store.list(&scope(owner), query).await)
        }
        Operation::Look { owner, id, after, limit } => {
            let (scope, execution) = (scope(owner), execution(id));
            let loaded = shown(store.load(&scope, execution).await);
            let journal = shown(store.journal(&scope, execution, Seq(after.into()), limit.into()).await);
            let explained = shown(store.explain(&scope, execution).await);
            let documents = shown(store.documents(&scope, None, limit.into()).await);
            format!("{loaded}\n{journal}\n{explained}\n{documents}")
        }
    }
}

/// The stores, on one time.
struct Stores {
    clock: SimClock,
    memory: MemoryStore,
    sqlite: SqliteStore,
    postgres: PostgresStore,
    database: TestDatabase,
}

impl Stores {
    async fn open(folder: &Path) -> Self {
        let clock = SimClock::new();
        let memory = MemoryStore::with_clock(Arc::new(clock.clone()));
        let options = SqliteOptions { clock: Arc::new(clock.clone()), ..SqliteOptions::default() };
        let sqlite = SqliteStore::open(folder.join("aef.db"), options).await.expect("the store opens");
        let database = TestDatabase::new().await;
        let options = PostgresOptions::new(database.url()).expect("the tests' URL is one");
        let postgres = PostgresStore::connect(options).await.expect("the store opens");
        database.set_clock(clock.now()).await;
        Self { clock, memory, sqlite, postgres, database }
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.database.advance(by).await;
    }
}

async fn compare(folder: &Path, operations: &[Operation]) -> Result<(), TestCaseError> {
    let stores = Stores::open(folder).await;
    let whole: Vec<_> = (0..8).map(|id| Operation::Look { owner: None, id, after: 0, limit: 100 }).collect();
    for (place, operation) in operations.iter().chain(&whole).enumerate() {
        if let Operation::Advance { millis } = operation {
            stores.advance(Duration::from_millis((*millis).into())).await;
        }
        let now = stores.clock.now();
        let expected = perform(&stores.memory, now, operation).await;
        let others: [(&str, &dyn Store); 2] = [("SQLite", &stores.sqlite), ("PostgreSQL", &stores.postgres)];
        for (name, store) in others {
            let given = perform(store, now, operation).await;
            prop_assert_eq!(&given, &expected, "{}, operation {}: {:?}", name, place, operation);
        }
    }
    stores.sqlite.close().await;
    stores.postgres.close().await;
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn all_stores_give_the_same(operations in prop::collection::vec(operation(), 1..60)) {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(compare(folder.path(), &operations))?;
    }
}
