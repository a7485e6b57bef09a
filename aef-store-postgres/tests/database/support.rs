//! What the tests share.

use std::sync::Arc;
use std::time::Duration;

use aef_core::ids::{ExecutionId, Seq};
use aef_core::store::{ExecutionRecord, ExecutionStore as _, NewExecution, Scope};
use aef_store_postgres::{PostgresOptions, PostgresStore};
use aef_testkit::conformance::store::new_execution;
use aef_testkit::postgres::TestDatabase;
use sqlx::postgres::PgConnection;
use tokio::sync::Mutex;

/// What the documentation says to run.
const ROLES: &str = include_str!("../../sql/roles.sql");

/// Roles are the server's, which all tests share.
static ROLES_ARE_MADE: Mutex<()> = Mutex::const_new(());

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

/// Makes the documented roles for a database in which the store has made its tables, and makes the tests' role one of each.
pub(crate) async fn make_roles(database: &TestDatabase) {
    let mut connection = database.connection().await;
    let _guard = ROLES_ARE_MADE.lock().await;
    sqlx::raw_sql(ROLES).execute(&mut connection).await.unwrap();
    let grant = "GRANT aef_application, aef_service TO CURRENT_USER";
    sqlx::raw_sql(grant).execute(&mut connection).await.unwrap();
}

/// A store whose every session acts as this role.
pub(crate) async fn connect_as(database: &TestDatabase, role: &str) -> Arc<PostgresStore> {
    connect_to(&format!("{}?options=-c%20role%3D{role}", database.url())).await
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
