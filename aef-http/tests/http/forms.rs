//! Forms: the page, the script, and what a publishable key may.

use aef_core::store::KeyScope;
use aef_http::{HttpOptions, KeyRequest, Limits, Rate};
use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::stage::{Kept, READING, Sent, Stage, key_of, on_each_store};

on_each_store!(
    a_form_is_shown_to_whoever_has_a_publishable_key,
    a_form_never_shows_a_key_that_may_more,
    a_publishable_key_submits_and_does_nothing_else,
    who_polls_uses_up_no_budget_of_others,
);

const SHOP: &str = "https://shop.example";

fn publishable() -> KeyRequest {
    KeyRequest {
        document: Some("read-title".into()),
        scopes: [KeyScope::Execute].into(),
        origins: vec![SHOP.to_owned()],
        ..key_of("ada")
    }
}

async fn a_form_is_shown_to_whoever_has_a_publishable_key(kept: Kept) {
    let stage = Stage::on(kept).await;
    let marked = READING.replace("title: Read the title", "title: Read <b> & \"{key}\"");
    stage.keeps(&stage.person("ada"), &marked).await;
    let key = stage.key(publishable()).await;
    let page = stage.nobody().get(&format!("/engines-api/read-title/form?key={key}")).await;
    assert_eq!(page.status, StatusCode::OK, "{:#}", page.body);
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.ends_with("frame-ancestors 'self' https://shop.example"), "{policy}");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let html = std::str::from_utf8(&page.bytes).unwrap();
    assert!(html.contains("<h1>Read &#60;b&#62; &#38; &#34;{key}&#34;</h1>"), "{html}");
    assert!(html.contains(&format!("data-engine=\"read-title\" data-key=\"{key}\"")), "{html}");
    assert_eq!(html.matches("<script").count(), 1, "the page has a script of its own: {html}");
    let script = stage.nobody().with("origin", SHOP).get("/engines-api/embed.js").await;
    assert_eq!(script.headers["content-type"], "text/javascript; charset=utf-8");
    assert_eq!(script.headers["cross-origin-resource-policy"], "cross-origin");
    assert!(!script.bytes.is_empty());
}

async fn a_form_never_shows_a_key_that_may_more(kept: Kept) {
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada");
    stage.keeps(&ada, READING).await;
    let form = async |query: &str| stage.nobody().get(&format!("/engines-api/read-title/form{query}")).await;
    let wider = [
        KeyRequest { document: None, ..publishable() },
        KeyRequest { origins: Vec::new(), ..publishable() },
        KeyRequest { scopes: [KeyScope::Execute, KeyScope::Read].into(), ..publishable() },
    ];
    for request in wider {
        let key = stage.key(request).await;
        form(&format!("?key={key}")).await.is_problem(StatusCode::FORBIDDEN, "forbidden");
    }
    let elsewhere = stage.key(KeyRequest { document: Some("other".into()), ..publishable() }).await;
    form(&format!("?key={elsewhere}")).await.is_problem(StatusCode::NOT_FOUND, "not_found");
    form("?key=aef_000000000000_0").await.is_problem(StatusCode::UNAUTHORIZED, "unauthenticated");
    form("").await.is_problem(StatusCode::UNAUTHORIZED, "unauthenticated");
    let key = stage.key(publishable()).await;
    let none = ada.get("/engines-api/read-title/form").await;
    none.is_problem(StatusCode::FORBIDDEN, "forbidden");
    // A key is read from the address of a form, and of nothing else.
    let listed = stage.nobody().get(&format!("/engines-api/read-title?key={key}")).await;
    listed.is_problem(StatusCode::UNAUTHORIZED, "unauthenticated");
}

async fn a_publishable_key_submits_and_does_nothing_else(kept: Kept) {
    let stage = Stage::on(kept).await;
    stage.keeps(&stage.person("ada"), READING).await;
    let form = stage.bearing(&stage.key(publishable()).await).with("origin", SHOP);
    let engine = form.get("/engines-api/read-title").await;
    assert_eq!(engine.status, StatusCode::OK, "{:#}", engine.body);
    assert_eq!(engine.headers["access-control-allow-origin"], SHOP);
    let submitted =
        form.post("/engines-api/read-title/execute", json!({ "userInput": { "who": "you" } })).await;
    let id = submitted.text("executionId");
    let token = submitted.text("statusToken");
    let status = format!("/engines-api/executions/{id}");
    form.get(&status).await.is_problem(StatusCode::FORBIDDEN, "forbidden");
    assert_eq!(stage.bearing(&token).with("origin", SHOP).get(&status).await.status, StatusCode::OK);
    for (method, path) in [
        (Method::GET, "/engines-api/executions".to_owned()),
        (Method::GET, "/engines-api/stats".to_owned()),
        (Method::POST, format!("/engines-api/stop/{id}")),
        (Method::POST, format!("/engines-api/{id}/resume")),
        (Method::GET, format!("/api/aef/executions/{id}")),
        (Method::GET, "/api/aef/documents/read-title".to_owned()),
        (Method::GET, "/api/aef/keys".to_owned()),
    ] {
        form.send(method, &path, Sent::Nothing).await.is_problem(StatusCode::FORBIDDEN, "forbidden");
    }
}

async fn who_polls_uses_up_no_budget_of_others(kept: Kept) {
    let few = Limits { reads: Rate::new(1, 2), ..Limits::default() };
    let stage = Stage::with(kept, |options| HttpOptions { limits: few, ..options }).await;
    let ada = stage.person("ada");
    stage.keeps(&ada, READING).await;
    let submitted = ada.post("/engines-api/read-title/execute", json!({ "input": { "who": "you" } })).await;
    let path = format!("/engines-api/executions/{}", submitted.text("executionId"));
    let poller = stage.bearing(&submitted.text("statusToken"));
    for _ in 0..2 {
        assert_eq!(poller.get(&path).await.status, StatusCode::OK);
    }
    let enough = poller.get(&path).await;
    enough.is_problem(StatusCode::TOO_MANY_REQUESTS, "rate_limited");
    assert!(enough.headers.contains_key("retry-after"));
    assert_eq!(ada.get(&path).await.status, StatusCode::OK, "the owner's own budget is untouched");
}
