//! One execution, performed.
//!
//! A driver owns the machine and the browser of one execution as long as its worker holds the lease. It feeds the machine
//! what happened, makes durable what the machine decided, and only then performs it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

use super::super::Inner;
use super::super::error::{EngineError, EngineErrorKind};
use super::super::live::SessionSlot;
use super::super::loading::{Folded, Weight, event_of};
use super::super::shutdown::Shutdown;
use super::commit::StoreClock;
use super::jobs::Jobs;
use super::lease::Lease;
use super::options::WorkerOptions;
use super::perform::{Context, Done};
use super::secret_source::declared_by;
use super::session::close;
use crate::browser::{Effect, Session};
use crate::execution::{Actor, Execution, Input};
use crate::ids::WorkerId;
use crate::recovery::{ErrorKind, Failure};
use crate::store::{Claim, ClaimedJournal, Loaded, Scope};

/// How long an action may take to tell that its browser is gone, before it is told for it.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How soon a journal is read again that could not be reached.
const RETRY: Duration = Duration::from_millis(200);

/// How many events of others are folded in at a time.
const CATCH_UP: u32 = 500;

/// How long a browser that is being opened or closed is waited for in the end.
const FINISH: Duration = Duration::from_secs(10);

/// So many claims in a row without an event are one too many.
const POISONED: u32 = 5;

/// Why a driver ends before the execution is finished or parked.
#[derive(Debug)]
pub(super) enum Stop {
    /// The lease is lost: another worker may be at it. Nothing more may be done.
    Lost,
    /// Something else.
    Failed(EngineError),
}

impl From<EngineError> for Stop {
    fn from(error: EngineError) -> Self {
        Self::Failed(error)
    }
}

/// What a driver is made of.
#[derive(Debug, Clone)]
pub(super) struct Assignment {
    pub(super) engine: Arc<Inner>,
    pub(super) options: Arc<WorkerOptions>,
    pub(super) lease: Arc<Lease>,
    pub(super) shutdown: Shutdown,
    pub(super) slot: SessionSlot,
}

/// Performs one execution.
#[derive(Debug)]
pub(super) struct Driver {
    pub(super) engine: Arc<Inner>,
    pub(super) options: Arc<WorkerOptions>,
    pub(super) lease: Arc<Lease>,
    pub(super) actor: Actor,
    pub(super) machine: Execution,
    pub(super) weight: Weight,
    pub(super) clock: StoreClock,
    pub(super) context: Context,
    pub(super) jobs: Jobs,
    pub(super) slot: SessionSlot,
    /// Facts that are known and not yet told.
    pub(super) facts: VecDeque<Input>,
    /// The worker ends: no further action is begun.
    pub(super) leaving: bool,
    /// The lease has been given back.
    pub(super) released: bool,
    /// When the machine asked to be woken, and the moment before which it is not.
    pub(super) wake_at: Option<Timestamp>,
    pub(super) floor: Instant,
    /// The last action that was begun here.
    pub(super) last_op: u64,
    shutdown: Shutdown,
    /// The browser is gone; told when the action in hand has told its own end.
    losing: Option<(Failure, Instant)>,
}

/// What a driver waits for.
enum Happening {
    Fact(Done),
    Lost(Failure),
    LastWords,
    Grown,
    Look,
    Wake,
    Leave,
    Expired,
}

impl Driver {
    /// Loads what was claimed and performs it to its end, or until it is parked, handed over or lost.
    pub(super) async fn drive(assignment: Assignment, claim: Claim) -> Result<(), Stop> {
        let claims_without_event = claim.claims_without_event;
        let mut driver = Self::load(assignment, claim).await?;
        let ended = driver.work(claims_without_event).await;
        driver.finish().await;
        if driver.machine.status().is_final() {
            driver.engine.given.forget(driver.lease.execution);
        }
        ended
    }

    async fn load(assignment: Assignment, claim: Claim) -> Result<Self, Stop> {
        let Assignment { engine, options, lease, shutdown, slot } = assignment;
        let Claim { record, journal, now, .. } = claim;
        let folded = match journal {
            Some(ClaimedJournal { snapshot, tail }) => {
                engine.fold_loaded(&Scope::System, Loaded { record, snapshot, tail, now }).await?
            }
            None => engine.fold(&Scope::System, lease.execution).await?,
        };
        let Folded { record, machine, now, weight, .. } = folded;
        if record.epoch != lease.epoch {
            return Err(Stop::Lost);
        }
        let context = Context {
            declared: declared_by(&engine, machine.plan(), record.id).await?,
            engine: engine.clone(),
            record: Arc::new(record),
            gate: lease.gate(),
            grace: options.grace,
            open_timeout: options.open_timeout,
        };
        Ok(Self {
            actor: Actor::Worker(Arc::from(options.id.as_str())),
            engine,
            options,
            lease,
            machine,
            weight,
            clock: StoreClock::new(now),
            context,
            jobs: Jobs::default(),
            slot,
            facts: VecDeque::new(),
            leaving: false,
            released: false,
            wake_at: None,
            floor: Instant::now(),
            last_op: 0,
            shutdown,
            losing: None,
        })
    }

    pub(super) fn worker(&self) -> &WorkerId {
        &self.options.id
    }

    async fn work(&mut self, claims_without_event: u32) -> Result<(), Stop> {
        if claims_without_event >= POISONED {
            return self.poison().await;
        }
        let mut first = Vec::new();
        if self.machine.has_session() || self.machine.in_flight().is_some() {
            first.push(Input::WorkerLost);
        }
        first.push(Input::Wake);
        self.advance(first).await?;
        while !self.released {
            if let Some(fact) = self.facts.pop_front() {
                self.advance(vec![fact]).await?;
                continue;
            }
            if self.jobs.action().is_none() {
                if let Some((failure, _)) = self.losing.take() {
                    self.advance(vec![Input::SessionLost { failure }]).await?;
                    continue;
                }
                if self.leaving {
                    return self.leave().await;
                }
            }
            let happening = self.next().await;
            self.handle(happening).await?;
        }
        Ok(())
    }

    /// Waits for the next thing that concerns the machine.
    async fn next(&mut self) -> Happening {
        let session = self.slot.get();
        let seen = self.machine.seq();
        let wake = self.wake_at.map(|wake| self.clock.instant(wake).max(self.floor));
        let last_words = self.last_words();
        let idle = self.jobs.is_empty();
        tokio::select! {
            biased;
            () = self.lease.lost() => Happening::Expired,
            () = self.lease.expired(), if self.jobs.action().is_none() => Happening::Expired,
            done = self.jobs.next() => Happening::Fact(done),
            failure = lost(session.as_deref()) => Happening::Lost(failure),
            () = until(last_words) => Happening::LastWords,
            () = self.shutdown.begun(), if !self.leaving => Happening::Leave,
            () = self.lease.beyond(seen) => Happening::Grown,
            () = until(wake) => Happening::Wake,
            () = tokio::time::sleep(self.options.poll), if idle => Happening::Look,
        }
    }

    async fn handle(&mut self, happening: Happening) -> Result<(), Stop> {
        match happening {
            Happening::Fact(Done::Fact(fact)) => self.advance(vec![*fact]).await,
            Happening::Fact(Done::Opened { session, restored }) => {
                if let Some(old) = self.slot.take() {
                    close(&*old).await;
                }
                self.slot.put(session);
                self.advance(vec![Input::SessionReady { restored }]).await
            }
            Happening::Lost(failure) => {
                self.lose_session(failure).await;
                Ok(())
            }
            Happening::LastWords => {
                if let Some((failure, _)) = self.losing.clone() {
                    self.cancel_action(failure);
                }
                Ok(())
            }
            Happening::Grown => self.catch_up().await,
            Happening::Look => self.look().await,
            Happening::Wake => self.advance(vec![Input::Wake]).await,
            Happening::Leave => {
                self.leaving = true;
                Ok(())
            }
            Happening::Expired => Err(Stop::Lost),
        }
    }

    /// The browser is gone. The action in hand knows better what it did, so it is heard first.
    async fn lose_session(&mut self, failure: Failure) {
        tracing::warn!(%failure, "the browser is gone");
        if let Some(session) = self.slot.take() {
            close(&*session).await;
        }
        self.jobs.keep_only(&[]);
        self.losing = Some((failure, Instant::now() + LAST_WORDS));
    }

    /// When an action that needs the lost page is told to have failed. One that needs no page is let go on.
    fn last_words(&self) -> Option<Instant> {
        let (_, until) = self.losing.as_ref()?;
        self.jobs.action_needs_page().then_some(*until)
    }

    /// Ends the action in hand, and notes that it is not known what it did.
    pub(super) fn cancel_action(&mut self, failure: Failure) {
        let Some(op) = self.jobs.action() else { return };
        if self.jobs.cancel_action(op).is_some() {
            let effect = Effect::Possible;
            self.facts.push_back(Input::ActionFailed { op, failure, effect, outcome: None });
        }
    }

    /// Looks whether others have appended, where no notice came.
    async fn look(&mut self) -> Result<(), Stop> {
        match self.engine.grown(&Scope::System, self.lease.execution, self.machine.seq()).await {
            Ok(true) => self.catch_up().await,
            Ok(false) => Ok(()),
            Err(error) if error.is_retryable() => Ok(()),
            Err(error) => Err(EngineError::of_store("read the journal", error).into()),
        }
    }

    /// Others have appended: what they said is folded in, and decides what is done from here on.
    async fn catch_up(&mut self) -> Result<(), Stop> {
        let (id, seen) = (self.lease.execution, self.machine.seq());
        match self.engine.store.journal(&Scope::System, id, seen, CATCH_UP).await {
            Ok(entries) => {
                for entry in &entries {
                    self.machine.apply(&event_of(id, entry)?);
                    self.weight.events += 1;
                    self.weight.bytes += entry.event.len();
                }
            }
            Err(error) if error.is_retryable() => {
                tracing::warn!(%error, "the journal cannot be reached; tried again");
                tokio::time::sleep(RETRY).await;
                return Ok(());
            }
            Err(error) => return Err(EngineError::of_store("read the journal", error).into()),
        }
        self.advance(vec![Input::Wake]).await
    }

    /// Folds the journal anew.
    pub(super) async fn refold(&mut self) -> Result<(), Stop> {
        loop {
            match self.engine.fold(&Scope::System, self.lease.execution).await {
                Ok(folded) if folded.record.epoch != self.lease.epoch => return Err(Stop::Lost),
                Ok(folded) => {
                    self.machine = folded.machine;
                    self.wake_at = self.machine.wake_at();
                    self.weight = folded.weight;
                    self.clock = StoreClock::new(folded.now);
                    return Ok(());
                }
                Err(error)
                    if error.kind() == EngineErrorKind::Unavailable && !self.lease.left().is_zero() =>
                {
                    tracing::warn!(%error, "the journal cannot be reached; tried again");
                    tokio::time::sleep(RETRY).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The worker ends: the browser's state is kept, the browser closed, and the execution given to whoever comes next.
    async fn leave(&mut self) -> Result<(), Stop> {
        self.jobs.keep_only(&[]);
        let mut last = Vec::new();
        if let Some(session) = self.slot.take() {
            let state = self.context.kept_state(&*session).await;
            last.push(Input::BrowserStateSaved { state });
            close(&*session).await;
            last.push(Input::SessionClosed);
        }
        self.release(last).await
    }

    /// Closes what is still open. Nothing is written any more.
    async fn finish(&mut self) {
        let patience = Instant::now() + FINISH;
        while self.jobs.is_opening_or_closing() {
            match tokio::time::timeout_at(patience, self.jobs.next()).await {
                Ok(Done::Opened { session, .. }) => close(&*session).await,
                Ok(Done::Fact(_)) => {}
                Err(_) => break,
            }
        }
        self.jobs.abort_all();
        if let Some(session) = self.slot.take() {
            close(&*session).await;
        }
    }
}

/// The failure that an action ends with that was cancelled.
pub(super) fn cancelled() -> Failure {
    Failure::new(ErrorKind::Timeout, "the action was cancelled").with_reason("cancelled")
}

async fn lost(session: Option<&dyn Session>) -> Failure {
    match session {
        Some(session) => session.lost().await.failure(),
        None => std::future::pending().await,
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
