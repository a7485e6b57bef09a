//! The `aef` command.

fn main() {}
