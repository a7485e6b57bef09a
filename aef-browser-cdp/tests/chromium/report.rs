//! What actions report: writes, popups, dialogs, tabs.

use std::time::Duration;

use aef_core::recovery::ErrorKind;
use serde_json::json;

use crate::support::{Page, Site, act, browser, fail, observe, open, text};

const PAGE: &str = r#"<title>Start</title><h1>Start</h1><p id=out></p>
<button id=get onclick="fetch('/data')">get</button>
<button id=post onclick="fetch('/data?token=1', { method: 'POST', body: '1' })">post</button>
<button id=beacon onclick="navigator.sendBeacon('/beacon', '1')">beacon</button>
<button id=alert onclick="alert('careful'); out.textContent = 'after'">alert</button>
<button id=confirm onclick="out.textContent = confirm('sure?')">confirm</button>
<button id=prompt onclick="out.textContent = prompt('name?', 'x')">prompt</button>
<button id=down onmousedown="alert('down')" onclick="out.textContent = 'clicked'">down</button>
<a href="/other" target=_blank rel=opener>popup</a>
<form action=/data method=post><button id=send>send</button></form>"#;

async fn site() -> Site {
    Site::serve([
        ("/", Page::html(PAGE)),
        ("/data", Page::html("<title>Data</title>ok")),
        ("/beacon", Page::new(200, "text/plain", "")),
        ("/other", Page::html("<title>Other</title><h1>Other</h1><button onclick='window.close()'>close</button>")),
        ("/guard", Page::html("<title>Guard</title><input><script>onbeforeunload = event => event.preventDefault()</script>")),
    ])
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_are_reported_and_reading_is_not() {
    let (browser, site) = (browser().await, site().await);
    let session = open(&browser, &site, "/").await;
    let click = |css: &str| json!({ "action": "click", "target": { "css": css } });
    assert!(act(&session, click("#get")).await.outcome.writes.is_empty());
    let posted = act(&session, click("#post")).await.outcome.writes;
    assert_eq!((posted[0].method.as_str(), posted[0].url.as_str()), ("POST", site.url("/data").as_str()));
    assert_eq!(posted.len(), 1);
    let beacon = act(&session, click("#beacon")).await.outcome.writes;
    assert_eq!((beacon[0].method.as_str(), beacon.len()), ("BEACON", 1));
    let sent = act(&session, click("#send")).await.outcome;
    assert_eq!((sent.writes[0].method.as_str(), sent.writes[0].status), ("POST", Some(200)));
    assert_eq!((sent.title.as_str(), sent.navigated), ("Data", true));
}

#[tokio::test(flavor = "multi_thread")]
async fn dialogs_are_answered_by_the_policy_and_recorded() {
    let (browser, site) = (browser().await, site().await);
    let session = open(&browser, &site, "/").await;
    let click = |css: &str| json!({ "action": "click", "target": { "css": css } });
    let alert = act(&session, click("#alert")).await.outcome;
    assert_eq!((alert.dialogs[0].kind.as_str(), alert.dialogs[0].message.as_str()), ("alert", "careful"));
    assert_eq!(text(&session, "#out").await, "after");
    act(&session, click("#confirm")).await;
    assert_eq!(text(&session, "#out").await, "false");
    act(&session, json!({ "action": "dialog", "accept": true })).await;
    assert!(act(&session, click("#confirm")).await.outcome.dialogs[0].accepted);
    assert_eq!(text(&session, "#out").await, "true");
    act(&session, json!({ "action": "dialog", "answer": "Ada" })).await;
    act(&session, click("#prompt")).await;
    assert_eq!(text(&session, "#out").await, "Ada");
    let down = act(&session, click("#down")).await.outcome;
    assert_eq!(down.dialogs.len(), 1);
    assert_eq!(text(&session, "#out").await, "clicked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_asks_before_it_is_left_is_left_by_navigation() {
    let (browser, site) = (browser().await, site().await);
    let session = open(&browser, &site, "/guard").await;
    act(&session, json!({ "action": "type", "target": { "css": "input" }, "value": "x" })).await;
    let away = act(&session, json!({ "action": "navigate", "url": site.url("/other") })).await.outcome;
    assert_eq!((away.title.as_str(), away.dialogs[0].kind.as_str()), ("Other", "beforeunload"));
}

#[tokio::test(flavor = "multi_thread")]
async fn popups_and_tabs_have_names() {
    let (browser, site) = (browser().await, site().await);
    let session = open(&browser, &site, "/").await;
    let link = json!({ "role": "link", "name": "popup" });
    let announced = json!({ "action": "click", "target": link, "popup": { "as": "print" } });
    assert_eq!(act(&session, announced).await.outcome.popups, ["print"]);
    assert_eq!(text(&session, "h1").await, "Start", "a popup is not switched to");
    let silent = act(&session, json!({ "action": "click", "target": link })).await.outcome;
    assert_eq!(silent.popups, ["t2"]);
    act(&session, json!({ "action": "tab", "switch": "print" })).await;
    assert_eq!(text(&session, "h1").await, "Other");
    act(&session, json!({ "action": "click", "target": { "role": "button" } })).await;
    assert_eq!(text(&session, "h1").await, "Start", "the opener follows a tab that closes itself");
    let opened = json!({ "action": "tab", "open": { "url": site.url("/data"), "as": "data" } });
    assert_eq!(act(&session, opened).await.outcome.title, "Data");
    act(&session, json!({ "action": "tab", "close": "data" })).await;
    assert_eq!(text(&session, "h1").await, "Start");
    let error = fail(&session, json!({ "action": "tab", "switch": "print" })).await;
    assert_eq!((error.failure.kind, error.failure.reason.as_deref()), (ErrorKind::Data, Some("no_such_tab")));
    let never =
        json!({ "action": "click", "target": { "css": "#get" }, "popup": { "as": "p" }, "timeout": "800ms" });
    let error = fail(&session, never).await;
    assert_eq!((error.failure.kind, error.failure.reason.as_deref()), (ErrorKind::Timeout, Some("popup")));
    assert!(
        observe(&session, json!([{ "title": { "equals": "Start" } }]), Duration::ZERO).await.results[0].holds
    );
}
