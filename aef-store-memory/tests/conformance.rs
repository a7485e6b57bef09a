//! The memory store keeps what every store has to.

use std::sync::Arc;
use std::time::Duration;

use aef_core::store::Store;
use aef_store_memory::MemoryStore;
use aef_testkit::SimClock;
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

macro_rules! tests {
    ($($group:ident::$case:ident,)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $case() {
            cases::$group::$case(&Memory::new()).await;
        }
    )+};
}

aef_testkit::for_each_store_case!(tests);
