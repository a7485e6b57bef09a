//! How values stand in the file, where it is not as in every database.

use std::time::Duration;

use aef_core::ids::ExecutionId;
pub(crate) use aef_core::store::columns::{
    Damaged, epoch, from_json, integer, micros, seq, small, status, time, to_json, unpack,
};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// The time so many microseconds later; the end of time at the latest.
pub(crate) fn later(now: Timestamp, micros: i64) -> Timestamp {
    let end = now.saturating_add(SignedDuration::from_micros(micros)).unwrap_or(Timestamp::MAX);
    aef_core::store::whole_micros(end)
}

/// A length of time in microseconds.
pub(crate) fn length(of: Duration) -> i64 {
    i64::try_from(of.as_micros()).unwrap_or(i64::MAX)
}

pub(crate) fn execution_bytes(id: ExecutionId) -> Vec<u8> {
    id.as_uuid().as_bytes().to_vec()
}

pub(crate) fn execution_id(bytes: &[u8]) -> Result<ExecutionId, Damaged> {
    Uuid::from_slice(bytes)
        .map(ExecutionId::from_uuid)
        .map_err(|error| Damaged::unreadable("an execution's id", error))
}
