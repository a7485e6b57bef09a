//! From what a recorder wrote down to an AEF document: Chrome's DevTools Recorder and Playwright's code generator.
//!
//! Both write what a person did as a list of gestures. [`from_recorder`] and [`from_codegen`] make the [`Document`] that does
//! the same, and an [`ImportReport`] of everything that a person should look at. What a recording says twice is said once:
//! values that grew letter by letter, the keys that typed them, the click before a double click. Passwords become secrets
//! and stand nowhere in the document. What no browser can do again, such as a custom step of another tool, becomes a step
//! that a person does.
//!
//! ```
//! use aef_core::import::{ImportOptions, from_recorder};
//!
//! let imported = from_recorder(br##"{
//!   "title": "Find tea",
//!   "steps": [
//!     { "type": "navigate", "url": "https://shop.example/" },
//!     { "type": "change", "selectors": [["aria/Search"], ["#q"]], "value": "tea" },
//!     { "type": "keyDown", "key": "Enter" },
//!     { "type": "keyUp", "key": "Enter" }
//!   ]
//! }"##, &ImportOptions::default())?;
//! assert_eq!(imported.document.steps.len(), 1);
//! assert_eq!(imported.report.counts.actions, 3);
//! # Ok::<(), aef_core::document::Diagnostics>(())
//! ```
//!
//! # Errors
//!
//! | code | meaning |
//! |---|---|
//! | `syntax`, `duplicate_key`, `document_too_large`, `too_deep` | the text is no JSON that is read |
//! | `wrong_type`, `missing_field`, `invalid_value` | a value is not what its place asks for |
//! | `unknown_step_type` | a gesture of a type that no version of the recorder is known to write |
//! | `invalid_locator` | none of the selectors of a gesture can be looked for |
//! | `invalid_url` | an address that is neither http nor https |
//! | `not_supported` | something that documents cannot say |
//!
//! Each names the gesture by its place: `/steps/3/type` in a DevTools recording, the line in a file of Playwright's.

#![expect(
    clippy::result_large_err,
    reason = "a recording is read once, and its first mistake ends the reading"
)]

mod build;
mod codegen;
mod echoes;
mod fields;
mod gesture;
mod keys;
mod landing;
mod passwords;
mod playwright_locators;
mod recorder;
mod report;
mod selectors;
mod steps;
mod tabs;
mod waits;

pub use report::{ImportCounts, ImportReport, ImportWarning, ImportWarningCode};

use crate::document::{CheckpointMode, Diagnostic, Diagnostics, Document, MAX_SOURCE};

/// How a recording becomes a document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportOptions {
    /// The document's id. Default: made of the recording's title, else of its hash.
    pub id: Option<String>,
    /// Before which steps a person is asked. Default: where a step says so, which an imported one never does.
    pub checkpoints: Option<CheckpointMode>,
}

/// A recording as an AEF document.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The document. It compiles.
    pub document: Document,
    /// What was found and done.
    pub report: ImportReport,
}

/// Makes a document of a recording that Chrome's DevTools Recorder exported as JSON.
///
/// # Errors
/// Everything that cannot be imported, with JSON pointers into the recording: see the table of the module.
pub fn from_recorder(bytes: &[u8], options: &ImportOptions) -> Result<Imported, Diagnostics> {
    let text = text_of(bytes)?;
    build::document(recorder::read(text)?, bytes, options)
}

/// Makes a document of a recording that Playwright's code generator wrote as lines of JSON (`--target=jsonl`).
///
/// # Errors
/// Everything that cannot be imported, with the line: see the table of the module.
pub fn from_codegen(bytes: &[u8], options: &ImportOptions) -> Result<Imported, Diagnostics> {
    let text = text_of(bytes)?;
    build::document(codegen::read(text)?, bytes, options)
}

fn text_of(bytes: &[u8]) -> Result<&str, Diagnostics> {
    if bytes.len() > MAX_SOURCE {
        let message = format!("the recording has {} bytes; at most {MAX_SOURCE} are read", bytes.len());
        return Err(Diagnostic::error("document_too_large", "", message).into());
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Diagnostics::from(Diagnostic::error("syntax", "", format!("not UTF-8: {error}"))))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// A text as a template that gives it: what would open an expression, a statement or a comment is written as a text.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek()) {
            ('{', Some('{')) => {
                characters.next();
                out.push_str("{{ \"{\" ~ \"{\" }}");
            }
            ('{', Some('%' | '#')) => out.push_str("{{ \"{\" }}"),
            _ => out.push(character),
        }
    }
    out
}
