//! The memory store keeps what every store has to.

use std::sync::Arc;
use std::time::Duration;

use aef_core::store::{HostStore, Store};
use aef_store_memory::MemoryStore;
use aef_testkit::SimClock;
use aef_testkit::conformance::store::host::{self as host_cases, HostUnderTest};
use aef_testkit::conformance::store::{self as cases, StoreUnderTest};
use async_trait::async_trait;

struct Memory {
    store: MemoryStore,
    clock: SimClock,
}

impl Memory {
    fn new() -> Self {
        let clock = SimClock::new();
        Self { store: MemoryStore::with_clock(Arc::new(clock.clone())), clock }
    }
}

#[async_trait]
impl StoreUnderTest for Memory {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.store.clone())
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    async fn reopen(&self) -> Arc<dyn Store> {
        self.store()
    }
}

#[async_trait]
impl HostUnderTest for Memory {
    fn host(&self) -> Arc<dyn HostStore> {
        Arc::new(self.store.clone())
    }

    async fn reopen_host(&self) -> Arc<dyn HostStore> {
        self.host()
    }
}

macro_rules! tests {
    ($($group:ident::$case:ident,)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $case() {
            cases::$group::$case(&Memory::new()).await;
        }
    )+};
}

aef_testkit::for_each_store_case!(tests);

macro_rules! host_tests {
    ($($group:ident::$case:ident,)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $case() {
            host_cases::$group::$case(&Memory::new()).await;
        }
    )+};
}

aef_testkit::for_each_host_case!(host_tests);
