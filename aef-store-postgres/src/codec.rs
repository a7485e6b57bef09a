//! How values stand in the tables, where it is not as in every database.

use std::time::Duration;

pub(crate) use aef_core::store::columns::{
    epoch, from_json, integer, micros, seq, small, status, time, to_json, unpack,
};

/// The longest lease, in microseconds: the end of time is reached with it from wherever one stands, and adding it to any
/// time stays in range.
const LONGEST: i64 = 253_402_207_200_999_999;

/// A length of time in microseconds.
pub(crate) fn length(of: Duration) -> i64 {
    i64::try_from(of.as_micros()).map_or(LONGEST, |micros| micros.min(LONGEST))
}

/// How many things are in a list that is far shorter than four thousand million.
pub(crate) fn count<T>(list: &[T]) -> i32 {
    i32::try_from(list.len()).unwrap_or(i32::MAX)
}

/// A text as PostgreSQL can keep it, which knows no NUL.
pub(crate) fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// The 32 bytes of a digest in hexadecimal.
pub(crate) fn digest(hex: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map_or(0, |digit| digit.to_le_bytes()[0]);
    hex.as_bytes().chunks(2).map(|pair| pair.iter().fold(0, |sum, byte| sum << 4 | digit(*byte))).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

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
