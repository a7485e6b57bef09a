//! The `aef` command.

mod describe;
mod exit;
mod outline;
mod output;
mod report;

fn main() {}
