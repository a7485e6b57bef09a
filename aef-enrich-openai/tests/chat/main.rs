//! The enricher against a real HTTP server that speaks the protocol, well and badly.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod endpoint;
mod hostile;
mod protocol;
