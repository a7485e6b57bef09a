//! Executions that wait: nothing is held for them, and any worker goes on with them in the browser that was left.

use std::sync::Arc;
use std::time::Duration;

use aef::engine::{Engine, Handle, WorkerOptions};
use aef::execution::{Answer, EventKind, Status};
use aef::ids::CheckpointId;
use aef_testkit::ScriptedBrowser;
use aef_testkit::scripted_browser::{Element, Page, Reaction, ScriptedSite};
use object_store::memory::InMemory;
use serde_json::json;

use crate::support::{ORIGIN, Stage, Working, count, finished, happens, kinds, result, waiting};

const PRIVATE: &str = r#"
aef: 1
id: private
steps:
  - id: log_in
    actions:
      - { action: navigate, url: "https://crm.test/login" }
      - { action: click, target: { role: button, name: Log in } }
  - id: read
    checkpoint: { before: { title: "Go on?", timeout: 1h } }
    actions:
      - { action: navigate, url: "https://crm.test/private" }
      - { action: extract, target: { testId: heading }, as: heading }
  - { id: done, type: end, result: { heading: "{{ heading }}" } }
"#;

/// A site with a page for those who are logged in.
fn site() -> ScriptedSite {
    let log_in = Element::button("Log in").on_click(Reaction::SetCookie("session".into(), "1".into()));
    let private = Page::new("Private").needs_cookie("session", "/login");
    ScriptedSite::new(ORIGIN)
        .page("/login", Page::new("Log in").with(log_in))
        .page("/private", private.with(Element::new("h1").test_id("heading").text("For you")))
}

/// The same site with an engine that keeps cookies.
fn private() -> Stage {
    Stage::with(site(), |builder| builder.state_key([7; 32]))
}

/// Waits until it asks and is parked; gives what it asks.
async fn parked(stage: &Stage, handle: &Handle) -> CheckpointId {
    let checkpoint = waiting(handle.wait().await.unwrap()).checkpoint.unwrap();
    happens(handle, |kind| matches!(kind, EventKind::SessionClosed)).await;
    assert_eq!(stage.browser.open_sessions(), 0, "it is parked");
    let record = handle.record().await.unwrap();
    assert_eq!((record.summary.status, record.lease), (Status::WaitingCheckpoint, None));
    checkpoint.id
}

async fn answered(handle: &Handle, checkpoint: CheckpointId) {
    handle.answer(checkpoint, Answer::approve()).await.unwrap();
    let state = finished(handle.wait().await.unwrap());
    assert_eq!(result(&state), json!({ "heading": "For you" }));
    assert_eq!(count(handle, |kind| matches!(kind, EventKind::SessionOpened { restored: true })).await, 1);
}

#[tokio::test(start_paused = true)]
async fn cookies_come_back_after_parking_where_there_is_a_key() {
    let stage = private();
    let worker = stage.worker("one");
    let handle = stage.submit(PRIVATE).await;
    let checkpoint = parked(&stage, &handle).await;
    answered(&handle, checkpoint).await;
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn cookies_go_from_a_worker_that_ends_to_the_next_one() {
    let stage = private();
    let one = stage.worker("one");
    let handle = stage.submit(PRIVATE).await;
    let checkpoint = waiting(handle.wait().await.unwrap()).checkpoint.unwrap();
    one.end().await;
    let two = stage.worker("two");
    answered(&handle, checkpoint.id).await;
    two.end().await;
}

#[tokio::test(start_paused = true)]
async fn another_host_with_a_newer_key_goes_on_with_what_was_parked_under_the_old_one() {
    let artifacts = Arc::new(InMemory::new());
    let files = artifacts.clone();
    let stage = Stage::with(site(), |builder| builder.artifacts(files).state_key([7; 32]));
    let one = stage.worker("one");
    let handle = stage.submit(PRIVATE).await;
    let checkpoint = parked(&stage, &handle).await;
    one.end().await;

    let browser = ScriptedBrowser::new(site());
    let elsewhere = Engine::builder(stage.store.clone())
        .browser(Arc::new(browser.clone()))
        .artifacts(artifacts)
        .state_keys([[8; 32], [7; 32]])
        .build();
    let two = Working::begin(&elsewhere, WorkerOptions { id: "two".into(), ..WorkerOptions::default() });
    answered(&handle, checkpoint).await;
    assert!(browser.trace().len() > 1, "the other host has done the rest");
    two.end().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_key_nothing_is_kept_and_the_journal_says_so() {
    let stage = Stage::with(site(), |builder| builder);
    let worker = stage.worker("one");
    let handle = stage.submit(PRIVATE).await;
    let checkpoint = parked(&stage, &handle).await;
    handle.answer(checkpoint, Answer::approve()).await.unwrap();
    happens(&handle, |kind| matches!(kind, EventKind::ActionFailed { .. })).await;
    let opened: Vec<_> = kinds(&handle)
        .await
        .into_iter()
        .filter(|kind| matches!(kind, EventKind::SessionOpened { .. } | EventKind::BrowserStateSaved { .. }))
        .collect();
    let [first, kept, second] = opened.as_slice() else { panic!("{opened:#?}") };
    assert_eq!(kept, &EventKind::BrowserStateSaved { state: None });
    for session in [first, second] {
        assert_eq!(session, &EventKind::SessionOpened { restored: false });
    }
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn dozens_that_wait_take_no_place_of_those_that_run() {
    let stage = private();
    let options = WorkerOptions { id: "one".into(), concurrency: 8, ..WorkerOptions::default() };
    let worker = stage.worker_with(options);
    let mut handles = Vec::new();
    for _ in 0..50 {
        handles.push(stage.submit(PRIVATE).await);
    }
    for handle in &handles {
        waiting(handle.wait().await.unwrap());
        happens(handle, |kind| matches!(kind, EventKind::SessionClosed)).await;
    }
    assert_eq!(stage.browser.open_sessions(), 0);
    let before = tokio::time::Instant::now();
    let last = handles.pop().unwrap();
    let checkpoint = last.state().await.unwrap().checkpoint.unwrap();
    answered(&last, checkpoint.id).await;
    assert!(before.elapsed() < Duration::from_secs(1), "{:?}", before.elapsed());
    worker.end().await;
}
