//! A store, a site and a clock that outlive processes; and processes that end at a word.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aef::clock::Clock;
use aef::engine::{Engine, EngineErrorKind, Handle, Outcome, Shutdown, SubmitOptions, WorkerOptions};
use aef::execution::{Answer, AnswerKind, Checkpoint, CheckpointKind, ExecutionState, PauseReason, Status};
use aef::ids::ExecutionId;
use aef::memory::MemoryStore;
use aef::plan::Plan;
use aef::recovery::{ErrorKind, RecoveryOption};
use aef::store::Store;
use aef_testkit::{FaultyBrowser, FaultyStore, ScriptedBrowser, SimClock};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::samples::{Sample, site};

/// Within which time something must happen: a lease and ten seconds.
const PATIENCE: Duration = Duration::from_secs(25);

/// How often a person is asked at most in one run.
const QUESTIONS: usize = 40;

/// How an execution ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ending {
    pub(crate) status: Status,
    pub(crate) result: Option<Value>,
    /// What the server has seen, by kind and key.
    pub(crate) writes: BTreeMap<(String, String), u64>,
}

pub(crate) struct World {
    sample: &'static Sample,
    plan: Plan,
    store: MemoryStore,
    pub(crate) site: ScriptedBrowser,
    clock: SimClock,
    time: Mutex<Timestamp>,
    execution: Mutex<Option<ExecutionId>>,
}

impl World {
    pub(crate) fn new(sample: &'static Sample) -> Self {
        let clock = SimClock::new();
        Self {
            sample,
            plan: Plan::compile(&sample.document()).expect("a sample compiles"),
            store: MemoryStore::with_clock(Arc::new(clock.clone())),
            site: ScriptedBrowser::new(site()),
            clock,
            time: Mutex::new(SimClock::ORIGIN),
            execution: Mutex::new(None),
        }
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.store.clone())
    }

    /// Runs one process on virtual time. When `life` ends, whatever it has left running is dropped in the middle of what it
    /// does, and its browser is gone.
    pub(crate) fn process<T>(&self, life: impl AsyncFnOnce() -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime can be had");
        let lived = runtime.block_on(async {
            self.clock.follow_from(*self.time.lock().unwrap());
            let lived = life().await;
            *self.time.lock().unwrap() = self.clock.now();
            lived
        });
        drop(runtime);
        self.site.lose_sessions(ErrorKind::Disconnected);
        lived
    }

    /// Begins a worker in this process.
    pub(crate) fn works(&self, store: Arc<dyn Store>, browser: Arc<dyn aef::browser::Browser>) {
        let engine = Engine::builder(store).browser(browser).build();
        tokio::spawn(engine.worker(WorkerOptions::default()).run(Shutdown::new()));
    }

    /// A worker without faults.
    pub(crate) fn works_well(&self) {
        self.works(self.store(), Arc::new(self.site.clone()));
    }

    /// A worker behind these faults.
    pub(crate) fn works_badly(&self, store: &Arc<FaultyStore>, browser: &Arc<FaultyBrowser>) {
        self.works(store.clone(), browser.clone());
    }

    /// The execution; submitted where it is not yet.
    async fn handle(&self) -> Handle {
        let scope = Engine::builder(self.store()).build().scope("ann");
        let known = *self.execution.lock().unwrap();
        if let Some(id) = known {
            return scope.execution(id);
        }
        let handle =
            scope.submit(&self.plan, json!({}), SubmitOptions::default()).await.expect("it is submitted");
        *self.execution.lock().unwrap() = Some(handle.id());
        handle
    }

    /// A person who answers all that is asked, truthfully, until the execution has ended.
    ///
    /// Gives `None` where the page is lost and only a person at the page could go on.
    pub(crate) async fn attends(&self) -> Option<Ending> {
        let handle = self.handle().await;
        for _ in 0..QUESTIONS {
            let waited = tokio::time::timeout(PATIENCE, handle.wait()).await;
            let Ok(outcome) = waited else {
                panic!("nothing has happened for {PATIENCE:?}: {}", self.told(&handle).await)
            };
            let state = match outcome.expect("the store answers") {
                Outcome::Finished(state) => return Some(self.ending(*state)),
                Outcome::Waiting(state) => *state,
            };
            if state.paused == Some(PauseReason::PageLost) {
                return None;
            }
            self.reacts(&handle, &state).await;
        }
        panic!("a person was asked {QUESTIONS} times: {}", self.told(&handle).await);
    }

    async fn reacts(&self, handle: &Handle, state: &ExecutionState) {
        let asked = match &state.checkpoint {
            Some(checkpoint) => handle.answer(checkpoint.id, self.answer(state, checkpoint)).await,
            None if state.status == Status::WaitingRecovery => handle.recover(RecoveryOption::Retry).await,
            None => handle.resume().await,
        };
        if let Err(error) = asked {
            let overtaken = [EngineErrorKind::AlreadyAnswered, EngineErrorKind::Rejected];
            assert!(overtaken.contains(&error.kind()), "{error}: {}", self.told(handle).await);
        }
    }

    fn answer(&self, state: &ExecutionState, checkpoint: &Checkpoint) -> Answer {
        match checkpoint.kind {
            CheckpointKind::InDoubt => {
                let (kind, key) = (self.sample.write)(state);
                let happened = self.site.witness().count(kind, &key) > 0;
                Answer::new(if happened { AnswerKind::Done } else { AnswerKind::Retry })
            }
            CheckpointKind::Manual => Answer::new(AnswerKind::Done),
            CheckpointKind::Decision => Answer::choose(checkpoint.options[0].id.clone()),
            CheckpointKind::BeforeExecution | CheckpointKind::AfterExecution => Answer::approve(),
        }
    }

    fn ending(&self, state: ExecutionState) -> Ending {
        Ending { status: state.status, result: state.result, writes: self.site.witness().all() }
    }

    /// The journal in short, for a test that fails.
    async fn told(&self, handle: &Handle) -> String {
        let mut text = format!("{:?}", handle.explain().await);
        for recorded in handle.journal(aef::ids::Seq(0), 1000).await.expect("the journal is read") {
            let event = serde_json::to_string(&recorded.event.kind).expect("an event is JSON");
            text.push_str(&format!("\n{:>4} {} {}", recorded.seq, recorded.event.at, event));
        }
        text
    }
}
