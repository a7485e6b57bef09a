//! Cases about the life of sessions, their state and evidence of them.

use std::time::Duration;

use aef_core::browser::{CaptureRequest, Effect, SessionOptions};
use aef_core::document::{ImageFormat, Target};
use aef_core::recovery::ErrorKind;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::BrowserBench;
use super::visit::{Visit, click};
use crate::doubles::{action_of, action_request, session_options};

/// The first eight bytes of every PNG file.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A session begins with nothing in it.
pub async fn a_new_session_has_one_empty_tab(bench: &dyn BrowserBench) {
    let session = bench.browser().open(session_options(&bench.origin())).await.expect("a session opens");
    let state = session.storage_state().await.expect("the state is given");
    let [tab] = state.tabs.as_slice() else { panic!("it has {} tabs", state.tabs.len()) };
    assert_eq!(tab.name, "t1");
    assert!(matches!(tab.url.as_str(), "" | "about:blank"), "{} is open", tab.url);
    assert_eq!(state.cookies, Vec::<Value>::new());
}

/// The address of the options is open when the session is ready.
pub async fn a_session_opens_at_its_address(bench: &dyn BrowserBench) {
    let origin = bench.origin();
    let options = SessionOptions { url: Some(format!("{origin}/second")), ..session_options(&origin) };
    let session = bench.browser().open(options).await.expect("a session opens");
    let seen = session.capture(CaptureRequest::default()).await.expect("the page is looked at");
    assert_eq!((seen.url, seen.title.as_str()), (format!("{origin}/second"), "Second"));
}

/// The policy holds for the address of the options, too.
pub async fn a_session_that_may_not_open_its_address_does_not_open(bench: &dyn BrowserBench) {
    let url = Some("http://127.0.0.1:2/".to_owned());
    let options = SessionOptions { url, ..session_options(&bench.origin()) };
    let error = bench.browser().open(options).await.expect_err("the address is refused");
    assert_eq!(error.kind(), ErrorKind::Policy);
}

/// Logging in once is enough: the state that is kept opens the same page elsewhere.
pub async fn a_restored_session_has_the_cookies_and_the_page(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/login").await;
    visit.clicks("Log in").await;
    assert!(visit.sees(json!({ "title": { "equals": "Private" } })).await);
    let state = visit.session.storage_state().await.expect("the state is given");
    visit.session.close().await.expect("the session closes");
    let text = serde_json::to_string(&state).expect("the state is JSON");
    let restore = serde_json::from_str(&text).expect("the state reads back");
    let options = SessionOptions { restore: Some(restore), ..session_options(&visit.origin) };
    let session = visit.browser.open(options).await.expect("the session opens again");
    let seen = session.capture(CaptureRequest::default()).await.expect("the page is looked at");
    assert_eq!((seen.url, seen.title.as_str()), (format!("{}/private", visit.origin), "Private"));
}

/// What one session has been given no other one has.
pub async fn sessions_share_nothing(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/login").await;
    visit.clicks("Log in").await;
    assert!(visit.sees(json!({ "title": { "equals": "Private" } })).await);
    let other = visit.browser.open(session_options(&visit.origin)).await.expect("another session opens");
    let navigate = action_of(json!({ "action": "navigate", "url": format!("{}/private", visit.origin) }));
    let outcome = other.perform(action_request(navigate)).await.expect("the page opens").outcome;
    assert_eq!(outcome.title, "Log in");
}

/// A capture has what was asked for, and `None` for elements that are not there.
pub async fn evidence_has_a_picture_and_fingerprints(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/buttons").await;
    let target = |json: Value| serde_json::from_value::<Target>(json).expect("the JSON is a target");
    let fingerprints =
        vec![target(json!({ "role": "button", "name": "Show" })), target(json!({ "testId": "nowhere" }))];
    let request = CaptureRequest { screenshot: Some(ImageFormat::Png), fingerprints };
    let capture = visit.session.capture(request).await.expect("the page is looked at");
    assert_eq!(capture.url, format!("{}/buttons", visit.origin));
    let picture = capture.screenshot.expect("a picture was asked for");
    assert!(picture.media_type == "image/png" && picture.bytes.starts_with(PNG));
    let [Some(found), None] = capture.fingerprints.as_slice() else { panic!("{:?}", capture.fingerprints) };
    assert_eq!((found.role.as_deref(), found.name.as_deref()), (Some("button"), Some("Show")));
}

/// `screenshot` gives a file.
pub async fn a_screenshot_is_a_file(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/buttons").await;
    let shot =
        visit.tries(json!({ "action": "screenshot", "as": "shot" })).await.expect("a picture is taken");
    let file = shot.file.expect("a screenshot gives a file");
    assert!(file.media_type == "image/png" && file.bytes.starts_with(PNG));
}

/// `evaluate` is off unless the host says otherwise.
pub async fn scripts_run_only_where_the_host_allows_them(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/").await;
    let error = visit.fails(json!({ "action": "evaluate", "script": "return 1", "as": "x" })).await;
    assert_eq!((error.failure.kind, error.effect), (ErrorKind::Policy, Effect::None));
}

/// A session that is closed can be closed again, and does nothing more.
pub async fn closing_twice_is_no_error(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/buttons").await;
    visit.session.close().await.expect("the session closes");
    visit.session.close().await.expect("closing it again is no error");
    let error = visit.fails(click("Save")).await;
    assert_eq!(error.effect, Effect::None);
    assert_eq!(bench.posts("/save"), 0);
}

/// `lost` is for what nobody meant.
pub async fn a_closed_session_is_never_lost(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/").await;
    let lost = visit.session.lost();
    visit.session.close().await.expect("the session closes");
    assert!(timeout(Duration::from_millis(500), lost).await.is_err(), "a closed session was told as lost");
}

/// The death of a browser is told at once, to those who wait for it and to those who ask.
pub async fn a_killed_browser_loses_its_sessions(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/buttons").await;
    let lost = visit.session.lost();
    bench.kill().await;
    let error = timeout(Duration::from_secs(5), lost).await.expect("the loss is told");
    let gone = [ErrorKind::Crashed, ErrorKind::Disconnected, ErrorKind::PageLost];
    assert!(gone.contains(&error.kind()), "{:?}", error.kind());
    let error = visit.fails(click("Save")).await;
    assert!(gone.contains(&error.failure.kind), "{:?}", error.failure.kind);
    visit.session.storage_state().await.expect_err("there is no state any more");
}
