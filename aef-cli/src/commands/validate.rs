//! `aef validate`.

use std::path::PathBuf;

use aef::document::{Diagnostic, Diagnostics};
use clap::Args;
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::loading::{self, LoadError};
use crate::{diagnostics, output};

/// Check a document and tell everything that is wrong with it
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The document, JSON or YAML
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Verdict<'a> {
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<&'a str>,
    diagnostics: &'a [Diagnostic],
}

/// Runs the command.
///
/// # Errors
/// Where the file cannot be read.
pub(crate) fn run(options: &Options) -> Result<Exit, Failure> {
    match loading::load(&options.file) {
        Ok(loaded) => {
            let plan = &loaded.plan;
            let verdict = Verdict {
                valid: true,
                id: Some(plan.document.id.as_str()),
                hash: Some(plan.hash.as_str()),
                diagnostics: &loaded.warnings,
            };
            tell(options, &loaded.text, &loaded.warnings, &verdict);
            if !options.json {
                let steps = plan.steps.len();
                output::result(format_args!(
                    "{}: ok, {steps} steps, hash {}",
                    options.file.display(),
                    plan.hash
                ));
            }
            Ok(Exit::Success)
        }
        Err(LoadError::Unreadable(failure)) => Err(failure),
        Err(LoadError::Invalid { text, found }) => {
            tell(
                options,
                &text,
                &found,
                &Verdict { valid: false, id: None, hash: None, diagnostics: &found },
            );
            Ok(Exit::Invalid)
        }
    }
}

fn tell(options: &Options, text: &str, found: &Diagnostics, verdict: &Verdict<'_>) {
    if options.json {
        output::json_pretty(verdict);
    } else {
        diagnostics::tell(&options.file, text, found);
    }
}
