//! The journal's vocabulary. Old journals stay readable for ever: variants and fields are only ever added.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::checkpoint::{Answer, Artifact, Checkpoint, CheckpointKind, Evidence};
use super::status::PauseReason;
use crate::browser::{ActionOutcome, ConditionResult, Effect};
use crate::document::Action;
use crate::ids::{CheckpointId, ExecutionId, StepId};
use crate::recovery::{Failure, RecoveryOption};

/// The format of the events that this version writes. A worker does not claim what it could not read.
pub const FORMAT: u16 = 1;

/// Something that happened, as it stands in the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, by the store's clock; never before the event in front of it.
    pub at: Timestamp,
    /// Who made it happen.
    pub actor: Actor,
    /// The format it is written in.
    #[serde(rename = "v")]
    pub format: u16,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// Who made something happen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The engine itself: a timer, a rule of the plan.
    Engine,
    /// A worker.
    Worker(Arc<str>),
    /// A person, by what the host calls them.
    Person(Arc<str>),
}

impl fmt::Display for Actor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine => out.write_str("engine"),
            Self::Worker(name) => write!(out, "worker {name}"),
            Self::Person(name) => out.write_str(name),
        }
    }
}

/// Values by the names of the variables that get them.
pub type Values = BTreeMap<String, Value>;

/// How grave a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// For the curious.
    Debug,
    /// As it should be.
    Info,
    /// Worth a look.
    Warn,
    /// Wrong.
    Error,
}

/// How a doubt was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettledBy {
    /// The step's verify was false before and holds now.
    Verify,
    /// A person said that it has happened.
    Person,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum EventKind {
    /// The execution was made.
    Queued {
        /// What it was given, defaults filled in.
        inputs: Arc<Value>,
        /// Whether it is held until it is started.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        held: bool,
        /// Whether it is stopped before the first step that may change something.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        dry_run: bool,
        /// Not before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        start_at: Option<Timestamp>,
        /// The execution it was forked from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<ExecutionId>,
        /// Where a fork begins: the form of a snapshot.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seed: Option<Box<Value>>,
    },
    /// A held execution was let go, or a queued one began.
    Started {
        /// What it was given when it was let go, defaults filled in; absent where that is what it was made with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inputs: Option<Arc<Value>>,
        /// The first values of `vars`; absent while it is only let go.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        vars: Option<Values>,
    },
    /// A browser context is open.
    SessionOpened {
        /// Whether cookies and storage were restored.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        restored: bool,
    },
    /// A browser could not be opened.
    SessionFailed {
        /// Why.
        failure: Failure,
    },
    /// The browser context is gone, and nobody meant it to be.
    SessionLost {
        /// Why.
        failure: Failure,
    },
    /// The browser context was closed.
    SessionClosed,
    /// Cookies and storage were kept, or could not be.
    BrowserStateSaved {
        /// Where, where they were kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        state: Option<Artifact>,
    },
    /// The page was given up and work goes back to the beginning of a block, to make the page again.
    Reentered {
        /// The step that is entered, or the container whose body begins again; absent for the document's own steps.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<StepId>,
        /// Whether it is the container's body.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        body: bool,
    },
    /// A step began.
    StepEntered {
        /// The step.
        step: StepId,
        /// Which visit in its block, from 1.
        visit: u32,
    },
    /// A step is tried again.
    StepRetried {
        /// The step.
        step: StepId,
        /// Which attempt this is, from 2.
        attempt: u32,
        /// The action from which it goes on; the number of actions is the verification.
        from: u32,
    },
    /// A step is done.
    StepCompleted {
        /// The step.
        step: StepId,
        /// Whether it had something to verify, and that held.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        verified: bool,
        /// Its outputs.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        sets: Values,
    },
    /// A step was left out.
    StepSkipped {
        /// The step.
        step: StepId,
        /// Why.
        reason: SkipReason,
        /// What it alone would have set, as null.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        sets: Values,
    },
    /// An attempt at a step failed.
    StepFailed {
        /// The step.
        step: StepId,
        /// Why.
        failure: Failure,
    },
    /// An action is about to be performed. Durable before the page is touched.
    ActionStarted {
        /// The step.
        step: StepId,
        /// The action's place in the step, from 0.
        index: u32,
        /// Which action this is in the execution, from 1.
        op: u64,
        /// The action, rendered; secrets by name only.
        action: Arc<Action>,
        /// Whether the step's verify held before its first action that must not be repeated.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        verify_before: Option<bool>,
    },
    /// An action was performed.
    ActionSucceeded {
        /// Which.
        op: u64,
        /// What happened.
        outcome: Arc<ActionOutcome>,
        /// The variables it set.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        sets: Values,
        /// The file it made.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        artifact: Option<Artifact>,
    },
    /// An action failed.
    ActionFailed {
        /// Which.
        op: u64,
        /// Why.
        failure: Failure,
        /// Whether it may have had an effect.
        effect: Effect,
        /// What is known of it all the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<Arc<ActionOutcome>>,
    },
    /// It is not known whether an action that must not be repeated has happened.
    ActionInDoubt {
        /// Which.
        op: u64,
        /// Why it is not known.
        failure: Failure,
    },
    /// What the step verifies does not hold, so a doubt stands.
    DoubtUnverified {
        /// Which.
        op: u64,
        /// What was seen.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        conditions: Vec<ConditionResult>,
    },
    /// It is known now that it has happened.
    DoubtSettled {
        /// Which.
        op: u64,
        /// How.
        by: SettledBy,
    },
    /// A loop began.
    LoopEntered {
        /// The loop.
        step: StepId,
        /// Its items, where it has a list of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        items: Option<Arc<Vec<Value>>>,
    },
    /// An iteration began.
    IterationStarted {
        /// The loop.
        step: StepId,
        /// Which, from 0.
        index: u32,
    },
    /// An iteration ended.
    IterationCompleted {
        /// The loop.
        step: StepId,
        /// Which, from 0.
        index: u32,
        /// What it collected.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        collected: Values,
        /// Whether the loop's `until` holds.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        last: bool,
    },
    /// An iteration was given up and the loop goes on.
    IterationFailed {
        /// The loop.
        step: StepId,
        /// Which, from 0.
        index: u32,
        /// Why.
        failure: Failure,
    },
    /// The body of a group began.
    GroupEntered {
        /// The group.
        step: StepId,
    },
    /// A branch of a decision was taken.
    BranchTaken {
        /// The decision.
        step: StepId,
        /// Which, from 0; the number of branches is `otherwise`.
        branch: u32,
        /// Its label.
        label: String,
    },
    /// Control left a step for another place.
    Jumped {
        /// From.
        step: StepId,
        /// How and where to.
        to: Jump,
    },
    /// A handler of `onError` began.
    HandlerEntered {
        /// The step whose handler it is.
        step: StepId,
        /// Which, from 0.
        handler: u32,
    },
    /// A handler of `onError` did what it says.
    HandlerApplied {
        /// The step whose handler it is.
        step: StepId,
        /// Which, from 0.
        handler: u32,
        /// What: retry, skip, fail, ask or goto.
        then: String,
    },
    /// Variables were set from outside.
    VariablesSet {
        /// Their values.
        sets: Values,
    },
    /// The page was looked at.
    EvidenceCaptured {
        /// The step.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<StepId>,
        /// What was seen.
        evidence: Evidence,
    },
    /// A person is asked.
    CheckpointRaised {
        /// What.
        checkpoint: Box<Checkpoint>,
    },
    /// A person has answered.
    CheckpointAnswered {
        /// The question.
        checkpoint: CheckpointId,
        /// What it was about.
        kind: CheckpointKind,
        /// The step.
        step: StepId,
        /// The answer; data that its form marks `writeOnly` is left out.
        answer: Answer,
        /// The variables it set.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        sets: Values,
    },
    /// Nobody answered in time.
    CheckpointExpired {
        /// The question.
        checkpoint: CheckpointId,
    },
    /// A question no longer matters: what it was about has changed, or the step was left.
    CheckpointWithdrawn {
        /// The question.
        checkpoint: CheckpointId,
    },
    /// A person may choose how to recover.
    RecoveryOffered {
        /// The step.
        step: StepId,
        /// Why.
        failure: Failure,
        /// What may be chosen.
        options: Vec<RecoveryOption>,
        /// Until when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// A person has chosen, or the time is over.
    RecoveryChosen {
        /// What.
        option: RecoveryOption,
    },
    /// The step will be tried again by itself.
    RetryScheduled {
        /// The step.
        step: StepId,
        /// Which attempt that will be.
        attempt: u32,
        /// When.
        due: Timestamp,
    },
    /// A pause takes effect at the next step.
    PauseRequested,
    /// A stop takes effect when the action in hand has ended.
    StopRequested,
    /// A skip takes effect when the action in hand has ended.
    SkipRequested,
    /// A takeover takes effect when the action in hand has ended.
    TakeoverRequested,
    /// The execution waits to be resumed.
    Paused {
        /// Why.
        reason: PauseReason,
    },
    /// It goes on.
    Resumed {
        /// Only this step, then it pauses again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        single_step: Option<StepId>,
    },
    /// A person has the live page.
    TakenOver,
    /// The person is still there.
    TakeoverExtended,
    /// The person has given it back.
    HandedBack,
    /// The browser will be closed while the execution waits.
    ParkingStarted,
    /// The end was reached and everything verified held.
    Completed {
        /// What it results in.
        #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
        result: Option<Value>,
        /// How many iterations were given up on the way.
        #[serde(default, skip_serializing_if = "is_zero")]
        items_failed: u32,
    },
    /// An error ended it.
    Failed {
        /// Which.
        failure: Failure,
        /// What it results in all the same, where an `end` says so.
        #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
        result: Option<Value>,
    },
    /// It was ended before its end: by a person, as a dry run, or because nobody started it.
    Stopped {
        /// What a dry run came to.
        #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
        result: Option<Value>,
    },
    /// Something worth telling.
    Logged {
        /// How grave.
        level: LogLevel,
        /// A stable word.
        code: String,
        /// A sentence.
        message: String,
        /// What was seen of conditions, where it is about them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        conditions: Vec<ConditionResult>,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Reads a value that is there, be it null: a result of null is another one than none.
pub(super) fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

/// Why a step was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// Its guard was false.
    Guard,
    /// A person said so.
    Person,
    /// A checkpoint's timeout said so.
    Timeout,
    /// A handler of `onError` or the recovery's timeout said so.
    Error,
}

/// A jump.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Jump {
    /// To a step of this block or of one around it.
    Goto(StepId),
    /// Out of a loop.
    Break(StepId),
    /// To a loop's next iteration.
    Continue(StepId),
    /// To the end of the document.
    End,
}
