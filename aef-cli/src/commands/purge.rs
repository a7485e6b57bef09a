//! `aef purge`.

use aef::document::Span;
use aef::store::Scope;
use clap::Args;
use jiff::SignedDuration;

use crate::args::StoreArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{environment, output};

/// How many executions are removed in one transaction.
const BATCH: u32 = 1_000;

/// Remove finished executions with their journals
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only those that finished so long ago, such as 30d or 12h
    #[arg(long, value_name = "DURATION")]
    finished_before: Span,
    /// Those of all owners
    #[arg(long, conflicts_with = "owner")]
    all_owners: bool,
    #[command(flatten)]
    store: StoreArgs,
}

/// Runs the command.
///
/// # Errors
/// Where the store fails.
pub(crate) async fn run(options: Options) -> Result<Exit, Failure> {
    let engine = environment::desk(&options.store).await?;
    let failed = |error| Failure::environment("cannot remove executions").with_source(error);
    let age = SignedDuration::try_from(options.finished_before.0).unwrap_or(SignedDuration::MAX);
    let now = engine.store().now().await.map_err(failed)?;
    let before = now
        .saturating_sub(age)
        .map_err(|error| Failure::invalid("so long ago nothing was").with_source(error))?;
    let scope = if options.all_owners { Scope::System } else { Scope::Owner(options.store.owner()) };
    let mut removed = 0;
    loop {
        let batch = engine.store().purge(&scope, before, BATCH).await.map_err(failed)?;
        removed += batch;
        if batch < u64::from(BATCH) {
            break;
        }
    }
    output::note(format_args!("{removed} executions were removed"));
    Ok(Exit::Success)
}
