//! The binary, as a person or a script meets it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod desk;
mod explain;
mod http;
mod import;
mod postgres;
mod remote;
mod run;
mod serve;
mod surface;
mod telemetry;
mod terminal;
mod transform;
mod validate;
mod worker;
