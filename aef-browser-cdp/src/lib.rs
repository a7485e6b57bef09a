//! Chromium for AEF, over the DevTools protocol.
//!
//! [`CdpBrowser`] starts a browser, or connects to one, and opens a browser context in it for each session. It speaks
//! the protocol over a socket of its own; inside the pages a script in an isolated world resolves locators, waits and
//! reads, so that an action costs few round trips.
//!
//! ```no_run
//! # async fn run() -> Result<(), aef_core::browser::BrowserError> {
//! use aef_browser_cdp::{CdpBrowser, LaunchOptions};
//!
//! // The sandbox cannot start as root; elsewhere it stays on.
//! let options = LaunchOptions { no_sandbox: true, ..LaunchOptions::default() };
//! let browser = CdpBrowser::launch(options).await?;
//! # Ok(())
//! # }
//! ```
//!
//! What happens to whom:
//! - A page can be opened only where the session's policy allows it; requests to private addresses are stopped.
//! - Every call ends: with its answer, at its deadline, or within 100 ms of the end of its page, browser or socket.
//! - Input is written only while the worker's lease lasts, which is checked last of all.
//! - Secrets are asked for when the field that takes them is known, and never stand in an outcome or a log.

mod actions;
mod browser;
mod connection;
mod endpoint;
mod error;
mod launch;
mod pool;
mod scratch;
mod script;
mod session;
mod storage;

pub use browser::{CdpBrowser, ConnectOptions};
pub use launch::LaunchOptions;
pub use pool::{BrowserPool, MemberStats, PoolOptions};
