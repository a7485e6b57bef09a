//! The memory store keeps what every store has to.

use aef_store_memory::MemoryStore;
use aef_testkit::conformance::store::host as host_cases;
use aef_testkit::conformance::store::{self as cases, Volatile};

macro_rules! tests {
    ($($group:ident::$case:ident,)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $case() {
            cases::$group::$case(&Volatile::new(MemoryStore::with_clock)).await;
        }
    )+};
}

aef_testkit::for_each_store_case!(tests);

macro_rules! host_tests {
    ($($group:ident::$case:ident,)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $case() {
            host_cases::$group::$case(&Volatile::new(MemoryStore::with_clock)).await;
        }
    )+};
}

aef_testkit::for_each_host_case!(host_tests);
