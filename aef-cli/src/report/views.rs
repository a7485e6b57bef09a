//! From the journal's types to what a template shows.

use std::collections::{BTreeMap, BTreeSet};

use aef::browser::{ActionOutcome, Write};
use aef::execution::{Artifact, Evidence, Status, Values};
use aef::ids::ArtifactHash;
use aef::recovery::Failure;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::model::{Badge, EvidenceView, FailureView, FileView, Pair, WriteView};
use crate::describe;
use crate::outline::Outline;

/// Pictures as data URLs, by the hash of their bytes.
pub(crate) type Images = BTreeMap<ArtifactHash, String>;

/// The pictures at hand, each of which stands in the report once.
#[derive(Debug)]
pub(super) struct Pictures<'a> {
    images: &'a Images,
    shown: BTreeSet<ArtifactHash>,
}

impl<'a> Pictures<'a> {
    pub(super) const fn new(images: &'a Images) -> Self {
        Self { images, shown: BTreeSet::new() }
    }
}

/// The longest value that is shown, in characters.
const VALUE_LIMIT: usize = 8_000;

/// Values longer than this, or of several lines, get a block of their own.
const INLINE_LIMIT: usize = 80;

pub(super) const DONE: (&str, &str) = ("good", "✓");
pub(super) const BAD: (&str, &str) = ("bad", "✗");
pub(super) const WAIT: (&str, &str) = ("wait", "?");
pub(super) const PLAIN: (&str, &str) = ("plain", "·");

pub(super) fn badge(text: impl Into<String>, (tone, mark): (&'static str, &'static str)) -> Badge {
    Badge { text: text.into(), tone, mark }
}

pub(super) fn status_badge(status: Status) -> Badge {
    let look = match status {
        Status::Completed => DONE,
        Status::Failed | Status::Stopped => BAD,
        Status::Paused | Status::WaitingCheckpoint | Status::WaitingRecovery | Status::TakenOver => WAIT,
        Status::Created | Status::Queued | Status::Running => PLAIN,
    };
    badge(describe::words(status.as_str()), look)
}

/// A time of day, for places whose day the head of the report tells.
pub(super) fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%S").to_string()
}

/// Day and time.
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// The time between two moments.
pub(super) fn between(from: Timestamp, to: Timestamp) -> String {
    let time: SignedDuration = to.duration_since(from);
    describe::duration(time.unsigned_abs())
}

pub(super) fn pairs(values: &Values) -> Vec<Pair> {
    values.iter().map(|(name, value)| pair(name, value)).collect()
}

pub(super) fn pair(name: &str, value: &Value) -> Pair {
    let text = text(value);
    Pair {
        name: name.to_owned(),
        long: text.contains('\n') || text.chars().count() > INLINE_LIMIT,
        value: text,
    }
}

/// A value as a person reads it: texts as they are, the rest as indented JSON.
pub(super) fn text(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => format!("{value:#}"),
    };
    let length = text.chars().count();
    if length <= VALUE_LIMIT {
        return text;
    }
    let cut: String = text.chars().take(VALUE_LIMIT).collect();
    format!("{cut}…\n({} more characters stand in the journal)", length - VALUE_LIMIT)
}

pub(super) fn failure(failure: &Failure, outline: &Outline) -> FailureView {
    let kind = match &failure.reason {
        Some(reason) => format!("{} ({reason})", failure.kind),
        None => failure.kind.to_string(),
    };
    FailureView {
        kind,
        message: failure.message.clone(),
        step: failure.step.as_ref().map(|step| outline.name(step).to_owned()),
    }
}

pub(super) fn evidence(evidence: &Evidence, pictures: &mut Pictures<'_>) -> EvidenceView {
    EvidenceView {
        url: evidence.url.clone(),
        title: evidence.title.clone(),
        picture: evidence.screenshot.as_ref().map(|artifact| file(artifact, pictures)),
    }
}

pub(super) fn file(artifact: &Artifact, pictures: &mut Pictures<'_>) -> FileView {
    let data = pictures.images.get(&artifact.artifact);
    let again = data.is_some() && !pictures.shown.insert(artifact.artifact.clone());
    FileView {
        name: artifact.name.clone(),
        hash: artifact.artifact.to_string(),
        size: bytes(artifact.size),
        again,
        data: data.filter(|_| !again).cloned(),
    }
}

pub(super) fn write(at: Timestamp, write: &Write) -> WriteView {
    WriteView { at: clock(at), method: write.method.clone(), url: write.url.clone(), status: write.status }
}

/// What a driver remarks about an action, as sentences.
pub(super) fn notes(outcome: &ActionOutcome) -> Vec<String> {
    let dialogs = outcome.dialogs.iter().map(|dialog| {
        let answer = if dialog.accepted { "accepted" } else { "dismissed" };
        format!("{} “{}” {answer}", dialog.kind, describe::shortened(&dialog.message, 400))
    });
    let popups = outcome.popups.iter().map(|name| format!("opened tab {name}"));
    let status = outcome.status.filter(|status| *status >= 400).map(|status| format!("answered {status}"));
    let notes = outcome
        .notes
        .iter()
        .map(|note| format!("{}: {}", note.code, describe::shortened(&note.message, 400)));
    status.into_iter().chain(dialogs).chain(popups).chain(notes).collect()
}

fn bytes(size: u64) -> String {
    match size {
        0..1_024 => format!("{size} B"),
        1_024..1_048_576 => format!("{} KiB", size / 1_024),
        _ => format!("{}.{} MiB", size / 1_048_576, size % 1_048_576 * 10 / 1_048_576),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn long_values_are_cut_and_say_so() {
        let shown = text(&json!("x".repeat(VALUE_LIMIT + 5)));
        assert!(shown.ends_with("(5 more characters stand in the journal)"), "{}", &shown[VALUE_LIMIT..]);
    }

    #[test]
    fn sizes_have_the_unit_that_fits() {
        assert_eq!([bytes(12), bytes(70_000), bytes(1_600_000)], ["12 B", "68 KiB", "1.5 MiB"]);
    }

    #[test]
    fn structures_get_a_block_and_short_texts_do_not() {
        assert!(pair("a", &json!({ "b": 1 })).long);
        assert!(!pair("a", &json!("short")).long);
    }
}
