//! `aef journal`.

use clap::Args;

use crate::args::{ExecutionArgs, PersonArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::outline::Outline;
use crate::{commands, environment, output, progress};

/// Print the journal of an execution
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) execution: ExecutionArgs,
    #[command(flatten)]
    person: PersonArgs,
    /// Print JSON, one line an event
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs the command.
///
/// # Errors
/// Where there is no such execution, or the store fails.
pub(crate) async fn run(options: Options) -> Result<Exit, Failure> {
    let engine = environment::desk(&options.execution.store).await?;
    let handle = environment::scoped(&engine, &options.execution.store, &options.person)
        .execution(options.execution.id);
    let outline = environment::document(&engine, &handle)
        .await?
        .map(|content| Outline::of(&content))
        .unwrap_or_default();
    for recorded in commands::report::journal(&handle).await? {
        if options.json {
            output::json(&recorded);
        } else if let Some(sentence) = progress::narrate(&recorded.event, &outline) {
            let at = recorded.event.at.strftime("%Y-%m-%d %H:%M:%SZ");
            output::result(format_args!("{:>5}  {at}  {sentence}", recorded.seq));
        }
    }
    Ok(Exit::Success)
}
