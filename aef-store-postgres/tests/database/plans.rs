//! How the statements find their rows, where there are many.

use std::collections::BTreeMap;

use aef_core::ids::Seq;
use aef_core::store::{
    Append, ClaimRequest, ExecutionStore as _, ListQuery, NewExecution, RenewRequest, Scope,
};
use aef_store_postgres::PostgresStore;
use aef_testkit::conformance::store::{batch, claim_by, fenced, new_execution};
use aef_testkit::postgres::TestDatabase;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use crate::support::{PATIENCE, connect, options};

/// Many executions that wait for a time far off, some that are leased, and journals.
async fn fill(connection: &mut PgConnection) {
    sqlx::raw_sql(
        "INSERT INTO aef.owners (name) SELECT 'owner ' || n FROM generate_series(1, 20) n;
         INSERT INTO aef.executions (id, owner, head, wake_at, created_at, updated_at, priority, progress, format, document,
                                     document_hash, status)
         SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 1 + n % 20, 4,
                253402207200000000 - n, n, n, n % 3, 0, 1, 'document ' || n % 50, 'hash', 'waiting_checkpoint'
         FROM generate_series(1, 20000) n;
         INSERT INTO aef.batches (head, epoch, at, execution, batch, digest, events)
         SELECT n, 0, 1, e.id, md5(e.id::text || n)::uuid, 'x', '\\x0200000041420200000043440000'::bytea
         FROM aef.executions e, generate_series(1, 4) n;
         ANALYZE",
    )
    .execute(connection)
    .await
    .unwrap();
}

/// How often each table of the store was read from end to end, and how many rows that and the indexes gave.
async fn reads(connection: &mut PgConnection) -> BTreeMap<String, (i64, i64)> {
    let rows: Vec<(String, i64, i64)> = sqlx::query_as(
        "SELECT relname::text, seq_scan, seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables
         WHERE schemaname = 'aef'",
    )
    .fetch_all(connection)
    .await
    .unwrap();
    rows.into_iter().map(|(table, scans, rows)| (table, (scans, rows))).collect()
}

/// What the engine does all day: make, claim, append, renew, load, read, list. Each ends the session's counting with it.
async fn work(store: &PostgresStore) {
    let wake_at = Some(store.now().await.unwrap());
    for _ in 0..20 {
        store.create(NewExecution { wake_at, ..new_execution("ada") }).await.unwrap();
    }
    let claims = store
        .claim(ClaimRequest { limit: 10, per_owner: Some(15), global: Some(1000), ..claim_by("w1") })
        .await
        .unwrap();
    assert_eq!(claims.len(), 10);
    for claim in &claims {
        let id = claim.record.id;
        store.append(fenced(claim, Seq(1), ["a", "b"])).await.unwrap();
        store.append(Append { snapshot: Some("s".into()), ..fenced(claim, Seq(3), ["c"]) }).await.unwrap();
        store.load(&Scope::System, id).await.unwrap();
        store.journal(&Scope::System, id, Seq(1), 5).await.unwrap();
    }
    let held = claims.iter().map(|claim| (claim.record.id, claim.record.epoch)).collect();
    let request = RenewRequest { worker: "w1".into(), executions: held, lease: PATIENCE };
    assert_eq!(store.renew(request).await.unwrap().held.len(), 10);
    let owner = Scope::Owner("owner 3".into());
    let page = store.list(&owner, ListQuery { limit: 20, ..ListQuery::default() }).await.unwrap();
    assert_eq!(page.records.len(), 20);
    store.list(&Scope::System, ListQuery { limit: 20, ..ListQuery::default() }).await.unwrap();
    store.append(batch(page.records[0].id, Seq(4), ["answer"])).await.unwrap();
}

/// However many executions there are: what is done over and over goes by the indexes, and touches few rows more than it
/// changes.
#[tokio::test]
async fn no_statement_reads_a_table_from_end_to_end() {
    let database = TestDatabase::new().await;
    drop(connect(&database).await);
    let mut observer = database.connection().await;
    fill(&mut observer).await;
    // Behind the one that has work, as the planner knows by what it has counted.
    let guests = "INSERT INTO aef.owners (name) VALUES ('ada');
         INSERT INTO aef.owners (name) SELECT 'guest ' || n FROM generate_series(1, 2000) n;
         ANALYZE aef.owners";
    sqlx::raw_sql(guests).execute(&mut observer).await.unwrap();
    // The counts of a session are told when it ends.
    let counted = async |observer: &mut PgConnection| {
        loop {
            let others: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
            )
            .fetch_one(&mut *observer)
            .await
            .unwrap();
            if others == 0 {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, counted(&mut observer)).await.unwrap();
    // A session of its own for each look, for one sees the same counts throughout a transaction.
    let before = reads(&mut database.connection().await).await;
    let store = PostgresStore::connect(options(database.url())).await.unwrap();
    work(&store).await;
    store.close().await;
    tokio::time::timeout(PATIENCE, counted(&mut observer)).await.unwrap();
    let after = reads(&mut database.connection().await).await;
    for table in ["executions", "batches", "owners"] {
        let ((scans, rows), (scans_before, rows_before)) = (after[table], before[table]);
        assert_eq!(scans, scans_before, "{table} was read from end to end");
        assert!(rows - rows_before < 2_000, "{} rows of {table} were read", rows - rows_before);
        assert!(rows > rows_before, "{table} was read at all");
    }
}

/// The plans of the statements that stand in the functions, and of the lists, by name of the index that each is made for.
#[tokio::test]
async fn the_plans_go_by_their_indexes() {
    let database = TestDatabase::new().await;
    drop(connect(&database).await);
    let mut connection = database.connection().await;
    fill(&mut connection).await;
    // Owners are many and most have little: a list of one's own must not walk through those of everybody.
    let small_owner = "INSERT INTO aef.owners (name) VALUES ('owner 21');
         UPDATE aef.executions SET owner = 21 WHERE id <= '00000000-0000-7000-8000-000000000028';
         ANALYZE aef.executions";
    sqlx::raw_sql(small_owner).execute(&mut connection).await.unwrap();
    let one = "'00000000-0000-7000-8000-000000000007'::uuid";
    let statements = [
        (format!("SELECT 1 FROM aef.executions WHERE id = ANY (ARRAY[{one}]) ORDER BY id FOR NO KEY UPDATE"), "executions_pkey"),
        (format!("SELECT digest FROM aef.batches WHERE execution = {one} AND batch = {one}"), "batches_execution_batch_key"),
        (format!("SELECT events FROM aef.batches WHERE execution = {one} AND head > 2 AND events <> '' ORDER BY head"), "batches_by_place"),
        ("SELECT owner, format FROM aef.executions WHERE queued_at <= 5 ORDER BY queued_at LIMIT 1000".into(), "queue_by_time"),
        ("SELECT * FROM aef.executions WHERE owner = 3 AND queued_at <= 253402207200000000 AND format <= 1
          ORDER BY priority DESC, queued_at, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED".into(), "queue_by_owner"),
        ("SELECT count(*) FROM aef.executions WHERE owner = 3 AND worker IS NOT NULL AND lease_until > 5".into(), "leased"),
        ("SELECT count(*) FROM aef.executions WHERE worker IS NOT NULL AND lease_until > 5".into(), "leased"),
        ("SELECT owner FROM aef.executions WHERE worker IS NOT NULL AND lease_until <= 5 AND wake_at <= 5".into(), "leased"),
        ("SELECT id FROM aef.executions WHERE owner = 21 ORDER BY id DESC LIMIT 20".into(), "executions_by_owner"),
        ("SELECT id FROM aef.executions WHERE owner = 3 AND document = 'document 3' ORDER BY id LIMIT 20".into(), "executions_by_document"),
        ("SELECT id FROM aef.executions WHERE owner = 3 AND checkpoint IS NOT NULL ORDER BY id LIMIT 20".into(), "executions_that_ask"),
        ("SELECT id FROM aef.executions WHERE finished_at < 5 ORDER BY finished_at, id LIMIT 20 FOR UPDATE SKIP LOCKED".into(), "finished"),
    ];
    for (statement, index) in statements {
        let explain = AssertSqlSafe(format!("EXPLAIN {statement}"));
        let plan: Vec<String> = sqlx::query_scalar(explain).fetch_all(&mut connection).await.unwrap();
        let plan = plan.join("\n");
        assert!(plan.contains(&format!(" {index}")), "{statement}\n{plan}");
        assert!(!plan.contains("Seq Scan on executions") && !plan.contains("Seq Scan on batches"), "{plan}");
    }
}
