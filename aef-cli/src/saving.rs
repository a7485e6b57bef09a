//! Documents that a command has made.

use std::path::Path;

use aef::document::{CheckpointMode, Document};
use clap::ValueEnum;

use crate::failure::Failure;
use crate::output;

/// Before which steps a person is asked.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum CheckpointsArg {
    /// Before every task
    All,
    /// Before steps that write
    Risky,
    /// Where a step says so
    Declared,
    /// Only where a step requires it
    None,
}

/// Writes a document that was made to a file, as JSON where its name ends so, or as YAML to standard output.
///
/// # Errors
/// Where the file cannot be written, or YAML would read as another document.
pub(crate) fn save(path: Option<&Path>, document: &Document) -> Result<(), Failure> {
    let json = path.and_then(Path::extension).is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let text = if json {
        let text = serde_json::to_string_pretty(document)
            .map_err(|error| Failure::environment("cannot write the document").with_source(error))?;
        format!("{text}\n")
    } else {
        yaml(document)?
    };
    match path {
        None => {
            output::result_text(&text);
            Ok(())
        }
        Some(path) => std::fs::write(path, text).map_err(|error| {
            Failure::environment(format!("cannot write {}", path.display())).with_source(error)
        }),
    }
}

/// The document as YAML that reads as the same document.
fn yaml(document: &Document) -> Result<String, Failure> {
    let cannot = |error: Box<dyn std::error::Error + Send + Sync>| {
        Failure::environment("cannot write the document as YAML; name a file that ends in .json")
            .with_source(error)
    };
    let value = serde_json::to_value(document).map_err(|error| cannot(error.into()))?;
    let text = serde_saphyr::to_string(&value).map_err(|error| cannot(error.into()))?;
    let again = Document::from_yaml(&text).map_err(|found| cannot(found.into()))?;
    if again == *document { Ok(text) } else { Err(cannot("it would read as another document".into())) }
}

impl From<CheckpointsArg> for CheckpointMode {
    fn from(mode: CheckpointsArg) -> Self {
        match mode {
            CheckpointsArg::All => Self::All,
            CheckpointsArg::Risky => Self::Risky,
            CheckpointsArg::Declared => Self::Declared,
            CheckpointsArg::None => Self::None,
        }
    }
}
