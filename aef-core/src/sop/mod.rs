//! From a standard operating procedure (SOP) to an AEF document: read, normalised, structured, built.
//!
//! An SOP is a graph of nodes and edges, made from a recording or by hand, in one of several dialects of one JSON format.
//! [`Sop::from_slice`] reads every dialect and tells all that is wrong at once; [`transform`] makes the [`Document`] that
//! runs the same steps in the same order, and a [`Report`] of everything that a person should look at. No model is asked,
//! nothing is invented, no node is dropped: what nobody can execute becomes a step that a person does.
//!
//! ```
//! use aef_core::sop::{Sop, TransformOptions, transform};
//!
//! let sop = Sop::from_slice(br#"{
//!   "meta": { "id": "tea", "title": "Make tea", "version": "0.1" },
//!   "public": {
//!     "nodes": [
//!       { "id": "boil", "type": "task", "label": "Boil the water" },
//!       { "id": "done", "type": "end", "label": "Done" }
//!     ],
//!     "edges": [{ "source": "boil", "target": "done", "condition": "next" }]
//!   }
//! }"#)?;
//! let transformed = transform(&sop, &TransformOptions::default())?;
//! assert_eq!(transformed.document.steps.len(), 2);
//! assert_eq!(transformed.report.counts.manual_steps, 1);
//! # Ok::<(), aef_core::document::Diagnostics>(())
//! ```
//!
//! The stages, each in its own module: `read` (JSON to [`Sop`]), `normalise` (one graph, whatever the dialect: who
//! contains whom, which edge means what), `structure` (the graph's nodes placed in nested blocks), `build` (steps, their
//! jumps and actions, the document). [`Draft`] stands between the last two, where an author or a tool may propose actions
//! for steps.
//!
//! # Errors
//!
//! | code | meaning |
//! |---|---|
//! | `syntax`, `duplicate_key`, `document_too_large`, `too_deep` | the text is no JSON that is read |
//! | `wrong_type`, `missing_field` | a value has another shape than its place asks for |
//! | `duplicate_id` | two nodes have the same id |
//! | `unknown_node` | an edge, a parent or a child names no node |
//! | `containment_cycle` | nodes contain each other |
//! | `jump_into_container` | an edge leads to the middle of a container, where nothing can go on |
//! | `too_many_steps`, `too_deep` | more nodes or levels than a document may have |

mod adopt;
mod automation;
mod build;
mod chain;
mod choices;
mod conditions;
mod dominators;
mod draft;
mod findings;
mod flow;
mod forest;
mod layout;
mod levels;
mod lists;
mod locators;
mod model;
pub(crate) mod names;
mod naming;
mod options;
mod questions;
mod read;
mod report;
mod resolve;
mod secrets;
mod steps;
mod structure;
mod texts;

pub use draft::{Draft, DraftStep, Proposal, RefusedProposal};
pub use model::Sop;
pub use options::TransformOptions;
pub use report::{Counts, EdgeRef, Report, Warning, WarningCode};

use crate::document::{Diagnostics, Document};

/// An SOP as an AEF document.
#[derive(Debug, Clone, PartialEq)]
pub struct Transformed {
    /// The document. It compiles, unless the caller's own configuration does not.
    pub document: Document,
    /// What was found and done.
    pub report: Report,
}

/// Makes a document of an SOP, the same one each time.
///
/// # Errors
/// Everything that cannot be structured, with JSON pointers into the SOP: see the table of the module.
pub fn transform(sop: &Sop, options: &TransformOptions) -> Result<Transformed, Diagnostics> {
    Draft::new(sop, options).map(|draft| draft.finish())
}
