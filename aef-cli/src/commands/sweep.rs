//! `aef sweep`.

use aef::document::Span;
use clap::Args;

use crate::args::StoreArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{environment, output};

/// Remove pictures and files that no execution names any more
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    store: StoreArgs,
    /// Leave files alone that are younger
    #[arg(long, default_value = "1d", value_name = "TIME")]
    older_than: Span,
}

/// Runs the command.
///
/// # Errors
/// Where the database or the directory of files cannot be read.
pub(crate) async fn run(options: Options) -> Result<Exit, Failure> {
    let engine = environment::desk(&options.store).await?;
    let swept = engine.sweep_artifacts(options.older_than.0).await?;
    output::note(format_args!("{} of {} files removed, {} bytes", swept.removed, swept.files, swept.bytes));
    Ok(Exit::Success)
}
