//! `aef run`.

use std::path::PathBuf;

use aef::document::Diagnostics;
use aef::engine::SubmitOptions;
use aef::plan::Plan;
use clap::Args;
use serde_json::Value;

use crate::args::DriveArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::View;
use crate::{commands, drive, environment, inputs, loading, output};

/// Run a document
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The document, JSON or YAML
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// An input, read by the type that the document gives it; or @FILE with a JSON object of several
    #[arg(long = "input", short = 'i', value_name = "NAME=VALUE|@FILE")]
    pub(crate) inputs: Vec<String>,
    #[command(flatten)]
    pub(crate) drive: DriveArgs,
}

/// Runs the command.
///
/// # Errors
/// Where the document, its inputs or the environment are wrong.
pub(crate) async fn run(options: Options) -> Result<Exit, Failure> {
    let plan = loading::load_to_run(&options.file)?;
    let inputs = checked_inputs(&plan, &options.inputs)?;
    let engine = environment::own_workshop(&options.drive).await?;
    let handle = environment::scoped(&engine, &options.drive.store, &options.drive.person)
        .submit(&plan, inputs, SubmitOptions::default())
        .await?;
    let document = &plan.document;
    let json: Value = serde_json::from_str(&document.canonical_json()).unwrap_or_default();
    let mut view = View::new(options.drive.json, &json);
    view.begin(&handle.id().to_string(), document.title.as_deref().unwrap_or(document.id.as_str()));
    let exit = drive::drive(&engine, &handle, &options.drive, view).await?;
    commands::report::write_where_asked(&engine, &handle, options.drive.report.as_deref()).await?;
    Ok(exit)
}

/// Reads the inputs and checks them against the document.
///
/// # Errors
/// Where they are wrong; it has been told why.
pub(crate) fn checked_inputs(plan: &Plan, given: &[String]) -> Result<Value, Failure> {
    let schema = plan.document.inputs.as_ref();
    let inputs = inputs::read(given, schema).map_err(|errors| {
        for error in errors {
            output::note(format_args!("error: {error}"));
        }
        Failure::told(Exit::Invalid)
    })?;
    plan.check_inputs(&inputs).map_err(|found| tell_inputs(&found))
}

fn tell_inputs(found: &Diagnostics) -> Failure {
    for diagnostic in found {
        let place = if diagnostic.pointer.is_empty() { "inputs" } else { &diagnostic.pointer[1..] };
        output::note(format_args!("error: input {place}: {}", diagnostic.message));
        if let Some(help) = &diagnostic.help {
            output::note(format_args!("  help: {help}"));
        }
    }
    Failure::invalid("the inputs do not fit the document").with_help("give them with --input NAME=VALUE")
}
