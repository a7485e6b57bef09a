//! What a server tells, as text.

use std::fmt::Write as _;

use aef::client::{Execution, ExecutionRow, Key, LogEntry};
use jiff::Timestamp;

use crate::{describe, output};

/// A row of a list.
pub(super) fn row(row: &ExecutionRow) -> String {
    let note = row.note.as_ref().map(|note| describe::shortened(note, 60)).unwrap_or_default();
    let line = format!(
        "{}  {:<18} {:>3}%  {}  {:<24} {note}",
        row.execution_id,
        describe::words(row.status.as_str()),
        row.progress,
        row.created_at.strftime("%Y-%m-%d %H:%M:%SZ"),
        row.aef_document_id,
    );
    line.trim_end().to_owned()
}

/// A key.
pub(super) fn key(key: &Key) -> String {
    let state = match (key.revoked_at, key.expires_at) {
        (Some(_), _) => "revoked".to_owned(),
        (None, Some(end)) if end <= Timestamp::now() => "expired".to_owned(),
        (None, Some(end)) => format!("until {}", end.strftime("%Y-%m-%d %H:%M:%SZ")),
        (None, None) => "good".to_owned(),
    };
    let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    format!("{}  {:<20}  {:<24} {}  {}", key.key_id, key.prefix, state, scopes.join(","), key.name)
}

/// An entry of a log, on the way.
pub(super) fn entry(entry: &LogEntry, json: bool) {
    if json {
        output::json(entry);
    } else {
        output::note(format_args!("{} {}", entry.timestamp.strftime("%H:%M:%SZ"), entry.message));
    }
}

/// An entry of a log, in full.
pub(super) fn line(entry: &LogEntry) -> String {
    format!("{:>5}  {}  {}", entry.seq, entry.timestamp.strftime("%Y-%m-%d %H:%M:%SZ"), entry.message)
}

/// An execution, without what it asks.
pub(super) fn execution(execution: &Execution) -> String {
    let status = describe::words(execution.status.as_str());
    let mut text = format!("{}  {status}, {}%\n", execution.execution_id, execution.progress);
    let mut line = |name: &str, value: &str| {
        writeln!(text, "  {name:<6} {value}").expect("writing to a string cannot fail");
    };
    if let Some(step) = &execution.current_step {
        line("at", &step.name);
    }
    if let Some(url) = &execution.current_url {
        line("page", url);
    }
    let waits = execution.waiting_for.as_ref().and_then(|waits| waits["waitsFor"].as_str());
    if let Some(waits) = waits.filter(|waits| *waits != "nothing") {
        line("waits", &format!("for {}", describe::words(waits)));
    }
    if let Some(failure) = &execution.failure {
        line("error", &format!("{}: {}", failure.kind, failure.message));
    }
    if let Some(result) = &execution.result {
        line("result", &describe::line(result));
    }
    text
}
