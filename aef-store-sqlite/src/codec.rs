//! How values stand in the file.

use std::time::Duration;

use aef_core::execution::Status;
use aef_core::ids::{Epoch, ExecutionId, Seq};
use aef_core::store::unpack_events;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::error::Error;

/// A time as microseconds since 1970.
pub(crate) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// The time of so many microseconds since 1970.
pub(crate) fn time(micros: i64) -> Result<Timestamp, Error> {
    Timestamp::from_microsecond(micros).map_err(|error| damaged("a time", &error))
}

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

pub(crate) fn execution_id(bytes: &[u8]) -> Result<ExecutionId, Error> {
    Uuid::from_slice(bytes).map(ExecutionId::from_uuid).map_err(|error| damaged("an execution's id", &error))
}

pub(crate) fn status(name: &str) -> Result<Status, Error> {
    Status::from_name(name).ok_or_else(|| Error::Damaged(format!("`{name}` is no status")))
}

/// A number as SQLite keeps it; none comes near the end of its range.
pub(crate) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn seq(number: i64) -> Result<Seq, Error> {
    u64::try_from(number).map(Seq).map_err(|error| damaged("a place in a journal", &error))
}

pub(crate) fn epoch(number: i64) -> Result<Epoch, Error> {
    u64::try_from(number).map(Epoch).map_err(|error| damaged("an epoch", &error))
}

pub(crate) fn small<T: TryFrom<i64>>(what: &str, number: i64) -> Result<T, Error>
where
    T::Error: std::fmt::Display,
{
    T::try_from(number).map_err(|error| damaged(what, &error))
}

pub(crate) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("what the store keeps as JSON is plain data")
}

pub(crate) fn from_json<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| damaged(what, &error))
}

pub(crate) fn damaged(what: &str, error: &dyn std::fmt::Display) -> Error {
    Error::Damaged(format!("{what} cannot be read: {error}"))
}

/// The events of one row.
pub(crate) fn unpack(packed: Vec<u8>) -> Result<Vec<Bytes>, Error> {
    unpack_events(packed).map_err(|error| damaged("a batch", &error))
}
