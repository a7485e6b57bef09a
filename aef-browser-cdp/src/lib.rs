//! Chromium for AEF, over the DevTools protocol.

mod connection;
mod error;
mod launch;
mod script;

pub use launch::LaunchOptions;

/// What holds for every session of a browser.
#[derive(Debug, Clone, Default)]
pub struct ConnectOptions {}
