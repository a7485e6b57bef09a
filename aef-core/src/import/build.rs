//! From a recording to a document and its report.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::echoes::without_echoes;
use super::gesture::Recording;
use super::report::ImportReport;
use super::steps::{Gathered, Steps};
use super::{ImportOptions, Imported};
use crate::document::{
    BrowserConfig, CheckpointConfig, Config, Diagnostic, Diagnostics, Document, FORMAT_VERSION, Source, Span,
};
use crate::ids::{DocumentId, sha256_hex};
use crate::sop::names::{id_of, is_id};

/// How long a step may work: pages were recorded at the pace of a person.
const STEP_TIMEOUT: Span = Span::seconds(120);
/// The title of a recording that has none.
const UNTITLED: &str = "Recording";

pub(super) fn document(
    recording: Recording,
    bytes: &[u8],
    options: &ImportOptions,
) -> Result<Imported, Diagnostics> {
    let sha256 = sha256_hex(bytes);
    let id = id(recording.title.as_deref(), &sha256, options)?;
    let gestures = without_echoes(recording.gestures);
    let mut steps = Steps::new(recording.first_tab.clone(), recording.notes, &gestures);
    for gesture in gestures {
        steps.take(gesture);
    }
    let Gathered { steps, notes, secrets, origins, inputs, mut counts } = steps.finish();
    if steps.is_empty() {
        return Err(Diagnostic::error("missing_field", "", "nothing is done in the recording").into());
    }
    counts.gestures = recording.count;
    let report = ImportReport {
        counts,
        secrets: secrets.iter().map(|secret| secret.name.clone()).collect(),
        warnings: notes.into_warnings(),
    };
    let document = Document {
        aef: FORMAT_VERSION,
        id: DocumentId::new(id),
        version: None,
        title: Some(recording.title.unwrap_or_else(|| UNTITLED.to_owned())),
        goal: None,
        description: None,
        inputs: schema(&inputs),
        secrets,
        vars: Map::new(),
        config: Config {
            checkpoints: options
                .checkpoints
                .map(|mode| CheckpointConfig { mode: Some(mode), ..CheckpointConfig::default() }),
            step_timeout: Some(STEP_TIMEOUT),
            action_timeout: recording.timeout,
            timezone: recording.timezone,
            browser: Some(BrowserConfig { allowed_origins: origins, ..recording.browser }),
            ..Config::default()
        },
        source: Some(Source { kind: recording.kind.to_owned(), sha256, ..Source::default() }),
        steps,
        extensions: BTreeMap::new(),
    };
    Ok(Imported { document, report })
}

/// The id that the caller wants, else one made of the title, else of the hash.
fn id(title: Option<&str>, sha256: &str, options: &ImportOptions) -> Result<String, Diagnostics> {
    if let Some(id) = &options.id {
        let message = || format!("`{id}` is not an id that a document may have");
        return if is_id(id) {
            Ok(id.clone())
        } else {
            Err(Diagnostic::error("invalid_id", "", message()).into())
        };
    }
    let made = title.map(|title| title.to_lowercase().replace(' ', "-")).as_deref().and_then(id_of);
    Ok(made.unwrap_or_else(|| format!("recording-{}", &sha256[..12])))
}

/// The schema of the files that the document is given.
fn schema(files: &[(String, String)]) -> Option<Value> {
    if files.is_empty() {
        return None;
    }
    let required: Vec<&String> = files.iter().map(|(name, _)| name).collect();
    let properties: Map<String, Value> = files
        .iter()
        .map(|(name, title)| {
            (name.clone(), json!({ "type": "string", "format": "artifact", "title": title }))
        })
        .collect();
    Some(json!({ "type": "object", "required": required, "properties": properties }))
}
