//! Making what the machine decided durable.

use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::super::Inner;
use super::super::changes::jittered;
use super::super::loading::Weight;
use super::lease::{Lease, Moment};
use crate::execution::{Event, EventKind, Execution, FORMAT};
use crate::ids::{BatchId, Seq, WorkerId};
use crate::store::{Append, Appended, Expect, Scope, StoreError};

/// A snapshot is written when so many events stand behind the last one.
const SNAPSHOT_EVENTS: usize = 64;

/// Or when they outweigh it, and this.
const SNAPSHOT_BYTES: usize = 64 * 1024;

/// How much longer than its lease a worker tries to tell what it did. The store takes that as long as nobody else has
/// claimed the execution.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest wait between two attempts.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// An event as the journal keeps it.
///
/// # Panics
/// Never: an event holds nothing that JSON cannot say.
pub(in super::super) fn event_bytes(event: &Event) -> Bytes {
    Bytes::from(serde_json::to_vec(event).expect("an event is JSON"))
}

/// Where the first action of a batch is started.
pub(super) fn first_start(events: &[Event]) -> Option<usize> {
    events.iter().position(|event| matches!(event.kind, EventKind::ActionStarted { .. }))
}

/// A batch that a worker appends.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    pub(super) machine: &'a Execution,
    /// The place behind which it goes.
    pub(super) before: Seq,
    pub(super) events: &'a [Event],
    /// Whether the lease ends with it, whatever the machine needs.
    pub(super) release: bool,
    /// Whether the machine has gone on beyond these events, so that it cannot be summed up or kept.
    pub(super) cut: bool,
    pub(super) weight: Weight,
    pub(super) now: Timestamp,
}

impl Batch<'_> {
    /// Whether nothing has to be written.
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty() && !self.releases()
    }

    /// Whether the lease ends with it.
    pub(super) fn releases(&self) -> bool {
        self.release || (!self.cut && !self.machine.needs_worker())
    }

    /// What is appended, and how much stands behind the newest snapshot then.
    pub(super) fn request(&self, worker: &WorkerId, lease: &Lease) -> (Append, Weight) {
        let events: Vec<Bytes> = self.events.iter().map(event_bytes).collect();
        let mut weight = self.weight;
        weight.events += events.len();
        weight.bytes += events.iter().map(Bytes::len).sum::<usize>();
        let snapshot = self.wants_snapshot(weight).then(|| Bytes::from(self.machine.snapshot()));
        if let Some(snapshot) = &snapshot {
            weight = Weight { events: 0, bytes: 0, snapshot: snapshot.len() };
        }
        let needed = self.cut || self.machine.needs_worker();
        let append = Append {
            scope: Scope::System,
            execution: lease.execution,
            batch_id: BatchId::generate(),
            expect: Expect::Seq(self.before),
            fence: Some((worker.clone(), lease.epoch)),
            require_unleased: false,
            starts_effect: first_start(self.events).is_some(),
            events,
            format: FORMAT,
            summary: (!self.cut).then(|| self.machine.summary()),
            wake_at: if needed { Some(self.now) } else { self.machine.wake_at() },
            release: self.releases(),
            snapshot,
        };
        (append, weight)
    }

    /// A parked execution is loaded by whoever asks for it, so it gets a snapshot; a finished one is not worked on.
    fn wants_snapshot(&self, weight: Weight) -> bool {
        if self.cut || weight.events == 0 || self.machine.status().is_final() {
            return false;
        }
        self.releases()
            || weight.events >= SNAPSHOT_EVENTS
            || weight.bytes > weight.snapshot.max(SNAPSHOT_BYTES)
    }
}

impl Inner {
    /// Appends, and sends the same batch again while the store does not answer. Renews the lease.
    pub(super) async fn append_fenced(&self, lease: &Lease, request: Append) -> Result<Appended, StoreError> {
        // A batch that is sent again may give its first result, so only the first sending counts for the lease.
        let sent = Moment::now();
        let mut wait = Duration::from_millis(25);
        let mut give_up = None;
        loop {
            match self.store.append(request.clone()).await {
                Ok(appended) => {
                    lease.renewed(sent);
                    return Ok(appended);
                }
                Err(error) if error.is_retryable() => {
                    if lease.left().is_zero() {
                        let until = *give_up.get_or_insert_with(|| Instant::now() + PATIENCE);
                        if Instant::now() >= until {
                            return Err(error);
                        }
                    }
                    tracing::warn!(%error, "the journal cannot be reached; sent again");
                }
                Err(error) => return Err(error),
            }
            tokio::time::sleep(jittered(wait)).await;
            wait = (wait * 2).min(MAX_WAIT);
        }
    }
}

/// The store's time, between two answers of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct StoreClock {
    told: Timestamp,
    at: Instant,
}

impl StoreClock {
    pub(super) fn new(told: Timestamp) -> Self {
        Self { told, at: Instant::now() }
    }

    pub(super) fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.at.elapsed()).unwrap_or(SignedDuration::MAX);
        self.told.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
    }

    /// When a time of the store will have come.
    pub(super) fn instant(&self, time: Timestamp) -> Instant {
        let wait = Duration::try_from(time.duration_since(self.told)).unwrap_or(Duration::ZERO);
        // A wait of centuries overflows what a timer takes; it is looked at again long before.
        self.at + wait.min(Duration::from_secs(24 * 60 * 60))
    }
}
