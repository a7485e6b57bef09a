//! Reading a document for a command, with everything that is wrong shown in its text.

use std::path::Path;

use aef::document::{Diagnostics, Document, SourceMap};
use aef::plan::Plan;

use crate::diagnostics;
use crate::exit::Exit;
use crate::failure::Failure;

/// A document that can be run.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The plan.
    pub(crate) plan: Plan,
    /// Its warnings, with places in the text.
    pub(crate) warnings: Diagnostics,
    /// The text.
    pub(crate) text: String,
}

/// What is wrong with a document.
#[derive(Debug)]
pub(crate) enum LoadError {
    /// It cannot be read.
    Unreadable(Failure),
    /// It is wrong.
    Invalid {
        /// Its text.
        text: String,
        /// Everything that is wrong.
        found: Diagnostics,
    },
}

/// Reads and compiles a document.
///
/// # Errors
/// Where the file cannot be read, or the document is wrong.
pub(crate) fn load(path: &Path) -> Result<Loaded, LoadError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let failure = Failure::environment(format!("cannot read {}", path.display()));
        LoadError::Unreadable(failure.with_source(error))
    })?;
    let json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let read = if json { Document::from_json(&text) } else { Document::from_yaml(&text) };
    let compiled = read
        .and_then(|document| Plan::compile(&document).map_err(|found| found.locate(&SourceMap::new(&text))));
    match compiled {
        Ok(plan) => {
            let warnings = Diagnostics::new(plan.warnings().to_vec()).locate(&SourceMap::new(&text));
            Ok(Loaded { plan, warnings, text })
        }
        Err(found) => Err(LoadError::Invalid { text, found }),
    }
}

/// Reads and compiles a document to be run, and tells what is wrong.
///
/// # Errors
/// Where there is no plan; it has been told why.
pub(crate) fn load_to_run(path: &Path) -> Result<Plan, Failure> {
    match load(path) {
        Ok(loaded) => {
            diagnostics::tell(path, &loaded.text, &loaded.warnings);
            Ok(loaded.plan)
        }
        Err(LoadError::Unreadable(failure)) => Err(failure),
        Err(LoadError::Invalid { text, found }) => {
            diagnostics::tell(path, &text, &found);
            Err(Failure::told(Exit::Invalid))
        }
    }
}
