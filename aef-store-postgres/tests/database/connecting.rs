//! Databases that are new, another program's, of another version, or not there.

use aef_core::store::{ExecutionStore as _, ListQuery, Scope, StoreErrorKind};
use aef_store_postgres::{PostgresOptions, PostgresStore};
use aef_testkit::postgres::TestDatabase;
use futures::future::join_all;

use crate::support::{connect, options, options_with};

/// Why the database cannot be used, and what is said of it.
async fn refusal(options: PostgresOptions) -> (StoreErrorKind, String) {
    let error = PostgresStore::connect(options).await.unwrap_err();
    (error.kind(), error.to_string())
}

async fn run(database: &TestDatabase, sql: &'static str) {
    sqlx::raw_sql(sql).execute(&mut database.connection().await).await.unwrap();
}

#[tokio::test]
async fn a_newer_database_is_told() {
    let database = TestDatabase::new().await;
    connect(&database).await;
    run(&database, "INSERT INTO aef.migrations VALUES (9000, 'of the future', 'x')").await;
    let (kind, message) = refusal(options(database.url())).await;
    assert_eq!(kind, StoreErrorKind::Unreadable);
    assert!(message.contains("newer version") && message.contains("9000"), "{message}");
}

#[tokio::test]
async fn another_builds_tables_are_told() {
    let database = TestDatabase::new().await;
    connect(&database).await;
    run(&database, "UPDATE aef.migrations SET checksum = 'x' WHERE version = 1").await;
    let (kind, message) = refusal(options(database.url())).await;
    assert_eq!(kind, StoreErrorKind::Unreadable);
    assert!(message.contains("another build"), "{message}");
}

#[tokio::test]
async fn another_programs_schema_is_left_alone() {
    let database = TestDatabase::new().await;
    run(&database, "CREATE SCHEMA aef; CREATE TABLE aef.songs (title text)").await;
    let (kind, message) = refusal(options(database.url())).await;
    assert_eq!(kind, StoreErrorKind::Unreadable);
    assert!(message.contains("another program"), "{message}");
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT relname::text FROM pg_class WHERE relnamespace = 'aef'::regnamespace")
            .fetch_all(&mut database.connection().await)
            .await
            .unwrap();
    assert_eq!(tables, ["songs"]);
}

/// A schema that somebody made beforehand, with the rights that the store is to have, is taken.
#[tokio::test]
async fn an_empty_schema_is_taken() {
    let database = TestDatabase::new().await;
    run(&database, "CREATE SCHEMA aef").await;
    connect(&database).await;
}

#[tokio::test]
async fn what_is_not_up_to_date_is_left_so_where_it_must() {
    let database = TestDatabase::new().await;
    let looks = options_with(database.url(), |options| options.migrate = false);
    let (kind, message) = refusal(looks.clone()).await;
    assert_eq!(kind, StoreErrorKind::Unreadable);
    assert!(message.contains("not up to date"), "{message}");
    connect(&database).await;
    PostgresStore::connect(looks).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_new_database_is_opened_by_several_at_once() {
    let database = TestDatabase::new().await;
    let opened = join_all((0..6).map(|_| {
        let options = options(database.url());
        tokio::spawn(async move { PostgresStore::connect(options).await.unwrap() })
    }))
    .await;
    for store in opened {
        let page = store.unwrap().list(&Scope::System, ListQuery::default()).await.unwrap();
        assert!(page.records.is_empty());
    }
}

/// An error tells what is wrong and keeps the password to itself, in all that it is made of.
#[tokio::test]
async fn a_database_that_is_not_there_is_an_outage() {
    let database = TestDatabase::new().await;
    let url = database.url().replace("aef@", "aef:topsecret@").replace(database.name(), "nowhere");
    let error = PostgresStore::connect(options(&url)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(!format!("{error:?}").contains("topsecret"));
}

/// What was appended is there when the store is closed and opened again.
#[tokio::test]
async fn a_store_that_is_closed_has_written_everything() {
    let database = TestDatabase::new().await;
    let store = PostgresStore::connect(options(database.url())).await.unwrap();
    let id = crate::support::queued(&store, "ada").await.id;
    store.close().await;
    let left: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .fetch_one(&mut database.connection().await)
    .await
    .unwrap();
    assert_eq!(left, 0, "no connection is left");
    assert_eq!(crate::support::journal(&*connect(&database).await, id).await, ["queued"]);
}
