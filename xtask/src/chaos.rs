//! `cargo xtask chaos`: workers on one Postgres, and everything that can happen to them.

use clap::Args;

use crate::command::{self, Failure};

/// How the run is made.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Options {
    /// What `aef-chaos --help` lists: --seed, --executions, --workers, --seconds, --lease and --logs.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTION")]
    rest: Vec<String>,
}

/// Builds the program and runs it. It ends well only where nothing was violated.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    command::run(command::cargo().args(["run", "--quiet", "--package=aef-chaos", "--"]).args(&options.rest))
}
