//! Times as every database can keep them.

use jiff::Timestamp;

/// This time, cut to the microsecond.
///
/// # Panics
/// Never: a time can always be cut.
#[must_use]
pub fn whole_micros(at: Timestamp) -> Timestamp {
    // `as_microsecond` cuts toward zero, which before 1970 is forward in time; no clock stands there.
    Timestamp::from_microsecond(at.as_microsecond()).expect("what was cut from a timestamp is one")
}

/// This time, rounded up to the microsecond.
#[must_use]
pub fn next_micros(at: Timestamp) -> Timestamp {
    let cut = whole_micros(at);
    if cut < at { Timestamp::from_microsecond(cut.as_microsecond() + 1).unwrap_or(cut) } else { cut }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_cut_and_rounded_up() {
        let at = |nanos| Timestamp::new(1_000, nanos).expect("a time");
        assert_eq!(whole_micros(at(1_999)), at(1_000));
        assert_eq!(next_micros(at(1_001)), at(2_000));
        assert_eq!(next_micros(at(2_000)), at(2_000));
    }

    #[test]
    fn the_end_of_time_stays_in_range() {
        assert_eq!(next_micros(Timestamp::MAX), whole_micros(Timestamp::MAX));
    }
}
