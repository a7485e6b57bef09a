//! Workers that crash, lose their leases, end, and wait for people.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aef::browser::{
    ActionError, ActionRequest, Browser, BrowserError, Capture, CaptureRequest, InputGate, Observation,
    ObserveRequest, Performed, Session, SessionOptions, StorageState,
};
use aef::engine::{Engine, SubmitOptions, WorkerOptions};
use aef::execution::{Answer, CheckpointKind, EventKind, PauseReason, Status};
use aef::store::{ClaimRequest, ExecutionStore as _, Explanation};
use aef_testkit::faulty::FaultyStore;
use async_trait::async_trait;
use serde_json::json;

use crate::support::{
    ASKING, READING, Stage, WRITING, Working, count, finished, happens, kinds, plan, result, waiting,
};

const SLOW: Duration = Duration::from_secs(3);

/// Two groups, each of which makes its page and writes once.
const GROUPS: &str = r#"
aef: 1
id: two-groups
config: { checkpoints: { mode: none } }
steps:
  - id: g1
    type: group
    steps:
      - { id: open1, actions: [ { action: navigate, url: "https://crm.test/crm" } ] }
      - { id: one, risk: write, actions: [ { action: click, target: { role: button, name: One } } ] }
  - id: g2
    type: group
    steps:
      - { id: open2, actions: [ { action: navigate, url: "https://crm.test/crm" } ] }
      - { id: two, risk: write, actions: [ { action: click, target: { role: button, name: Two } } ] }
"#;

const fn started(op: u64) -> impl Fn(&EventKind) -> bool {
    move |kind| matches!(kind, EventKind::ActionStarted { op: started, .. } if *started == op)
}

#[tokio::test(start_paused = true)]
async fn another_worker_goes_on_where_one_crashed() {
    let stage = Stage::slow(SLOW);
    let one = stage.worker("one");
    let handle = stage.submit(READING).await;
    happens(&handle, started(2)).await;
    one.crash().await;
    let two = stage.worker("two");
    let state = finished(handle.wait().await.unwrap());
    assert_eq!(result(&state), json!({ "heading": "Records" }));
    assert!(handle.record().await.unwrap().epoch.0 >= 2);
    two.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_write_that_a_crash_cut_off_is_asked_about_and_not_repeated() {
    let stage = Stage::slow(SLOW);
    let one = stage.worker("one");
    let handle = stage.submit(WRITING).await;
    happens(&handle, started(2)).await;
    one.crash().await;
    let two = stage.worker("two");
    let state = waiting(handle.wait().await.unwrap());
    assert_eq!(state.checkpoint.unwrap().kind, CheckpointKind::InDoubt);
    assert!(stage.posts("one") <= 1);
    two.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_ends_finishes_what_it_has_in_hand_and_begins_nothing() {
    let stage = Stage::slow(SLOW);
    let one = stage.worker("one");
    let handle = stage.submit(GROUPS).await;
    happens(&handle, started(2)).await;
    one.end().await;
    assert_eq!(stage.browser.open_sessions(), 0);
    assert_eq!(handle.record().await.unwrap().lease, None);
    let done = count(&handle, |kind| matches!(kind, EventKind::ActionSucceeded { op: 2, .. })).await;
    assert_eq!((done, stage.posts("one")), (1, 1), "the action in hand has ended well");
    assert_eq!(count(&handle, started(3)).await, 0);

    let two = stage.worker("two");
    let before = tokio::time::Instant::now();
    let state = finished(handle.wait().await.unwrap());
    assert_eq!(state.status, Status::Completed);
    assert!(before.elapsed() < Duration::from_secs(15), "no lease had to run out");
    assert_eq!((stage.posts("one"), stage.posts("two")), (1, 1));
    two.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_ends_suddenly_leaves_the_rest_to_the_journal() {
    let stage = Stage::slow(SLOW);
    let one = stage.worker("one");
    let handle = stage.submit(READING).await;
    happens(&handle, started(2)).await;
    one.shutdown.at_once();
    one.task.await.unwrap();
    assert_eq!(handle.state().await.unwrap().status, Status::Running);
    let two = stage.worker("two");
    finished(handle.wait().await.unwrap());
    two.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_waits_is_parked_and_goes_on_without_asking_again() {
    let stage = Stage::new();
    let worker = stage.worker("one");
    let handle = stage.submit(ASKING).await;
    let checkpoint = waiting(handle.wait().await.unwrap()).checkpoint.unwrap();
    assert_eq!(stage.browser.open_sessions(), 1, "the page is kept warm");
    happens(&handle, |kind| matches!(kind, EventKind::SessionClosed)).await;
    assert_eq!(stage.browser.open_sessions(), 0);
    let record = handle.record().await.unwrap();
    assert_eq!((record.summary.status, record.lease), (Status::WaitingCheckpoint, None));

    handle.answer(checkpoint.id, Answer::approve()).await.unwrap();
    finished(handle.wait().await.unwrap());
    assert_eq!(stage.browser.witness().total("save"), 1);
    let asked = count(&handle, |kind| matches!(kind, EventKind::CheckpointRaised { .. })).await;
    assert_eq!(asked, 1, "the page is the one that was shown");
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_question_that_was_handed_over_waits_for_the_person_and_for_no_worker() {
    let stage = Stage::new();
    let one = stage.worker("one");
    let handle = stage.submit(ASKING).await;
    let checkpoint = waiting(handle.wait().await.unwrap()).checkpoint.unwrap();
    one.end().await;
    let explained = handle.explain().await.unwrap();
    let Explanation::Person { status, note, until } = explained else { panic!("{explained:?}") };
    assert_eq!((status, note.as_deref()), (Status::WaitingCheckpoint, Some("Save it?")));
    assert_eq!(until, checkpoint.expires_at);

    handle.pause().await.unwrap();
    let explained = handle.explain().await.unwrap();
    assert!(matches!(explained, Explanation::Person { status: Status::Paused, .. }), "{explained:?}");
    handle.resume().await.unwrap();
    handle.answer(checkpoint.id, Answer::approve()).await.unwrap();
    assert_eq!(handle.explain().await.unwrap(), Explanation::Room { workers: 1 });
    let two = stage.worker("two");
    finished(handle.wait().await.unwrap());
    assert_eq!(stage.browser.witness().total("save"), 1);
    two.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_expires_though_nobody_holds_the_execution() {
    let stage = Stage::new();
    let worker = stage.worker("one");
    let handle = stage.submit(ASKING).await;
    waiting(handle.wait().await.unwrap());
    happens(&handle, |kind| matches!(kind, EventKind::CheckpointExpired { .. })).await;
    let state = handle.state().await.unwrap();
    assert_eq!((state.status, state.paused), (Status::Paused, Some(PauseReason::CheckpointTimeout)));
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_claimed_again_and_again_without_an_event_is_paused() {
    let stage = Stage::new();
    let handle = stage.submit(READING).await;
    for _ in 0..4 {
        let claims = stage.store.claim(claim("crashing")).await.unwrap();
        assert_eq!(claims.len(), 1);
        stage.clock.advance(Duration::from_secs(16));
    }
    let worker = stage.worker("one");
    let state = waiting(handle.wait().await.unwrap());
    assert_eq!((state.status, state.paused), (Status::Paused, Some(PauseReason::Poisoned)));
    assert!(stage.browser.trace().is_empty());
    worker.end().await;
}

fn claim(worker: &str) -> ClaimRequest {
    ClaimRequest {
        worker: worker.into(),
        limit: 1,
        lease: Duration::from_secs(15),
        max_format: aef::execution::FORMAT,
        per_owner: None,
        global: None,
        only: None,
    }
}

#[tokio::test(start_paused = true)]
async fn the_gate_shuts_and_the_browser_closes_when_another_worker_has_the_lease() {
    let stage = Stage::new();
    let browser = Arc::new(Hanging::default());
    let engine = Engine::builder(stage.store.clone()).browser(browser.clone()).build();
    let options = WorkerOptions { id: "one".into(), ..WorkerOptions::default() };
    let shutdown = aef::engine::Shutdown::new();
    let worker = tokio::spawn(engine.worker(options).run(shutdown.clone()));
    let handle = stage.submit(READING).await;
    happens(&handle, started(1)).await;
    let gate = browser.gate().await;
    assert!(!gate.is_shut());

    // The store's time runs ahead of the worker's, so that its lease has run out and it does not know.
    stage.clock.advance(Duration::from_secs(16));
    assert_eq!(stage.store.claim(claim("two")).await.unwrap().len(), 1);
    assert!(!gate.is_shut(), "nothing has told the worker yet");
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(gate.is_shut(), "the renewal told it");
    assert!(*browser.0.closed.lock().unwrap());
    let written = kinds(&handle).await;
    assert!(
        matches!(written.last(), Some(EventKind::ActionStarted { .. })),
        "it wrote nothing: {written:#?}"
    );
    shutdown.begin();
    worker.await.unwrap();
}

/// A browser whose actions never end.
#[derive(Debug, Default)]
struct Hanging(Arc<Hung>);

#[derive(Debug, Default)]
struct Hung {
    gate: Mutex<Option<InputGate>>,
    closed: Mutex<bool>,
    performing: tokio::sync::Notify,
}

impl Hanging {
    async fn gate(&self) -> InputGate {
        self.0.performing.notified().await;
        self.0.gate.lock().unwrap().clone().unwrap()
    }
}

#[async_trait]
impl Browser for Hanging {
    async fn open(&self, _: SessionOptions) -> Result<Arc<dyn Session>, BrowserError> {
        Ok(self.0.clone())
    }
}

#[async_trait]
impl Session for Hung {
    async fn perform(&self, request: ActionRequest) -> Result<Performed, ActionError> {
        *self.gate.lock().unwrap() = Some(request.gate);
        self.performing.notify_one();
        std::future::pending().await
    }

    async fn observe(&self, _: ObserveRequest) -> Result<Observation, BrowserError> {
        std::future::pending().await
    }

    async fn capture(&self, _: CaptureRequest) -> Result<Capture, BrowserError> {
        std::future::pending().await
    }

    async fn storage_state(&self) -> Result<StorageState, BrowserError> {
        Ok(StorageState::default())
    }

    async fn close(&self) -> Result<(), BrowserError> {
        *self.closed.lock().unwrap() = true;
        Ok(())
    }

    async fn lost(&self) -> BrowserError {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_browser_that_never_answers_is_a_timeout_and_not_a_hang() {
    let stage = Stage::new();
    let engine = Engine::builder(stage.store.clone()).browser(Arc::new(Hanging::default())).build();
    let yaml = READING.replace("steps:", "config: { recovery: { wait: 0 }, actionTimeout: 5s }\nsteps:");
    let outcome = engine.run(&plan(&yaml), json!({}), async |_| Answer::approve()).await.unwrap();
    let state = finished(outcome);
    assert_eq!(state.status, Status::Failed);
    assert_eq!(state.failure.unwrap().reason.as_deref(), Some("unresponsive"));
}

#[tokio::test(start_paused = true)]
async fn a_lost_browser_is_opened_again_where_nothing_is_repeated() {
    let stage = Stage::slow(SLOW);
    let worker = stage.worker("one");
    let handle = stage.submit(READING).await;
    happens(&handle, started(2)).await;
    stage.browser.lose_sessions(aef::recovery::ErrorKind::Crashed);
    let state = finished(handle.wait().await.unwrap());
    assert_eq!(result(&state), json!({ "heading": "Records" }));
    assert_eq!(count(&handle, |kind| matches!(kind, EventKind::SessionLost { .. })).await, 1);
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_worker_takes_up_what_is_new_and_what_is_answered_without_waiting_for_its_poll() {
    let stage = Stage::new();
    let worker = stage.worker("one");
    tokio::time::sleep(Duration::from_millis(10_300)).await;
    let before = tokio::time::Instant::now();
    let handle = stage.submit(ASKING).await;
    let checkpoint = waiting(handle.wait().await.unwrap()).checkpoint.unwrap();
    assert!(before.elapsed() < Duration::from_millis(20), "{:?}", before.elapsed());

    happens(&handle, |kind| matches!(kind, EventKind::SessionClosed)).await;
    let before = tokio::time::Instant::now();
    handle.answer(checkpoint.id, Answer::approve()).await.unwrap();
    finished(handle.wait().await.unwrap());
    assert!(before.elapsed() < Duration::from_millis(20), "{:?}", before.elapsed());
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_one_worker_does_wakes_no_other_until_it_hands_over() {
    let stage = Stage::slow(Duration::from_millis(100));
    let busy = stage.worker("busy");
    let handle = stage.submit(GROUPS).await;
    happens(&handle, started(1)).await;
    let store = Arc::new(FaultyStore::new(stage.store.clone()));
    let claims = || store.calls().iter().filter(|call| **call == "claim").count();
    let engine = Engine::builder(store.clone()).browser(Arc::new(stage.browser.clone())).build();
    // It looks when it begins, and by itself not again while the test lasts.
    let poll = Duration::from_secs(3600);
    let idle = Working::begin(&engine, WorkerOptions { id: "idle".into(), poll, ..WorkerOptions::default() });
    happens(&handle, started(3)).await;
    assert_eq!(claims(), 1, "the steps are another's");

    let before = tokio::time::Instant::now();
    busy.end().await;
    assert_eq!((stage.posts("one"), stage.posts("two")), (1, 0));
    assert_eq!(finished(handle.wait().await.unwrap()).status, Status::Completed);
    assert!(before.elapsed() < Duration::from_secs(1), "{:?}", before.elapsed());
    assert_eq!((stage.posts("one"), stage.posts("two")), (1, 1));
    idle.end().await;
}

#[tokio::test(start_paused = true)]
async fn workers_share_the_work_and_keep_to_an_owners_limit() {
    let stage = Stage::slow(SLOW);
    let mut handles = Vec::new();
    for _ in 0..6 {
        let scope = stage.engine.scope("ann");
        handles.push(scope.submit(&plan(READING), json!({}), SubmitOptions::default()).await.unwrap());
    }
    let shutdown = aef::engine::Shutdown::new();
    let workers: Vec<_> = ["one", "two"]
        .map(|name| {
            let options = WorkerOptions { id: name.into(), per_owner: Some(2), ..WorkerOptions::default() };
            tokio::spawn(stage.engine.worker(options).run(shutdown.clone()))
        })
        .into();
    for handle in &handles {
        finished(handle.wait().await.unwrap());
        assert!(stage.browser.open_sessions() <= 2);
    }
    shutdown.begin();
    for worker in workers {
        worker.await.unwrap();
    }
}
