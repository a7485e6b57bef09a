//! Workers: they claim executions whose time has come, and perform them while they hold the lease.

mod advance;
mod batch;
mod commit;
mod driver;
mod jobs;
mod lease;
mod options;
mod perform;
mod renewal;
mod secret_source;
mod session;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::BoxStream;
use jiff::SignedDuration;
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;
use tracing::Instrument as _;

pub(super) use self::batch::batch;
pub(super) use self::commit::event_bytes;
pub use self::options::WorkerOptions;

use self::driver::{Assignment, Driver, Stop};
use self::lease::{Lease, Moment};
use self::renewal::{Held, Renewal};
use self::session::close;
use super::changes::{jittered, next, subscribe};
use super::live::SessionSlot;
use super::shutdown::Shutdown;
use super::{Engine, Inner};
use crate::execution::{Actor, Event, EventKind, FORMAT, PauseReason, Status};
use crate::ids::{BatchId, ExecutionId};
use crate::store::{Append, Claim, ClaimRequest, Expect, Notice, Scope, StoreError, Summary};

/// So many claims in a row without an event make an execution wait for a person.
const POISONED: u32 = 5;

/// How long an execution is left alone that this worker could not perform.
const BACK_OFF: Duration = Duration::from_secs(1);

/// What is due so soon is looked for at once: a timer would add to it, and what is known of the store's time is a little
/// less than what it is.
const SOON: Duration = Duration::from_millis(5);

/// What is due later than this is found by looking.
const FORESIGHT: Duration = Duration::from_secs(10);

/// Performs executions, whoever submitted them.
#[derive(Debug)]
pub struct Worker {
    engine: Engine,
    options: Arc<WorkerOptions>,
}

impl Worker {
    pub(super) fn new(engine: Engine, options: WorkerOptions) -> Self {
        Self { engine, options: Arc::new(options) }
    }

    /// Performs what is due until it is told to end: then it finishes the actions in hand, hands its executions over and
    /// returns. Dropping the future ends it suddenly, which the journal copes with.
    pub async fn run(self, shutdown: impl Into<Shutdown>) {
        let shutdown = shutdown.into();
        Work::new(self.engine.inner, self.options, shutdown).run().await;
    }
}

/// A driver under way.
#[derive(Debug)]
struct Driving {
    lease: Arc<Lease>,
    slot: SessionSlot,
    claim: Claim,
    /// Ends this one alone, or with the worker.
    shutdown: Shutdown,
}

/// What the store tells of, while it does.
type Notices = Option<BoxStream<'static, Notice>>;

/// A worker at work.
struct Work {
    engine: Arc<Inner>,
    options: Arc<WorkerOptions>,
    shutdown: Shutdown,
    drivers: JoinSet<Result<(), Stop>>,
    /// By the ids of their tasks.
    driving: BTreeMap<String, Driving>,
    held: Arc<Held>,
    /// Ends with the worker.
    _renewal: Renewal,
}

/// What a worker waits for.
enum Happening {
    Ended(Result<(Id, Result<(), Stop>), tokio::task::JoinError>),
    Notice(Option<Notice>),
    Poll,
    Shutdown,
    Sudden,
}

impl Work {
    fn new(engine: Arc<Inner>, options: Arc<WorkerOptions>, shutdown: Shutdown) -> Self {
        let held = Arc::new(Held::default());
        let renewal = Renewal::spawn(engine.clone(), options.clone(), held.clone());
        Self {
            engine,
            options,
            shutdown,
            drivers: JoinSet::new(),
            driving: BTreeMap::new(),
            held,
            _renewal: renewal,
        }
    }

    async fn run(&mut self) {
        let mut notices = subscribe(&self.engine).await;
        let mut draining = self.shutdown.has_begun();
        // When work is looked for next.
        let mut look = Instant::now();
        // What is looked for before it is surely due.
        let mut soon = None;
        loop {
            if draining && self.drivers.is_empty() {
                return;
            }
            if !draining && Instant::now() >= look {
                look = Instant::now() + jittered(self.options.poll);
                if let Some(again) = self.claim(soon.take()).await {
                    look = again;
                }
            }
            match self.next(&mut notices, draining, look).await {
                Happening::Ended(ended) => {
                    self.reap(ended).await;
                    look = Instant::now();
                }
                Happening::Notice(Some(notice)) => {
                    let now = Instant::now();
                    match self.note(&notice) {
                        Some(due) if due <= now + SOON => {
                            soon = Some((notice.execution, due)).filter(|(_, due)| *due > now);
                            look = now;
                        }
                        due => look = due.map_or(look, |due| due.min(look)),
                    }
                }
                Happening::Notice(None) | Happening::Poll => {
                    if notices.is_none() {
                        notices = subscribe(&self.engine).await;
                    }
                }
                Happening::Shutdown => draining = true,
                Happening::Sudden => {
                    self.drivers.abort_all();
                    return;
                }
            }
        }
    }

    async fn next(&mut self, notices: &mut Notices, draining: bool, look: Instant) -> Happening {
        let has_drivers = !self.drivers.is_empty();
        tokio::select! {
            biased;
            () = self.shutdown.sudden() => Happening::Sudden,
            () = self.shutdown.begun(), if !draining => Happening::Shutdown,
            Some(ended) = self.drivers.join_next_with_id(), if has_drivers => Happening::Ended(ended),
            notice = next(notices) => Happening::Notice(notice),
            // Without room there is nothing to look for; a driver that ends looks again.
            () = tokio::time::sleep_until(look), if !draining && self.room() > 0 => Happening::Poll,
        }
    }

    fn room(&self) -> u32 {
        let running = u32::try_from(self.drivers.len()).unwrap_or(u32::MAX);
        self.options.concurrency.saturating_sub(running)
    }

    /// Claims what is due; gives when there may be more: at once, or when that is due which was only `soon` to be.
    async fn claim(&mut self, soon: Option<(ExecutionId, Instant)>) -> Option<Instant> {
        let limit = self.room();
        if limit == 0 {
            return None;
        }
        let claimed = self.claim_up_to(limit).await;
        if claimed.len() as u64 >= u64::from(limit) {
            return Some(Instant::now());
        }
        soon.and_then(|(execution, due)| (!claimed.contains(&execution)).then_some(due))
    }

    /// Claims so many at most; gives which.
    async fn claim_up_to(&mut self, limit: u32) -> Vec<ExecutionId> {
        let request = ClaimRequest {
            worker: self.options.id.clone(),
            limit,
            lease: self.options.lease,
            max_format: FORMAT,
            per_owner: self.options.per_owner,
            global: self.options.global,
            only: self.options.only,
        };
        // The store cannot have read its clock before this.
        let sent = Moment::now();
        let claims = match self.engine.store.claim(request).await {
            Ok(claims) => claims,
            Err(error) => {
                tracing::warn!(%error, "no work can be claimed");
                return Vec::new();
            }
        };
        let mut claimed = Vec::new();
        for claim in claims {
            claimed.push(claim.record.id);
            self.begin(claim, sent);
        }
        claimed
    }

    fn begin(&mut self, claim: Claim, sent: Moment) {
        let record = &claim.record;
        let lease = Lease::new(record.id, record.epoch, self.options.lease, sent, record.head);
        self.held.add(lease.clone());
        let slot = self.engine.live.add(record.id, lease.gate());
        let shutdown = self.shutdown.child();
        let assignment = Assignment {
            engine: self.engine.clone(),
            options: self.options.clone(),
            lease: lease.clone(),
            shutdown: shutdown.clone(),
            slot: slot.clone(),
        };
        let span = tracing::info_span!(
            "execution", execution = %record.id, owner = %record.owner, document = %record.document, epoch = record.epoch.0
        );
        let kept = Claim { journal: None, ..claim.clone() };
        let drive = Driver::drive(assignment, claim);
        let task = self.drivers.spawn(drive.instrument(span));
        self.driving.insert(task.id().to_string(), Driving { lease, slot, claim: kept, shutdown });
    }

    /// A driver has ended.
    async fn reap(&mut self, ended: Result<(Id, Result<(), Stop>), tokio::task::JoinError>) {
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let Some(driving) = self.driving.remove(&id.to_string()) else { return };
        self.held.remove(&driving.lease);
        let execution = driving.claim.record.id;
        match ended {
            Ok((_, Ok(()))) => tracing::debug!(%execution, "finished or parked"),
            Ok((_, Err(Stop::Lost))) => {
                tracing::warn!(%execution, "the lease was lost");
                self.engine.observers.tell_lease_lost(execution);
            }
            Ok((_, Err(Stop::Failed(error)))) => {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%execution, %error, source, "the execution cannot be performed here");
                self.give_back(&driving).await;
            }
            Err(error) => {
                tracing::error!(%execution, %error, "a driver panicked");
                driving.lease.lose();
                if let Some(session) = driving.slot.take() {
                    close(&*session).await;
                }
                self.give_back(&driving).await;
            }
        }
    }

    /// Gives back what this worker could not perform: after a while, or to a person where it never gets anywhere.
    async fn give_back(&self, driving: &Driving) {
        let given = if driving.claim.claims_without_event >= POISONED {
            self.pause_poisoned(driving).await
        } else {
            self.release(driving).await
        };
        if let Err(error) = given {
            // The lease runs out by itself.
            tracing::warn!(%error, execution = %driving.claim.record.id, "it could not be given back");
        }
    }

    async fn release(&self, driving: &Driving) -> Result<(), StoreError> {
        let loaded = self.engine.store.load(&Scope::System, driving.claim.record.id).await?;
        let mut append = self.bare(driving, Expect::Seq(loaded.record.head));
        append.wake_at = loaded.now.checked_add(SignedDuration::try_from(BACK_OFF).unwrap_or_default()).ok();
        self.engine.store.append(append).await?;
        Ok(())
    }

    /// Pauses an execution that cannot even be loaded, without its machine.
    async fn pause_poisoned(&self, driving: &Driving) -> Result<(), StoreError> {
        let loaded = self.engine.store.load(&Scope::System, driving.claim.record.id).await?;
        let kind = EventKind::Paused { reason: PauseReason::Poisoned };
        let event = Event { at: loaded.now, actor: Actor::Engine, format: FORMAT, kind };
        let mut append = self.bare(driving, Expect::Seq(loaded.record.head));
        append.events = vec![event_bytes(&event)];
        append.summary = Some(Summary {
            status: Status::Paused,
            note: Some("it was claimed again and again without getting anywhere".to_owned()),
            ..loaded.record.summary
        });
        self.engine.store.append(append).await?;
        Ok(())
    }

    /// An append that releases the lease and says nothing.
    fn bare(&self, driving: &Driving, expect: Expect) -> Append {
        Append {
            scope: Scope::System,
            execution: driving.claim.record.id,
            batch_id: BatchId::generate(),
            expect,
            fence: Some((self.options.id.clone(), driving.lease.epoch)),
            require_unleased: false,
            starts_effect: false,
            events: Vec::new(),
            format: FORMAT,
            summary: None,
            wake_at: None,
            release: true,
            snapshot: None,
        }
    }

    /// Takes note of an append; gives when work should be looked for because of it.
    fn note(&self, notice: &Notice) -> Option<Instant> {
        let held = self.held.saw_head(notice.execution, notice.head);
        let elsewhere = self.options.only.is_some_and(|only| only != notice.execution);
        if held || elsewhere || notice.status.is_final() {
            return None;
        }
        // What another worker has is not ours before its lease ends: its steps, however many, wake nobody.
        let wake_at = notice.wake_at?;
        let due = notice.lease_until.map_or(wake_at, |until| until.max(wake_at));
        let wait = self.held.now().map_or(Duration::ZERO, |now| {
            Duration::try_from(due.duration_since(now)).unwrap_or(Duration::ZERO)
        });
        (wait < FORESIGHT).then(|| Instant::now() + wait)
    }
}
