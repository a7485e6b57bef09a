//! A fault at each round trip of each action: the cause is told at once, and nothing is left.

use std::io;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aef_browser_cdp::{CdpBrowser, ConnectOptions};
use aef_core::browser::{Browser, Session};
use aef_core::recovery::ErrorKind;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::loss::{devtools, endpoint, kill, profile_of, renderers_of};
use crate::support::{Page, Site, act, browser, options, perform};

const PAGE: &str = r#"<title>Start</title><h1>Start</h1><a href=/other>other</a>
<button>press</button><input id=text><input id=box type=checkbox><input id=date type=date>
<select><option>one<option>two</select>
<p id=from style="width:50px;height:50px;background:red">from</p><p id=to style="width:50px;height:50px">to</p>"#;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    KillBrowser,
    KillRenderers,
    CutSocket,
    CloseTarget,
}

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

/// One action of each kind that a browser performs in the page, wherever it runs.
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
        json!({ "action": "click", "target": target("a") }),
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
        json!({ "action": "tab", "open": { "url": site.url("/other"), "as": "beside" } }),
    ]
}

/// A wire between driver and browser that a fault strikes at a given message.
#[derive(Debug)]
struct Wire {
    address: String,
    plan: Arc<Plan>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Plan {
    /// How many writes to the browser are let pass before the fault; below zero there is none.
    left: AtomicI64,
    written: AtomicI64,
    fault: Mutex<Option<Fault>>,
    struck: Mutex<Option<Instant>>,
    pid: u32,
    port: u16,
}

impl Wire {
    async fn to(browser: &CdpBrowser) -> Self {
        let pid = browser.process_id().await.unwrap();
        let (port, path) = endpoint(&profile_of(pid));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("ws://{}{path}", listener.local_addr().unwrap());
        let plan = Arc::new(Plan { left: AtomicI64::new(-1), pid, port, ..Plan::default() });
        let shared = Arc::clone(&plan);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(carry(stream, Arc::clone(&shared)));
            }
        });
        Self { address, plan, task }
    }

    /// Arms a fault behind so many more writes.
    fn arm(&self, fault: Fault, after: i64) {
        *self.plan.fault.lock().unwrap() = Some(fault);
        *self.plan.struck.lock().unwrap() = None;
        self.plan.left.store(after, Ordering::SeqCst);
    }

    fn disarm(&self) -> Option<Instant> {
        self.plan.left.store(-1, Ordering::SeqCst);
        *self.plan.struck.lock().unwrap()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(mut near: TcpStream, plan: Arc<Plan>) -> io::Result<()> {
    let mut far = TcpStream::connect(("127.0.0.1", plan.port)).await?;
    let (mut near_read, mut near_write) = near.split();
    let (mut far_read, mut far_write) = far.split();
    let back = tokio::io::copy(&mut far_read, &mut near_write);
    let forth = async {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read = near_read.read(&mut buffer).await?;
            if read == 0 {
                return io::Result::Ok(());
            }
            far_write.write_all(&buffer[..read]).await?;
            plan.written.fetch_add(1, Ordering::SeqCst);
            if plan.left.load(Ordering::SeqCst) >= 0 && plan.left.fetch_sub(1, Ordering::SeqCst) == 0 {
                let fault = plan.fault.lock().unwrap().unwrap();
                strike(fault, &plan).await;
                if fault == Fault::CutSocket {
                    return Ok(());
                }
            }
        }
    };
    tokio::select! {
        ended = forth => ended,
        ended = back => ended.map(drop),
    }
}

async fn strike(fault: Fault, plan: &Plan) {
    match fault {
        Fault::KillBrowser => {
            *plan.struck.lock().unwrap() = Some(Instant::now());
            kill(plan.pid);
        }
        Fault::KillRenderers => {
            let renderers = renderers_of(plan.pid);
            *plan.struck.lock().unwrap() = Some(Instant::now());
            renderers.into_iter().for_each(kill);
        }
        Fault::CutSocket => *plan.struck.lock().unwrap() = Some(Instant::now()),
        Fault::CloseTarget => {
            for target in pages(plan.port).await {
                *plan.struck.lock().unwrap() = Some(Instant::now());
                devtools(plan.port, &format!("/json/close/{target}")).await;
            }
        }
    }
}

/// The pages of all contexts but the browser's own first one.
async fn pages(port: u16) -> Vec<String> {
    let listed: Value = serde_json::from_str(&devtools(port, "/json/list").await).unwrap_or_default();
    let pages = listed.as_array().cloned().unwrap_or_default();
    let ours = pages.iter().filter(|page| page["type"] == "page" && page["url"] != "about:blank");
    ours.filter_map(|page| page["id"].as_str().map(str::to_owned)).collect()
}

async fn site() -> Site {
    Site::serve([("/", Page::html(PAGE)), ("/other", Page::html("<title>Other</title><h1>Other</h1>"))]).await
}

async fn open(browser: &CdpBrowser, site: &Site) -> Arc<dyn Session> {
    let mut allowing = options(&[site.origin()]);
    allowing.policy.allow_evaluate = true;
    allowing.url = Some(site.url("/"));
    browser.open(allowing).await.unwrap()
}

/// A session in which an action can be performed at once.
async fn open_for(browser: &CdpBrowser, site: &Site, action: &Value) -> Arc<dyn Session> {
    let session = open(browser, site).await;
    for step in before(site, action) {
        act(&session, step).await;
    }
    session
}

/// How often an action writes to the browser.
async fn writes(wire: &Wire, driver: &CdpBrowser, site: &Site, action: &Value) -> i64 {
    let session = open_for(driver, site, action).await;
    let before = wire.plan.written.load(Ordering::SeqCst);
    perform(&session, action.clone()).await.unwrap_or_else(|error| panic!("{action}: {error}"));
    let after = wire.plan.written.load(Ordering::SeqCst);
    session.close().await.unwrap();
    after - before
}

/// Strikes at each write of each action; gives how long after it each failure was told.
#[expect(clippy::print_stderr, reason = "the times are what a reader of the test's output looks for")]
async fn table(fault: Fault) {
    let site = site().await;
    let mut theirs = browser().await;
    let mut wire = Wire::to(&theirs).await;
    let mut driver = CdpBrowser::connect(&wire.address, ConnectOptions::default()).await.unwrap();
    let mut told = Vec::new();
    for action in actions(&site) {
        // What comes behind the sixth is the tidying up.
        for at in 0..writes(&wire, &driver, &site, &action).await.min(6) {
            let session = open_for(&driver, &site, &action).await;
            wire.arm(fault, at);
            let result = perform(&session, action.clone()).await;
            let now = Instant::now();
            let struck = wire.disarm();
            match (&result, struck) {
                (Err(error), Some(struck)) => {
                    let kinds = [ErrorKind::Crashed, ErrorKind::Disconnected, ErrorKind::PageLost];
                    assert!(kinds.contains(&error.failure.kind), "{fault:?} at {at} of {action}: {error}");
                    told.push(now.saturating_duration_since(struck));
                }
                // It struck when the action had been done, or not at all.
                (Ok(_), _) => {}
                (Err(error), None) => panic!("{action} failed by itself: {error}"),
            }
            session.close().await.unwrap();
            drop(session);
            if fault == Fault::KillBrowser && struck.is_some() {
                theirs = browser().await;
                wire = Wire::to(&theirs).await;
                driver = CdpBrowser::connect(&wire.address, ConnectOptions::default()).await.unwrap();
            }
        }
    }
    told.sort();
    let at = |part: usize| told[(told.len() - 1) * part / 100];
    eprintln!("{fault:?}: {} failures, told after p50 {:?}, p95 {:?}", told.len(), at(50), at(95));
    assert!(told.len() >= 20, "most faults are failures: {}", told.len());
    // On a machine that is busy with other things; without the driver's own answer it would be 10 s.
    assert!(at(50) < Duration::from_millis(100) && at(95) < Duration::from_secs(1), "{told:?}");
    nothing_is_left(wire, theirs, driver).await;
}

/// Contexts go with their sessions, processes and profiles with their browsers.
async fn nothing_is_left(wire: Wire, theirs: CdpBrowser, driver: CdpBrowser) {
    let (pid, port) = (wire.plan.pid, wire.plan.port);
    let profile = profile_of(pid);
    let empty = async {
        while !pages(port).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), empty).await.expect("no page is left");
    drop((driver, theirs));
    let gone = async {
        while std::path::Path::new(&profile).exists() || !renderers_of(pid).is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.expect("no process and no file is left");
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
