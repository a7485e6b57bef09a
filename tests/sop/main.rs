//! SOPs of every dialect: what is reported about them, and what their documents do.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks for a few events among all")]

mod corpus;
mod reports;
mod runs;
