//! What every store has to keep: the guarantees G1–G14, case by case.
//!
//! There is one list, [`for_each_store_case!`](crate::for_each_store_case), and an adapter makes of each case a test of its
//! own:
//!
//! ```
//! use aef_testkit::conformance::store::{self as cases, Volatile};
//!
//! macro_rules! tests {
//!     ($($group:ident::$case:ident,)+) => {$(
//!         #[tokio::test]
//!         async fn $case() {
//!             cases::$group::$case(&Volatile::new(open)).await;
//!         }
//!     )+};
//! }
//! aef_testkit::for_each_store_case!(tests);
//! ```
//!
//! `open` gives a store by the clock that it is handed. One that outlives its process implements [`StoreUnderTest`] itself,
//! so that it is opened anew where a case asks for that.

#![expect(clippy::missing_panics_doc, reason = "to panic is how a case fails")]

pub mod appending;
pub mod claiming;
pub mod counting;
pub mod creating;
pub mod documents;
pub mod explaining;
pub mod fencing;
pub mod finishing;
pub mod host;
mod list;
pub mod listing;
pub mod renewing;
pub mod replaying;
pub mod requesting;
mod scene;
pub mod sharing;
pub mod snapshots;

use std::sync::Arc;
use std::time::Duration;

use aef_core::clock::Clock;
use aef_core::store::Store;
use async_trait::async_trait;

// For an adapter's own tests, which make the same requests.
pub use self::scene::{batch, claim_by, fenced, new_execution, summary};
use crate::SimClock;

/// A store that is put to the test: empty at first, with a clock that the cases move.
#[async_trait]
pub trait StoreUnderTest: Send + Sync {
    /// The store. Every call gives the same one.
    fn store(&self) -> Arc<dyn Store>;

    /// Moves the store's clock forward. Between two calls the clock may run, but not by more than moments.
    async fn advance(&self, by: Duration);

    /// The same data, as a process sees them that starts anew. What keeps nothing past a process gives the same store.
    async fn reopen(&self) -> Arc<dyn Store>;
}

/// A store that keeps nothing past its process, on a clock of its own. Opened anew, it is the one that it was.
#[derive(Debug, Clone)]
pub struct Volatile<S> {
    store: S,
    clock: SimClock,
}

impl<S: Store + Clone> Volatile<S> {
    /// The store that is made for the clock.
    pub fn new(make: impl FnOnce(Arc<dyn Clock>) -> S) -> Self {
        let clock = SimClock::new();
        Self { store: make(Arc::new(clock.clone())), clock }
    }
}

#[async_trait]
impl<S: Store + Clone> StoreUnderTest for Volatile<S> {
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
