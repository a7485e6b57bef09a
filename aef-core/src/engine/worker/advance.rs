//! Stepping the machine, and doing what it says once that is durable.

use std::time::Duration;

use tokio::time::Instant;
use tracing::Instrument as _;

use super::super::error::EngineError;
use super::commit::{Batch, StoreClock, first_start};
use super::driver::{Driver, Stop, cancelled};
use super::perform::{Context, Task};
use crate::execution::{Command, Event, Input, Status, Step};
use crate::ids::Seq;
use crate::store::{StoreError, StoreErrorKind};

/// How soon the machine is woken again that had nothing to do.
const WAKE_FLOOR: Duration = Duration::from_millis(50);

/// How often in a row others may append first.
const CONFLICTS: u32 = 64;

/// What came of an append.
enum Commit {
    Durable,
    /// Others appended first; nothing was written.
    Conflict,
    /// The lease has run out, so that no action may begin; nothing was written.
    TooLate,
}

impl Driver {
    /// Tells the machine what happened, makes durable what it decides, and does it. What it says replaces what is under
    /// way, except the action in hand.
    pub(super) async fn advance(&mut self, mut inputs: Vec<Input>) -> Result<(), Stop> {
        for _ in 0..CONFLICTS {
            let before = self.machine.seq();
            let decided = self.step(&inputs);
            match self.commit(before, &decided.events, false).await? {
                Commit::Durable if self.leaving && first_start(&decided.events).is_some() => {
                    // The machine has begun an action that is not performed here; the journal knows nothing of it.
                    return self.refold().await;
                }
                Commit::Durable => {
                    self.perform(decided).await;
                    return Ok(());
                }
                Commit::Conflict => {
                    self.refold().await?;
                    if !matches!(inputs.last(), Some(Input::Wake)) {
                        inputs.push(Input::Wake);
                    }
                }
                Commit::TooLate => {
                    self.leaving = true;
                    self.refold().await?;
                }
            }
        }
        Err(busy().into())
    }

    /// Gives the execution back, with these facts.
    pub(super) async fn release(&mut self, inputs: Vec<Input>) -> Result<(), Stop> {
        for _ in 0..CONFLICTS {
            let before = self.machine.seq();
            let decided = self.step(&inputs);
            match self.commit(before, &decided.events, true).await? {
                Commit::Durable => return Ok(()),
                Commit::Conflict | Commit::TooLate => self.refold().await?,
            }
        }
        Err(busy().into())
    }

    /// It was claimed again and again without getting anywhere: a person has to look at it.
    pub(super) async fn poison(&mut self) -> Result<(), Stop> {
        tracing::error!("claimed again and again without an event; it is paused");
        for _ in 0..CONFLICTS {
            let before = self.machine.seq();
            let step = self.machine.poison(self.clock.now(), &self.actor);
            match self.commit(before, &step.events, true).await? {
                Commit::Durable => return Ok(()),
                Commit::Conflict | Commit::TooLate => self.refold().await?,
            }
        }
        Err(busy().into())
    }

    /// Steps the machine through all inputs, as one batch.
    fn step(&mut self, inputs: &[Input]) -> Step {
        let now = self.clock.now();
        let mut decided = Step::default();
        for input in inputs {
            match self.machine.step(now, &self.actor, input.clone()) {
                Ok(step) => {
                    decided.events.extend(step.events);
                    // Each step says all that is to be done then; only the cancelling of an action outlives the next.
                    decided.commands.retain(|command| matches!(command, Command::CancelAction { .. }));
                    decided.commands.extend(step.commands);
                    decided.wake_at = step.wake_at;
                }
                Err(rejected) => tracing::warn!(%rejected, "a fact makes no sense to the machine"),
            }
        }
        decided
    }

    /// Appends events. A worker that leaves writes no start of an action.
    async fn commit(&mut self, before: Seq, events: &[Event], release: bool) -> Result<Commit, Stop> {
        let start = first_start(events).filter(|_| self.leaving);
        let kept = &events[..start.unwrap_or(events.len())];
        let batch = Batch {
            machine: &self.machine,
            before,
            events: kept,
            release,
            cut: start.is_some(),
            weight: self.weight,
            now: self.clock.now(),
        };
        if batch.is_empty() {
            return Ok(Commit::Durable);
        }
        let releases = batch.releases();
        let (request, weight) = batch.request(self.worker(), &self.lease);
        let starts = request.starts_effect;
        match self.engine.append_fenced(&self.lease, request).await {
            Ok(appended) => {
                self.clock = StoreClock::new(appended.now);
                self.weight = weight;
                self.released = releases;
                let record = &self.context.record;
                self.engine.observers.tell(record.id, &record.owner, before, kept);
                Ok(Commit::Durable)
            }
            Err(error) => refused(error, starts),
        }
    }

    /// Does what the machine says.
    async fn perform(&mut self, decided: Step) {
        self.wake_at = decided.wake_at;
        if decided.events.is_empty() && decided.commands.is_empty() {
            // Nothing came of it, so nothing comes of it at once either.
            self.floor = Instant::now() + WAKE_FLOOR;
        }
        if self.released {
            return;
        }
        self.slot.follow(self.machine.status() == Status::TakenOver).await;
        self.jobs.keep_only(&decided.commands);
        for command in decided.commands {
            self.start(command);
        }
    }

    fn start(&mut self, command: Command) {
        let context = self.context.clone();
        let session = self.slot.get();
        match command.clone() {
            Command::OpenSession(open) => {
                self.context.note_origins(&open.config);
                self.jobs.start(command, context.open(*open).in_current_span());
            }
            Command::Observe { token, conditions, timeout } => {
                let work = context.observe(session, token, conditions, timeout);
                self.jobs.start(command, work.in_current_span());
            }
            // An action is performed once, whatever the machine says again before it has heard of the outcome.
            Command::PerformAction { op, .. } if op <= self.last_op => {}
            Command::PerformAction { op, step, action, timeout } => {
                self.last_op = op;
                let attempt = self.machine.attempt();
                let span = tracing::info_span!("action", %step, action = action.kind.name(), attempt, op);
                let work = context.perform(session, Task { op, step, action, timeout });
                self.jobs.start(command, work.instrument(span));
            }
            Command::CaptureEvidence { token, screenshot, fingerprints } => {
                let work = context.capture(session, token, screenshot, fingerprints);
                self.jobs.start(command, work.in_current_span());
            }
            Command::SaveBrowserState => {
                self.jobs.start(command, context.save_state(session).in_current_span());
            }
            Command::CloseSession => {
                let work = Context::close(self.slot.take());
                self.jobs.start(command, work.in_current_span());
            }
            Command::CancelAction { op } if self.jobs.action() == Some(op) => self.cancel_action(cancelled()),
            Command::CancelAction { .. } => {}
        }
    }
}

/// What it means that the store refuses a batch.
fn refused(error: StoreError, starts: bool) -> Result<Commit, Stop> {
    let kind = error.kind();
    if kind == StoreErrorKind::Conflict {
        return Ok(Commit::Conflict);
    }
    if kind == StoreErrorKind::LeaseLost && starts {
        return Ok(Commit::TooLate);
    }
    if matches!(kind, StoreErrorKind::LeaseLost | StoreErrorKind::Finished | StoreErrorKind::NotFound) {
        tracing::warn!(%error, "the execution is no longer this worker's");
        return Err(Stop::Lost);
    }
    Err(EngineError::of_store("append to the journal", error).into())
}

fn busy() -> EngineError {
    let message = "others changed the execution at the same time";
    EngineError::new("append to the journal", super::super::error::EngineErrorKind::Busy, message)
}
