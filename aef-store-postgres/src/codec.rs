//! How values stand in the tables.

use std::time::Duration;

use aef_core::execution::Status;
use aef_core::ids::{Epoch, Seq};
use aef_core::store::unpack_events;
use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// The longest lease, in microseconds: the end of time is reached with it from wherever one stands, and adding it to any
/// time stays in range.
const LONGEST: i64 = 253_402_207_200_999_999;

/// A time as microseconds since 1970.
pub(crate) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// The time of so many microseconds since 1970.
pub(crate) fn time(micros: i64) -> Result<Timestamp, Error> {
    Timestamp::from_microsecond(micros).map_err(|error| damaged("a time", &error))
}

/// A length of time in microseconds.
pub(crate) fn length(of: Duration) -> i64 {
    i64::try_from(of.as_micros()).map_or(LONGEST, |micros| micros.min(LONGEST))
}

pub(crate) fn status(name: &str) -> Result<Status, Error> {
    Status::from_name(name).ok_or_else(|| Error::Damaged(format!("`{name}` is no status")))
}

/// A number as PostgreSQL keeps it; none comes near the end of its range.
pub(crate) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn seq(number: i64) -> Result<Seq, Error> {
    small("a place in a journal", number).map(Seq)
}

pub(crate) fn epoch(number: i64) -> Result<Epoch, Error> {
    small("an epoch", number).map(Epoch)
}

pub(crate) fn small<N, T: TryFrom<N>>(what: &str, number: N) -> Result<T, Error>
where
    T::Error: std::fmt::Display,
{
    T::try_from(number).map_err(|error| damaged(what, &error))
}

/// How many things are in a list that is far shorter than four thousand million.
pub(crate) fn count<T>(list: &[T]) -> i32 {
    i32::try_from(list.len()).unwrap_or(i32::MAX)
}

/// A text as PostgreSQL can keep it, which knows no NUL.
pub(crate) fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

pub(crate) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("what the store keeps as JSON is plain data")
}

pub(crate) fn from_json<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| damaged(what, &error))
}

/// The 32 bytes of a digest in hexadecimal.
pub(crate) fn digest(hex: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map_or(0, |digit| digit.to_le_bytes()[0]);
    hex.as_bytes().chunks(2).map(|pair| pair.iter().fold(0, |sum, byte| sum << 4 | digit(*byte))).collect()
}

/// The events of one row.
pub(crate) fn unpack(packed: Vec<u8>) -> Result<Vec<Bytes>, Error> {
    unpack_events(packed).map_err(|error| damaged("a batch", &error))
}

fn damaged(what: &str, error: &dyn std::fmt::Display) -> Error {
    Error::Damaged(format!("{what} cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_half_as_long() {
        assert_eq!(digest("00ff7a10"), [0x00, 0xff, 0x7a, 0x10]);
    }

    #[test]
    fn the_longest_lease_ends_with_time() {
        assert_eq!(LONGEST, Timestamp::MAX.as_microsecond());
        assert_eq!(length(Duration::MAX), LONGEST);
        assert_eq!(length(Duration::from_secs(1)), 1_000_000);
    }
}
