//! A clock for tests.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aef_core::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// A clock that a test moves. Clones share the same time.
///
/// One made with [`SimClock::new`] stands still until it is advanced. One made with [`SimClock::tokio`] follows tokio's
/// time, so that on a paused runtime a store's time and tokio's timers move together.
#[derive(Debug, Clone)]
pub struct SimClock(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// The time at `since`, or now where nothing is followed.
    base: Timestamp,
    since: Option<Instant>,
}

impl SimClock {
    /// Where every clock of this kind begins: 2026-01-01T00:00:00Z.
    pub const ORIGIN: Timestamp = Timestamp::constant(1_767_225_600, 0);

    /// A clock that stands at [`SimClock::ORIGIN`].
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(State { base: Self::ORIGIN, since: None })))
    }

    /// A clock that begins at [`SimClock::ORIGIN`] and follows the time of the tokio runtime that it is read in.
    #[must_use]
    pub fn tokio() -> Self {
        Self(Arc::new(Mutex::new(State { base: Self::ORIGIN, since: Some(Instant::now()) })))
    }

    /// Moves the clock forward; one that follows tokio jumps ahead of it by so much.
    ///
    /// # Panics
    /// Where the time is beyond what a timestamp holds.
    pub fn advance(&self, by: Duration) {
        self.with(|state| state.base = state.base.checked_add(by).expect("the time stays in range"));
    }

    /// Sets the clock, backward too.
    pub fn set(&self, now: Timestamp) {
        self.with(|state| {
            state.base = now;
            state.since = state.since.map(|_| Instant::now());
        });
    }

    /// Goes on in another runtime, at the time `now` that it had in the one before: two paused runtimes agree on
    /// nothing, so the new one's time is followed from here.
    pub fn follow_from(&self, now: Timestamp) {
        self.with(|state| *state = State { base: now, since: Some(Instant::now()) });
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Default for SimClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        self.with(|state| {
            let elapsed = state.since.map_or(Duration::ZERO, |since| since.elapsed());
            let elapsed = SignedDuration::try_from(elapsed).unwrap_or(SignedDuration::MAX);
            state.base.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_stands_still_until_it_is_moved() {
        let clock = SimClock::new();
        assert_eq!(clock.now().to_string(), "2026-01-01T00:00:00Z");
        clock.clone().advance(Duration::from_secs(90));
        assert_eq!(clock.now().to_string(), "2026-01-01T00:01:30Z");
        clock.set(SimClock::ORIGIN);
        assert_eq!(clock.now(), SimClock::ORIGIN);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_follows_the_runtime_and_jumps_ahead_of_it() {
        let clock = SimClock::tokio();
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(clock.now().duration_since(SimClock::ORIGIN), SignedDuration::from_secs(10));
        clock.advance(Duration::from_secs(5));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(clock.now().duration_since(SimClock::ORIGIN), SignedDuration::from_secs(16));
    }

    #[test]
    fn a_clock_goes_on_in_another_runtime() {
        let paused = || {
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
        };
        let (clock, then) = paused().block_on(async {
            let clock = SimClock::tokio();
            tokio::time::sleep(Duration::from_secs(3600)).await;
            (clock.clone(), clock.now())
        });
        assert_eq!(then, SimClock::ORIGIN + SignedDuration::from_hours(1));
        paused().block_on(async {
            clock.follow_from(then);
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(clock.now(), then + SignedDuration::from_secs(1));
        });
    }
}
