//! How values stand in the file.

use std::time::Duration;

use aef_core::execution::Status;
use aef_core::ids::{Epoch, ExecutionId, Seq};
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

/// Events in one row, each behind its length.
pub(crate) fn pack(events: &[Bytes]) -> Vec<u8> {
    let size = events.iter().map(|event| event.len() + size_of::<u32>()).sum();
    let mut packed = Vec::with_capacity(size);
    for event in events {
        let length = u32::try_from(event.len()).expect("an event is far below 4 GiB: values are bounded");
        packed.extend_from_slice(&length.to_le_bytes());
        packed.extend_from_slice(event);
    }
    packed
}

/// The events of one row.
pub(crate) fn unpack(packed: Vec<u8>) -> Result<Vec<Bytes>, Error> {
    let short = || Error::Damaged("a batch of events ends too early".into());
    let mut rest = Bytes::from(packed);
    let mut events = Vec::new();
    while !rest.is_empty() {
        let (length, _) = rest.split_first_chunk::<4>().ok_or_else(short)?;
        let length = u32::from_le_bytes(*length) as usize;
        let _ = rest.split_to(size_of::<u32>());
        if rest.len() < length {
            return Err(short());
        }
        events.push(rest.split_to(length));
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_back() {
        let events =
            vec![Bytes::from_static(b"{}"), Bytes::new(), Bytes::from_static("\u{1F600}\0".as_bytes())];
        assert_eq!(unpack(pack(&events)).unwrap(), events);
        assert_eq!(unpack(pack(&[])).unwrap(), Vec::<Bytes>::new());
    }

    #[test]
    fn a_batch_that_was_cut_is_damaged() {
        let packed = pack(&[Bytes::from_static(b"0123456789")]);
        for length in 1..packed.len() {
            assert!(matches!(unpack(packed[..length].to_vec()), Err(Error::Damaged(_))), "{length} bytes");
        }
    }
}
