//! A fault at every call to the store and at every command to the browser: nothing is done twice, and nothing is lost.

use std::sync::Arc;
use std::time::Duration;

use aef::engine::{Engine, Handle, Outcome, Shutdown, WorkerOptions};
use aef::execution::{Answer, CheckpointKind, EventKind, ExecutionState, Status};
use aef::recovery::ErrorKind;
use aef::store::Store;
use aef_testkit::ScriptedBrowser;
use aef_testkit::faulty::{BrowserFault, FaultyBrowser, FaultyStore, StoreFault};
use tokio::task::JoinHandle;

use crate::support::{ASKING, READING, Stage, WRITING, kinds};

const DOCUMENTS: [&str; 3] = [READING, ASKING, WRITING];

/// The writes that the documents do, by kind and key.
const WRITES: [(&str, &str); 4] =
    [("save", "record"), ("write", "one"), ("write", "two"), ("write", "three")];

/// A worker on a store and a browser that fail.
struct Trial {
    stage: Stage,
    store: Arc<FaultyStore>,
    browser: Arc<FaultyBrowser>,
    shutdown: Shutdown,
    worker: JoinHandle<()>,
}

impl Trial {
    fn new(store: Option<(u64, StoreFault)>, browser: Option<(u64, BrowserFault)>) -> Self {
        let stage = Stage::new();
        let mut faulty_store = FaultyStore::new(stage.store.clone() as Arc<dyn Store>);
        if let Some((call, fault)) = store {
            faulty_store = faulty_store.at(call, fault);
        }
        let mut faulty_browser = FaultyBrowser::new(Arc::new(stage.browser.clone()));
        if let Some((command, fault)) = browser {
            faulty_browser = faulty_browser.at(command, fault);
        }
        let (store, browser) = (Arc::new(faulty_store), Arc::new(faulty_browser));
        let engine = Engine::builder(store.clone()).browser(browser.clone()).build();
        let shutdown = Shutdown::new();
        let options = WorkerOptions { id: "one".into(), ..WorkerOptions::default() };
        let worker = tokio::spawn(engine.worker(options).run(shutdown.clone()));
        Self { stage, store, browser, shutdown, worker }
    }

    /// Runs a document to its end. Where the worker crashes, another one takes over.
    async fn run(self, yaml: &str) -> Ended {
        let handle = self.stage.submit(yaml).await;
        let shutdown = self.shutdown.clone();
        let (store, browser, stage) = (self.store.clone(), self.browser.clone(), &self.stage);
        let worker = self.worker;
        let watch = async {
            tokio::select! {
                () = store.crashed() => {}
                () = browser.crashed() => {}
            }
            worker.abort();
            // The pages of a process die with it.
            stage.browser.lose_sessions(ErrorKind::Disconnected);
            let _next = stage.worker("two");
            std::future::pending::<()>().await;
        };
        let finish = async {
            match tokio::time::timeout(Duration::from_secs(300), finish(&handle)).await {
                Ok(finished) => finished,
                Err(_) => panic!("it is stuck: {:#?}\n{:#?}", handle.explain().await, types(&handle).await),
            }
        };
        let (state, asked) = tokio::select! {
            finished = finish => finished,
            () = watch => unreachable!("it watches for ever"),
        };
        shutdown.begin();
        let types = types(&handle).await;
        Ended { state, asked, types, browser: self.stage.browser.clone() }
    }
}

/// How a trial ended.
struct Ended {
    state: ExecutionState,
    /// How often a person was asked for more than the document's own approval; that ends it.
    asked: usize,
    types: Vec<String>,
    browser: ScriptedBrowser,
}

impl Ended {
    fn check(&self, straight: &Self, what: &str) {
        for (kind, key) in WRITES {
            let (count, wanted) =
                (self.browser.witness().count(kind, key), straight.browser.witness().count(kind, key));
            assert!(count <= wanted, "{what}: `{key}` was done {count} times");
            if self.asked == 0 {
                assert_eq!(count, wanted, "{what}: `{key}` was lost, and nobody was asked");
            }
        }
        // What only reads can always be done again.
        let reads = straight.browser.witness().all().is_empty();
        assert!(!reads || self.asked == 0, "{what}: a person was asked, {:#?}", self.types);
        if self.asked == 0 {
            assert_eq!(self.state.status, Status::Completed, "{what}: {:#?}", self.state);
            assert_eq!(self.state.result, straight.state.result, "{what}");
        }
    }
}

/// Approves what the document asks, and stops it where more is asked.
async fn finish(handle: &Handle) -> (ExecutionState, usize) {
    let mut asked = 0;
    loop {
        let state = match handle.wait().await.unwrap() {
            Outcome::Finished(state) => return (*state, asked),
            Outcome::Waiting(state) => state,
        };
        let expected =
            state.checkpoint.as_ref().filter(|checkpoint| checkpoint.kind == CheckpointKind::BeforeExecution);
        // Another event may come between the look and the answer; what stands then is looked at again.
        if let Some(checkpoint) = expected {
            drop(handle.answer(checkpoint.id, Answer::approve()).await);
        } else {
            // It is in doubt, or its page cannot be made again without doing something twice.
            asked += 1;
            drop(handle.stop().await);
        }
    }
}

/// What happened, by its names.
async fn types(handle: &Handle) -> Vec<String> {
    let name = |kind: &EventKind| serde_json::to_value(kind).unwrap()["type"].as_str().unwrap().to_owned();
    kinds(handle).await.iter().map(name).collect()
}

async fn straight(yaml: &str) -> (Ended, u64, u64) {
    let trial = Trial::new(None, None);
    let (store, browser) = (trial.store.clone(), trial.browser.clone());
    let ended = trial.run(yaml).await;
    assert_eq!(ended.asked, 0);
    (ended, store.calls().len() as u64, browser.commands().len() as u64)
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_once_anywhere_changes_nothing() {
    for yaml in DOCUMENTS {
        let (straight, calls, _) = straight(yaml).await;
        for call in 1..=calls {
            for fault in [StoreFault::FailBefore, StoreFault::FailAfter] {
                let what = format!("{fault:?} at store call {call} of {calls}");
                let ended = Trial::new(Some((call, fault)), None).run(yaml).await;
                ended.check(&straight, &what);
                assert_eq!(ended.types, straight.types, "{what}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_call_to_the_store_does_nothing_twice_and_loses_nothing() {
    for yaml in DOCUMENTS {
        let (straight, calls, _) = straight(yaml).await;
        for call in 1..=calls {
            for fault in [StoreFault::CrashBefore, StoreFault::CrashAfter] {
                let ended = Trial::new(Some((call, fault)), None).run(yaml).await;
                ended.check(&straight, &format!("{fault:?} at store call {call} of {calls}"));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_comes_after_the_lease_does_nothing_twice_and_loses_nothing() {
    for yaml in DOCUMENTS {
        let (straight, calls, _) = straight(yaml).await;
        for call in 1..=calls {
            let fault = StoreFault::Delay(Duration::from_secs(20));
            let ended = Trial::new(Some((call, fault)), None).run(yaml).await;
            ended.check(&straight, &format!("{fault:?} at store call {call} of {calls}"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_command_does_nothing_twice_and_loses_nothing() {
    for yaml in DOCUMENTS {
        let (straight, _, commands) = straight(yaml).await;
        for command in 1..=commands {
            for fault in [BrowserFault::CrashBefore, BrowserFault::CrashAfter] {
                let ended = Trial::new(None, Some((command, fault))).run(yaml).await;
                ended.check(&straight, &format!("{fault:?} at command {command} of {commands}"));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_browser_that_dies_at_any_command_does_nothing_twice_and_loses_nothing() {
    for yaml in DOCUMENTS {
        let (straight, _, commands) = straight(yaml).await;
        for command in 1..=commands {
            for fault in
                [BrowserFault::LoseBefore(ErrorKind::Crashed), BrowserFault::LoseAfter(ErrorKind::Crashed)]
            {
                let ended = Trial::new(None, Some((command, fault))).run(yaml).await;
                ended.check(&straight, &format!("{fault:?} at command {command} of {commands}"));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn lost_notices_delay_an_answer_by_no_more_than_a_poll() {
    let trial = Trial::new(None, None);
    trial.store.lose_notices(true);
    let handle = trial.stage.submit(ASKING).await;
    let Outcome::Waiting(state) = handle.wait().await.unwrap() else { panic!("it asks") };
    let before = tokio::time::Instant::now();
    handle.answer(state.checkpoint.unwrap().id, Answer::approve()).await.unwrap();
    handle.finished().await.unwrap();
    assert!(before.elapsed() <= Duration::from_secs(2), "{:?}", before.elapsed());
    trial.shutdown.begin();
    trial.worker.await.unwrap();
}
