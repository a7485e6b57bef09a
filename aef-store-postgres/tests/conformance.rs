//! The PostgreSQL store keeps what every store has to.

use std::sync::Arc;
use std::time::Duration;

use aef_core::store::{HostStore, Store};
use aef_store_postgres::{PostgresOptions, PostgresStore};
use aef_testkit::SimClock;
use aef_testkit::conformance::store::host::{self as host_cases, HostUnderTest};
use aef_testkit::conformance::store::{self as cases, StoreUnderTest};
use aef_testkit::postgres::TestDatabase;
use async_trait::async_trait;

struct Postgres {
    store: Arc<PostgresStore>,
    database: TestDatabase,
}

impl Postgres {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let store = connect(&database).await;
        database.set_clock(SimClock::ORIGIN).await;
        Self { store, database }
    }
}

async fn connect(database: &TestDatabase) -> Arc<PostgresStore> {
    let options = PostgresOptions::new(database.url()).expect("the tests' URL is one");
    Arc::new(PostgresStore::connect(options).await.expect("the store opens"))
}

#[async_trait]
impl StoreUnderTest for Postgres {
    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store) as _
    }

    async fn advance(&self, by: Duration) {
        self.database.advance(by).await;
    }

    /// Connects anew, as another process does.
    async fn reopen(&self) -> Arc<dyn Store> {
        connect(&self.database).await
    }
}

#[async_trait]
impl HostUnderTest for Postgres {
    fn host(&self) -> Arc<dyn HostStore> {
        Arc::clone(&self.store) as _
    }

    async fn reopen_host(&self) -> Arc<dyn HostStore> {
        connect(&self.database).await
    }
}

macro_rules! tests {
    ($($group:ident::$case:ident,)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $case() {
            cases::$group::$case(&Postgres::new().await).await;
        }
    )+};
}

aef_testkit::for_each_store_case!(tests);

macro_rules! host_tests {
    ($($group:ident::$case:ident,)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $case() {
            host_cases::$group::$case(&Postgres::new().await).await;
        }
    )+};
}

aef_testkit::for_each_host_case!(host_tests);
