//! What a database brings with it: outages, other programs, roles, poolers, and many who use it at once.
#![expect(clippy::unwrap_used, reason = "a test fails where something it needs is missing")]

mod application;
mod connecting;
mod contention;
mod grouping;
mod losing;
mod plans;
mod pooler;
mod security;
mod support;
mod tls;
