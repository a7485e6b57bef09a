//! Runs procedures in a real browser, durably, with a person in control.

pub use aef_core::*;
