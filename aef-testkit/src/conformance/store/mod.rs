//! What every store has to keep: the guarantees G1–G14, case by case.
//!
//! There is one list, [`for_each_store_case!`](crate::for_each_store_case), and an adapter makes of each case a test of its
//! own:
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use aef_core::store::Store;
//! use aef_testkit::conformance::store::StoreUnderTest;
//!
//! # fn open() -> (Arc<dyn Store>, aef_testkit::SimClock) { unimplemented!() }
//! struct Mine {
//!     store: Arc<dyn Store>,
//!     clock: aef_testkit::SimClock,
//! }
//!
//! #[async_trait::async_trait]
//! impl StoreUnderTest for Mine {
//!     fn store(&self) -> Arc<dyn Store> {
//!         Arc::clone(&self.store)
//!     }
//!     async fn advance(&self, by: Duration) {
//!         self.clock.advance(by);
//!     }
//!     async fn reopen(&self) -> Arc<dyn Store> {
//!         Arc::clone(&self.store)
//!     }
//! }
//!
//! macro_rules! tests {
//!     ($($group:ident::$case:ident,)+) => {$(
//!         #[tokio::test]
//!         async fn $case() {
//!             let (store, clock) = open();
//!             aef_testkit::conformance::store::$group::$case(&Mine { store, clock }).await;
//!         }
//!     )+};
//! }
//! aef_testkit::for_each_store_case!(tests);
//! ```

#![expect(clippy::missing_panics_doc, reason = "to panic is how a case fails")]

pub mod appending;
pub mod claiming;
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

use aef_core::store::Store;
use async_trait::async_trait;

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
