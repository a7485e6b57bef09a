//! When what has happened is told.

use std::time::Duration;

use tokio::time::Instant;

/// How long what happens is gathered into one message.
const GATHER: Duration = Duration::from_millis(250);

/// What has happened is told at once where nothing was told for a while, and else together with what happens until then.
#[derive(Debug, Default)]
pub(super) struct Pace {
    told: Option<Instant>,
}

impl Pace {
    /// When something that happens now is told.
    pub(super) fn due(&self, now: Instant) -> Instant {
        self.told.map_or(now, |told| now.max(told + GATHER))
    }

    /// Something was told.
    pub(super) const fn told(&mut self, now: Instant) {
        self.told = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_change_is_told_at_once_and_the_next_ones_together() {
        let begun = Instant::now();
        let at = |millis| begun + Duration::from_millis(millis);
        let mut pace = Pace::default();
        assert_eq!(pace.due(at(0)), at(0));
        pace.told(at(10));
        assert_eq!(pace.due(at(20)), at(260), "gathered");
        assert_eq!(pace.due(at(250)), at(260));
        assert_eq!(pace.due(at(260)), at(260));
        assert_eq!(pace.due(at(5_000)), at(5_000), "the last message is old");
        pace.told(at(5_001));
        assert_eq!(pace.due(at(5_002)), at(5_251));
    }
}
