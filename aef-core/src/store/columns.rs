//! How values stand in the columns of a database, for stores that keep them so.

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::unpack_events;
use crate::execution::Status;
use crate::ids::{Epoch, Seq};

/// A value that no version of the store has written: the database is damaged, or another program wrote there.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct Damaged {
    what: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Damaged {
    /// Damage that shows by itself.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), source: None }
    }

    /// A value, called `what`, that cannot be read because of `source`.
    pub fn unreadable(
        what: &str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync + 'static>>,
    ) -> Self {
        Self { what: format!("{what} cannot be read"), source: Some(source.into()) }
    }
}

/// A time as microseconds since 1970.
#[must_use]
pub fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// The time of so many microseconds since 1970.
///
/// # Errors
/// [`Damaged`] where no calendar reaches that far.
pub fn time(micros: i64) -> Result<Timestamp, Damaged> {
    Timestamp::from_microsecond(micros).map_err(|error| Damaged::unreadable("a time", error))
}

/// A number as databases keep it, which know no unsigned ones; none of ours comes near the end of the range.
#[must_use]
pub fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number of a smaller type, called `what`.
///
/// # Errors
/// [`Damaged`] where it is out of range.
pub fn small<N, T>(what: &str, number: N) -> Result<T, Damaged>
where
    T: TryFrom<N, Error: std::error::Error + Send + Sync + 'static>,
{
    T::try_from(number).map_err(|error| Damaged::unreadable(what, error))
}

/// A place in a journal.
///
/// # Errors
/// [`Damaged`] below zero.
pub fn seq(number: i64) -> Result<Seq, Damaged> {
    small("a place in a journal", number).map(Seq)
}

/// An epoch.
///
/// # Errors
/// [`Damaged`] below zero.
pub fn epoch(number: i64) -> Result<Epoch, Damaged> {
    small("an epoch", number).map(Epoch)
}

/// A status, by its name.
///
/// # Errors
/// [`Damaged`] where none is called so.
pub fn status(name: &str) -> Result<Status, Damaged> {
    Status::from_name(name).ok_or_else(|| Damaged::new(format!("`{name}` is no status")))
}

/// A value as JSON.
///
/// # Panics
/// Where the value cannot be written as JSON: a map with keys that are no strings, or a type that refuses to.
#[must_use]
pub fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("what a store keeps as JSON is plain data")
}

/// The value, called `what`, of a JSON text.
///
/// # Errors
/// [`Damaged`] where the text is not such a value.
pub fn from_json<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, Damaged> {
    serde_json::from_str(text).map_err(|error| Damaged::unreadable(what, error))
}

/// The events of one row.
///
/// # Errors
/// [`Damaged`] where the row was cut.
pub fn unpack(packed: Vec<u8>) -> Result<Vec<Bytes>, Damaged> {
    unpack_events(packed).map_err(|error| Damaged::unreadable("a batch", error))
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let at = Timestamp::new(1_000, 5_000).expect("a time");
        assert_eq!(time(micros(at)).expect("it was written"), at);
        assert_eq!(seq(integer(7)).expect("it was written"), Seq(7));
        assert_eq!(status(Status::Running.as_str()).expect("it was written"), Status::Running);
        assert_eq!(from_json::<Vec<u8>>("a list", &to_json(&[1, 2])).expect("it was written"), [1, 2]);
    }

    #[test]
    fn damage_is_told_with_its_cause() {
        let damages = [
            (time(i64::MAX).map(drop), "a time cannot be read", true),
            (epoch(-1).map(drop), "an epoch cannot be read", true),
            (small::<_, u16>("a format", 70_000_i64).map(drop), "a format cannot be read", true),
            (status("lost").map(drop), "`lost` is no status", false),
            (from_json::<Vec<u8>>("a list", "{").map(drop), "a list cannot be read", true),
            (unpack(vec![9, 0, 0, 0]).map(drop), "a batch cannot be read", true),
        ];
        for (outcome, says, has_source) in damages {
            let damage = outcome.expect_err(says);
            assert_eq!(damage.to_string(), says);
            assert_eq!(damage.source().is_some(), has_source, "{says}");
        }
    }
}
