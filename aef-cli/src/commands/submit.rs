//! `aef submit`.

use std::path::PathBuf;

use aef::engine::SubmitOptions;
use clap::Args;
use jiff::Timestamp;

use crate::args::{PersonArgs, StoreArgs};
use crate::environment::CheckedSecrets;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{commands, environment, loading, output};

/// Leave a document to the workers, and print its execution
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The document, JSON or YAML
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// An input, read by the type that the document gives it; or @FILE with a JSON object of several
    #[arg(long = "input", short = 'i', value_name = "NAME=VALUE|@FILE")]
    pub(crate) inputs: Vec<String>,
    /// Higher is served first among the owner's own
    #[arg(long, default_value_t = 0, value_name = "N", allow_negative_numbers = true)]
    pub(crate) priority: i32,
    /// Not before this time, such as 2030-01-31T08:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) start_at: Option<Timestamp>,
    /// Submit once: the same key again gives the execution that was made first
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
    /// Only make it; `aef resume` starts it
    #[arg(long)]
    pub(crate) held: bool,
    /// A file of secrets, as for `aef run`
    #[arg(long, value_name = "FILE")]
    secrets: Option<PathBuf>,
    /// The workers have the secrets: do not look here whether they have values
    #[arg(long, conflicts_with = "secrets")]
    secrets_elsewhere: bool,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    person: PersonArgs,
}

/// Runs the command.
///
/// # Errors
/// Where the document or its inputs are wrong, the key came with others before, or the store fails.
pub(crate) async fn run(options: Options) -> Result<Exit, Failure> {
    let plan = loading::load_to_run(&options.file)?;
    let inputs = commands::run::checked_inputs(&plan, &options.inputs)?;
    let secrets = if options.secrets_elsewhere {
        CheckedSecrets::Elsewhere
    } else {
        CheckedSecrets::Here(options.secrets.as_deref())
    };
    let engine = environment::counter(&options.store, secrets).await?;
    let submit = SubmitOptions {
        idempotency_key: options.idempotency_key,
        priority: options.priority,
        start_at: options.start_at,
        held: options.held,
        ..SubmitOptions::default()
    };
    let scoped = environment::scoped(&engine, &options.store, &options.person);
    let handle = scoped.submit(&plan, inputs, submit).await?;
    output::result(handle.id());
    if handle.was_existing() {
        output::note("it was submitted before under this key");
    }
    output::note(format_args!("look at it with:\n  aef show {}{}", handle.id(), options.store.again()));
    Ok(Exit::Success)
}
