//! A worker's hold on an execution, and how it fences itself.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::browser::InputGate;
use crate::ids::{Epoch, ExecutionId, Seq};

/// How much earlier than the store a worker takes its lease to end.
const MARGIN: Duration = Duration::from_secs(3);

/// A moment, on two clocks of which either may be the later one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// Does not count the time in which the computer was suspended.
    running: Instant,
    /// Counts it.
    passed: Option<Duration>,
}

impl Moment {
    pub(super) fn now() -> Self {
        Self { running: Instant::now(), passed: passed() }
    }

    /// How long this moment lies back, by the clock that says more.
    fn elapsed(self) -> Duration {
        let passed = self.passed.zip(passed()).map_or(Duration::ZERO, |(then, now)| now.saturating_sub(then));
        self.running.elapsed().max(passed)
    }
}

#[cfg(target_os = "linux")]
fn passed() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).ok()?;
    let nanos = u32::try_from(time.tv_nsec).ok()?;
    Some(Duration::new(seconds, nanos))
}

#[cfg(not(target_os = "linux"))]
fn passed() -> Option<Duration> {
    None
}

/// The lease of one execution, shared by the task that performs it and the one that renews it.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) execution: ExecutionId,
    pub(super) epoch: Epoch,
    length: Duration,
    /// When the request was sent that last got or renewed it: the store cannot have read its clock before.
    sent: Mutex<Moment>,
    lost: CancellationToken,
    /// How far the journal is known to be.
    head: watch::Sender<Seq>,
}

impl Lease {
    pub(super) fn new(
        execution: ExecutionId,
        epoch: Epoch,
        length: Duration,
        sent: Moment,
        head: Seq,
    ) -> Arc<Self> {
        Arc::new(Self {
            execution,
            epoch,
            length,
            sent: Mutex::new(sent),
            lost: CancellationToken::new(),
            head: watch::Sender::new(head),
        })
    }

    /// The lease was renewed by a request that was sent then.
    pub(super) fn renewed(&self, sent: Moment) {
        let mut known = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        // Answers may overtake each other; the later request counts.
        if sent.running > known.running {
            *known = sent;
        }
    }

    /// Another worker has it, or it has ended.
    pub(super) fn lose(&self) {
        self.lost.cancel();
    }

    /// How long input may still be sent.
    pub(super) fn left(&self) -> Duration {
        if self.lost.is_cancelled() {
            return Duration::ZERO;
        }
        let sent = *self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        self.length.saturating_sub(MARGIN.min(self.length / 4)).saturating_sub(sent.elapsed())
    }

    /// The gate that shuts when the lease is lost or runs out.
    pub(super) fn gate(self: &Arc<Self>) -> InputGate {
        let lease = self.clone();
        InputGate::new(move || lease.left())
    }

    /// Waits until the lease is known to be lost.
    pub(super) async fn lost(&self) {
        self.lost.cancelled().await;
    }

    /// Waits until the lease has run out without being renewed.
    pub(super) async fn expired(&self) {
        loop {
            let left = self.left();
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }

    /// The journal was seen to end at `head`, or beyond.
    pub(super) fn saw_head(&self, head: Seq) {
        self.head.send_if_modified(|known| {
            let grown = head > *known;
            *known = head.max(*known);
            grown
        });
    }

    /// Waits until the journal is known to go beyond `seen`.
    pub(super) async fn beyond(&self, seen: Seq) {
        let mut head = self.head.subscribe();
        // The sender lives as long as `self`.
        let _ = head.wait_for(|head| *head > seen).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(sent: Moment) -> Arc<Lease> {
        Lease::new(ExecutionId::generate(), Epoch(1), Duration::from_secs(15), sent, Seq(0))
    }

    #[tokio::test(start_paused = true)]
    async fn the_gate_shuts_three_seconds_early_and_counts_from_the_request() {
        let sent = Moment::now();
        tokio::time::advance(Duration::from_secs(4)).await;
        let lease = lease(sent);
        let gate = lease.gate();
        assert!(gate.left() <= Duration::from_secs(8), "{:?}", gate.left());
        tokio::time::advance(Duration::from_secs(7)).await;
        assert!(!gate.is_shut());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(gate.is_shut());
        lease.expired().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_opens_it_longer_but_an_older_one_that_comes_late_does_not() {
        let first = Moment::now();
        let lease = lease(first);
        tokio::time::advance(Duration::from_secs(10)).await;
        lease.renewed(Moment::now());
        lease.renewed(first);
        assert!(lease.left() > Duration::from_secs(11), "{:?}", lease.left());
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_lease_shuts_at_once_and_for_good() {
        let lease = lease(Moment::now());
        lease.lose();
        lease.renewed(Moment::now());
        assert!(lease.gate().is_shut());
        lease.lost().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_is_told_once_it_goes_beyond_what_was_seen() {
        let lease = lease(Moment::now());
        lease.saw_head(Seq(5));
        lease.saw_head(Seq(3));
        lease.beyond(Seq(4)).await;
        let wait = tokio::time::timeout(Duration::from_secs(1), lease.beyond(Seq(5)));
        assert!(wait.await.is_err(), "5 is not beyond 5");
    }
}
