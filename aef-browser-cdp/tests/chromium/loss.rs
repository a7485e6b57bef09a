//! The end of a session: what is told of it, and how soon.

mod times;

use std::sync::Arc;
use std::time::{Duration, Instant};

use aef_browser_cdp::{CdpBrowser, ConnectOptions, LaunchOptions};
use aef_core::browser::{Browser, BrowserError, Effect, Session};
use aef_core::recovery::ErrorKind;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::processes::{end_of, endpoint, kill, profile_of, removal_of, renderers_of};
use crate::support::{Page, Site, act, browser, launch_options, open, options, perform, text};

/// Within this time a loss is known on a machine that is busy with other things.
/// Without the router's own answer it would be the limit of the call, 30 s.
const KNOWN: Duration = Duration::from_secs(1);

async fn site() -> Site {
    Site::serve([
        ("/", Page::html("<title>Start</title><h1>Start</h1>")),
        ("/opener", Page::html("<a href='/close' target=_blank rel=opener>open</a>")),
        ("/close", Page::html("<button onclick='window.close()'>close</button>")),
    ])
    .await
}

/// A session in which scripts may run, with a page of the site open.
async fn scripting(browser: &CdpBrowser, site: &Site) -> Arc<dyn Session> {
    let mut allowing = options(&[site.origin()]);
    allowing.policy.allow_evaluate = true;
    allowing.url = Some(site.url("/"));
    browser.open(allowing).await.unwrap()
}

/// A call that only the end of the session ends. The site is asked for `/underway` when the page has it in hand.
fn wait(session: &Arc<dyn Session>) -> JoinHandle<(ErrorKind, Instant)> {
    let session = Arc::clone(session);
    tokio::spawn(async move {
        let script = "await fetch('/underway'); await new Promise(() => {});";
        let endless = json!({ "action": "evaluate", "script": script, "timeout": 120 });
        let error = perform(&session, endless).await.unwrap_err();
        (error.failure.kind, Instant::now())
    })
}

/// Waits for the end of the session.
fn loss(session: &Arc<dyn Session>) -> JoinHandle<(BrowserError, Instant)> {
    let session = Arc::clone(session);
    tokio::spawn(async move { (session.lost().await, Instant::now()) })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_browser_is_known_at_once_and_started_anew() {
    let (browser, site) = (browser().await, site().await);
    let session = scripting(&browser, &site).await;
    let (waiting, lost) = (wait(&session), loss(&session));
    site.asked("/underway", 1).await;
    let pid = browser.process_id().await.unwrap();
    let killed = Instant::now();
    kill(pid);
    let (kind, at) = waiting.await.unwrap();
    let (error, lost_at) = lost.await.unwrap();
    assert_eq!((kind, error.kind()), (ErrorKind::Crashed, ErrorKind::Crashed));
    assert!(at - killed < KNOWN, "the call ended after {:?}", at - killed);
    assert!(lost_at - killed < KNOWN, "the loss was told after {:?}", lost_at - killed);
    assert!(std::error::Error::source(&error).unwrap().source().unwrap().to_string().contains("SIGKILL"));

    let again = open(&browser, &site, "/").await;
    assert_eq!(text(&again, "h1").await, "Start");
    assert_ne!(browser.process_id().await, Some(pid));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crashed_page_is_known_at_once_and_harms_no_other_session() {
    let (browser, site) = (browser().await, site().await);
    let session = scripting(&browser, &site).await;
    // Another process, as the two would otherwise share one and its fate.
    let other = open(&browser, &site, "/close").await;
    let renderers = renderers_of(browser.process_id().await.unwrap());
    let (waiting, lost) = (wait(&session), loss(&session));
    site.asked("/underway", 1).await;
    let killed = Instant::now();
    renderers.into_iter().for_each(kill);
    let (kind, at) = waiting.await.unwrap();
    assert_eq!((kind, lost.await.unwrap().0.kind()), (ErrorKind::Crashed, ErrorKind::Crashed));
    assert!(at - killed < KNOWN, "the call ended after {:?}", at - killed);
    assert_eq!(other.lost().await.kind(), ErrorKind::Crashed);
    // The browser itself lives on.
    let again = open(&browser, &site, "/").await;
    assert_eq!(text(&again, "h1").await, "Start");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_page_that_closes_itself_takes_the_session_along() {
    let (browser, site) = (browser().await, site().await);
    let session = open(&browser, &site, "/opener").await;
    let lost = loss(&session);
    let opening = json!({ "action": "click", "target": { "role": "link" }, "popup": { "as": "popup" } });
    act(&session, opening).await;
    act(&session, json!({ "action": "tab", "close": "t1" })).await;
    // Whether the click's own answer comes before the end of the page is open; the end itself is not.
    if let Err(error) = perform(&session, json!({ "action": "click", "target": { "role": "button" } })).await
    {
        assert_eq!((error.failure.kind, error.effect), (ErrorKind::PageLost, Effect::Possible));
    }
    assert_eq!(lost.await.unwrap().0.kind(), ErrorKind::PageLost);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_without_end_is_ended() {
    let page = "<title>Start</title><h1>Start</h1><button id=busy onclick='while (true);'>busy</button>";
    let site = Site::serve([("/", Page::html(page))]).await;
    let browser = browser().await;
    let mut allowing = options(&[site.origin()]);
    allowing.policy.allow_evaluate = true;
    allowing.url = Some(site.url("/"));
    let session = browser.open(allowing).await.unwrap();
    let endless = [
        json!({ "action": "click", "target": { "css": "#busy" }, "timeout": "1s" }),
        json!({ "action": "evaluate", "script": "while (true);", "timeout": "1s" }),
    ];
    for action in endless {
        let begun = Instant::now();
        let error = perform(&session, action.clone()).await.unwrap_err();
        assert_eq!((error.failure.kind, error.effect), (ErrorKind::Timeout, Effect::Possible), "{action}");
        assert!(
            error.outcome.notes.iter().any(|note| note.code == "script_ended"),
            "{:?}",
            error.outcome.notes
        );
        assert!(begun.elapsed() < Duration::from_secs(10), "{action} took {:?}", begun.elapsed());
        assert_eq!(text(&session, "h1").await, "Start", "the page answers again after {action}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_session_is_gone_and_its_neighbours_stay() {
    let (browser, site) = (browser().await, site().await);
    let first = open(&browser, &site, "/").await;
    let second = open(&browser, &site, "/").await;
    first.close().await.unwrap();
    first.close().await.unwrap();
    let error = perform(&first, json!({ "action": "reload" })).await.unwrap_err();
    assert_eq!((error.failure.kind, error.effect), (ErrorKind::PageLost, Effect::None));
    assert!(tokio::time::timeout(Duration::from_millis(100), first.lost()).await.is_err());
    assert_eq!(text(&second, "h1").await, "Start");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_of_somebody_else_is_used_and_left_running() {
    let site = site().await;
    let theirs = browser().await;
    let profile = profile_of(theirs.process_id().await.unwrap());
    let (port, path) = endpoint(&profile);
    let url = format!("ws://127.0.0.1:{port}{path}");
    let ours = CdpBrowser::connect(&url, ConnectOptions::default()).await.unwrap();
    let session = open(&ours, &site, "/").await;
    assert_eq!(text(&session, "h1").await, "Start");
    drop((session, ours));
    let theirs_still = open(&theirs, &site, "/").await;
    assert_eq!(act(&theirs_still, json!({ "action": "reload" })).await.outcome.title, "Start");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_browser_is_left() {
    let browser = browser().await;
    let pid = browser.process_id().await.unwrap();
    let profile = profile_of(pid);
    assert!(std::path::Path::new(&profile).exists());
    let ended = end_of(pid);
    drop(browser);
    ended.await;
    removal_of(&profile).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_does_not_come_up_says_why() {
    let missing = LaunchOptions { executable: Some("/nowhere/chromium".into()), ..launch_options() };
    let error = CdpBrowser::launch(missing).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    let failing = LaunchOptions { executable: Some("/bin/false".into()), ..launch_options() };
    let error = CdpBrowser::launch(failing).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Crashed);
    assert!(error.to_string().contains("exit status: 1"), "{error}");
    let refused =
        CdpBrowser::connect("ws://127.0.0.1:1/devtools", ConnectOptions::default()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Disconnected);
}
