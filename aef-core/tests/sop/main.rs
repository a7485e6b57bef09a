//! From SOPs to documents: what is refused, what never happens, and what tools may propose.

#![expect(clippy::unwrap_used, reason = "these are tests")]

mod draft;
mod errors;
mod properties;
mod support;
mod twin;
