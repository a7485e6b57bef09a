//! Taking over a page in a real browser, from the handle down to the keys.

use std::sync::Arc;
use std::time::Duration;

use aef::cdp::{CdpBrowser, LaunchOptions};
use aef::document::{Document, MouseButton};
use aef::engine::{Engine, HostPolicy, PrivateOrigins, Shutdown, SubmitOptions, WorkerOptions};
use aef::execution::{Answer, Status};
use aef::ids::Seq;
use aef::live::{LiveErrorKind, LiveInput};
use aef::memory::MemoryStore;
use aef_testkit::conformance::browser::Pages;
use futures::StreamExt as _;
use serde_json::json;

const PASSWORD: &str = "correct horse battery";

/// Opens a page, asks, and goes on to save it.
fn document(origin: &str) -> String {
    format!(
        r#"
aef: 1
id: save-it
steps:
  - id: open
    actions: [ {{ action: navigate, url: "{origin}/places" }} ]
  - id: save
    risk: write
    checkpoint: {{ before: {{ title: "Log in and go on?", timeout: 1h }} }}
    actions:
      - {{ action: verify, conditions: [ {{ value: {{ target: {{ label: Name }}, matches: "^correct .* battery$" }} }} ] }}
      - {{ action: click, target: {{ role: button, name: Save }} }}
    verify: [ {{ visible: {{ testId: saved }} }} ]
"#
    )
}

fn click(x: f64, y: f64) -> [LiveInput; 2] {
    let (button, clicks) = (MouseButton::Left, 1);
    [
        LiveInput::MousePressed { x, y, button, clicks, modifiers: vec![] },
        LiveInput::MouseReleased { x, y, button, clicks, modifiers: vec![] },
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_takes_over_a_live_page_and_automation_goes_on() {
    let pages = Pages::start().unwrap();
    let launch = LaunchOptions { no_sandbox: true, ..LaunchOptions::default() };
    let browser =
        CdpBrowser::launch(launch).await.expect("`cargo xtask setup` finds or installs the browser");
    let policy = HostPolicy { private_origins: PrivateOrigins::AsDocuments, ..HostPolicy::default() };
    let engine =
        Engine::builder(Arc::new(MemoryStore::new())).browser(Arc::new(browser)).policy(policy).build();
    let shutdown = Shutdown::new();
    let worker = tokio::spawn(engine.worker(WorkerOptions::default()).run(shutdown.clone()));
    let plan = engine.compile(&Document::from_yaml(&document(&pages.origin())).unwrap()).unwrap();
    let handle = engine.scope("ann").submit(&plan, json!({}), SubmitOptions::default()).await.unwrap();
    handle.wait().await.unwrap();

    let live = handle.live().await.unwrap();
    let frame = tokio::time::timeout(Duration::from_secs(30), live.frames().next()).await.unwrap().unwrap();
    assert!(frame.url.ends_with("/places") && frame.image.len() > 500, "{frame:?}");
    handle.take_over().await.unwrap();
    let mut hand = live.control().await.unwrap();
    for input in click(120.0, 120.0) {
        hand.send(input).await.unwrap();
    }
    hand.send(LiveInput::TextEntered { text: PASSWORD.to_owned() }).await.unwrap();
    for input in click(120.0, 220.0) {
        hand.send(input).await.unwrap();
    }
    let state = handle.hand_back().await.unwrap();
    assert_eq!(state.status, Status::WaitingCheckpoint);
    handle.answer(state.checkpoint.unwrap().id, Answer::approve()).await.unwrap();
    let state = tokio::time::timeout(Duration::from_secs(60), handle.finished()).await.unwrap().unwrap();
    assert_eq!(state.status, Status::Completed, "{state:#?}");
    assert_eq!(pages.posts("/save"), 1);
    assert_eq!(hand.send(click(1.0, 1.0)[0].clone()).await.unwrap_err().kind(), LiveErrorKind::NotTakenOver);

    let journal = serde_json::to_string(&handle.journal(Seq(0), 1000).await.unwrap()).unwrap();
    assert!(journal.contains("handed_back") && !journal.contains(PASSWORD), "{journal}");
    shutdown.begin();
    worker.await.unwrap();
}
