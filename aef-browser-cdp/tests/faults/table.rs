//! The table: four faults, each at each round trip of each action.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aef_browser_cdp::{CdpBrowser, ConnectOptions};
use aef_core::browser::{ActionError, Browser, Performed, Session};
use aef_core::recovery::ErrorKind;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::processes::{end_of, profile_of, removal_of, renderers_of};
use crate::support::{Page, Site, act, browser, note, options, request};
use crate::wire::{Fault, Wire, pages};

const PAGE: &str = r#"<title>Start</title><h1>Start</h1><a id=other href=/other>other</a>
<button>press</button><input id=text><input id=box type=checkbox><input id=date type=date>
<input id=upload type=file><a id=file href=/file>file</a>
<select><option>one<option>two</select>
<p id=from style="width:50px;height:50px;background:red">from</p><p id=to style="width:50px;height:50px">to</p>"#;

/// The bound: of all faults of a kind, in 95 of 100 cases the typed error is there within this time.
const SOON: Duration = Duration::from_millis(100);

/// What comes behind so many round trips is the tidying up.
const ROUND_TRIPS: i64 = 6;

/// Holds the tables apart: one would slow the other down.
static ALONE: Mutex<()> = Mutex::const_new(());

/// Brings a fresh page so far that an action can be performed.
fn before(site: &Site, action: &Value) -> Vec<Value> {
    let away = json!({ "action": "navigate", "url": site.url("/other") });
    match action["action"].as_str().unwrap() {
        "back" => vec![away],
        "forward" => vec![away, json!({ "action": "back" })],
        "uncheck" => vec![json!({ "action": "check", "target": { "css": "#box" } })],
        "tab" if action.get("switch").is_some() || action.get("close").is_some() => {
            vec![json!({ "action": "tab", "open": { "url": site.url("/other"), "as": "second" } })]
        }
        _ => Vec::new(),
    }
}

/// One action of each kind that a browser performs in the page.
fn actions(site: &Site) -> Vec<Value> {
    let target = |css: &str| json!({ "css": css });
    vec![
        json!({ "action": "back" }),
        json!({ "action": "forward" }),
        json!({ "action": "clear", "target": target("#text") }),
        json!({ "action": "uncheck", "target": target("#box") }),
        json!({ "action": "select_text", "target": target("h1") }),
        json!({ "action": "verify", "conditions": [{ "visible": target("h1") }] }),
        json!({ "action": "evaluate", "script": "return 1;", "as": "x" }),
        json!({ "action": "tab", "switch": "t1" }),
        json!({ "action": "tab", "close": "second" }),
        json!({ "action": "navigate", "url": site.url("/other") }),
        json!({ "action": "reload" }),
        json!({ "action": "click", "target": target("button") }),
        json!({ "action": "click", "target": target("#other") }),
        json!({ "action": "hover", "target": target("button") }),
        json!({ "action": "fill", "target": target("#text"), "value": "abc" }),
        json!({ "action": "fill", "target": target("#date"), "value": "2026-02-03" }),
        json!({ "action": "type", "target": target("#text"), "value": "abc" }),
        json!({ "action": "press", "target": target("#text"), "keys": "Control+a" }),
        json!({ "action": "select", "target": target("select"), "label": "two" }),
        json!({ "action": "check", "target": target("#box") }),
        json!({ "action": "drag", "from": target("#from"), "to": target("#to") }),
        json!({ "action": "scroll", "target": target("#to") }),
        json!({ "action": "extract", "target": target("h1"), "as": "x" }),
        json!({ "action": "wait_for", "condition": { "visible": target("h1") } }),
        json!({ "action": "screenshot", "as": "shot" }),
        json!({ "action": "upload", "target": target("#upload"), "files": ["note"] }),
        json!({ "action": "download", "click": { "target": target("#file") }, "as": "file" }),
        json!({ "action": "download", "navigate": { "url": site.url("/file") }, "as": "file" }),
        json!({ "action": "tab", "open": { "url": site.url("/other"), "as": "beside" } }),
    ]
}

async fn site(page: &str) -> Site {
    let file = Page::new(200, "text/plain", "abc").header("content-disposition", "attachment");
    let other = Page::html("<title>Other</title><h1>Other</h1>");
    Site::serve([("/", Page::html(page)), ("/other", other), ("/file", file)]).await
}

/// A session in which an action can be performed at once.
async fn open_for(browser: &CdpBrowser, site: &Site, action: &Value) -> Arc<dyn Session> {
    let mut allowing = options(&[site.origin()]);
    allowing.policy.allow_evaluate = true;
    allowing.url = Some(site.url("/"));
    let session: Arc<dyn Session> = browser.open(allowing).await.unwrap();
    for step in before(site, action) {
        act(&session, step).await;
    }
    session
}

async fn perform(session: &Arc<dyn Session>, action: &Value) -> Result<Performed, ActionError> {
    let mut request = request(action.clone());
    if action["action"] == "upload" {
        request.files = vec![note()];
    }
    session.perform(request).await
}

/// A browser, and a driver at the other end of a wire to it.
struct Line {
    theirs: CdpBrowser,
    wire: Wire,
    driver: CdpBrowser,
    /// Where the files of uploads and downloads pass.
    files: TempDir,
}

impl Line {
    async fn open() -> Self {
        let theirs = browser().await;
        let wire = Wire::to(&theirs).await;
        let files = tempfile::tempdir().unwrap();
        let mut options = ConnectOptions::default();
        options.files = Some(files.path().to_owned());
        let driver = CdpBrowser::connect(&wire.address, options).await.unwrap();
        Self { theirs, wire, driver, files }
    }

    /// How often an action writes to the browser.
    async fn writes(&self, site: &Site, action: &Value) -> i64 {
        let session = open_for(&self.driver, site, action).await;
        let before = self.wire.written();
        perform(&session, action).await.unwrap_or_else(|error| panic!("{action}: {error}"));
        let after = self.wire.written();
        session.close().await.unwrap();
        after - before
    }

    /// Contexts and files go with their sessions, processes and profiles with their browsers.
    async fn close(self) {
        let profile = profile_of(self.wire.pid);
        // A context whose connection was cut goes in its own time, which the browser tells to nobody who asks later.
        let empty = async {
            while !pages(self.wire.port).await.is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), empty).await.expect("no page is left");
        let processes = renderers_of(self.wire.pid).into_iter().chain([self.wire.pid]);
        let ends: Vec<_> = processes.map(end_of).collect();
        drop((self.driver, self.theirs));
        futures::future::join_all(ends).await;
        removal_of(&profile).await;
        for left in std::fs::read_dir(self.files.path()).unwrap() {
            removal_of(&left.unwrap().path().to_string_lossy()).await;
        }
    }
}

/// What a fault is told as.
const fn kind_of(fault: Fault) -> ErrorKind {
    match fault {
        // Of a browser of somebody else no more is known than that it is not there.
        Fault::KillBrowser | Fault::CutSocket => ErrorKind::Disconnected,
        Fault::KillRenderers => ErrorKind::Crashed,
        Fault::CloseTarget => ErrorKind::PageLost,
    }
}

/// Strikes at each round trip of each action, and holds how long after it each failure was told.
#[expect(clippy::print_stderr, reason = "the times are what a reader of the test's output looks for")]
async fn table(fault: Fault) {
    let _alone = ALONE.lock().await;
    let site = site(PAGE).await;
    let mut line = Line::open().await;
    let mut told = Vec::new();
    for action in actions(&site) {
        for at in 0..line.writes(&site, &action).await.min(ROUND_TRIPS) {
            let session = open_for(&line.driver, &site, &action).await;
            line.wire.arm(fault, at);
            let result = perform(&session, &action).await;
            let now = Instant::now();
            let struck = line.wire.disarm().await;
            match (&result, struck) {
                (Err(error), Some(struck)) => {
                    assert_eq!(error.failure.kind, kind_of(fault), "{fault:?} at {at} of {action}: {error}");
                    told.push((now.saturating_duration_since(struck), format!("{at} of {action}")));
                }
                // It struck when the action had been done, or not at all.
                (Ok(_), _) => {}
                (Err(error), None) => panic!("{action} failed by itself: {error}"),
            }
            session.close().await.unwrap();
            drop(session);
            if fault == Fault::KillBrowser && struck.is_some() {
                line = Line::open().await;
            }
        }
    }
    told.sort();
    let at = |part: usize| &told[(told.len() - 1) * part / 100];
    let (median, late, last) = (at(50), at(95), at(100));
    eprintln!(
        "{fault:?}: {} failures, told after p50 {:.1?}, p95 {:.1?} ({}), at most {:.1?} ({})",
        told.len(),
        median.0,
        late.0,
        late.1,
        last.0,
        last.1
    );
    assert!(told.len() >= 20, "most faults are failures: {}", told.len());
    assert!(late.0 < SOON, "{told:#?}");
    line.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_browser_at_each_round_trip() {
    table(Fault::KillBrowser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_renderers_at_each_round_trip() {
    table(Fault::KillRenderers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_socket_at_each_round_trip() {
    table(Fault::CutSocket).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_target_at_each_round_trip() {
    table(Fault::CloseTarget).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dialogs_at_any_time_hold_nothing_up() {
    let _alone = ALONE.lock().await;
    let site = site(&format!("{PAGE}<script>setInterval(() => alert('again'), 30);</script>")).await;
    let line = Line::open().await;
    for action in actions(&site) {
        let session = open_for(&line.driver, &site, &action).await;
        let begun = Instant::now();
        let performed = perform(&session, &action).await.unwrap_or_else(|error| panic!("{action}: {error}"));
        assert!(performed.outcome.dialogs.iter().all(|dialog| dialog.message == "again"));
        assert!(begun.elapsed() < Duration::from_secs(10), "{action} took {:?}", begun.elapsed());
        session.close().await.unwrap();
    }
    line.close().await;
}
