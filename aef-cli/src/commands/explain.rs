//! `aef explain`.

use std::path::PathBuf;

use clap::Args;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::{explain, loading, output};

/// Print a procedure as an outline for its owner: steps, loops, decisions, and where a person is asked
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The document, JSON or YAML
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// Where the file cannot be read, or the document is wrong.
pub(crate) fn run(options: &Options) -> Result<Exit, Failure> {
    let plan = loading::load_to_run(&options.file)?;
    let procedure = explain::explain(&plan);
    if options.json {
        output::json_pretty(&procedure);
    } else {
        output::result_text(&explain::print(&procedure));
    }
    Ok(Exit::Success)
}
