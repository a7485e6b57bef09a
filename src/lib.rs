//! Runs procedures in a real browser, durably, with a person in control.

pub use aef_core::*;

#[cfg(feature = "cdp")]
pub use aef_browser_cdp as cdp;
#[cfg(feature = "memory")]
pub use aef_store_memory as memory;
#[cfg(feature = "sqlite")]
pub use aef_store_sqlite as sqlite;
