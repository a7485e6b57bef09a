//! What every implementation of a trait must do, as lists of named cases.

pub mod browser;
pub mod store;
