use aef_core::browser::{Browser, Effect, SessionOptions};
use aef_core::recovery::ErrorKind;
use serde_json::json;

use crate::support::{Page, Site, act, browser, fail, open, options, text};

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_opened_is_not_asked() {
    let site = Site::serve([("/", Page::html("<h1>Start</h1>"))]).await;
    let other = Site::serve([("/", Page::html("<h1>Other</h1>"))]).await;
    let browser = browser().await;
    let session = open(&browser, &site, "/").await;
    let cases = [
        (other.url("/"), "origin_refused"),
        ("https://example.org/".to_owned(), "origin_refused"),
        ("file:///etc/passwd".to_owned(), "scheme_refused"),
        ("chrome://version".to_owned(), "scheme_refused"),
        ("data:text/html,x".to_owned(), "scheme_refused"),
        ("javascript:document.title=1".to_owned(), "scheme_refused"),
    ];
    for (url, reason) in cases {
        let error = fail(&session, json!({ "action": "navigate", "url": url })).await;
        assert_eq!((error.failure.kind, error.failure.reason.as_deref()), (ErrorKind::Policy, Some(reason)));
        assert!(error.failure.message.contains(&url), "{error}");
        assert_eq!(error.effect, Effect::None);
    }
    assert!(other.hits().is_empty());
    assert_eq!(text(&session, "h1").await, "Start");

    // An origin that is allowed, on a private address that is not.
    let mut careless = options(&[site.origin()]);
    careless.policy.allowed_private_origins.clear();
    careless.url = Some(site.url("/"));
    let error = browser.open(careless).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Policy);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_leads_nowhere_else_by_any_way() {
    let other =
        Site::serve([("/", Page::html("<h1>Other</h1>")), ("/x.js", Page::new(200, "text/javascript", "1"))])
            .await;
    let target = other.url("/");
    let start = format!(
        "<h1>Start</h1><a href='{target}'>link</a><a id=pop href='{target}' target=_blank>popup</a>\
         <button id=script onclick=\"location = '{target}'\">script</button>\
         <button id=open onclick=\"window.open('{target}')\">open</button>\
         <button id=blob onclick=\"location = window.URL.createObjectURL(new Blob(['<h1>blob</h1>'], {{ type: 'text/html' }}))\">blob</button>\
         <button id=fetch onclick=\"fetch('{target}').then(() => document.title = 'got', () => document.title = 'refused')\">fetch</button>\
         <form action='{target}' method=post><input name=a value=1><button id=send>send</button></form>\
         <iframe src='{target}'></iframe>"
    );
    let site = Site::serve([("/", Page::html(&start)), ("/away", Page::redirect(&target))]).await;
    let browser = browser().await;
    let session = open(&browser, &site, "/").await;
    for css in ["a", "#script", "#send"] {
        let first = json!({ "css": css, "first": true });
        let error = fail(&session, json!({ "action": "click", "target": first })).await;
        assert_eq!(error.failure.kind, ErrorKind::Policy, "{css}: {error}");
        assert_eq!(error.effect, Effect::Possible);
        assert_eq!(text(&session, "h1").await, "Start", "the page stays after {css}");
    }
    let error = fail(&session, json!({ "action": "navigate", "url": site.url("/away") })).await;
    assert_eq!(error.failure.kind, ErrorKind::Policy);
    let blob = fail(&session, json!({ "action": "click", "target": { "css": "#blob" } })).await;
    assert_eq!(blob.failure.kind, ErrorKind::Policy, "{blob}");
    act(&session, json!({ "action": "navigate", "url": site.url("/") })).await;
    for css in ["#pop", "#open"] {
        let click = act(&session, json!({ "action": "click", "target": { "css": css } })).await.outcome;
        assert_eq!(click.popups.len(), 1, "{css}");
    }
    act(&session, json!({ "action": "click", "target": { "css": "#fetch" } })).await;
    act(&session, json!({ "action": "wait_for", "condition": { "title": { "equals": "refused" } } })).await;
    assert_eq!(other.hits(), Vec::<String>::new(), "nothing reached the other site");
}

#[tokio::test(flavor = "multi_thread")]
async fn subresources_come_from_elsewhere_only_where_they_may() {
    let other =
        Site::serve([("/x.js", Page::new(200, "text/javascript", "document.title = 'loaded'"))]).await;
    let page = format!("<title>bare</title><script src='{}'></script><h1>Start</h1>", other.url("/x.js"));
    let site = Site::serve([("/", Page::html(&page))]).await;
    let browser = browser().await;
    let refused = open(&browser, &site, "/").await;
    let reload = act(&refused, json!({ "action": "reload" })).await.outcome;
    assert_eq!(reload.title, "bare");
    assert!(reload.notes.iter().any(|note| note.code == "blocked_request"), "{:?}", reload.notes);
    let mut allowing = options(&[site.origin()]);
    allowing.policy.allowed_private_origins.push(other.origin());
    let allowed =
        browser.open(SessionOptions { url: Some(site.url("/")), ..allowing.clone() }).await.unwrap();
    assert_eq!(act(&allowed, json!({ "action": "reload" })).await.outcome.title, "loaded");
    allowing.policy.strict_origins = true;
    let strict = browser.open(SessionOptions { url: Some(site.url("/")), ..allowing }).await.unwrap();
    assert_eq!(act(&strict, json!({ "action": "reload" })).await.outcome.title, "bare");
    assert_eq!(other.hits().len(), 2, "{:?}", other.hits());
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_run_only_where_the_host_allows_them() {
    let site = Site::serve([("/", Page::html("<h1>Start</h1>"))]).await;
    let browser = browser().await;
    let session = open(&browser, &site, "/").await;
    let evaluate =
        json!({ "action": "evaluate", "script": "return args.a + 1", "args": { "a": 2 }, "as": "n" });
    assert_eq!(fail(&session, evaluate.clone()).await.failure.kind, ErrorKind::Policy);
    let mut allowing = options(&[site.origin()]);
    allowing.policy.allow_evaluate = true;
    allowing.url = Some(site.url("/"));
    let session = browser.open(allowing).await.unwrap();
    assert_eq!(act(&session, evaluate).await.value, Some(json!(3)));
    let throwing = json!({ "action": "evaluate", "script": "throw new Error('no')" });
    let error = fail(&session, throwing).await;
    assert_eq!((error.failure.kind, error.failure.message.as_str()), (ErrorKind::Script, "Error: no"));
}
