//! What the tests share.

use std::sync::Arc;
use std::time::Duration;

use aef_core::ids::{ExecutionId, Seq};
use aef_core::store::{ExecutionRecord, ExecutionStore as _, NewExecution, Scope};
use aef_store_postgres::{PostgresOptions, PostgresStore};
use aef_testkit::conformance::store::new_execution;
use aef_testkit::postgres::TestDatabase;
use sqlx::postgres::PgConnection;

/// Far longer than anything takes that is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn options(url: &str) -> PostgresOptions {
    PostgresOptions::new(url).unwrap()
}

/// The defaults, but for what is changed in them.
pub(crate) fn options_with(url: &str, change: impl FnOnce(&mut PostgresOptions)) -> PostgresOptions {
    let mut options = options(url);
    change(&mut options);
    options
}

pub(crate) async fn connect(database: &TestDatabase) -> Arc<PostgresStore> {
    connect_to(database.url()).await
}

pub(crate) async fn connect_to(url: &str) -> Arc<PostgresStore> {
    Arc::new(PostgresStore::connect(options(url)).await.unwrap())
}

/// An execution of the owner that is ready.
pub(crate) async fn queued(store: &PostgresStore, owner: &str) -> ExecutionRecord {
    let wake_at = Some(store.now().await.unwrap());
    store.create(NewExecution { wake_at, ..new_execution(owner) }).await.unwrap().record
}

/// The events of an execution, as text.
pub(crate) async fn journal(store: &PostgresStore, execution: ExecutionId) -> Vec<String> {
    let entries = store.journal(&Scope::System, execution, Seq(0), u32::MAX).await.unwrap();
    entries.iter().map(|entry| String::from_utf8_lossy(&entry.event).into_owned()).collect()
}

/// Waits until this many sessions of the database wait for a lock in an append; gives their process ids.
pub(crate) async fn waiting_appends(connection: &mut PgConnection, count: usize) -> Vec<i32> {
    let look = async {
        loop {
            let pids: Vec<i32> = sqlx::query_scalar(
                "SELECT pid FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%aef.append(%'",
            )
            .fetch_all(&mut *connection)
            .await
            .unwrap();
            if pids.len() >= count {
                return pids;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, look).await.unwrap()
}
