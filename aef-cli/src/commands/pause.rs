//! `aef pause`.

use clap::Args;

use crate::args::{ExecutionArgs, PersonArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{describe, environment, output};

/// Pause an execution at its next step
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) execution: ExecutionArgs,
    #[command(flatten)]
    person: PersonArgs,
}

/// Runs the command.
///
/// # Errors
/// Where it cannot be paused.
pub(crate) async fn run(options: Options) -> Result<Exit, Failure> {
    let engine = environment::desk(&options.execution.store).await?;
    let id = options.execution.id;
    let state =
        environment::scoped(&engine, &options.execution.store, &options.person).execution(id).pause().await?;
    if state.pausing {
        output::note(format_args!("{id} will pause at its next step"));
    } else {
        output::note(format_args!("{id} is {}", describe::words(state.status.as_str())));
    }
    Ok(Exit::Success)
}
