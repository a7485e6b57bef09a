//! `aef fork`.

use std::path::PathBuf;

use aef::engine::{ForkOptions, SubmitOptions};
use aef::ids::StepId;
use clap::Args;

use crate::args::{ExecutionArgs, PersonArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{commands, environment, loading, output};

/// Run an execution again from one of its steps, as a new execution
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) execution: ExecutionArgs,
    /// The step to begin at [default: the one that failed]
    #[arg(long, value_name = "STEP")]
    pub(crate) from: Option<String>,
    /// Another version of the document to run
    #[arg(long, value_name = "FILE")]
    pub(crate) document: Option<PathBuf>,
    /// Other inputs than those of the execution: NAME=VALUE, or @FILE with a JSON object
    #[arg(long = "input", short = 'i', value_name = "NAME=VALUE|@FILE", requires = "document")]
    pub(crate) inputs: Vec<String>,
    /// A file of secrets, as for `aef run`
    #[arg(long, value_name = "FILE")]
    secrets: Option<PathBuf>,
    #[command(flatten)]
    person: PersonArgs,
}

/// Runs the command.
///
/// # Errors
/// Where it cannot begin there, or the document is wrong.
pub(crate) async fn run(options: Options) -> Result<Exit, Failure> {
    let plan = options.document.as_deref().map(loading::load_to_run).transpose()?;
    let inputs = match &plan {
        Some(plan) if !options.inputs.is_empty() => {
            Some(commands::run::checked_inputs(plan, &options.inputs)?)
        }
        _ => None,
    };
    let store = &options.execution.store;
    let engine = environment::desk_with_secrets(store, options.secrets.as_deref()).await?;
    let handle = environment::scoped(&engine, &options.execution.store, &options.person)
        .execution(options.execution.id);
    let fork = ForkOptions {
        from: options.from.map(StepId::from),
        plan: plan.as_ref(),
        inputs,
        submit: SubmitOptions::default(),
    };
    let forked = handle.fork(fork).await?;
    output::result(forked.id());
    output::note(format_args!("run it with:\n  aef resume {}{}", forked.id(), store.again()));
    Ok(Exit::Success)
}
