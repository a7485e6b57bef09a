//! `cargo xtask postgres`: a command with a throw-away PostgreSQL server beside it.

use std::ffi::OsString;

use aef_testkit::postgres::{Cluster, ClusterError, ClusterOptions, URL};
use clap::Args;

use crate::command::{self, Failure};
use crate::setup;

/// What runs beside the server.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Let commits wait for the disk, as in earnest.
    #[arg(long)]
    durable: bool,
    /// The command, which finds the server's address in `AEF_TEST_POSTGRES_URL`.
    #[arg(required = true, trailing_var_arg = true)]
    command: Vec<OsString>,
}

/// Runs the command; the server ends with it.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let cluster = start(&ClusterOptions { durable: options.durable, ..ClusterOptions::default() })?;
    let url = cluster.url("postgres");
    println!("postgres: {url}");
    let [program, arguments @ ..] = &options.command[..] else {
        return Err(Failure::Wrong("there is no command to run".to_owned()));
    };
    command::run(command::program(program).args(arguments).env(URL, url))
}

/// Starts a server, and installs PostgreSQL first where it is missing.
pub(crate) fn start(options: &ClusterOptions) -> Result<Cluster, Failure> {
    match Cluster::start(options) {
        Err(ClusterError::NotInstalled) => {
            setup::install_postgres()?;
            Ok(Cluster::start(options)?)
        }
        started => Ok(started?),
    }
}
