//! Many workers on one Postgres, and everything that can happen to them.
//!
//! Worker processes perform documents on the demo site while they are killed and stopped, their database is stopped and
//! their connections are cut. In the end every execution is finished or waits for a person, every answer counts once, and
//! the site has seen exactly what the journals say.

mod dice;
mod documents;
mod failure;
mod fleet;
mod http;
mod ledger;
mod monitor;
mod people;
mod report;
mod run;
mod scene;
mod site_browser;
mod storm;
mod verdict;
mod worker;

use std::error::Error as _;
use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;

/// Many workers on one Postgres, and everything that can happen to them.
#[derive(Debug, Parser)]
#[command(name = "aef-chaos")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: run::Options,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// One of the workers; the run starts them.
    #[command(hide = true)]
    Worker(worker::Options),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match start(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            let mut text = format!("error: {failure}\n");
            let mut cause = failure.source();
            while let Some(source) = cause {
                text.push_str(&format!("  because: {source}\n"));
                cause = source.source();
            }
            // Nobody is left to hear of a stream that cannot be written to.
            drop(std::io::stderr().write_all(text.as_bytes()));
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: Arguments) -> Result<bool, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::to("cannot start threads"))?;
    runtime.block_on(async {
        match arguments.command {
            Some(Command::Worker(options)) => worker::run(options).await.map(|()| true),
            None => run::run(&arguments.run).await,
        }
    })
}
