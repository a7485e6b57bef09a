//! The AEF document: what to do in a browser, where a person must agree, and what to do when it goes wrong.

mod action;
mod action_kind;
mod action_serde;
mod condition;
mod config;
pub mod diagnostics;
mod duration;
mod locator;
mod nul;
mod read;
mod root;
mod schema;
mod source_map;
mod step;
mod text;

pub use action::*;
pub use condition::*;
pub use config::*;
pub use diagnostics::{Diagnostic, Diagnostics, Position, Severity};
pub(crate) use diagnostics::{escape_key, nearest};
pub use duration::{InvalidSpan, Span};
pub use locator::{Fingerprint, Locator, Target};
pub use nul::nul_in;
pub use read::{LoadError, MAX_LEVELS, MAX_SOURCE, MAX_STEPS};
pub(crate) use read::{json_depth, parse_json};
pub use root::{Document, FORMAT_VERSION, Source};
pub use source_map::SourceMap;
pub use step::*;
pub use text::{OneOrMany, Templated, Text, TextPart};
