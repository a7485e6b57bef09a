//! What the machine remembers: the fold of the journal.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::checkpoint::{Answer, Artifact, Checkpoint, Evidence};
use super::event::{Actor, present};
use super::status::{PauseReason, Status};
use super::variables::{Undo, Variable, Variables};
use crate::document::{Action, Fingerprint};
use crate::ids::{CheckpointId, ExecutionId, Seq, StepId};
use crate::recovery::{Failure, RecoveryOption};

/// Everything that is in a snapshot.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct State {
    pub(super) seq: Seq,
    pub(super) end: Option<End>,
    pub(super) held: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) dry_run: bool,
    pub(super) started: bool,
    pub(super) start_at: Option<Timestamp>,
    pub(super) parent: Option<ExecutionId>,
    pub(super) created_at: Timestamp,
    pub(super) started_at: Option<Timestamp>,
    pub(super) last_at: Timestamp,
    pub(super) inputs: Variable,

    pub(super) globals: Variables,
    pub(super) frames: Vec<Frame>,
    pub(super) at: At,
    pub(super) run: Option<StepRun>,
    pub(super) root: Undo,
    pub(super) root_dirty: bool,
    pub(super) root_visits: BTreeMap<StepId, u32>,

    pub(super) session: bool,
    pub(super) page_touched: bool,
    /// The page on which work stood is gone.
    pub(super) page_lost: bool,
    pub(super) url: Option<String>,
    pub(super) browser_state: Option<Artifact>,
    pub(super) parking: Option<Parking>,

    pub(super) in_flight: Option<InFlight>,
    /// The action that failed last, until it is known whether that leaves a doubt.
    pub(super) last_flight: Option<InFlight>,
    pub(super) doubt: Option<Doubt>,
    pub(super) evidence: Option<Evidence>,
    pub(super) checkpoint: Option<Open>,
    pub(super) recovery: Option<Recovery>,
    pub(super) paused: Option<PauseReason>,
    pub(super) taken_over: Option<Timestamp>,
    pub(super) requests: Requests,
    pub(super) single_step: Option<StepId>,
    pub(super) single_step_done: bool,
    pub(super) waiting_since: Option<Timestamp>,

    pub(super) approvals: BTreeMap<StepId, Shown>,
    pub(super) standing: BTreeMap<StepId, (Actor, Answer)>,
    pub(super) answered: VecDeque<(CheckpointId, Answer)>,

    pub(super) ops: u64,
    pub(super) raised: u64,
    pub(super) steps_entered: u64,
    pub(super) steps_run: u64,
    pub(super) items_failed: u32,
    pub(super) running_ms: u64,
    pub(super) running_since: Option<Timestamp>,
    pub(super) work_done: u64,
    pub(super) work_total: u64,
    pub(super) progress: u8,
    pub(super) last_failure: Option<Failure>,
}

/// How the execution ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct End {
    pub(super) status: Status,
    pub(super) failure: Option<Failure>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) result: Option<Value>,
    pub(super) at: Timestamp,
}

/// Where control stands in the innermost block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum At {
    /// At this step; whether it was entered tells `run`.
    Step(StepId),
    /// Behind this step, which says itself where control goes.
    Behind(StepId),
    /// Behind the last step.
    BlockEnd,
    /// At the end of the document: behind this `end`, or behind the last step.
    Done(Option<StepId>),
}

/// A container in which control stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Frame {
    /// The container's own run.
    pub(super) run: StepRun,
    pub(super) kind: FrameKind,
    pub(super) locals: Variables,
    pub(super) visits: BTreeMap<StepId, u32>,
    pub(super) undo: Undo,
    /// Whether something was performed in this block (this iteration) that must not be performed again.
    pub(super) dirty: bool,
    /// Work that was done when the container began, for the progress.
    pub(super) work_before: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub(super) enum FrameKind {
    Group,
    Branch { branch: u32 },
    Handler { handler: u32 },
    Loop(LoopFrame),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LoopFrame {
    /// Where in the journal the items stand; they are not repeated in snapshots.
    pub(super) items_at: Option<Seq>,
    #[serde(skip)]
    pub(super) items: Option<Arc<Vec<Value>>>,
    /// The iteration that runs, or ran last.
    pub(super) index: Option<u32>,
    pub(super) iterating: bool,
    pub(super) done: bool,
    pub(super) collected: Arc<BTreeMap<String, Arc<Vec<Value>>>>,
    pub(super) collected_bytes: usize,
}

/// A step on which control stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StepRun {
    pub(super) step: StepId,
    pub(super) visit: u32,
    pub(super) attempt: u32,
    pub(super) phase: Phase,
    /// The action that is next, or in hand.
    pub(super) index: u32,
    pub(super) since: Timestamp,
    pub(super) verify_before: Option<bool>,
    pub(super) verified: bool,
    /// Whether an action was performed in it that a retry must not perform again.
    pub(super) performed: bool,
    /// Whether one was performed that must not be performed again even on a fresh page.
    pub(super) dirty: bool,
    pub(super) undo: Undo,
    pub(super) after_answered: bool,
    pub(super) failure: Option<Failure>,
    pub(super) failure_seen: bool,
    pub(super) retry_at: Option<Timestamp>,
    /// Whether a person is to be asked before any rule is followed.
    pub(super) ask: bool,
    pub(super) handling: Option<u32>,
    pub(super) handled: BTreeMap<u32, u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    /// Its guard is not read yet.
    Guard,
    /// It was entered; nothing was performed.
    Entered,
    /// Its actions are performed.
    Acting,
}

impl StepRun {
    pub(super) fn new(step: StepId, visit: u32, phase: Phase, since: Timestamp) -> Self {
        Self {
            step,
            visit,
            attempt: 1,
            phase,
            index: 0,
            since,
            verify_before: None,
            verified: false,
            performed: false,
            dirty: false,
            undo: Undo::default(),
            after_answered: false,
            failure: None,
            failure_seen: false,
            retry_at: None,
            ask: false,
            handling: None,
            handled: BTreeMap::new(),
        }
    }

    pub(super) fn fail(&mut self, failure: Failure) {
        self.failure = Some(failure);
        self.failure_seen = false;
        self.retry_at = None;
        self.handling = None;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Parking {
    Saving,
    Closing,
}

/// An action that was started and has no outcome yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InFlight {
    pub(super) op: u64,
    pub(super) index: u32,
    pub(super) action: Arc<Action>,
}

/// An action of which it is not known whether it happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Doubt {
    pub(super) op: u64,
    pub(super) index: u32,
    pub(super) action: Arc<Action>,
    pub(super) failure: Failure,
    /// Whether it was tried to settle it by the step's verify.
    pub(super) checked: bool,
}

/// An open checkpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Open {
    pub(super) checkpoint: Box<Checkpoint>,
    pub(super) raised_at: Timestamp,
    pub(super) expired: bool,
}

/// Recovery on offer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Recovery {
    pub(super) step: StepId,
    pub(super) failure: Failure,
    pub(super) options: Vec<RecoveryOption>,
    pub(super) until: Option<Timestamp>,
}

/// What a person asked for while the worker was busy.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Requests {
    pub(super) pause: bool,
    pub(super) stop: bool,
    pub(super) skip: bool,
    pub(super) take_over: bool,
}

/// What a person agreed to: the values, and where they bind to a page, the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown {
    pub(super) visit: u32,
    pub(super) digest: String,
    pub(super) url: Option<String>,
    pub(super) fingerprints: Vec<Option<Fingerprint>>,
}

impl State {
    pub(super) fn new() -> Self {
        let epoch = Timestamp::UNIX_EPOCH;
        Self {
            seq: Seq(0),
            end: None,
            held: false,
            dry_run: false,
            started: false,
            start_at: None,
            parent: None,
            created_at: epoch,
            started_at: None,
            last_at: epoch,
            inputs: Variable::new(Value::Null),
            globals: Variables::default(),
            frames: Vec::new(),
            at: At::BlockEnd,
            run: None,
            root: Undo::default(),
            root_dirty: false,
            root_visits: BTreeMap::new(),
            session: false,
            page_touched: false,
            page_lost: false,
            url: None,
            browser_state: None,
            parking: None,
            in_flight: None,
            last_flight: None,
            doubt: None,
            evidence: None,
            checkpoint: None,
            recovery: None,
            paused: None,
            taken_over: None,
            requests: Requests::default(),
            single_step: None,
            single_step_done: false,
            waiting_since: None,
            approvals: BTreeMap::new(),
            standing: BTreeMap::new(),
            answered: VecDeque::new(),
            ops: 0,
            raised: 0,
            steps_entered: 0,
            steps_run: 0,
            items_failed: 0,
            running_ms: 0,
            running_since: None,
            work_done: 0,
            work_total: 0,
            progress: 0,
            last_failure: None,
        }
    }

    pub(super) fn status(&self) -> Status {
        if let Some(end) = &self.end {
            return end.status;
        }
        if self.held {
            return Status::Created;
        }
        if self.taken_over.is_some() {
            return Status::TakenOver;
        }
        if self.paused.is_some() {
            return Status::Paused;
        }
        if !self.started {
            return Status::Queued;
        }
        if self.checkpoint.is_some() {
            return Status::WaitingCheckpoint;
        }
        if self.recovery.is_some() {
            return Status::WaitingRecovery;
        }
        Status::Running
    }

    /// The run that a failure or an after-checkpoint is about: the step in hand, or the container whose end was reached.
    pub(super) fn focus(&self) -> Option<&StepRun> {
        match (&self.run, &self.at) {
            (Some(run), _) => Some(run),
            (None, At::BlockEnd) => self.frames.last().map(|frame| &frame.run),
            (None, At::Step(_) | At::Behind(_) | At::Done(_)) => None,
        }
    }

    pub(super) fn focus_mut(&mut self) -> Option<&mut StepRun> {
        match (&mut self.run, &self.at) {
            (Some(run), _) => Some(run),
            (None, At::BlockEnd) => self.frames.last_mut().map(|frame| &mut frame.run),
            (None, At::Step(_) | At::Behind(_) | At::Done(_)) => None,
        }
    }

    /// The step that a person sees as the current one.
    pub(super) fn current_step(&self) -> Option<&StepId> {
        if let Some(run) = self.focus() {
            return Some(&run.step);
        }
        match &self.at {
            At::Step(step) | At::Behind(step) => Some(step),
            At::Done(step) => step.as_ref(),
            At::BlockEnd => None,
        }
    }
}

impl Frame {
    pub(super) fn collected_bytes(&self) -> usize {
        match &self.kind {
            FrameKind::Loop(each) => each.collected_bytes,
            FrameKind::Group | FrameKind::Branch { .. } | FrameKind::Handler { .. } => 0,
        }
    }
}
