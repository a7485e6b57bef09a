//! `aef import`.

use std::path::{Path, PathBuf};

use aef::document::SourceMap;
use aef::import::{ImportOptions, ImportReport, from_codegen, from_recorder};
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::saving::{CheckpointsArg, save};
use crate::{describe, diagnostics, output};

/// Make a document of what a recorder wrote down
///
/// Passwords that were typed become secrets, and their values are left out. What cannot be done again becomes a step that
/// a person does.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Who wrote it
    #[arg(value_enum, value_name = "KIND")]
    kind: Kind,
    /// The recording
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Write the document to this file, as YAML unless it ends in .json [default: YAML to stdout]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The document's id [default: made of the recording's title]
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Before which steps a person is asked
    #[arg(long, value_enum, default_value_t = CheckpointsArg::Declared, value_name = "MODE")]
    checkpoints: CheckpointsArg,
    /// Print the report to stdout as one JSON object
    #[arg(long, requires = "output")]
    json: bool,
}

/// Who wrote a recording.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// Chrome's DevTools Recorder, exported as JSON
    Recorder,
    /// Playwright's code generator, with --target=jsonl
    Codegen,
}

/// All that is told of an import.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    document: &'a str,
    hash: String,
    import: &'a ImportReport,
}

/// Runs the command.
///
/// # Errors
/// Where a file cannot be read or written.
pub(crate) fn run(options: &Options) -> Result<Exit, Failure> {
    let bytes = std::fs::read(&options.file).map_err(|error| {
        Failure::environment(format!("cannot read {}", options.file.display())).with_source(error)
    })?;
    let wanted = ImportOptions { id: options.id.clone(), checkpoints: Some(options.checkpoints.into()) };
    let imported = match options.kind {
        Kind::Recorder => from_recorder(&bytes, &wanted),
        Kind::Codegen => from_codegen(&bytes, &wanted),
    };
    let imported = match imported {
        Ok(imported) => imported,
        Err(found) => {
            let text = String::from_utf8_lossy(&bytes);
            let found = match options.kind {
                Kind::Recorder => found.locate(&SourceMap::new(&text)),
                // A file of several JSON texts has no map: its errors know their lines.
                Kind::Codegen => found,
            };
            diagnostics::tell(&options.file, &text, &found);
            return Ok(Exit::Invalid);
        }
    };
    tell(&options.file, &imported.report);
    save(options.output.as_deref(), &imported.document)?;
    if options.json {
        output::json_pretty(&Told {
            document: imported.document.id.as_str(),
            hash: imported.document.hash().to_string(),
            import: &imported.report,
        });
    }
    Ok(Exit::Success)
}

/// Tells on stderr what was made and what a person should look at.
fn tell(file: &Path, report: &ImportReport) {
    for warning in &report.warnings {
        output::note(format_args!("warning: {warning}"));
    }
    let counts = &report.counts;
    let parts = [
        (counts.steps, "steps"),
        (counts.actions, "actions"),
        (counts.manual_steps, "done by a person"),
        (report.secrets.len(), "secrets"),
    ];
    let parts = parts.map(|(count, what)| format!("{count} {what}"));
    output::note(format_args!(
        "{}: {} gestures became {}",
        file.display(),
        counts.gestures,
        describe::Listed(&parts)
    ));
    if !report.secrets.is_empty() {
        let names = report.secrets.join(", ");
        output::note(format_args!("set the secrets with AEF_SECRET_NAME or --secrets: {names}"));
    }
}
