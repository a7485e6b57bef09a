//! A process under the application's role: it submits, watches and answers for one owner at a time, and performs nothing.

use std::sync::Arc;

use aef_core::document::Document;
use aef_core::engine::{
    Engine, EngineErrorKind, ForkOptions, Handle, Outcome, Shutdown, SubmitOptions, WorkerOptions,
};
use aef_core::execution::{Answer, Checkpoint, ExecutionState, Status};
use aef_core::ids::Seq;
use aef_core::plan::Plan;
use aef_core::store::{Explanation, ListQuery, Scope, StoreErrorKind};
use aef_testkit::ScriptedBrowser;
use aef_testkit::conformance::store::claim_by;
use aef_testkit::postgres::TestDatabase;
use aef_testkit::scripted_browser::{Element, Page, ScriptedSite};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::support::{connect, connect_as, make_roles};

const ASKING: &str = r#"
aef: 1
id: save-record
steps:
  - id: open
    actions: [ { action: navigate, url: "https://crm.test/crm" } ]
  - id: save
    risk: write
    checkpoint: { before: { title: "Save it?" } }
    actions: [ { action: click, target: { role: button, name: Save } } ]
"#;

/// An application, and a worker in another process, as far as the database can tell.
struct Scene {
    application: Engine,
    browser: ScriptedBrowser,
    shutdown: Shutdown,
    worker: JoinHandle<()>,
    database: TestDatabase,
}

impl Scene {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        drop(connect(&database).await);
        make_roles(&database).await;
        let page = Page::new("CRM").with(Element::button("Save").posts("save", "record"));
        let browser = ScriptedBrowser::new(ScriptedSite::new("https://crm.test").page("/crm", page));
        let service = connect_as(&database, "aef_service").await;
        let performing = Engine::builder(service).browser(Arc::new(browser.clone())).build();
        let shutdown = Shutdown::new();
        let worker = tokio::spawn(performing.worker(WorkerOptions::default()).run(shutdown.clone()));
        let application = Engine::builder(connect_as(&database, "aef_application").await).build();
        Self { application, browser, shutdown, worker, database }
    }

    async fn submit(&self, owner: &str) -> Handle {
        let plan = Plan::compile(&Document::from_yaml(ASKING).unwrap()).unwrap();
        self.application.scope(owner).submit(&plan, json!({}), SubmitOptions::default()).await.unwrap()
    }

    async fn end(self) {
        self.shutdown.begin();
        self.worker.await.unwrap();
        drop(self.database);
    }
}

async fn asked(run: &Handle) -> Box<Checkpoint> {
    match run.wait().await.unwrap() {
        Outcome::Waiting(state) => state.checkpoint.unwrap(),
        Outcome::Finished(state) => panic!("it is finished: {state:#?}"),
    }
}

async fn finished(run: &Handle) -> ExecutionState {
    match run.wait().await.unwrap() {
        Outcome::Finished(state) => *state,
        Outcome::Waiting(state) => panic!("it waits: {state:#?}"),
    }
}

/// All that people do with executions goes through, and a worker under the service's role does the rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_application_steers_its_owners_executions() {
    let scene = Scene::new().await;
    let run = scene.submit("ada").await;
    let checkpoint = asked(&run).await;
    run.answer(checkpoint.id, Answer::approve()).await.unwrap();
    assert_eq!(finished(&run).await.status, Status::Completed);
    assert_eq!(scene.browser.witness().count("save", "record"), 1);
    assert!(run.journal(Seq(0), 100).await.unwrap().len() > 5);
    assert_eq!(run.explain().await.unwrap(), Explanation::Nothing { status: Status::Completed });

    // A new engine knows nothing by heart: it reads the document and folds the journal as the application.
    let again = Engine::builder(connect_as(&scene.database, "aef_application").await).build();
    let again = again.scope("ada");
    assert_eq!(again.execution(run.id()).state().await.unwrap().status, Status::Completed);
    let second = scene.submit("ada").await;
    asked(&second).await;
    second.pause().await.unwrap();
    second.resume().await.unwrap();
    let fork = again.execution(second.id()).fork(ForkOptions::default()).await.unwrap();
    asked(&fork).await;
    for run in [second, fork] {
        run.stop().await.unwrap();
        assert_eq!(finished(&run).await.status, Status::Stopped);
    }

    let ada = Scope::Owner("ada".into());
    let store = scene.application.store().clone();
    assert_eq!(store.list(&ada, ListQuery::default()).await.unwrap().records.len(), 3);
    let far = store.now().await.unwrap() + jiff::SignedDuration::from_hours(1);
    assert_eq!(store.purge(&ada, far, 9).await.unwrap(), 3);
    scene.end().await;
}

/// What is another owner's is not found, whatever is asked of it; neither does the application act as the engine.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_application_reaches_nothing_beyond_the_owner_that_it_names() {
    let scene = Scene::new().await;
    let run = scene.submit("ada").await;
    let checkpoint = asked(&run).await;
    let before = run.record().await.unwrap().head;
    // Bob is known, so that only the row's owner keeps the two apart.
    asked(&scene.submit("bob").await).await;
    for stranger in [scene.application.scope("bob"), scene.application.scope("nobody")] {
        let run = stranger.execution(run.id());
        let refused = [
            run.answer(checkpoint.id, Answer::approve()).await.unwrap_err(),
            run.pause().await.unwrap_err(),
            run.stop().await.unwrap_err(),
            run.state().await.unwrap_err(),
        ];
        for error in refused {
            assert_eq!(error.kind(), EngineErrorKind::NotFound, "{error}");
        }
    }
    let as_engine = scene.application.execution(run.id());
    assert_eq!(as_engine.pause().await.unwrap_err().kind(), EngineErrorKind::NotFound);
    let store = scene.application.store().clone();
    let claim = store.claim(claim_by("w")).await.unwrap_err();
    assert_eq!(claim.kind(), StoreErrorKind::Unreadable, "{claim}");
    assert_eq!(store.list(&Scope::System, ListQuery::default()).await.unwrap().records, []);

    assert_eq!(run.record().await.unwrap().head, before, "nothing was written");
    run.answer(checkpoint.id, Answer::approve()).await.unwrap();
    assert_eq!(finished(&run).await.status, Status::Completed);
    scene.end().await;
}
