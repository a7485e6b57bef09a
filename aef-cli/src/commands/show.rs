//! `aef show`.

use aef::execution::{ExecutionState, Status};
use aef::store::Explanation;
use clap::Args;
use serde::Serialize;

use crate::args::{ExecutionArgs, PersonArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::questions::Asked;
use crate::{describe, environment, output};

/// Show how an execution stands and what it waits for
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) execution: ExecutionArgs,
    #[command(flatten)]
    person: PersonArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    state: &'a ExecutionState,
    waits: &'a Explanation,
}

/// Runs the command.
///
/// # Errors
/// Where there is no such execution, or the store fails.
pub(crate) async fn run(options: Options) -> Result<Exit, Failure> {
    let store = &options.execution.store;
    let engine = environment::desk(store).await?;
    let handle = environment::scoped(&engine, &options.execution.store, &options.person)
        .execution(options.execution.id);
    let state = handle.state().await?;
    let waits = handle.explain().await?;
    if options.json {
        output::json_pretty(&Shown { state: &state, waits: &waits });
        return Ok(Exit::Success);
    }
    output::result(format_args!(
        "{}  {}, {}%",
        state.id,
        describe::words(state.status.as_str()),
        state.progress
    ));
    if let Some(step) = &state.step {
        output::result(format_args!("  at     {step}"));
    }
    if let Some(url) = &state.url {
        output::result(format_args!("  page   {url}"));
    }
    if let Some(waits) = waiting(&state, &waits) {
        output::result(format_args!("  waits  {waits}"));
    }
    if let Some(failure) = &state.failure {
        output::result(format_args!("  error  {failure}"));
    }
    if let Some(result) = &state.result {
        output::result(format_args!("  result {}", describe::line(result)));
    }
    let asked = Asked::kept(&state, &store.artifacts());
    output::result_text(&asked.to_string());
    if state.status != Status::Running {
        for command in asked.commands(&state.id, state.status, &store.again()) {
            output::result(format_args!("  {command}"));
        }
    }
    Ok(Exit::Success)
}

/// What it waits for, as a sentence.
fn waiting(state: &ExecutionState, waits: &Explanation) -> Option<String> {
    // Where a person is asked, a worker may yet have to close the browser; that is not what it waits for.
    if let Some(checkpoint) = &state.checkpoint {
        return Some(format!("for a person: {}", checkpoint.title));
    }
    let sentence = match waits {
        Explanation::Nothing { .. } => return None,
        Explanation::Start => "to be started".to_owned(),
        Explanation::Person { status, note, until } => {
            let person = note
                .as_ref()
                .map_or_else(|| "for a person".to_owned(), |note| format!("for a person: {note}"));
            match until.filter(|_| *status == Status::WaitingRecovery) {
                Some(until) => format!("{person}; goes on by itself at {}", until.strftime("%H:%M:%S UTC")),
                None => person,
            }
        }
        Explanation::Timer { due } => format!("until {}", due.strftime("%Y-%m-%d %H:%M:%S UTC")),
        Explanation::Worker { worker, until } => {
            format!("for {worker}, which is at it; its lease ends at {}", until.strftime("%H:%M:%S UTC"))
        }
        Explanation::OwnerLimit { running } => format!("for one of {running} others to end"),
        Explanation::GlobalLimit { running } => format!("for one of {running} of all owners to end"),
        Explanation::NoWorker => "for a worker: none is alive".to_owned(),
        Explanation::Room { workers } => format!("for one of {workers} workers to have room"),
    };
    Some(sentence)
}
