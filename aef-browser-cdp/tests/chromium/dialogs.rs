//! Pages that ask and ask: they are answered, and they can be left.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aef_browser_cdp::CdpBrowser;
use aef_core::browser::Session;
use aef_core::recovery::ErrorKind;
use serde_json::{Value, json};

use crate::support::{Page, Site, act, browser, full_browser, launch_options, open, perform, text};

/// Asks more often than one document takes to follow another.
const ASKING: &str =
    "<title>Asking</title><a href=/other>on</a><script>setInterval(() => alert('again'), 10)</script>";

/// Leaves the browser no moment without a question.
const INSISTING: &str =
    "<title>Insisting</title><button onclick='setTimeout(() => { while (true) alert(1) }, 50)'>ask</button>";

/// Without a dialog in its way each of them takes some 30 ms; what is held up takes its timeout, 10 s.
const SOON: Duration = Duration::from_secs(5);

/// How often a page is left in each way.
const ROUNDS: usize = 12;

async fn site() -> Site {
    Site::serve([
        ("/", Page::html("<title>Start</title><h1>Start</h1>")),
        ("/other", Page::html("<title>Other</title><h1>Other</h1>")),
        ("/asking", Page::html(ASKING)),
        ("/insisting", Page::html(INSISTING)),
    ])
    .await
}

/// Performs an action that must not be held up, and gives how many dialogs there were.
async fn soon(session: &Arc<dyn Session>, action: Value, title: &str) -> usize {
    let begun = Instant::now();
    let outcome = act(session, action.clone()).await.outcome;
    assert!(begun.elapsed() < SOON, "{action} took {:?}", begun.elapsed());
    assert_eq!(outcome.title, title, "{action}");
    assert!(outcome.dialogs.iter().all(|dialog| dialog.message == "again"), "{:?}", outcome.dialogs);
    outcome.dialogs.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_asks_all_the_time_can_be_left() {
    leave(browser().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_asks_all_the_time_can_be_left_in_a_full_browser() {
    leave(CdpBrowser::launch(full_browser()).await.unwrap()).await;
}

async fn leave(browser: CdpBrowser) {
    let site = site().await;
    let session = open(&browser, &site, "/").await;
    let ask = || json!({ "action": "navigate", "url": site.url("/asking") });
    let away = [
        (json!({ "action": "back" }), "Start"),
        (json!({ "action": "navigate", "url": site.url("/other") }), "Other"),
        (json!({ "action": "reload" }), "Asking"),
        (json!({ "action": "click", "target": { "css": "a" }, "waitUntil": "load" }), "Other"),
    ];
    let mut dialogs = 0;
    for _ in 0..ROUNDS {
        for (action, title) in &away {
            act(&session, json!({ "action": "navigate", "url": site.url("/") })).await;
            dialogs += soon(&session, ask(), "Asking").await;
            dialogs += soon(&session, action.clone(), title).await;
        }
        // Forward from a page that asks: there must be one that one has come back from.
        act(&session, json!({ "action": "navigate", "url": site.url("/asking") })).await;
        act(&session, json!({ "action": "navigate", "url": site.url("/other") })).await;
        dialogs += soon(&session, json!({ "action": "back" }), "Asking").await;
        dialogs += soon(&session, json!({ "action": "forward" }), "Other").await;
    }
    assert!(dialogs > ROUNDS, "the page asks: {dialogs}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_asks_in_a_loop_can_be_left() {
    let (browser, site) = (browser().await, site().await);
    let session = open(&browser, &site, "/insisting").await;
    for _ in 0..ROUNDS {
        act(&session, json!({ "action": "click", "target": { "css": "button" } })).await;
        let begun = Instant::now();
        let away = json!({ "action": "navigate", "url": site.url("/other") });
        let outcome = act(&session, away).await.outcome;
        assert!(begun.elapsed() < SOON, "took {:?}", begun.elapsed());
        assert_eq!(outcome.title, "Other");
        act(&session, json!({ "action": "navigate", "url": site.url("/insisting") })).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tab_that_can_no_longer_be_answered_is_given_up() {
    let site = site().await;
    let mut options = launch_options();
    // The last list of features is the one that counts: a browser as others start it.
    options.args = vec!["--disable-features=Prerender2".to_owned()];
    let browser = CdpBrowser::launch(options).await.unwrap();
    for _ in 0..100 {
        let session = open(&browser, &site, "/asking").await;
        let begun = Instant::now();
        let away = json!({ "action": "navigate", "url": site.url("/other"), "timeout": "60s" });
        let Err(error) = perform(&session, away).await else { continue };
        assert_eq!(error.failure.kind, ErrorKind::PageLost, "{error}");
        assert!(error.outcome.notes.iter().any(|note| note.code == "tab_stuck"), "{:?}", error.outcome.notes);
        assert!(begun.elapsed() < Duration::from_secs(20), "told after {:?}", begun.elapsed());
        session.close().await.unwrap();
        let again = open(&browser, &site, "/").await;
        assert_eq!(text(&again, "h1").await, "Start", "the browser lives on");
        return;
    }
    panic!("no dialog came between two documents");
}
