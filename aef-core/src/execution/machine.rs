//! The machine: one execution, driven by inputs, folded from its journal.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::checkpoint::Answer;
use super::command::{Command, Input, Rejected, Step};
use super::event::{Actor, Event, EventKind, FORMAT};
use super::state::{At, FrameKind, InFlight, State};
use super::status::{PauseReason, Status};
use crate::ids::{ExecutionId, Seq, StepId};
use crate::plan::{BlockIx, Plan, PlanAction, PlanHandler, PlanKind, StepIx};

/// No step emits more events at once; the rest follows at the next wake, which is due at once.
const BATCH: usize = 200;

/// One execution of a plan: the fold of its journal.
///
/// # Driving an execution
/// 1. [`step`](Self::step) an input, with the store's time.
/// 2. Append [`Step::events`] to the journal. If that fails, throw the machine away and load it again.
/// 3. Only then perform [`Step::commands`], and step what comes of them.
/// 4. Step [`Input::Wake`] again at [`Step::wake_at`].
///
/// Whoever loads an execution that another worker held steps [`Input::WorkerLost`] first and [`Input::Wake`] then.
/// People's inputs never start work: only facts and [`Input::Wake`] do, which come from the worker that holds the lease.
#[derive(Debug, Clone)]
pub struct Execution {
    pub(super) id: ExecutionId,
    pub(super) plan: Arc<Plan>,
    pub(super) state: State,
    /// The action that this machine itself has just started. A machine that was loaded never performs what another one
    /// has started.
    pub(super) fresh: Option<u64>,
    /// What the page answered, as long as nothing has happened since.
    pub(super) seen: Option<super::flow::Seen>,
    /// The work of each block, in leaf steps.
    pub(super) work: Arc<Vec<u64>>,
    timezone: Arc<str>,
}

/// What an execution is made of.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    /// Its inputs, checked and with defaults filled in.
    pub inputs: Value,
    /// Whether it is held until it is started.
    pub held: bool,
    /// Whether it is stopped before the first step that may change something.
    pub dry_run: bool,
    /// Not before.
    pub start_at: Option<Timestamp>,
    /// The execution it is forked from.
    pub parent: Option<ExecutionId>,
    /// Where the fork begins.
    pub seed: Option<Box<Value>>,
}

/// A snapshot that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the snapshot of {execution} cannot be read")]
pub struct SnapshotError {
    execution: ExecutionId,
    #[source]
    source: serde_json::Error,
}

/// The events and commands of one step, as they come together.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    pub(super) now: Timestamp,
    pub(super) actor: &'a Actor,
    pub(super) events: Vec<Event>,
    pub(super) commands: Vec<Command>,
}

impl Execution {
    /// An execution with an empty journal.
    #[must_use]
    pub fn new(id: ExecutionId, plan: Arc<Plan>) -> Self {
        let work = Arc::new(super::progress::block_work(&plan));
        let timezone = plan.settings.timezone.as_str().into();
        Self { id, plan, state: State::new(), fresh: None, seen: None, work, timezone }
    }

    /// Takes an execution up from a snapshot. Ask for [`missing_items`](Self::missing_items) next.
    ///
    /// # Errors
    /// Where the snapshot is damaged or was written by a newer version.
    pub fn restore(id: ExecutionId, plan: Arc<Plan>, snapshot: &[u8]) -> Result<Self, SnapshotError> {
        let mut execution = Self::new(id, plan);
        execution.state =
            serde_json::from_slice(snapshot).map_err(|source| SnapshotError { execution: id, source })?;
        Ok(execution)
    }

    /// Writes a snapshot: JSON, without the items of loops, which stand in the journal.
    ///
    /// # Panics
    /// Never: the state holds nothing that JSON cannot.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        serde_json::to_vec(&self.state).expect("the state is plain data")
    }

    /// The places of the events whose items [`supply_items`](Self::supply_items) must be given after a restore.
    #[must_use]
    pub fn missing_items(&self) -> Vec<Seq> {
        let loops = self.state.frames.iter().filter_map(|frame| match &frame.kind {
            FrameKind::Loop(each) if each.items.is_none() => each.items_at,
            FrameKind::Loop(_) | FrameKind::Group | FrameKind::Branch { .. } | FrameKind::Handler { .. } => {
                None
            }
        });
        loops.collect()
    }

    /// Makes the first event.
    pub fn queue(&mut self, now: Timestamp, actor: &Actor, queue: Queue) -> Step {
        let mut batch = Batch::new(now, actor);
        let Queue { inputs, held, dry_run, start_at, parent, seed } = queue;
        let inputs = Arc::new(inputs);
        self.emit(&mut batch, EventKind::Queued { inputs, held, dry_run, start_at, parent, seed });
        self.finish(batch)
    }

    /// Steps the machine. It changes itself: where the events cannot be appended, throw it away.
    ///
    /// # Errors
    /// A person's input that makes no sense now; nothing has changed then. Facts are never rejected: one that is out of
    /// date has no effect.
    pub fn step(&mut self, now: Timestamp, actor: &Actor, input: Input) -> Result<Step, Rejected> {
        let now = now.max(self.state.last_at);
        let mut batch = Batch::new(now, actor);
        if input.is_fact() {
            self.fact(&mut batch, input);
            if !self.state.status().is_final() {
                self.advance(&mut batch);
            }
            return Ok(self.finish(batch));
        }
        if self.due(now).is_none() {
            self.person(&mut batch, input)?;
            return Ok(self.finish(batch));
        }
        // A timer is due: it fires first, and the input must make sense after it. On a copy, so that a rejected input
        // leaves everything as it was.
        let mut next = self.clone();
        next.fire(&mut batch);
        next.person(&mut batch, input)?;
        *self = next;
        Ok(self.finish(batch))
    }

    /// What a worker must do that has just loaded this execution.
    #[must_use]
    pub fn pending(&self) -> Vec<Command> {
        match self.next(self.state.last_at) {
            super::flow::Next::Do(command) => vec![command],
            super::flow::Next::Emit(_) | super::flow::Next::Wait => Vec::new(),
        }
    }

    /// Sets an execution aside that was claimed again and again without getting anywhere.
    pub fn poison(&mut self, now: Timestamp, actor: &Actor) -> Step {
        let mut batch = Batch::new(now.max(self.state.last_at), actor);
        self.fact(&mut batch, Input::WorkerLost);
        if !self.state.status().is_final() {
            self.emit(&mut batch, EventKind::Paused { reason: PauseReason::Poisoned });
        }
        self.finish(batch)
    }

    fn advance(&mut self, batch: &mut Batch<'_>) {
        self.fire(batch);
        while batch.events.len() < BATCH {
            match self.next(batch.now) {
                super::flow::Next::Emit(kind) => {
                    let started = matches!(kind, EventKind::ActionStarted { .. });
                    self.emit(batch, kind);
                    if started {
                        self.fresh = Some(self.state.ops);
                    }
                }
                super::flow::Next::Do(command) => {
                    batch.commands.push(command);
                    return;
                }
                super::flow::Next::Wait => return,
            }
            if self.state.status().is_final() {
                return;
            }
        }
    }

    fn fire(&mut self, batch: &mut Batch<'_>) {
        while let Some((_, kind)) = self.due(batch.now) {
            // A timer is the engine's doing, whoever happens to step.
            let event = Event { at: batch.now, actor: Actor::Engine, format: FORMAT, kind };
            self.apply(&event);
            batch.events.push(event);
            if batch.events.len() >= BATCH {
                return;
            }
        }
    }

    pub(super) fn emit(&mut self, batch: &mut Batch<'_>, kind: EventKind) {
        // A standing answer is given in the name of the person who gave it, by whichever worker comes upon the question.
        let standing = if let EventKind::CheckpointAnswered { step, .. } = &kind
            && matches!(batch.actor, Actor::Worker(_))
        {
            self.standing(step).map(|(person, _)| person.clone())
        } else {
            None
        };
        let actor = standing.unwrap_or_else(|| batch.actor.clone());
        let event = Event { at: batch.now, actor, format: FORMAT, kind };
        self.apply(&event);
        batch.events.push(event);
    }

    fn finish(&mut self, batch: Batch<'_>) -> Step {
        let wake_at = if batch.events.len() >= BATCH { Some(batch.now) } else { self.wake_at() };
        Step { events: batch.events, commands: batch.commands, wake_at }
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> ExecutionId {
        self.id
    }

    /// The plan it runs.
    #[must_use]
    pub const fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The place of the last event folded.
    #[must_use]
    pub const fn seq(&self) -> Seq {
        self.state.seq
    }

    /// What it was given, defaults filled in; null while it is held and was given nothing yet.
    #[must_use]
    pub fn inputs(&self) -> &serde_json::Value {
        self.state.inputs.json()
    }

    /// Where it stands.
    #[must_use]
    pub fn status(&self) -> Status {
        self.state.status()
    }

    /// Whether the journal says that a browser is open.
    #[must_use]
    pub const fn has_session(&self) -> bool {
        self.state.session
    }

    /// The action that was started and has no outcome yet.
    #[must_use]
    pub fn in_flight(&self) -> Option<u64> {
        self.state.in_flight.as_ref().map(|flight| flight.op)
    }

    /// Which attempt at the step in hand this is, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.state.focus().map_or(1, |run| run.attempt)
    }

    /// Whether a worker has something to do or to hold. Where not, the lease is released.
    #[must_use]
    pub fn needs_worker(&self) -> bool {
        let state = &self.state;
        let status = state.status();
        if status.is_final() || status == Status::Created {
            return false;
        }
        if state.session || state.in_flight.is_some() || state.parking.is_some() {
            return true;
        }
        if status == Status::Queued {
            return state.start_at.is_none_or(|start| start <= state.last_at);
        }
        !status.is_waiting() || state.requests.stop || state.requests.take_over || state.requests.skip
    }

    /// The answer that a checkpoint got, if it is among the last ones.
    #[must_use]
    pub fn answer_of(&self, checkpoint: crate::ids::CheckpointId) -> Option<&Answer> {
        self.state.answered.iter().rev().find(|(id, _)| *id == checkpoint).map(|(_, answer)| answer)
    }

    pub(super) fn timezone(&self) -> Arc<str> {
        Arc::clone(&self.timezone)
    }

    pub(super) fn kind_of(&self, step: &StepId) -> Option<&PlanKind> {
        self.plan.find(step).map(|index| &self.plan.step(index).kind)
    }

    pub(super) fn first_of(&self, block: BlockIx) -> At {
        match self.plan.block(block).steps.first() {
            Some(first) => At::Step(self.plan.step(*first).id.clone()),
            None => self.end_of(block),
        }
    }

    fn end_of(&self, block: BlockIx) -> At {
        if self.plan.block(block).owner.is_some() { At::BlockEnd } else { At::Done(None) }
    }

    pub(super) fn next_of(&self, step: StepIx) -> At {
        let planned = self.plan.step(step);
        match self.plan.block(planned.block).steps.get(planned.position as usize + 1) {
            Some(next) => At::Step(self.plan.step(*next).id.clone()),
            None => self.end_of(planned.block),
        }
    }

    /// The block that the frame at this place runs.
    pub(super) fn block_of_frame(&self, place: usize) -> Option<BlockIx> {
        let frame = &self.state.frames[place];
        match (self.kind_of(&frame.run.step)?, &frame.kind) {
            (_, FrameKind::Handler { handler }) => self.handler_of(&frame.run.step, *handler)?.steps,
            (PlanKind::Group(body), FrameKind::Group) => Some(*body),
            (PlanKind::Loop(planned), FrameKind::Loop(_)) => Some(planned.body),
            (PlanKind::Decision(_), FrameKind::Branch { branch }) => {
                self.branch_body(&frame.run.step, *branch)
            }
            _ => None,
        }
    }

    pub(super) fn first_of_frame(&self, place: usize) -> At {
        self.block_of_frame(place).map_or(At::BlockEnd, |block| self.first_of(block))
    }

    pub(super) fn branch_body(&self, step: &StepId, branch: u32) -> Option<BlockIx> {
        let Some(PlanKind::Decision(decision)) = self.kind_of(step) else { return None };
        match decision.branches.get(branch as usize) {
            Some(taken) => Some(taken.body),
            None => decision.otherwise.as_ref().map(|otherwise| otherwise.body),
        }
    }

    pub(super) fn handler_of(&self, step: &StepId, handler: u32) -> Option<&PlanHandler> {
        let index = self.plan.find(step)?;
        self.plan.step(index).on_error.get(handler as usize)
    }

    pub(super) fn planned_action(&self, step: &StepId, index: u32) -> Option<&PlanAction> {
        match self.kind_of(step)? {
            PlanKind::Task(task) => task.actions.get(index as usize),
            PlanKind::Loop(_)
            | PlanKind::Decision(_)
            | PlanKind::Group(_)
            | PlanKind::Manual(_)
            | PlanKind::End(_) => None,
        }
    }

    pub(super) fn action_count(&self, step: &StepId) -> u32 {
        match self.kind_of(step) {
            Some(PlanKind::Task(task)) => u32::try_from(task.actions.len()).unwrap_or(u32::MAX),
            _ => 0,
        }
    }

    fn flight_plan(&self, flight: &InFlight) -> Option<&PlanAction> {
        self.planned_action(&self.state.run.as_ref()?.step, flight.index)
    }

    pub(super) fn is_repeatable(&self, flight: &InFlight) -> bool {
        self.flight_plan(flight).is_some_and(|action| action.repeatable)
    }

    pub(super) fn is_never_again(&self, flight: &InFlight) -> bool {
        self.flight_plan(flight).is_none_or(|action| action.never_again)
    }

    /// Whether a step's first page action works on the page as it stands: then an approval binds to that page.
    pub(super) fn binds_to_page(&self, step: &StepId) -> bool {
        match self.kind_of(step) {
            Some(PlanKind::Task(task)) => {
                task.actions.iter().find(|action| action.source.kind.needs_page()).is_some_and(|action| {
                    !matches!(action.source.kind, crate::document::ActionKind::Navigate(_))
                })
            }
            _ => false,
        }
    }

    /// Whether reaching the end of this step counts as having done something.
    pub(super) fn counts_as_run(&self, step: &StepId) -> bool {
        match self.kind_of(step) {
            Some(PlanKind::Task(_) | PlanKind::Manual(_) | PlanKind::End(_)) => true,
            Some(PlanKind::Loop(_) | PlanKind::Decision(_) | PlanKind::Group(_)) | None => false,
        }
    }

    pub(super) fn visits_mut(&mut self) -> &mut std::collections::BTreeMap<StepId, u32> {
        match self.state.frames.last_mut() {
            Some(frame) => &mut frame.visits,
            None => &mut self.state.root_visits,
        }
    }

    pub(super) fn visits(&self, step: &StepId) -> u32 {
        let visits = self.state.frames.last().map_or(&self.state.root_visits, |frame| &frame.visits);
        visits.get(step).copied().unwrap_or(0)
    }

    /// Forgets what was agreed to inside a container, whose next round is another matter.
    pub(super) fn forget_approvals(&mut self, container: &StepId) {
        if self.state.approvals.is_empty() {
            return;
        }
        let Some(container) = self.plan.find(container) else { return };
        let plan = Arc::clone(&self.plan);
        self.state.approvals.retain(|step, _| {
            let mut at = plan.find(step);
            while let Some(index) = at {
                at = plan.container(index);
                if at == Some(container) {
                    return false;
                }
            }
            true
        });
    }
}

impl<'a> Batch<'a> {
    const fn new(now: Timestamp, actor: &'a Actor) -> Self {
        Self { now, actor, events: Vec::new(), commands: Vec::new() }
    }
}

impl Input {
    /// Whether it is a fact from the worker rather than something that a person asks.
    #[must_use]
    pub const fn is_fact(&self) -> bool {
        matches!(
            self,
            Self::Wake
                | Self::WorkerLost
                | Self::SessionReady { .. }
                | Self::SessionFailed { .. }
                | Self::SessionLost { .. }
                | Self::SessionClosed
                | Self::BrowserStateSaved { .. }
                | Self::ActionSucceeded { .. }
                | Self::ActionFailed { .. }
                | Self::Observed { .. }
                | Self::ObservationFailed { .. }
                | Self::EvidenceCaptured { .. }
                | Self::EvidenceFailed { .. }
        )
    }
}
