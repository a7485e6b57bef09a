//! The `aef` command: runs documents on this machine, and lets a person answer, mend, and read what happened.

mod args;
mod asking;
mod commands;
mod database;
mod describe;
mod diagnostics;
mod drive;
mod echo;
mod enrichers;
mod environment;
mod exit;
mod explain;
mod failure;
mod inputs;
mod internal;
mod interrupts;
mod keys;
mod loading;
mod logging;
mod metrics;
mod outline;
mod output;
mod progress;
mod prompt;
mod questions;
mod rates;
mod remote;
mod report;
mod saving;
#[cfg(feature = "otel")]
mod telemetry;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Arguments, Command};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::remote::Remote;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let _logging = logging::start(&arguments);
    match start(arguments) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            failure.tell();
            failure.exit().into()
        }
    }
}

fn start(arguments: Arguments) -> Result<Exit, Failure> {
    let Arguments { command, server, .. } = arguments;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::environment("cannot start threads").with_source(error))?;
    runtime.block_on(async {
        if Remote::takes(&command)
            && let Some(remote) = server.remote()?
        {
            return remote.run(command).await;
        }
        match command {
            Command::Run(options) => commands::run::run(options).await,
            Command::Submit(options) => commands::submit::run(options).await,
            Command::Serve(options) => commands::serve::run(*options).await,
            Command::Worker(options) => commands::worker::run(options).await,
            Command::Resume(options) => commands::resume::run(options).await,
            Command::List(options) => commands::list::run(options).await,
            Command::Show(options) => commands::show::run(options).await,
            Command::Respond(options) => commands::respond::run(options).await,
            Command::Recover(options) => commands::recover::run(options).await,
            Command::Pause(options) => commands::pause::run(options).await,
            Command::Stop(options) => commands::stop::run(options).await,
            Command::Fork(options) => commands::fork::run(options).await,
            Command::Keys(options) => commands::keys::run(options).await,
            Command::Secrets(options) => commands::secrets::run(options).await,
            Command::Validate(options) => commands::validate::run(&options),
            Command::Transform(options) => commands::transform::run(options).await,
            Command::Import(options) => commands::import::run(&options),
            Command::Explain(options) => commands::explain::run(&options),
            Command::Schema => Ok(commands::schema::run()),
            Command::Report(options) => commands::report::run(options).await,
            Command::Journal(options) => commands::journal::run(options).await,
            Command::Sweep(options) => commands::sweep::run(options).await,
            Command::Purge(options) => commands::purge::run(options).await,
        }
    })
}
