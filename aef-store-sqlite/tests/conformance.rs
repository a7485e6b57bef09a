//! The SQLite store keeps what every store has to.

use std::sync::Arc;
use std::time::Duration;

use aef_core::store::{HostStore, Store};
use aef_store_sqlite::{SqliteOptions, SqliteStore};
use aef_testkit::SimClock;
use aef_testkit::conformance::store::host::{self as host_cases, HostUnderTest};
use aef_testkit::conformance::store::{self as cases, StoreUnderTest};
use async_trait::async_trait;
use tempfile::TempDir;

struct Sqlite {
    store: Arc<SqliteStore>,
    clock: SimClock,
    folder: TempDir,
}

impl Sqlite {
    async fn new() -> Self {
        let (clock, folder) = (SimClock::new(), tempfile::tempdir().expect("a folder"));
        Self { store: open(&folder, &clock).await, clock, folder }
    }
}

async fn open(folder: &TempDir, clock: &SimClock) -> Arc<SqliteStore> {
    let options = SqliteOptions { clock: Arc::new(clock.clone()), ..SqliteOptions::default() };
    Arc::new(SqliteStore::open(folder.path().join("aef.db"), options).await.expect("the store opens"))
}

#[async_trait]
impl StoreUnderTest for Sqlite {
    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store) as _
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Opens the file a second time, as another process does.
    async fn reopen(&self) -> Arc<dyn Store> {
        open(&self.folder, &self.clock).await
    }
}

#[async_trait]
impl HostUnderTest for Sqlite {
    fn host(&self) -> Arc<dyn HostStore> {
        Arc::clone(&self.store) as _
    }

    async fn reopen_host(&self) -> Arc<dyn HostStore> {
        open(&self.folder, &self.clock).await
    }
}

macro_rules! tests {
    ($($group:ident::$case:ident,)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $case() {
            cases::$group::$case(&Sqlite::new().await).await;
        }
    )+};
}

aef_testkit::for_each_store_case!(tests);

macro_rules! host_tests {
    ($($group:ident::$case:ident,)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $case() {
            host_cases::$group::$case(&Sqlite::new().await).await;
        }
    )+};
}

aef_testkit::for_each_host_case!(host_tests);
