//! What a host keeps beside executions.

mod audit;
mod checkpoints;
mod keys;
mod live;
mod secrets;
mod sops;
mod tickets;

use aef_core::store::{IdempotencyKey, StoreErrorKind};

use crate::error::Error;

/// Checks that what was made under an idempotency key was asked for in the same way.
fn same_request(key: &IdempotencyKey, body_hash: Option<&str>) -> Result<(), Error> {
    if body_hash == Some(key.body_hash.as_str()) {
        return Ok(());
    }
    let message = "the idempotency key was used with another body";
    Err(Error::refused(StoreErrorKind::IdempotencyConflict, message))
}
