//! What goes into the machine and what comes out.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::checkpoint::{Answer, Artifact, Evidence};
use super::event::{Event, Values};
use super::status::Status;
use crate::browser::{ActionOutcome, Effect, Observation};
use crate::document::{Action, Condition, Diagnostics, Target};
use crate::ids::{CheckpointId, Seq, StepId};
use crate::recovery::{Failure, RecoveryOption};

/// What the machine is told: what people ask, and facts from the worker.
#[derive(Debug, Clone)]
pub enum Input {
    /// A person lets a held execution go.
    Start {
        /// What it is given instead of what it was made with. They fit the document.
        inputs: Option<Arc<serde_json::Value>>,
    },
    /// A person asks for a pause at the next step.
    Pause,
    /// A person resumes a paused execution.
    Resume,
    /// A person stops it.
    Stop,
    /// A person answers a checkpoint.
    Answer {
        /// Which. Its id names the attempt, too.
        checkpoint: CheckpointId,
        /// How.
        answer: Answer,
    },
    /// A person chooses how to recover.
    Recover(RecoveryOption),
    /// A person leaves the current step out.
    Skip,
    /// A person tries the failed step again.
    Retry,
    /// A person runs one step of a paused execution.
    RunStep(StepId),
    /// A person takes the live page over.
    TakeOver,
    /// The person who took over is still there.
    ExtendTakeover,
    /// The person gives it back.
    HandBack,
    /// A person sets variables of a paused execution.
    SetVariables(Values),

    /// Time has passed, or a worker has loaded the execution: what is due happens, and the work goes on.
    Wake,
    /// The worker that held the execution is gone, and its browser with it. The first input of a worker that takes over.
    WorkerLost,
    /// The browser is open.
    SessionReady {
        /// Whether cookies and storage were restored.
        restored: bool,
    },
    /// The browser could not be opened.
    SessionFailed {
        /// Why.
        failure: Failure,
    },
    /// The browser is gone.
    SessionLost {
        /// Why.
        failure: Failure,
    },
    /// The browser was closed, as asked.
    SessionClosed,
    /// Cookies and storage were kept, or could not be.
    BrowserStateSaved {
        /// Where, where they were.
        state: Option<Artifact>,
    },
    /// The action was performed.
    ActionSucceeded {
        /// Which.
        op: u64,
        /// What happened.
        outcome: Arc<ActionOutcome>,
        /// What it read.
        value: Option<serde_json::Value>,
        /// The file it made.
        artifact: Option<Artifact>,
    },
    /// The action failed.
    ActionFailed {
        /// Which.
        op: u64,
        /// Why.
        failure: Failure,
        /// Whether it may have had an effect.
        effect: Effect,
        /// What is known of it all the same.
        outcome: Option<Arc<ActionOutcome>>,
    },
    /// The page answered the conditions.
    Observed {
        /// The token of the command.
        token: Seq,
        /// The answers.
        observation: Observation,
    },
    /// The page did not answer the conditions.
    ObservationFailed {
        /// The token of the command.
        token: Seq,
        /// Why.
        failure: Failure,
    },
    /// Evidence was taken.
    EvidenceCaptured {
        /// The token of the command.
        token: Seq,
        /// What was seen.
        evidence: Evidence,
    },
    /// Evidence could not be taken.
    EvidenceFailed {
        /// The token of the command.
        token: Seq,
        /// Why.
        failure: Failure,
    },
}

/// What a worker must do. Performed only when the events of the same [`Step`] are durable.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Open the browser; answer with `SessionReady` or `SessionFailed`.
    OpenSession(Box<OpenSession>),
    /// Ask the page; answer with `Observed` or `ObservationFailed`.
    Observe {
        /// Comes back with the answer. An answer to an older question is ignored.
        token: Seq,
        /// The conditions, rendered.
        conditions: Vec<Condition>,
        /// How long to wait until all hold; zero reads once.
        timeout: Duration,
    },
    /// Perform an action; answer with `ActionSucceeded` or `ActionFailed`.
    PerformAction {
        /// Which.
        op: u64,
        /// The step that holds it.
        step: StepId,
        /// The action, rendered.
        action: Arc<Action>,
        /// How long it may take.
        timeout: Duration,
    },
    /// Take evidence; answer with `EvidenceCaptured` or `EvidenceFailed`.
    CaptureEvidence {
        /// Comes back with the answer.
        token: Seq,
        /// Whether a picture is wanted.
        screenshot: bool,
        /// Elements whose fingerprints are wanted.
        fingerprints: Vec<Target>,
    },
    /// Keep cookies and storage; answer with `BrowserStateSaved`.
    SaveBrowserState,
    /// Close the browser; answer with `SessionClosed`.
    CloseSession,
    /// End the action in flight; it answers for itself.
    CancelAction {
        /// Which.
        op: u64,
    },
}

/// How the browser is opened.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OpenSession {
    /// `config.browser` with its templates rendered.
    pub config: crate::document::BrowserConfig,
    /// The time zone.
    pub timezone: String,
    /// What is restored.
    pub restore: Option<Artifact>,
    /// The address that is opened, where the work goes on at a page.
    pub url: Option<String>,
}

/// What one input leads to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Step {
    /// To append to the journal, before anything else.
    pub events: Vec<Event>,
    /// To do when they are durable.
    pub commands: Vec<Command>,
    /// When to wake the machine again, if nothing happens before.
    pub wake_at: Option<Timestamp>,
}

/// An input that makes no sense now. Nothing has changed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("cannot {input} while the execution is {status}{detail}")]
pub struct Rejected {
    /// What was asked.
    pub input: &'static str,
    /// Where the execution stands.
    pub status: Status,
    /// More, for a person; begins with `: ` where it is not empty.
    pub detail: String,
    /// For an answer that came too late: the one that counted.
    pub answered: Option<Box<Answer>>,
    /// What is wrong with the data that came with it.
    #[source]
    pub cause: Option<Box<RejectedData>>,
}

/// What is wrong with the data of an input that is [`Rejected`].
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RejectedData {
    /// It does not fit the form.
    #[error(transparent)]
    Form(Diagnostics),
    /// It is more than variables may hold.
    #[error("{0}")]
    Values(Failure),
}

impl Input {
    /// What it is, in words that fit behind “cannot”.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Start { .. } => "start",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Stop => "stop",
            Self::Answer { .. } => "answer",
            Self::Recover(_) => "recover",
            Self::Skip => "skip",
            Self::Retry => "retry",
            Self::RunStep(_) => "run a step",
            Self::TakeOver => "take over",
            Self::ExtendTakeover => "extend the takeover",
            Self::HandBack => "hand back",
            Self::SetVariables(_) => "set variables",
            Self::Wake => "wake",
            Self::WorkerLost => "lose the worker",
            Self::SessionReady { .. } => "open the session",
            Self::SessionFailed { .. } => "fail to open the session",
            Self::SessionLost { .. } => "lose the session",
            Self::SessionClosed => "close the session",
            Self::BrowserStateSaved { .. } => "save the browser state",
            Self::ActionSucceeded { .. } => "succeed",
            Self::ActionFailed { .. } => "fail",
            Self::Observed { .. } => "observe",
            Self::ObservationFailed { .. } => "fail to observe",
            Self::EvidenceCaptured { .. } => "capture evidence",
            Self::EvidenceFailed { .. } => "fail to capture evidence",
        }
    }
}
