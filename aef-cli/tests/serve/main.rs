//! The server and its workers as processes of their own, on PostgreSQL, with a real browser, asked over real sockets.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod client;
#[path = "../cli/desk.rs"]
#[expect(dead_code, reason = "tests of commands use more of it")]
mod desk;
mod ending;
mod process;
mod programs;
mod story;
mod views;
