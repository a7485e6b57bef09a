//! What size costs: claims beside 100,000 executions that wait, appends behind 1,000,000 rows of journals, and what an
//! action leaves behind.
#![expect(clippy::print_stdout, reason = "the figures are what this is run for")]

#[path = "support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use aef_core::ids::Seq;
use aef_core::store::{Append, ClaimRequest, ExecutionStore as _, ListQuery, Scope};
use aef_store_postgres::PostgresStore;
use aef_testkit::conformance::store::{claim_by, fenced};
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnection;

use crate::support::{Server, batch, create, median};

/// How many times each is measured.
const SAMPLES: usize = 400;

/// Executions that wait for a person, of a thousand owners, each with the time at which its patience ends.
const WAITING: &str = "
    INSERT INTO aef.owners (name) SELECT 'owner ' || n FROM generate_series(1, 1000) n;
    INSERT INTO aef.executions (id, owner, head, wake_at, created_at, updated_at, priority, progress, format, document,
                                document_hash, status, checkpoint)
    SELECT gen_random_uuid(), (SELECT min(no) FROM aef.owners) + n % 1000, 20, aef.clock() + 86400000000 + n, n, n, 0, 0, 1,
           'document ' || n % 50, 'hash', 'waiting_checkpoint',
           json_build_object('id', gen_random_uuid(), 'raisedAt', '2026-01-01T00:00:00Z')::text
    FROM generate_series(1, 100000) n;
    VACUUM ANALYZE aef.executions;
    ANALYZE";

/// A million rows of journals, of those that wait.
const JOURNALS: &str = "
    INSERT INTO aef.batches (head, epoch, at, execution, batch, digest, events)
    SELECT 2 * n, 1, 1, e.id, gen_random_uuid(), decode(md5(n::text) || md5(n::text), 'hex'), decode(repeat('65', 600), 'hex')
    FROM aef.executions e, generate_series(1, 10) n WHERE e.status = 'waiting_checkpoint';
    VACUUM ANALYZE aef.batches";

#[tokio::main]
async fn main() {
    let server = Server::start();
    let store = server.store().await;
    let mut connection = server.options().connect().await.expect("the server answers");

    let (claims, idle) = claims(&store).await;
    let appends_before = appends(&store).await;
    fill(&mut connection, WAITING).await;
    let (claims_beside, idle_beside) = self::claims(&store).await;
    tell("claim of one that is ready", &claims, &claims_beside, "beside 100,000 that wait");
    tell("claim where nothing is ready", &idle, &idle_beside, "beside 100,000 that wait");

    fill(&mut connection, JOURNALS).await;
    let appends_behind = appends(&store).await;
    tell("append", &appends_before, &appends_behind, "behind 1,000,000 rows of journals");

    growth(&store, &mut connection).await;
    let start = Instant::now();
    let query = ListQuery { open_checkpoints: true, oldest_first: true, limit: 100, ..ListQuery::default() };
    let page = store.list(&Scope::Owner("owner 7".into()), query).await.expect("listing works");
    println!(
        "{} open checkpoints of one owner: {:.1} ms",
        page.records.len(),
        start.elapsed().as_secs_f64() * 1e3
    );
    store.close().await;
}

async fn fill(connection: &mut PgConnection, sql: &'static str) {
    for statement in sql.split(';') {
        sqlx::raw_sql(statement).execute(&mut *connection).await.expect("the rows are made");
    }
}

/// How long a claim takes that finds one, and one that finds none.
async fn claims(store: &PostgresStore) -> (Vec<Duration>, Vec<Duration>) {
    let (mut found, mut none) = (Vec::new(), Vec::new());
    for _ in 0..SAMPLES {
        create(store).await;
        for times in [&mut found, &mut none] {
            let start = Instant::now();
            let claimed =
                store.claim(ClaimRequest { limit: 4, ..claim_by("w1") }).await.expect("claiming works");
            times.push(start.elapsed());
            for claim in claimed {
                // Released, and not ready again.
                let parked = Append { release: true, wake_at: None, ..fenced(&claim, Seq(1), ["parked"]) };
                store.append(parked).await.expect("it is parked");
            }
        }
    }
    (found, none)
}

async fn appends(store: &PostgresStore) -> Vec<Duration> {
    let id = create(store).await;
    let mut times = Vec::new();
    for _ in 0..SAMPLES {
        let start = Instant::now();
        store.append(batch(id)).await.expect("the batch is appended");
        times.push(start.elapsed());
    }
    times
}

/// What the appends of as many actions leave in the tables and the indexes.
async fn growth(store: &PostgresStore, connection: &mut PgConnection) {
    const ACTIONS: i64 = 5_000;
    let id = create(store).await;
    let before = size(connection).await;
    for _ in 0..ACTIONS / 50 {
        futures::future::join_all((0..50).map(|_| store.append(batch(id)))).await.into_iter().for_each(
            |appended| {
                appended.expect("the batch is appended");
            },
        );
    }
    let after = size(connection).await;
    println!(
        "an action of two events of 300 bytes leaves {:.2} rows and {} bytes, indexes included",
        (after.0 - before.0) as f64 / ACTIONS as f64,
        (after.1 - before.1) / ACTIONS,
    );
}

/// The rows and bytes of all tables of the store.
async fn size(connection: &mut PgConnection) -> (i64, i64) {
    sqlx::query_as(
        "SELECT (SELECT count(*) FROM aef.batches) + (SELECT count(*) FROM aef.executions) + (SELECT count(*) FROM aef.snapshots),
                (SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class
                 WHERE relnamespace = 'aef'::regnamespace AND relkind = 'r')",
    )
    .fetch_one(connection)
    .await
    .expect("the tables can be measured")
}

fn tell(what: &str, before: &[Duration], after: &[Duration], where_after: &str) {
    let p95 = |times: &[Duration]| {
        let mut times = times.to_vec();
        times.sort_unstable();
        times[times.len() * 95 / 100].as_secs_f64() * 1e3
    };
    let p50 = |times: &[Duration]| median(times.to_vec()).as_secs_f64() * 1e3;
    println!(
        "{what}: p50 {:.2} ms, p95 {:.2} ms; {where_after} p50 {:.2} ms, p95 {:.2} ms, {:.2} times that",
        p50(before),
        p95(before),
        p50(after),
        p95(after),
        p95(after) / p95(before),
    );
}
