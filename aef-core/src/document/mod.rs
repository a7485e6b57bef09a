//! The AEF document: what to do in a browser, where a person must agree, and what to do when it goes wrong.

mod action;
mod action_kind;
mod action_serde;
mod condition;
mod config;
mod duration;
mod locator;
mod root;
mod step;
mod text;

pub use action::*;
pub use condition::*;
pub use config::*;
pub use duration::{InvalidSpan, Span};
pub use locator::{Fingerprint, Locator, Target};
pub use root::{Document, FORMAT_VERSION};
pub use step::*;
pub use text::{OneOrMany, Templated, Text, TextPart};
