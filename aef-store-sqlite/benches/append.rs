//! What a durable append costs: beside a bare insert under the same settings, and as the journal grows.
//!
//! The ratio of the first is printed at the end. One append is one transaction that ends on the disk, as is one insert.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use aef_core::execution::Status;
use aef_core::ids::{BatchId, DocumentHash, DocumentId, ExecutionId, OwnerId, Seq};
use aef_core::store::{Append, ExecutionStore as _, Expect, NewExecution, Scope, Summary};
use aef_store_sqlite::{SqliteOptions, SqliteStore};
use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures::future::join_all;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// What two events of a usual action weigh together.
const EVENT: &[u8] = &[b'e'; 300];

/// How many write at once, in the second measure.
const IN_FLIGHT: usize = 32;

struct Bench {
    store: SqliteStore,
    _folder: TempDir,
}

async fn open() -> Bench {
    let folder = tempfile::tempdir().expect("a folder for the file");
    let path = folder.path().join("aef.db");
    let store = SqliteStore::open(path, SqliteOptions::default()).await.expect("the store opens");
    Bench { store, _folder: folder }
}

async fn create(store: &SqliteStore) -> ExecutionId {
    let id = ExecutionId::generate();
    let new = NewExecution {
        id,
        owner: OwnerId::from("ada"),
        document: DocumentId::from("invoices"),
        document_hash: DocumentHash::from("hash"),
        subset: None,
        parent: None,
        priority: 0,
        events: vec![Bytes::from_static(EVENT)],
        format: 1,
        summary: summary(),
        wake_at: None,
        idempotency: None,
    };
    store.create(new).await.expect("the execution is made");
    id
}

fn summary() -> Summary {
    Summary { status: Status::Running, step: None, progress: 1, checkpoint: None, note: None }
}

/// As a worker writes after each action: the outcome of one and the start of the next.
fn batch(execution: ExecutionId, events: usize) -> Append {
    Append {
        scope: Scope::System,
        execution,
        batch_id: BatchId::generate(),
        expect: Expect::NotFinished,
        fence: None,
        require_unleased: false,
        starts_effect: false,
        events: vec![Bytes::from_static(EVENT); events],
        format: 1,
        summary: Some(summary()),
        wake_at: None,
        release: false,
        snapshot: None,
    }
}

/// The time that so many appends take, in rounds of `width` at once, each to an execution of its own.
async fn appends(store: &SqliteStore, executions: &[ExecutionId], count: u64) -> Duration {
    let rounds = count.div_ceil(executions.len() as u64);
    let start = Instant::now();
    for _ in 0..rounds {
        let round = executions.iter().map(|id| store.append(batch(*id, 2)));
        for appended in join_all(round).await {
            appended.expect("the batch is appended");
        }
    }
    start.elapsed()
}

async fn raw(folder: &TempDir) -> SqliteConnection {
    let mut connection = SqliteConnectOptions::new()
        .filename(folder.path().join("raw.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .connect()
        .await
        .expect("the file opens");
    sqlx::query("CREATE TABLE rows (no INTEGER PRIMARY KEY, data BLOB NOT NULL)")
        .execute(&mut connection)
        .await
        .expect("the table is made");
    connection
}

async fn inserts(connection: &mut SqliteConnection, count: u64) -> Duration {
    let start = Instant::now();
    for _ in 0..count {
        sqlx::query("INSERT INTO rows (data) VALUES (?)")
            .bind([EVENT, EVENT].concat())
            .execute(&mut *connection)
            .await
            .expect("the row is inserted");
    }
    start.elapsed()
}

/// The mean time of one, over all that was measured: single samples jump with the disk.
#[derive(Default)]
struct Mean(Mutex<(Duration, u64)>);

impl Mean {
    fn keep(&self, elapsed: Duration, count: u64) -> Duration {
        let mut sum = self.0.lock().expect("no bench panics");
        *sum = (sum.0 + elapsed, sum.1 + count);
        elapsed
    }

    fn micros(&self) -> f64 {
        let (elapsed, count) = *self.0.lock().expect("no bench panics");
        elapsed.as_secs_f64() * 1e6 / count.max(1) as f64
    }
}

#[expect(clippy::print_stdout, reason = "the ratio is what this is run for")]
fn durable(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let (bare, one, many) = (Mean::default(), Mean::default(), Mean::default());
    let mut group = criterion.benchmark_group("durable");
    group.throughput(Throughput::Elements(1)).sample_size(20);

    let folder = tempfile::tempdir().expect("a folder for the file");
    let mut connection = runtime.block_on(raw(&folder));
    group.bench_function("bare insert", |bencher| {
        bencher.iter_custom(|count| bare.keep(runtime.block_on(inserts(&mut connection, count)), count));
    });

    let bench = runtime.block_on(open());
    let executions: Vec<_> = (0..IN_FLIGHT).map(|_| runtime.block_on(create(&bench.store))).collect();
    for (width, mean) in [(1, &one), (IN_FLIGHT, &many)] {
        group.bench_function(BenchmarkId::new("append, in flight", width), |bencher| {
            bencher.iter_custom(|count| {
                let count = count.next_multiple_of(width as u64);
                let elapsed = runtime.block_on(appends(&bench.store, &executions[..width], count));
                mean.keep(elapsed, count)
            });
        });
    }
    group.finish();
    println!(
        "bare insert {:.0} µs; append {:.0} µs, {:.2} times that; {IN_FLIGHT} in flight {:.0} µs each, {:.2} times that",
        bare.micros(),
        one.micros(),
        one.micros() / bare.micros(),
        many.micros(),
        many.micros() / bare.micros(),
    );
}

fn long_journals(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let mut group = criterion.benchmark_group("append to a journal of");
    group.sample_size(20);
    for length in [100_usize, 100_000] {
        let bench = runtime.block_on(open());
        let id = runtime.block_on(async {
            let id = create(&bench.store).await;
            // In the batches that a worker writes; a few at once, to be done sooner.
            for _ in 0..length / 100 {
                let round = (0..50).map(|_| bench.store.append(batch(id, 2)));
                join_all(round).await.into_iter().for_each(|appended| {
                    assert!(appended.expect("the batch is appended").head > Seq(1));
                });
            }
            id
        });
        group.bench_function(BenchmarkId::from_parameter(length), |bencher| {
            bencher.iter_custom(|count| runtime.block_on(appends(&bench.store, &[id], count)));
        });
    }
    group.finish();
}

criterion_group!(benches, durable, long_journals);
criterion_main!(benches);
