//! Cases about addresses, history, popups and tabs.

use aef_core::browser::Effect;
use aef_core::recovery::ErrorKind;
use serde_json::json;

use super::BrowserBench;
use super::visit::{Visit, click};
use crate::doubles::{action_of, action_request, session_options};

/// The outcome of `navigate` holds what a person would see, and the status.
pub async fn a_navigation_tells_address_title_and_status(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/second").await;
    let outcome = visit.goes_to("/?from=second").await;
    assert_eq!(outcome.url, format!("{}/?from=second", visit.origin));
    assert_eq!((outcome.title.as_str(), outcome.status, outcome.navigated), ("Home", Some(200), true));
}

/// 4xx and 5xx fail; only what the server may mend by itself is transient.
pub async fn a_status_of_400_and_above_is_an_error(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/").await;
    for (path, transient) in [("/missing", false), ("/broken", true)] {
        let url = format!("{}{path}", visit.origin);
        let failure = visit.fails(json!({ "action": "navigate", "url": url })).await.failure;
        assert_eq!((failure.kind, failure.transient), (ErrorKind::HttpStatus, transient), "{path}");
    }
}

/// `allowStatus` makes a page of a status of 400 and above.
pub async fn a_status_that_is_allowed_is_no_error(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/").await;
    let url = format!("{}/broken", visit.origin);
    let outcome = visit.does(json!({ "action": "navigate", "url": url, "allowStatus": [503] })).await;
    assert_eq!((outcome.status, outcome.title.as_str()), (Some(503), "Broken"));
}

/// Where nobody listens the navigation fails in a way that may be tried again.
pub async fn a_server_that_does_not_answer_is_a_navigation_error(bench: &dyn BrowserBench) {
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        format!("http://{}", listener.local_addr().expect("the listener has an address"))
    };
    let session = bench.browser().open(session_options(&closed)).await.expect("a session opens");
    let navigate = action_of(json!({ "action": "navigate", "url": format!("{closed}/") }));
    let error = session.perform(action_request(navigate)).await.expect_err("nobody answers");
    assert_eq!(error.failure.kind, ErrorKind::Navigation);
}

/// Only allowed origins are opened: a port, too, is part of an origin.
pub async fn documents_of_other_origins_are_refused(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/second").await;
    for url in ["http://127.0.0.1:2/", "https://example.org/", "http://localhost/"] {
        let error = visit.fails(json!({ "action": "navigate", "url": url })).await;
        assert_eq!((error.failure.kind, error.effect), (ErrorKind::Policy, Effect::None), "{url}");
        assert!(error.failure.message.contains(url), "{} does not name {url}", error.failure.message);
    }
    assert_eq!(visit.title().await, "Second");
}

/// Only http and https are opened.
pub async fn documents_of_other_schemes_are_refused(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/second").await;
    for url in ["file:///etc/hosts", "data:text/html,hello", "chrome://version", "javascript:alert(1)"] {
        let error = visit.fails(json!({ "action": "navigate", "url": url })).await;
        assert_eq!((error.failure.kind, error.effect), (ErrorKind::Policy, Effect::None), "{url}");
    }
    assert_eq!(visit.title().await, "Second");
}

/// `back` and `forward` move in the tab's history.
pub async fn the_history_is_travelled_back_and_forward(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/").await;
    visit.goes_to("/second").await;
    assert_eq!(visit.does(json!({ "action": "back" })).await.title, "Home");
    assert_eq!(visit.does(json!({ "action": "forward" })).await.title, "Second");
}

/// What stood on the page is gone when it is loaded again.
pub async fn a_reload_makes_the_page_anew(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/form").await;
    visit.does(json!({ "action": "fill", "target": { "label": "Name" }, "value": "new" })).await;
    visit.does(json!({ "action": "reload" })).await;
    assert!(visit.sees(json!({ "value": { "target": { "label": "Name" }, "equals": "old" } })).await);
}

/// A click that navigates says so, and the next action meets the new document.
pub async fn a_click_on_a_link_navigates(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/").await;
    let link = json!({ "role": "link", "name": "Second" });
    let outcome = visit.does(json!({ "action": "click", "target": link, "waitUntil": "load" })).await;
    assert!(outcome.navigated, "the outcome tells of the navigation");
    assert_eq!(visit.reads(json!({ "target": { "role": "heading" } })).await, json!("Second"));
}

/// `popup: { as }` names the tab that opens and does not switch to it.
pub async fn a_popup_gets_the_name_that_was_announced(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/").await;
    let link = json!({ "role": "link", "name": "Beside" });
    let outcome =
        visit.does(json!({ "action": "click", "target": link, "popup": { "as": "details" } })).await;
    assert_eq!(outcome.popups, ["details"]);
    assert_eq!(visit.title().await, "Home");
    visit.does(json!({ "action": "tab", "switch": "details" })).await;
    assert!(visit.sees(json!({ "title": { "equals": "Second" } })).await);
}

/// A popup that nobody announced is named by its number.
pub async fn an_unannounced_popup_stays_open_and_is_told(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/").await;
    let outcome =
        visit.does(json!({ "action": "click", "target": { "role": "link", "name": "Beside" } })).await;
    // The page may open it a moment after the click; the next outcome tells of it then.
    let told = if outcome.popups.is_empty() {
        visit.does(json!({ "action": "wait_for", "duration": "500ms" })).await.popups
    } else {
        outcome.popups
    };
    assert_eq!(told, ["t2"]);
    visit.does(json!({ "action": "tab", "switch": "t2" })).await;
    assert!(visit.sees(json!({ "title": { "equals": "Second" } })).await);
}

/// A popup that was announced and does not come is a timeout; the click may have had its effect.
pub async fn a_popup_that_does_not_come_is_told(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/buttons").await;
    let mut action = click("Show");
    action["popup"] = json!({ "as": "details" });
    let error = visit.fails(action).await;
    assert_eq!((error.failure.kind, error.effect), (ErrorKind::Timeout, Effect::Possible));
}

/// `tab` opens and switches, switches, and closes; then another tab is current.
pub async fn tabs_are_opened_switched_and_closed(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/").await;
    let url = format!("{}/second", visit.origin);
    visit.does(json!({ "action": "tab", "open": { "url": url, "as": "other" } })).await;
    assert!(visit.sees(json!({ "title": { "equals": "Second" } })).await);
    visit.does(json!({ "action": "tab", "switch": "t1" })).await;
    assert_eq!(visit.title().await, "Home");
    visit.does(json!({ "action": "tab", "switch": "other" })).await;
    visit.does(json!({ "action": "tab", "close": "other" })).await;
    assert_eq!(visit.title().await, "Home");
    visit.fails(json!({ "action": "tab", "switch": "other" })).await;
}
