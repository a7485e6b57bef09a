//! The report of an execution: one HTML file that needs nothing beside it, made of the journal alone.
//!
//! The same journal gives the same bytes: nothing in it tells when or where the report was made.

mod actions;
mod fold;
mod images;
mod model;
mod questions;
mod run;
mod steps;
#[cfg(test)]
mod tests;
mod views;

use aef::execution::{Event, Status};
use aef::store::ExecutionRecord;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use serde_json::Value;

pub(crate) use images::{load as load_images, wanted as wanted_images};
pub(crate) use views::Images;

use self::fold::{Counts, Ends, Fold};
use self::model::{Figure, Pair, Report};
use crate::outline::Outline;

/// What a report is made of.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    /// The execution's row.
    pub(crate) record: &'a ExecutionRecord,
    /// The document that it is pinned to, where it is still there.
    pub(crate) document: Option<&'a Value>,
    /// Its journal.
    pub(crate) events: &'a [Event],
    /// The pictures that stand in the report.
    pub(crate) images: &'a Images,
}

/// Makes the report.
///
/// # Errors
/// Where the template and what it shows disagree, which tests rule out.
pub(crate) fn render(source: &Source<'_>) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_template("style.css", include_str!("style.css"))?;
    environment.add_template("parts.html", include_str!("parts.html"))?;
    environment.add_template("report.html", include_str!("report.html"))?;
    environment.get_template("report.html")?.render(Serde(view(source)))
}

fn view(source: &Source<'_>) -> Report {
    let empty = Value::Null;
    let document = source.document.unwrap_or(&empty);
    let outline = Outline::of(document);
    let mut fold = Fold::new(&outline, source.images);
    for event in source.events {
        fold.apply(event);
    }
    let timeline = fold.timeline();
    let record = source.record;
    let status = fold.ends.status.unwrap_or(record.summary.status);
    let text = |key| document.get(key).and_then(Value::as_str).map(str::to_owned);
    Report {
        execution: record.id.to_string(),
        document: record.document.to_string(),
        version: text("version"),
        hash: record.document_hash.to_string(),
        parent: fold.ends.parent.clone(),
        owner: record.owner.to_string(),
        title: text("title").unwrap_or_else(|| record.document.to_string()),
        goal: text("goal"),
        description: text("description"),
        status: views::status_badge(status),
        sentence: sentence(status, &fold.counts, record.summary.note.as_deref()),
        created: views::moment(fold.ends.created.unwrap_or(record.created_at)),
        started: fold.ends.started.map(views::moment),
        finished: fold.ends.finished.map(views::moment),
        figures: figures(&fold.counts, &fold.ends, fold.writes.len()),
        inputs: inputs(&fold.ends, document),
        result: fold.ends.result.as_ref().map(views::text),
        failure: fold.ends.failure.as_ref().map(|failure| views::failure(failure, &outline)),
        timeline,
        variables: views::pairs(&fold.variables),
        writes: fold.writes,
        events: fold.counts.events,
    }
}

/// How it stands, as a sentence for who reads no further.
fn sentence(status: Status, counts: &Counts, note: Option<&str>) -> String {
    match status {
        Status::Completed if counts.items_failed > 0 => {
            format!("It reached its end; {} rounds of loops were given up on the way.", counts.items_failed)
        }
        Status::Completed => "It reached its end, and everything that it verified held.".to_owned(),
        Status::Failed => "It ended with an error.".to_owned(),
        Status::Stopped => "It was stopped before its end.".to_owned(),
        Status::Created
        | Status::Queued
        | Status::Running
        | Status::Paused
        | Status::WaitingCheckpoint
        | Status::WaitingRecovery
        | Status::TakenOver => match note {
            Some(note) => format!("It has not ended: {note}."),
            None => "It has not ended.".to_owned(),
        },
    }
}

fn figures(counts: &Counts, ends: &Ends, writes: usize) -> Vec<Figure> {
    let took = ends.started.zip(ends.finished).map(|(from, to)| views::between(from, to));
    let always = [
        (counts.steps_done.to_string(), "steps done"),
        (counts.steps_verified.to_string(), "of them verified"),
        (counts.actions.to_string(), "actions"),
        (format!("{} of {}", counts.answered, counts.asked), "questions answered"),
        (writes.to_string(), "writes seen"),
    ];
    let where_any = [
        (counts.iterations, "rounds of loops"),
        (counts.items_failed, "rounds given up"),
        (counts.steps_skipped, "steps skipped"),
        (counts.failures, "failed attempts"),
        (counts.retries, "attempts again"),
        (counts.doubts, "actions in doubt"),
        (counts.settled, "doubts settled"),
    ];
    took.map(|took| (took, "from start to end"))
        .into_iter()
        .chain(always)
        .chain(
            where_any
                .into_iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, label)| (count.to_string(), label)),
        )
        .map(|(value, label)| Figure { value, label })
        .collect()
}

/// The inputs; those that the document calls write-only or passwords are masked.
fn inputs(ends: &Ends, document: &Value) -> Vec<Pair> {
    let Some(Value::Object(inputs)) = ends.inputs.as_deref() else { return Vec::new() };
    let hidden = |name: &str| {
        let schema = document.get("inputs").and_then(|schema| schema.get("properties")?.get(name));
        schema.is_some_and(|schema| schema["writeOnly"] == true || schema["format"] == "password")
    };
    inputs
        .iter()
        .map(|(name, value)| {
            if hidden(name) {
                views::pair(name, &Value::from("••••••"))
            } else {
                views::pair(name, value)
            }
        })
        .collect()
}
