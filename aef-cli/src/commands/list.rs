//! `aef list`.

use aef::execution::Status;
use aef::ids::DocumentId;
use aef::store::{ExecutionRecord, ListQuery};
use clap::Args;

use crate::args::{PersonArgs, StoreArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{describe, environment, output};

/// List executions, newest first
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    person: PersonArgs,
    /// Only executions with this status; may be given several times
    #[arg(long, value_name = "STATUS", value_parser = status)]
    pub(crate) status: Vec<Status>,
    /// Only executions of this document
    #[arg(long, value_name = "ID")]
    pub(crate) document: Option<String>,
    /// At most this many
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub(crate) limit: u32,
    /// Print JSON, one line each
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs the command.
///
/// # Errors
/// Where the store fails.
pub(crate) async fn run(options: Options) -> Result<Exit, Failure> {
    let engine = environment::desk(&options.store).await?;
    let query = ListQuery {
        statuses: options.status,
        document: options.document.map(DocumentId::from),
        limit: options.limit,
        ..ListQuery::default()
    };
    let page = environment::scoped(&engine, &options.store, &options.person).list(query).await?;
    for record in &page.records {
        if options.json {
            output::json(record);
        } else {
            output::result(row(record));
        }
    }
    if page.records.is_empty() {
        output::note("no executions");
    } else if page.next.is_some() {
        output::note(format_args!("there are more; --limit {} shows them", options.limit.saturating_mul(2)));
    }
    Ok(Exit::Success)
}

fn row(record: &ExecutionRecord) -> String {
    let note = record.summary.note.as_ref().map(|note| describe::shortened(note, 60)).unwrap_or_default();
    let line = format!(
        "{}  {:<18} {:>3}%  {}  {:<24} {note}",
        record.id,
        describe::words(record.summary.status.as_str()),
        record.summary.progress,
        record.created_at.strftime("%Y-%m-%d %H:%M:%SZ"),
        record.document,
    );
    line.trim_end().to_owned()
}

fn status(text: &str) -> Result<Status, String> {
    let name = text.replace([' ', '-'], "_");
    Status::from_name(&name).ok_or_else(|| {
        let names: Vec<_> = Status::ALL.into_iter().map(Status::as_str).collect();
        format!("the statuses are {}", names.join(", "))
    })
}
