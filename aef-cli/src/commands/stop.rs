//! `aef stop`.

use aef::engine::Stopping;
use clap::Args;

use crate::args::{ExecutionArgs, PersonArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{describe, environment, output};

/// Stop an execution for good
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
/// Where it has ended in another way.
pub(crate) async fn run(options: Options) -> Result<Exit, Failure> {
    let engine = environment::desk(&options.execution.store).await?;
    let id = options.execution.id;
    match environment::scoped(&engine, &options.execution.store, &options.person).execution(id).stop().await?
    {
        Stopping::Stopped(state) => {
            output::note(format_args!("{id} is {}", describe::words(state.status.as_str())));
        }
        Stopping::Requested(_) => {
            output::note(format_args!("{id} will stop when the action in hand has ended"));
        }
    }
    Ok(Exit::Success)
}
