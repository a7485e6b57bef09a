//! Scenarios that read as a script: no async, no sleep, no clock but the one in the script.

mod asking;
mod effects;
mod flow;
mod matrix;
mod recovery;

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::state::State;
use super::*;
use crate::browser::{ActionOutcome, ConditionResult, Effect, Observation, Write};
use crate::document::Document;
use crate::ids::{CheckpointId, ExecutionId, Seq, WorkerId};
use crate::plan::Plan;
use crate::recovery::{ErrorKind, Failure};

/// A machine with its journal, a worker that answers its commands, and a clock.
pub(super) struct Script {
    pub(super) machine: Execution,
    pub(super) journal: Vec<Event>,
    pub(super) now: Timestamp,
    pub(super) commands: Vec<Command>,
    /// Answers to `Observe`, in order; when they run out, everything holds.
    pub(super) holds: VecDeque<Vec<bool>>,
    /// What each action that was performed was, in order.
    pub(super) trace: Vec<String>,
    /// What `extract` gives.
    pub(super) extracted: Value,
    /// Names of actions whose outcome shows a write.
    pub(super) writes: Vec<&'static str>,
    /// What `CaptureEvidence` shows as the address.
    pub(super) url: String,
}

fn person() -> Actor {
    Actor::Person("ada".into())
}

fn worker() -> Actor {
    Actor::Worker("w1".into())
}

impl Script {
    pub(super) fn new(yaml: &str) -> Self {
        Self::with_inputs(yaml, serde_json::json!({}))
    }

    pub(super) fn with_inputs(yaml: &str, inputs: Value) -> Self {
        let document = Document::from_yaml(yaml).unwrap_or_else(|error| panic!("{error}"));
        let plan = Plan::compile(&document).unwrap_or_else(|error| panic!("{error}"));
        let id = ExecutionId::from_uuid(uuid::Uuid::from_u128(1));
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut machine = Execution::new(id, Arc::new(plan));
        let step = machine.queue(now, &person(), Queue { inputs, ..Queue::default() });
        Self {
            machine,
            journal: step.events,
            now,
            commands: Vec::new(),
            holds: VecDeque::new(),
            trace: Vec::new(),
            extracted: Value::Null,
            writes: Vec::new(),
            url: "https://example.org/page".to_owned(),
        }
    }

    pub(super) fn after(&mut self, seconds: i64) -> &mut Self {
        self.now = self.now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
        self
    }

    pub(super) fn fact(&mut self, input: Input) -> &mut Self {
        let step = self.machine.step(self.now, &worker(), input).unwrap();
        self.journal.extend(step.events);
        self.commands = step.commands;
        self
    }

    pub(super) fn ask(&mut self, input: Input) -> Result<(), Rejected> {
        let step = self.machine.step(self.now, &person(), input)?;
        self.journal.extend(step.events);
        Ok(())
    }

    pub(super) fn answer(&mut self, response: AnswerKind) -> &mut Self {
        let checkpoint = self.checkpoint().id;
        self.ask(Input::Answer { checkpoint, answer: Answer::new(response) }).unwrap();
        self
    }

    /// A worker's wake.
    pub(super) fn wake(&mut self) -> &mut Self {
        self.fact(Input::Wake)
    }

    /// Performs commands until there are none, or the next is the performance of an action of this name.
    pub(super) fn run_to(&mut self, stop_at: &str) -> &mut Self {
        for _ in 0..20_000 {
            let Some(command) = self.commands.pop() else {
                // A full batch goes on at the next wake, which is due at once.
                if self.machine.needs_worker() && self.machine.status() == Status::Running {
                    let before = self.journal.len();
                    self.wake();
                    if self.commands.is_empty() && self.journal.len() == before {
                        return self;
                    }
                    continue;
                }
                return self;
            };
            if let Command::PerformAction { action, .. } = &command
                && action.kind.name() == stop_at
            {
                self.commands.push(command);
                return self;
            }
            let fact = self.perform(command);
            self.fact(fact);
        }
        panic!("the script does not end: {:?}", self.machine.view());
    }

    /// Performs commands until there are none.
    pub(super) fn run(&mut self) -> &mut Self {
        self.wake().run_to("")
    }

    fn perform(&mut self, command: Command) -> Input {
        match command {
            Command::OpenSession(_) => Input::SessionReady { restored: false },
            Command::Observe { token, conditions, .. } => {
                let answers = self.holds.pop_front().unwrap_or_default();
                let results = (0..conditions.len()).map(|index| ConditionResult {
                    holds: answers.get(index).copied().unwrap_or(true),
                    detail: String::new(),
                });
                Input::Observed {
                    token,
                    observation: Observation { results: results.collect(), ..Observation::default() },
                }
            }
            Command::PerformAction { op, action, .. } => {
                self.trace.push(action.to_string());
                let wrote = self.writes.contains(&action.kind.name());
                let writes =
                    wrote.then(|| Write { method: "POST".into(), url: self.url.clone(), status: Some(200) });
                let outcome = ActionOutcome {
                    url: self.url.clone(),
                    writes: writes.into_iter().collect(),
                    ..ActionOutcome::default()
                };
                let value = matches!(action.kind, crate::document::ActionKind::Extract(_))
                    .then(|| self.extracted.clone());
                Input::ActionSucceeded { op, outcome: Arc::new(outcome), value, artifact: None }
            }
            Command::CaptureEvidence { token, fingerprints, .. } => Input::EvidenceCaptured {
                token,
                evidence: Evidence {
                    url: self.url.clone(),
                    fingerprints: fingerprints.iter().map(|_| None).collect(),
                    ..Evidence::default()
                },
            },
            Command::SaveBrowserState => Input::BrowserStateSaved { state: None },
            Command::CloseSession => Input::SessionClosed,
            Command::CancelAction { op } => Input::ActionFailed {
                op,
                failure: Failure::new(ErrorKind::Timeout, "cancelled"),
                effect: Effect::Possible,
                outcome: None,
            },
        }
    }

    /// The action in flight fails.
    pub(super) fn fail(&mut self, kind: ErrorKind, effect: Effect) -> &mut Self {
        let op = self.machine.in_flight().expect("an action is in flight");
        let failure = Failure::new(kind, "as the script says");
        self.fact(Input::ActionFailed { op, failure, effect, outcome: None })
    }

    /// The worker is gone; another one loads the journal and takes over.
    pub(super) fn crash(&mut self) -> &mut Self {
        let mut machine = Execution::new(self.machine.id(), Arc::clone(self.machine.plan()));
        for event in &self.journal {
            machine.apply(event);
        }
        assert_eq!(snapshot(&machine), snapshot(&self.machine), "the fold of the journal is the live state");
        self.machine = machine;
        self.commands.clear();
        self.fact(Input::WorkerLost).wake()
    }

    pub(super) fn checkpoint(&self) -> Checkpoint {
        *self.machine.view().checkpoint.expect("a checkpoint is open")
    }

    pub(super) fn status(&self) -> Status {
        self.machine.status()
    }

    pub(super) fn result(&self) -> Value {
        self.machine.view().result.unwrap_or(Value::Null)
    }

    pub(super) fn count(&self, action: &str) -> usize {
        self.trace.iter().filter(|done| done.starts_with(action)).count()
    }

    /// The kinds of the events, for a glance.
    pub(super) fn events(&self) -> Vec<String> {
        self.journal.iter().map(|event| name(&event.kind)).collect()
    }

    pub(super) fn has(&self, event: &str) -> bool {
        self.events().iter().any(|kind| kind == event)
    }
}

fn name(kind: &EventKind) -> String {
    serde_json::to_value(kind).unwrap()["type"].as_str().unwrap().to_owned()
}

fn snapshot(machine: &Execution) -> Value {
    let mut value = serde_json::from_slice::<Value>(&machine.snapshot()).unwrap();
    // Items are not in snapshots, and the answers a page gave are not state.
    value.as_object_mut().unwrap().remove("none");
    value
}

#[test]
fn a_snapshot_restores_the_state() {
    let mut script = Script::new(flow::LOOP);
    script.wake();
    script.extracted = serde_json::json!([1, 2, 3]);
    script.run_to("click");
    let restored = Execution::restore(
        script.machine.id(),
        Arc::clone(script.machine.plan()),
        &script.machine.snapshot(),
    )
    .unwrap();
    let state: &State = &restored.state;
    assert_eq!(state.seq, Seq(script.journal.len() as u64));
    let missing = restored.missing_items();
    assert_eq!(missing.len(), 1, "the items of the loop stand in the journal only");
    let mut restored = restored;
    restored.supply_items(missing[0], &script.journal[missing[0].0 as usize - 1]);
    assert!(restored.missing_items().is_empty());
    assert_eq!(snapshot(&restored), snapshot(&script.machine));
    let _: Option<(WorkerId, CheckpointId)> = None;
}
