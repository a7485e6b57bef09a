//! `aef report`.

use std::path::{Path, PathBuf};

use aef::engine::{Engine, Handle, Recorded};
use aef::execution::Event;
use aef::ids::Seq;
use clap::Args;

use crate::args::{ExecutionArgs, PersonArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::{self, Images, Source};
use crate::{environment, output};

/// How many events are read at a time.
const PAGE: u32 = 500;

/// Make the report of an execution: one HTML file
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    execution: ExecutionArgs,
    /// The file to write; stdout where none is named
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    person: PersonArgs,
}

/// Runs the command.
///
/// # Errors
/// Where there is no such execution, or the file cannot be written.
pub(crate) async fn run(options: Options) -> Result<Exit, Failure> {
    let engine = environment::desk(&options.execution.store).await?;
    let handle = environment::scoped(&engine, &options.execution.store, &options.person)
        .execution(options.execution.id);
    match &options.output {
        Some(path) => write_where_asked(&engine, &handle, Some(path)).await?,
        None => output::result_text(&make(&engine, &handle).await?),
    }
    Ok(Exit::Success)
}

/// Writes the report where a file for it is named.
///
/// # Errors
/// Where the store fails, or the file cannot be written.
pub(crate) async fn write_where_asked(
    engine: &Engine,
    handle: &Handle,
    path: Option<&Path>,
) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    let html = make(engine, handle).await?;
    tokio::fs::write(path, html).await.map_err(|error| {
        Failure::environment(format!("cannot write {}", path.display())).with_source(error)
    })?;
    output::note(format_args!("report: {}", path.display()));
    Ok(())
}

async fn make(engine: &Engine, handle: &Handle) -> Result<String, Failure> {
    let record = handle.record().await?;
    let events: Vec<Event> = journal(handle).await?.into_iter().map(|recorded| recorded.event).collect();
    let document = environment::document(engine, handle).await?;
    let mut images = Images::new();
    for artifact in report::wanted_images(&events) {
        match handle.artifact(&artifact.artifact).await {
            Ok(bytes) => report::load_images(&mut images, artifact, &bytes),
            // A report without one of its pictures is better than none.
            Err(error) => tracing::warn!(%error, artifact = %artifact.artifact, "a picture cannot be read"),
        }
    }
    let source = Source { record: &record, document: document.as_deref(), events: &events, images: &images };
    report::render(&source)
        .map_err(|error| Failure::environment("the report cannot be made").with_source(error))
}

/// The whole journal.
///
/// # Errors
/// Where the store fails.
pub(crate) async fn journal(handle: &Handle) -> Result<Vec<Recorded>, Failure> {
    let mut all: Vec<Recorded> = Vec::new();
    loop {
        let after = all.last().map_or(Seq(0), |recorded| recorded.seq);
        let page = handle.journal(after, PAGE).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}
