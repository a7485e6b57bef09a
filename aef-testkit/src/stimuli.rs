//! Random inputs for the machine: what a worker and people might tell it, whatever it asked for.

use std::sync::Arc;
use std::time::Duration;

use aef_core::browser::{ActionOutcome, ConditionResult, Effect, Observation, Write};
use aef_core::document::ActionKind;
use aef_core::execution::{Answer, AnswerKind, Command, Evidence, ExecutionState, Input, Values};
use aef_core::recovery::{ErrorKind, Failure, RecoveryOption};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;

/// What happens next to an execution.
#[derive(Debug, Clone)]
pub enum Stimulus {
    /// The worker does what it was asked to, and it goes well.
    Done {
        /// Whether the conditions hold that the page is asked, one bit each.
        holds: u8,
        /// Whether the action has sent a request that may have changed something.
        writes: bool,
    },
    /// The worker tries what it was asked to, and it fails.
    Fails {
        /// Why.
        kind: ErrorKind,
        /// Whether it may have had an effect.
        effect: Effect,
    },
    /// The browser is gone.
    SessionLost,
    /// The worker is gone, and another one takes over.
    WorkerLost,
    /// So much time passes, and the worker wakes.
    Passes(Duration),
    /// A person answers the open checkpoint.
    Answers {
        /// Which of the possible answers.
        which: Index,
        /// Whether it is for all later ones of the step, too.
        all: bool,
    },
    /// A person asks for something, whether it makes sense or not.
    Asks(Asked),
    /// A fact comes too late: about another action or question than the last one.
    Stale,
}

/// What a person may ask at any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// To start.
    Start,
    /// To pause.
    Pause,
    /// To resume.
    Resume,
    /// To stop.
    Stop,
    /// To leave the step out.
    Skip,
    /// To recover in this way.
    Recover(RecoveryOption),
    /// To have the page.
    TakeOver,
    /// To give it back.
    HandBack,
    /// To set the variable `count` to zero.
    SetVariables,
    /// To run the step `s1` alone.
    RunStep,
}

/// A sequence of at most `most` things that happen. Most of it goes well, so that executions come far.
pub fn stimuli(most: usize) -> impl Strategy<Value = Vec<Stimulus>> {
    prop::collection::vec(stimulus(), 0..most)
}

fn stimulus() -> impl Strategy<Value = Stimulus> {
    let kinds = prop::sample::select(vec![
        ErrorKind::ElementNotFound,
        ErrorKind::Timeout,
        ErrorKind::Navigation,
        ErrorKind::Crashed,
        ErrorKind::Policy,
        ErrorKind::VerificationFailed,
    ]);
    let effects = prop::sample::select(vec![Effect::None, Effect::Possible]);
    prop_oneof![
        24 => (any::<u8>(), prop::bool::weighted(0.3))
            .prop_map(|(bits, writes)| Stimulus::Done { holds: bits | 0b1010_0101, writes }),
        3 => any::<u8>().prop_map(|holds| Stimulus::Done { holds, writes: false }),
        3 => (kinds, effects).prop_map(|(kind, effect)| Stimulus::Fails { kind, effect }),
        1 => Just(Stimulus::SessionLost),
        1 => Just(Stimulus::WorkerLost),
        3 => prop::sample::select(vec![1u64, 15, 70, 400, 90_000])
            .prop_map(|seconds| Stimulus::Passes(Duration::from_secs(seconds))),
        6 => (any::<Index>(), any::<bool>()).prop_map(|(which, all)| Stimulus::Answers { which, all }),
        3 => asked().prop_map(Stimulus::Asks),
        1 => Just(Stimulus::Stale),
    ]
}

fn asked() -> impl Strategy<Value = Asked> {
    prop::sample::select(vec![
        Asked::Start,
        Asked::Pause,
        Asked::Resume,
        Asked::Resume,
        Asked::Stop,
        Asked::Skip,
        Asked::Recover(RecoveryOption::Retry),
        Asked::Recover(RecoveryOption::Skip),
        Asked::Recover(RecoveryOption::TakeOver),
        Asked::Recover(RecoveryOption::Stop),
        Asked::TakeOver,
        Asked::HandBack,
        Asked::SetVariables,
        Asked::RunStep,
    ])
}

impl Stimulus {
    /// The input that this is for an execution in this state, whose worker was asked last for `command`. `None` where
    /// nothing comes of it, such as an answer where nothing is asked.
    #[must_use]
    pub fn input(&self, state: &ExecutionState, command: Option<&Command>) -> Option<Input> {
        match self {
            Self::Done { holds, writes } => Some(done(command?, *holds, *writes)),
            Self::Fails { kind, effect } => {
                Some(failed(command?, Failure::new(*kind, "it went wrong"), *effect))
            }
            Self::SessionLost => Some(Input::SessionLost {
                failure: Failure::new(ErrorKind::Disconnected, "the browser is gone"),
            }),
            Self::WorkerLost => Some(Input::WorkerLost),
            Self::Passes(_) => Some(Input::Wake),
            Self::Answers { which, all } => {
                let checkpoint = state.checkpoint.as_ref()?;
                let mut answer = Answer::new(*which.get(&checkpoint.answers));
                if answer.response == AnswerKind::Choose {
                    answer.option = Some(which.get(&checkpoint.options).id.clone());
                }
                if *all {
                    answer.apply_to = aef_core::execution::ApplyTo::Step;
                }
                Some(Input::Answer { checkpoint: checkpoint.id, answer })
            }
            Self::Asks(asked) => Some(asked.input()),
            Self::Stale => Some(Input::ActionSucceeded {
                op: u64::MAX,
                outcome: Arc::default(),
                value: None,
                artifact: None,
            }),
        }
    }

    /// How much time passes before it.
    #[must_use]
    pub const fn passes(&self) -> Duration {
        match self {
            Self::Passes(time) => *time,
            Self::Done { .. }
            | Self::Fails { .. }
            | Self::SessionLost
            | Self::WorkerLost
            | Self::Answers { .. }
            | Self::Asks(_)
            | Self::Stale => Duration::from_millis(10),
        }
    }
}

impl Asked {
    fn input(self) -> Input {
        match self {
            Self::Start => Input::Start { inputs: None },
            Self::Pause => Input::Pause,
            Self::Resume => Input::Resume,
            Self::Stop => Input::Stop,
            Self::Skip => Input::Skip,
            Self::Recover(option) => Input::Recover(option),
            Self::TakeOver => Input::TakeOver,
            Self::HandBack => Input::HandBack,
            Self::SetVariables => Input::SetVariables(Values::from([("count".to_owned(), json!(0))])),
            Self::RunStep => Input::RunStep("s1".into()),
        }
    }
}

fn done(command: &Command, holds: u8, writes: bool) -> Input {
    match command {
        Command::OpenSession(open) => Input::SessionReady { restored: open.restore.is_some() },
        Command::Observe { token, conditions, .. } => {
            let result = |place: usize| ConditionResult {
                holds: holds >> (place % 8) & 1 == 1,
                detail: String::new(),
            };
            let observation = Observation {
                results: (0..conditions.len()).map(result).collect(),
                url: "https://crm.test/crm".to_owned(),
                title: "CRM".to_owned(),
            };
            Input::Observed { token: *token, observation }
        }
        Command::PerformAction { op, action, .. } => {
            let write = Write {
                method: "POST".to_owned(),
                url: "https://crm.test/save".to_owned(),
                status: Some(200),
            };
            let outcome = ActionOutcome {
                url: "https://crm.test/crm".to_owned(),
                writes: if writes { vec![write] } else { Vec::new() },
                ..ActionOutcome::default()
            };
            let value = matches!(action.kind, ActionKind::Extract(_)).then(|| json!("17"));
            Input::ActionSucceeded { op: *op, outcome: Arc::new(outcome), value, artifact: None }
        }
        Command::CaptureEvidence { token, fingerprints, .. } => {
            let evidence = Evidence {
                url: "https://crm.test/crm".to_owned(),
                fingerprints: vec![None; fingerprints.len()],
                ..Evidence::default()
            };
            Input::EvidenceCaptured { token: *token, evidence }
        }
        Command::SaveBrowserState => Input::BrowserStateSaved { state: None },
        Command::CloseSession => Input::SessionClosed,
        Command::CancelAction { op } => cancelled(*op),
    }
}

fn failed(command: &Command, failure: Failure, effect: Effect) -> Input {
    match command {
        Command::OpenSession(_) => Input::SessionFailed { failure },
        Command::Observe { token, .. } => Input::ObservationFailed { token: *token, failure },
        Command::PerformAction { op, .. } => Input::ActionFailed { op: *op, failure, effect, outcome: None },
        Command::CaptureEvidence { token, .. } => Input::EvidenceFailed { token: *token, failure },
        Command::SaveBrowserState => Input::BrowserStateSaved { state: None },
        Command::CloseSession => Input::SessionClosed,
        Command::CancelAction { op } => cancelled(*op),
    }
}

fn cancelled(op: u64) -> Input {
    let failure = Failure::new(ErrorKind::Timeout, "it was cancelled");
    Input::ActionFailed { op, failure, effect: Effect::Possible, outcome: None }
}
