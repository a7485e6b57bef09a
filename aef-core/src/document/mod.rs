//! The AEF document: what to do in a browser, where a person must agree, and what to do when it goes wrong.

mod action;
mod action_kind;
mod action_serde;
mod condition;
mod config;
mod duration;
mod locator;
mod text;

pub use action::*;
pub use condition::*;
pub use config::*;
pub use duration::{InvalidSpan, Span};
pub use locator::{Fingerprint, Locator, Target};
pub use text::{OneOrMany, Templated, Text, TextPart};
