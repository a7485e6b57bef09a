//! What the engine's tests share: a scripted site, a store on virtual time, and the documents that they run.

use std::sync::Arc;
use std::time::Duration;

use aef::document::Document;
use aef::engine::{Engine, EngineBuilder, Handle, Outcome, Shutdown, SubmitOptions, WorkerOptions};
use aef::execution::{EventKind, ExecutionState, Status};
use aef::ids::Seq;
use aef::memory::MemoryStore;
use aef::plan::Plan;
use aef_testkit::scripted_browser::{Element, Page, ScriptedSite};
use aef_testkit::{ScriptedBrowser, SimClock};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

pub(crate) const ORIGIN: &str = "https://crm.test";

/// Opens a record, asks, saves it.
pub(crate) const ASKING: &str = r#"
aef: 1
id: save-record
steps:
  - id: open
    actions: [ { action: navigate, url: "https://crm.test/crm" } ]
  - id: save
    risk: write
    checkpoint: { before: { title: "Save it?", timeout: 1h } }
    actions: [ { action: click, target: { role: button, name: Save } } ]
    verify: [ { visible: { testId: saved } } ]
"#;

/// Opens a page and reads its title, without asking.
pub(crate) const READING: &str = r#"
aef: 1
id: read-title
steps:
  - id: open
    actions: [ { action: navigate, url: "https://crm.test/crm" } ]
  - id: read
    actions: [ { action: extract, target: { testId: heading }, as: heading } ]
  - { id: done, type: end, result: { heading: "{{ heading }}" } }
"#;

/// Clicks three buttons, each in a step of its own, each a write.
pub(crate) const WRITING: &str = r#"
aef: 1
id: three-writes
config: { checkpoints: { mode: none } }
steps:
  - id: open
    actions: [ { action: navigate, url: "https://crm.test/crm" } ]
  - id: first
    risk: write
    actions: [ { action: click, target: { role: button, name: One } } ]
  - id: second
    risk: write
    actions: [ { action: click, target: { role: button, name: Two } } ]
  - id: third
    risk: write
    actions: [ { action: click, target: { role: button, name: Three } } ]
"#;

/// The site that these documents are about.
pub(crate) fn site() -> ScriptedSite {
    let save = Element::button("Save")
        .posts("save", "record")
        .shows(Element::new("p").test_id("saved").text("Saved"));
    let page = Page::new("CRM")
        .with(Element::new("h1").test_id("heading").text("Records"))
        .with(save)
        .with(Element::button("One").posts("write", "one"))
        .with(Element::button("Two").posts("write", "two"))
        .with(Element::button("Three").posts("write", "three"));
    ScriptedSite::new(ORIGIN).page("/crm", page)
}

pub(crate) fn plan(yaml: &str) -> Plan {
    Plan::compile(&Document::from_yaml(yaml).unwrap()).unwrap()
}

/// An engine on virtual time, with all that a test looks at.
pub(crate) struct Stage {
    pub(crate) clock: SimClock,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) browser: ScriptedBrowser,
    pub(crate) engine: Engine,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with(site(), |builder| builder)
    }

    /// Each action takes so long.
    pub(crate) fn slow(latency: Duration) -> Self {
        Self::with(site().latency(latency), |builder| builder)
    }

    pub(crate) fn with(site: ScriptedSite, change: impl FnOnce(EngineBuilder) -> EngineBuilder) -> Self {
        let clock = SimClock::tokio();
        let store = Arc::new(MemoryStore::with_clock(Arc::new(clock.clone())));
        let browser = ScriptedBrowser::new(site);
        let builder = Engine::builder(store.clone()).browser(Arc::new(browser.clone()));
        let engine = change(builder).build();
        Self { clock, store, browser, engine }
    }

    pub(crate) async fn submit(&self, yaml: &str) -> Handle {
        self.submit_with(yaml, SubmitOptions::default()).await
    }

    pub(crate) async fn submit_with(&self, yaml: &str, options: SubmitOptions) -> Handle {
        self.engine.scope("ann").submit(&plan(yaml), json!({}), options).await.unwrap()
    }

    /// Begins a worker.
    pub(crate) fn worker(&self, name: &str) -> Working {
        self.worker_with(WorkerOptions { id: name.into(), ..WorkerOptions::default() })
    }

    pub(crate) fn worker_with(&self, options: WorkerOptions) -> Working {
        Working::begin(&self.engine, options)
    }

    pub(crate) fn posts(&self, key: &str) -> u64 {
        self.browser.witness().count("write", key)
    }
}

/// A worker under way.
pub(crate) struct Working {
    pub(crate) shutdown: Shutdown,
    pub(crate) task: JoinHandle<()>,
}

impl Working {
    /// Begins a worker of an engine.
    pub(crate) fn begin(engine: &Engine, options: WorkerOptions) -> Self {
        let shutdown = Shutdown::new();
        let task = tokio::spawn(engine.worker(options).run(shutdown.clone()));
        Self { shutdown, task }
    }

    /// Lets it finish what it has in hand.
    pub(crate) async fn end(self) {
        self.shutdown.begin();
        self.task.await.unwrap();
    }

    /// Ends it as a crash does.
    pub(crate) async fn crash(self) {
        self.task.abort();
        self.task.await.unwrap_err();
    }
}

pub(crate) fn finished(outcome: Outcome) -> ExecutionState {
    match outcome {
        Outcome::Finished(state) => *state,
        Outcome::Waiting(state) => panic!("it waits: {state:#?}"),
    }
}

pub(crate) fn waiting(outcome: Outcome) -> ExecutionState {
    match outcome {
        Outcome::Waiting(state) => *state,
        Outcome::Finished(state) => panic!("it is finished: {state:#?}"),
    }
}

/// Waits until the journal has an event of which `is` holds.
pub(crate) async fn happens(handle: &Handle, is: impl Fn(&EventKind) -> bool) {
    let mut states = handle.watch();
    loop {
        if kinds(handle).await.iter().any(&is) {
            return;
        }
        let state = futures::StreamExt::next(&mut states).await;
        assert!(state.is_some(), "it ended without: {:#?}", kinds(handle).await);
    }
}

/// What has happened.
pub(crate) async fn kinds(handle: &Handle) -> Vec<EventKind> {
    let journal = handle.journal(Seq(0), 1000).await.unwrap();
    journal.into_iter().map(|recorded| recorded.event.kind).collect()
}

/// How often the journal has an event of which `is` holds.
pub(crate) async fn count(handle: &Handle, is: impl Fn(&EventKind) -> bool) -> usize {
    kinds(handle).await.iter().filter(|kind| is(kind)).count()
}

pub(crate) fn result(state: &ExecutionState) -> Value {
    assert_eq!(state.status, Status::Completed, "{state:#?}");
    state.result.clone().unwrap_or_default()
}
