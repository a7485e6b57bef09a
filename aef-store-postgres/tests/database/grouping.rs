//! Appends that go together.

use std::sync::Arc;

use aef_core::execution::Status;
use aef_core::ids::{ExecutionId, Seq};
use aef_core::store::{Append, Appended, ExecutionStore as _, StoreError, StoreErrorKind, Summary};
use aef_store_postgres::PostgresStore;
use aef_testkit::conformance::store::{batch, summary};
use aef_testkit::postgres::TestDatabase;
use futures::future::join_all;
use sqlx::Connection as _;

use crate::support::{connect_to, journal, options_with, queued, waiting_appends};

/// A store with one writer, which is kept waiting while the batches come, so that they stand in one group.
async fn grouped(database: &TestDatabase, batches: Vec<Append>) -> Vec<Result<Appended, StoreError>> {
    let options = options_with(database.url(), |options| options.writers = 1);
    let store = Arc::new(PostgresStore::connect(options).await.unwrap());
    let held = queued(&store, "ada").await;
    let (mut holder, mut observer) = (database.connection().await, database.connection().await);
    let mut lock = holder.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM aef.executions WHERE id = $1 FOR UPDATE")
        .bind(held.id.as_uuid())
        .execute(&mut *lock)
        .await
        .unwrap();
    let first = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.append(batch(held.id, Seq(1), ["first"])).await }
    });
    waiting_appends(&mut observer, 1).await;
    let mut appends: Vec<_> = batches.into_iter().map(|batch| Box::pin(store.append(batch))).collect();
    // Polled once, each stands in the queue.
    for append in &mut appends {
        assert!(futures::poll!(append).is_pending());
    }
    lock.rollback().await.unwrap();
    first.await.unwrap().unwrap();
    join_all(appends).await
}

/// How many transactions have written the newest batch of these executions.
async fn transactions(database: &TestDatabase, ids: &[ExecutionId]) -> i64 {
    sqlx::query_scalar(
        "SELECT count(DISTINCT xmin::text) FROM aef.batches WHERE execution = ANY ($1) AND batch IS NOT NULL",
    )
    .bind(ids.iter().map(|id| id.as_uuid()).collect::<Vec<_>>())
    .fetch_one(&mut database.connection().await)
    .await
    .unwrap()
}

/// Of a group each gets its own result, and those that are written share one transaction.
#[tokio::test]
async fn each_of_a_group_gets_its_own_result() {
    let database = TestDatabase::new().await;
    let store = connect_to(database.url()).await;
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(queued(&store, "ada").await.id);
    }
    let finished = queued(&store, "ada").await.id;
    let end = Some(summary(Status::Completed));
    store.append(Append { summary: end, ..batch(finished, Seq(1), ["end"]) }).await.unwrap();
    let known = batch(ids[4], Seq(1), ["known"]);
    let first = store.append(known.clone()).await.unwrap();
    let batches = vec![
        batch(ids[0], Seq(1), ["a", "b"]),
        batch(ids[1], Seq(7), ["late"]),
        batch(ExecutionId::generate(), Seq(1), ["nowhere"]),
        batch(finished, Seq(2), ["more"]),
        known,
        batch(ids[2], Seq(1), ["c"]),
        Append { starts_effect: true, ..batch(ids[3], Seq(1), ["unheld"]) },
        Append {
            snapshot: Some("state".into()),
            summary: Some(Summary { note: Some("nul \0 inside".into()), ..summary(Status::Paused) }),
            ..batch(ids[5], Seq(1), ["d"])
        },
    ];
    let results = grouped(&database, batches).await;
    let shown: Vec<_> = results
        .iter()
        .map(|result| result.as_ref().map(|appended| appended.head).map_err(StoreError::kind))
        .collect();
    let expected = [
        Ok(Seq(3)),
        Err(StoreErrorKind::Conflict),
        Err(StoreErrorKind::NotFound),
        Err(StoreErrorKind::Finished),
        Ok(Seq(2)),
        Ok(Seq(2)),
        Err(StoreErrorKind::LeaseLost),
        Ok(Seq(2)),
    ];
    assert_eq!(shown, expected);
    assert_eq!(results[4].as_ref().unwrap(), &first);
    assert_eq!(journal(&store, ids[0]).await, ["queued", "a", "b"]);
    assert_eq!(journal(&store, ids[1]).await, ["queued"]);
    assert_eq!(transactions(&database, &[ids[0], ids[2], ids[5]]).await, 1, "they were written together");
}

/// Where the database refuses one of a group, the others are written all the same.
#[tokio::test]
async fn a_bad_batch_harms_nobody_else() {
    let database = TestDatabase::new().await;
    let store = connect_to(database.url()).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(queued(&store, "ada").await.id);
    }
    sqlx::raw_sql(
        "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN RAISE EXCEPTION ''no such batch''; END';
         CREATE TRIGGER refuse BEFORE INSERT ON aef.batches FOR EACH ROW
         WHEN (position('bad'::bytea IN NEW.events) > 0) EXECUTE FUNCTION public.refuse()",
    )
    .execute(&mut database.connection().await)
    .await
    .unwrap();
    let batches = ids
        .iter()
        .enumerate()
        .map(|(number, id)| batch(*id, Seq(1), [if number == 2 { "bad" } else { "good" }]));
    let results = grouped(&database, batches.collect()).await;
    for (number, (id, result)) in ids.iter().zip(results).enumerate() {
        if number == 2 {
            assert_eq!(result.unwrap_err().kind(), StoreErrorKind::Unavailable);
            assert_eq!(journal(&store, *id).await, ["queued"]);
        } else {
            assert_eq!(result.unwrap().head, Seq(2));
            assert_eq!(journal(&store, *id).await, ["queued", "good"]);
        }
    }
}
