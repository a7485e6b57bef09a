use aef_core::browser::ObserveRequest;
use aef_core::document::Condition;
use serde_json::json;
use std::time::Duration;

use super::*;
use crate::doubles::{action_of, action_request, session_options};

#[tokio::test]
async fn a_permissive_browser_does_as_it_is_told_and_tells_of_it() {
    let browser = ScriptedBrowser::permissive().with_value("mails", json!([{ "from": "ann" }]));
    let session = browser.open(session_options("https://crm.test")).await.unwrap();
    let navigate = action_of(json!({ "action": "navigate", "url": "https://crm.test/inbox" }));
    let extract = action_of(json!({
        "action": "extract", "list": { "css": ".mail" }, "fields": { "from": { "css": ".from" } }, "as": "mails"
    }));
    let outcome = session.perform(action_request(navigate.clone())).await.unwrap().outcome;
    assert_eq!((outcome.url.as_str(), outcome.status), ("https://crm.test/inbox", Some(200)));
    let read = session.perform(action_request(extract.clone())).await.unwrap();
    assert_eq!(read.value, Some(json!([{ "from": "ann" }])));
    assert_eq!(browser.trace(), [navigate, extract]);
}

#[tokio::test]
async fn every_condition_holds_on_a_permissive_page_but_false() {
    let session = ScriptedBrowser::permissive().open(session_options("https://crm.test")).await.unwrap();
    let visible: Condition = serde_json::from_value(json!({ "visible": { "testId": "saved" } })).unwrap();
    let request =
        ObserveRequest { conditions: vec![visible, Condition::Constant(false)], timeout: Duration::ZERO };
    let holds: Vec<_> =
        session.observe(request).await.unwrap().results.iter().map(|result| result.holds).collect();
    assert_eq!(holds, [true, false]);
}

#[tokio::test]
async fn a_lost_session_says_why_and_does_no_more() {
    let browser = ScriptedBrowser::permissive();
    let session = browser.open(session_options("https://crm.test")).await.unwrap();
    assert_eq!(browser.open_sessions(), 1);
    browser.lose_sessions(ErrorKind::Crashed);
    assert_eq!(session.lost().await.kind(), ErrorKind::Crashed);
    assert_eq!(session.storage_state().await.unwrap_err().kind(), ErrorKind::Crashed);
    assert_eq!(browser.open_sessions(), 0);
}

#[tokio::test]
async fn a_session_that_was_closed_is_never_lost() {
    let browser = ScriptedBrowser::permissive();
    let session = browser.open(session_options("https://crm.test")).await.unwrap();
    session.close().await.unwrap();
    session.close().await.unwrap();
    browser.lose_sessions(ErrorKind::Crashed);
    let lost = futures::FutureExt::now_or_never(session.lost());
    assert!(lost.is_none());
    assert_eq!(session.storage_state().await.unwrap_err().kind(), ErrorKind::Disconnected);
}
