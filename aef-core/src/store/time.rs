//! Times as every database can keep them.

use jiff::{SignedDuration, Timestamp};

/// This time, cut to the microsecond.
#[must_use]
pub fn whole_micros(at: Timestamp) -> Timestamp {
    // Cutting toward zero is forward in time before 1970; no clock stands there. By way of whole microseconds the last
    // second that a timestamp can hold would be out of range.
    Timestamp::new(at.as_second(), at.subsec_nanosecond() / 1_000 * 1_000).unwrap_or(at)
}

/// This time, rounded up to the microsecond.
#[must_use]
pub fn next_micros(at: Timestamp) -> Timestamp {
    let cut = whole_micros(at);
    if cut < at { cut.checked_add(SignedDuration::from_micros(1)).unwrap_or(cut) } else { cut }
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
