//! `aef recover`.

use aef::ids::ExecutionId;
use aef::recovery::RecoveryOption;
use clap::{Args, ValueEnum};

use crate::args::{PersonArgs, StoreArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{describe, environment, output};

/// Choose how to recover from a failed step
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The execution, as `aef list` shows it
    #[arg(value_name = "EXECUTION")]
    pub(crate) id: ExecutionId,
    /// What to do
    #[arg(value_enum, value_name = "OPTION")]
    option: Choice,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    person: PersonArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Choice {
    /// Run the step again; what must not be repeated is not
    Retry,
    /// Leave the step undone and go on behind it
    Skip,
    /// Get the live page, and hand it back
    #[value(name = "take_over", alias = "take-over")]
    TakeOver,
    /// End the execution
    Stop,
}

impl Options {
    /// What was chosen.
    pub(crate) const fn option(&self) -> RecoveryOption {
        match self.option {
            Choice::Retry => RecoveryOption::Retry,
            Choice::Skip => RecoveryOption::Skip,
            Choice::TakeOver => RecoveryOption::TakeOver,
            Choice::Stop => RecoveryOption::Stop,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// Where that is not on offer.
pub(crate) async fn run(options: Options) -> Result<Exit, Failure> {
    let engine = environment::desk(&options.store).await?;
    let handle = environment::scoped(&engine, &options.store, &options.person).execution(options.id);
    let state = handle.recover(options.option()).await?;
    output::note(format_args!("{} is {}", options.id, describe::words(state.status.as_str())));
    if !state.status.is_final() {
        output::note(format_args!(
            "where no process is at it, go on with:\n  aef resume {}{}",
            options.id,
            options.store.again()
        ));
    }
    Ok(Exit::Success)
}
