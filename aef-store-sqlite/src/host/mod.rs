//! What a host keeps beside executions.

mod audit;
mod checkpoints;
mod keys;
mod live;
mod secrets;
mod sops;
mod tickets;

use aef_core::ids::OwnerId;
use aef_core::store::{IdempotencyKey, Scope, StoreErrorKind};
use uuid::Uuid;

use crate::codec::Damaged;
use crate::error::Error;

/// The owner to whom a scope is limited.
fn owner_of(scope: &Scope) -> Option<&str> {
    match scope {
        Scope::Owner(owner) => Some(OwnerId::as_str(owner)),
        Scope::System => None,
    }
}

/// Checks that what was made under an idempotency key was asked for in the same way.
fn same_request(key: &IdempotencyKey, body_hash: Option<&str>) -> Result<(), Error> {
    if body_hash == Some(key.body_hash.as_str()) {
        return Ok(());
    }
    let message = "the idempotency key was used with another body";
    Err(Error::refused(StoreErrorKind::IdempotencyConflict, message))
}

fn id_bytes(id: Uuid) -> Vec<u8> {
    id.as_bytes().to_vec()
}

fn id_of(what: &str, bytes: &[u8]) -> Result<Uuid, Damaged> {
    Uuid::from_slice(bytes).map_err(|error| Damaged::unreadable(what, error))
}
