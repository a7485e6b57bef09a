//! `aef transform`.

use std::path::{Path, PathBuf};

use aef::document::SourceMap;
use aef::enrich::{EnrichOptions, EnrichReport, Enriched, StepOutcome, enrich};
use aef::sop::{Draft, Report, Sop, TransformOptions};
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::enrichers::EnrichArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::saving::{CheckpointsArg, save};
use crate::{describe, diagnostics, output};

/// Make a document of an SOP
///
/// What the SOP tells in words only stays with a person, unless --enrich reads it. Nothing is sent anywhere but with
/// `--enrich chat`, which sends the texts of those steps to the endpoint that --base-url names; its key is read from
/// AEF_CHAT_KEY.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The SOP, JSON
    #[arg(value_name = "SOP")]
    file: PathBuf,
    /// Write the document to this file, as YAML unless it ends in .json [default: YAML to stdout]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Before which steps a person is asked
    #[arg(long, value_enum, default_value_t = CheckpointsArg::All, value_name = "MODE")]
    checkpoints: CheckpointsArg,
    /// Print the report to stdout
    #[arg(long, value_enum, requires = "output", value_name = "FORMAT")]
    report: Option<ReportFormat>,
    #[command(flatten)]
    enrich: EnrichArgs,
}

/// How the report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    /// One JSON object
    Json,
}

/// All that is told of a transform.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    document: &'a str,
    hash: String,
    transform: &'a Report,
    #[serde(skip_serializing_if = "Option::is_none")]
    enrichment: Option<&'a EnrichReport>,
}

/// Runs the command.
///
/// # Errors
/// Where a file cannot be read or written, or the endpoint's options make no sense.
pub(crate) async fn run(options: Options) -> Result<Exit, Failure> {
    let bytes = std::fs::read(&options.file).map_err(|error| {
        Failure::environment(format!("cannot read {}", options.file.display())).with_source(error)
    })?;
    let enricher = options.enrich.enricher()?;
    let transform = TransformOptions { checkpoints: Some(options.checkpoints.into()), ..Default::default() };
    let draft = match Sop::from_slice(&bytes).and_then(|sop| Draft::new(&sop, &transform)) {
        Ok(draft) => draft,
        Err(found) => {
            let text = String::from_utf8_lossy(&bytes);
            diagnostics::tell(&options.file, &text, &found.locate(&SourceMap::new(&text)));
            return Ok(Exit::Invalid);
        }
    };
    let (transformed, enrichment) = match enricher {
        None => (draft.finish(), None),
        Some(enricher) => {
            let Enriched { transformed, report } =
                enrich(&draft, &*enricher, &EnrichOptions::default()).await;
            (transformed, Some(report))
        }
    };
    let document = &transformed.document;
    tell(&options.file, &transformed.report, enrichment.as_ref());
    save(options.output.as_deref(), document)?;
    if options.report == Some(ReportFormat::Json) {
        output::json_pretty(&Told {
            document: document.id.as_str(),
            hash: document.hash().to_string(),
            transform: &transformed.report,
            enrichment: enrichment.as_ref(),
        });
    }
    Ok(Exit::Success)
}

/// Tells on stderr what was made and what a person should look at.
fn tell(file: &Path, report: &Report, enrichment: Option<&EnrichReport>) {
    for warning in &report.warnings {
        output::note(format_args!("warning: {warning}"));
    }
    for step in enrichment.iter().flat_map(|report| &report.steps) {
        match &step.outcome {
            StepOutcome::Enriched { actions, confidence, confirmed, .. } => {
                let asked = if *confirmed { ", a person is asked first" } else { "" };
                output::note(format_args!("{}: {} ({confidence}{asked})", step.step, actions.join("; ")));
            }
            StepOutcome::Kept { code, reason } => {
                output::note(format_args!("{}: stays with a person: {code}: {reason}", step.step));
            }
        }
    }
    let counts = &report.counts;
    let parts = [
        (counts.steps, "steps"),
        (counts.loops, "loops"),
        (counts.decisions, "decisions"),
        (counts.manual_steps, "done by a person"),
        (counts.checkpoints, "checkpoints"),
    ];
    let parts = parts.map(|(count, what)| format!("{count} {what}"));
    output::note(format_args!(
        "{}: {} nodes and {} edges became {}; about {} min",
        file.display(),
        counts.nodes,
        counts.edges,
        describe::Listed(&parts),
        report.estimated_duration
    ));
}
