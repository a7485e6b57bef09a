//! Timers: what falls due, and when to wake.

use jiff::{SignedDuration, Timestamp};

use super::event::{EventKind, SkipReason};
use super::machine::Execution;
use super::status::{PauseReason, Status};
use crate::document::RecoveryOtherwise;
use crate::recovery::RecoveryOption;

/// How long the browser stays open for a person's answer where the page can be made again.
pub const WARM: SignedDuration = SignedDuration::from_secs(60);
/// How long a takeover lasts without a sign of the person.
pub const TAKEOVER_IDLE: SignedDuration = SignedDuration::from_secs(10 * 60);

/// How long an execution is held for somebody to start it. Then it is stopped.
pub const HELD: SignedDuration = SignedDuration::from_hours(24);

/// The timers, in the order in which those that are due at once fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    CheckpointExpiry,
    Retry,
    RecoveryWait,
    TakeoverIdle,
    HoldEnds,
    Park,
    HeldTooLong,
}

impl Execution {
    /// The time as the machine knows it: that of the last event.
    pub(super) const fn now(&self) -> Timestamp {
        self.state.last_at
    }

    /// The timer that is due first, and the event that it leads to.
    pub(super) fn due(&self, now: Timestamp) -> Option<(Timestamp, EventKind)> {
        let (due, timer) = self.timers().into_iter().flatten().filter(|(due, _)| *due <= now).min()?;
        Some((due, self.fired(timer)?))
    }

    fn timers(&self) -> [Option<(Timestamp, Timer)>; 7] {
        let state = &self.state;
        if state.end.is_some() || state.in_flight.is_some() {
            return [None; 7];
        }
        let quiet = state.paused.is_none() && state.taken_over.is_none();
        let expiry = state.checkpoint.as_ref().filter(|open| quiet && !open.expired);
        let recovery = state.recovery.as_ref().filter(|_| quiet);
        let retry = state.focus().filter(|run| quiet && run.failure.is_some()).and_then(|run| run.retry_at);
        let (hold, park) = self.parking_timers();
        [
            expiry.and_then(|open| open.checkpoint.expires_at).map(|due| (due, Timer::CheckpointExpiry)),
            retry.map(|due| (due, Timer::Retry)),
            recovery.and_then(|offer| offer.until).map(|due| (due, Timer::RecoveryWait)),
            state
                .taken_over
                .and_then(|since| later(since, TAKEOVER_IDLE))
                .map(|due| (due, Timer::TakeoverIdle)),
            hold.map(|due| (due, Timer::HoldEnds)),
            park.map(|due| (due, Timer::Park)),
            state.held.then(|| later(state.created_at, HELD)).flatten().map(|due| (due, Timer::HeldTooLong)),
        ]
    }

    /// When the wait for the page ends where it cannot be made again, and when the browser is closed.
    fn parking_timers(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        let state = &self.state;
        let idle = state.session
            && state.parking.is_none()
            && state.status().is_waiting()
            && !state.requests.stop
            && !state.requests.take_over
            && !state.requests.skip;
        let Some(since) = state.waiting_since.filter(|_| idle) else { return (None, None) };
        if state.paused == Some(PauseReason::PageLost) || self.reentry().is_some() || !state.page_touched {
            return (None, later(since, WARM));
        }
        let hold = SignedDuration::try_from(self.plan.settings.max_hold).unwrap_or(WARM);
        (later(since, hold.max(WARM)), None)
    }

    fn fired(&self, timer: Timer) -> Option<EventKind> {
        let state = &self.state;
        Some(match timer {
            Timer::CheckpointExpiry => {
                EventKind::CheckpointExpired { checkpoint: state.checkpoint.as_ref()?.checkpoint.id }
            }
            Timer::Retry => self.retry_event(&state.focus()?.step),
            Timer::RecoveryWait => match self.plan.settings.recovery_otherwise {
                RecoveryOtherwise::Fail => {
                    EventKind::Failed { failure: state.recovery.as_ref()?.failure.clone(), result: None }
                }
                RecoveryOtherwise::Skip => {
                    self.skip_event(&state.recovery.as_ref()?.step.clone(), SkipReason::Error)
                }
            },
            Timer::TakeoverIdle => EventKind::Paused { reason: PauseReason::TakeoverIdle },
            Timer::HoldEnds => EventKind::Paused { reason: PauseReason::PageLost },
            Timer::Park => EventKind::ParkingStarted,
            Timer::HeldTooLong => EventKind::Stopped { result: None },
        })
    }

    /// When the machine must be woken next, if nothing happens before.
    #[must_use]
    pub fn wake_at(&self) -> Option<Timestamp> {
        let state = &self.state;
        if state.end.is_some() {
            return None;
        }
        if state.status() == Status::Queued {
            return Some(state.start_at.unwrap_or(state.created_at));
        }
        let age = SignedDuration::try_from(self.plan.settings.max_age).ok();
        let aged = age.and_then(|age| later(state.created_at, age));
        let deadline = state.running_since.filter(|_| state.in_flight.is_none()).and_then(|since| {
            let most = u64::try_from(self.plan.settings.max_duration.as_millis()).unwrap_or(u64::MAX);
            let left = i64::try_from(most.saturating_sub(state.running_ms)).ok()?;
            later(since, SignedDuration::from_millis(left))
        });
        let timers = self.timers().into_iter().flatten().map(|(due, _)| due);
        timers.chain(aged.filter(|_| state.started)).chain(deadline).min()
    }

    /// The options that are on offer end by themselves at this time, by another attempt.
    pub(super) fn retry_due(&self) -> Option<Timestamp> {
        self.state.focus().and_then(|run| run.retry_at)
    }

    /// The options of a recovery that is on offer.
    pub(super) fn recovery_options(&self) -> &[RecoveryOption] {
        self.state.recovery.as_ref().map(|offer| offer.options.as_slice()).unwrap_or_default()
    }
}

fn later(since: Timestamp, by: SignedDuration) -> Option<Timestamp> {
    since.checked_add(by).ok()
}
