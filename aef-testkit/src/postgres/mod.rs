//! A throw-away PostgreSQL server, and databases in it.
//!
//! `cargo xtask test` starts one server for all tests and names it to them in [`URL`]; each test makes a
//! [`TestDatabase`] of its own there. What stops and starts its server, or measures it, starts a [`Cluster`] of its own.

mod certificates;
mod cluster;
mod database;
mod pooler;

pub use certificates::Certificates;
pub use cluster::{Cluster, ClusterError, ClusterOptions};
pub use database::TestDatabase;
pub use pooler::Pooler;

/// Names the server that tests use, by a role that may make databases and roles.
pub const URL: &str = "AEF_TEST_POSTGRES_URL";
