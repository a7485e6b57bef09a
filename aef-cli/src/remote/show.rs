//! What a server tells, as text.

use std::fmt::Write as _;

use aef::client::{Checkpoint, Execution, ExecutionRow, Key, LogEntry};
use aef::execution::{AnswerKind, Status};
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

/// An execution with what it waits for.
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
    text + &questions(execution)
}

/// What a person is asked.
pub(super) fn questions(execution: &Execution) -> String {
    let mut text: String = execution.checkpoints.iter().map(checkpoint).collect();
    for choice in execution.error.iter().flat_map(|error| &error.recovery_options) {
        writeln!(text, "  {:<9} {}", choice.id.id(), choice.description)
            .expect("writing to a string cannot fail");
    }
    text
}

fn checkpoint(open: &Checkpoint) -> String {
    let mut text = format!("? {}\n", open.title);
    let mut line = |name: &str, value: &str| {
        writeln!(text, "  {name:<9} {value}").expect("writing to a string cannot fail");
    };
    if let Some(description) = &open.description {
        line("", description);
    }
    line("step", &open.step_name);
    line("risk", describe::risk(open.risk));
    for action in &open.actions {
        line("action", &describe::line(action));
    }
    if let Some(url) = &open.url {
        line("page", url);
    }
    for option in &open.options {
        line("option", &format!("{}: {}", option.id, option.label));
    }
    if let Some(form) = &open.form {
        line("form", &describe::shortened(&form.to_string(), 400));
    }
    if let Some(expires) = open.expires_at {
        line("until", &expires.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
    }
    line("id", &open.id);
    text
}

/// The commands with which an execution goes on.
pub(super) fn commands(execution: &Execution, again: &str) -> Vec<String> {
    let id = &execution.execution_id;
    let answers = execution.checkpoints.iter().flat_map(|open| {
        open.responses.iter().map(move |answer| {
            let more = match answer {
                AnswerKind::Choose => {
                    let option = open.options.first().map_or("ID", |option| &option.id);
                    format!(" --option {option}")
                }
                AnswerKind::Modify => " --data '{ … }'".to_owned(),
                AnswerKind::Done if open.form.is_some() => " --data '{ … }'".to_owned(),
                AnswerKind::Approve
                | AnswerKind::Reject
                | AnswerKind::Skip
                | AnswerKind::Retry
                | AnswerKind::Done
                | AnswerKind::TakeOver
                | AnswerKind::Stop => String::new(),
            };
            format!("aef respond {} {}{more}{again}", open.id, answer.as_str())
        })
    });
    let options = execution.error.iter().flat_map(|error| &error.recovery_options);
    let recoveries = options.map(|choice| format!("aef recover {id} {}{again}", choice.id.id()));
    let resumes = matches!(execution.status, Status::Created | Status::Paused | Status::TakenOver);
    answers.chain(recoveries).chain(resumes.then(|| format!("aef resume {id}{again}"))).collect()
}
