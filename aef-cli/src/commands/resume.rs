//! `aef resume`.

use aef::engine::Handle;
use aef::execution::{ExecutionState, PauseReason, Status};
use aef::ids::ExecutionId;
use clap::Args;
use serde_json::Value;

use crate::args::DriveArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::View;
use crate::{commands, drive, environment, output};

/// Go on with an execution, also after its process was killed
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The execution, as `aef list` shows it
    #[arg(value_name = "EXECUTION")]
    pub(crate) id: ExecutionId,
    #[command(flatten)]
    pub(crate) drive: DriveArgs,
}

/// Runs the command.
///
/// # Errors
/// Where there is no such execution, or the environment lacks something.
pub(crate) async fn run(options: Options) -> Result<Exit, Failure> {
    let desk = environment::desk(&options.drive.store).await?;
    let state = environment::scoped(&desk, &options.drive.store, &options.drive.person)
        .execution(options.id)
        .state()
        .await?;
    if state.status.is_final() {
        output::note(format_args!("{} is {} already", options.id, state.status));
        return Ok(Exit::of(state.status));
    }
    drop(desk);
    let engine = environment::own_workshop(&options.drive).await?;
    let scoped = environment::scoped(&engine, &options.drive.store, &options.drive.person);
    let handle = scoped.execution(options.id);
    let record = handle.record().await?;
    let document = environment::document(&engine, &handle).await?.unwrap_or_default();
    let mut view = View::new(options.drive.json, &document);
    let title = document.get("title").and_then(Value::as_str).unwrap_or(record.document.as_str());
    view.begin(&options.id.to_string(), title);
    let_go(&handle, &state).await?;
    let exit = drive::drive(&engine, &handle, &options.drive, view).await?;
    commands::report::write_where_asked(&engine, &handle, options.drive.report.as_deref()).await?;
    Ok(exit)
}

/// Lets an execution go on that waits for no more than that.
async fn let_go(handle: &Handle, state: &ExecutionState) -> Result<(), Failure> {
    match (state.status, state.paused) {
        (Status::Created, _) => drop(handle.start().await?),
        // An answer resumes it.
        (Status::Paused, Some(PauseReason::CheckpointTimeout)) if state.checkpoint.is_some() => {}
        (Status::Paused, _) => drop(handle.resume().await?),
        (Status::TakenOver, _) => drop(handle.hand_back().await?),
        _ => {}
    }
    Ok(())
}
