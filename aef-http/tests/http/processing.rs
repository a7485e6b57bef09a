//! Hosts that have a cron and no worker.

use std::sync::Arc;
use std::time::Duration;

use aef_core::engine::Engine;
use aef_core::execution::Status;
use aef_core::live::{LiveChannel as _, LiveErrorKind};
use aef_core::secrets::SecretString;
use aef_http::{HttpOptions, LivePlace, LiveRelay, live_router};
use axum::http::StatusCode;
use futures::StreamExt as _;
use futures::future::join_all;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::stage::{ASKING, Kept, READING, Stage, on_each_store};

on_each_store!(
    work_is_submitted_then_processed,
    what_waits_is_let_go_at_once,
    ten_calls_at_once_perform_each_once,
    one_is_performed_by_its_id,
    what_a_cron_has_performed_is_seen_elsewhere,
    without_a_secret_nobody_is_a_service,
);

async fn work_is_submitted_then_processed(kept: Kept) {
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada");
    stage.keeps(&ada, READING).await;
    let input = json!({ "userInput": { "who": "you" } });
    let submitted = ada.post("/engines-api/read-title/execute", input).await;
    assert_eq!((submitted.status, submitted.text("status")), (StatusCode::ACCEPTED, "queued".to_owned()));
    let id = submitted.text("executionId");
    let cron = stage.service();
    let processed = cron.post("/process-executions", json!({})).await;
    assert_eq!(processed.status, StatusCode::OK, "{}", processed.body);
    assert_eq!(processed.body["processed"], 1);
    assert_eq!(processed.body["results"], json!([{ "executionId": id, "status": "completed" }]));
    let done = ada.get(&format!("/engines-api/executions/{id}")).await;
    assert_eq!(done.body["result"], json!({ "heading": "Records", "hello": "you" }));
    let nothing = cron.post("/process-executions", json!({})).await;
    assert_eq!(nothing.body["processed"], 0);
    for (wrong, pointer) in [(json!({ "limit": 0 }), "/limit"), (json!({ "maxSeconds": 601 }), "/maxSeconds")]
    {
        let answer = cron.post("/process-executions", wrong).await;
        answer.is_problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid_input");
        assert_eq!(answer.body["errors"][0]["pointer"], pointer);
    }
}

async fn what_waits_is_let_go_at_once(kept: Kept) {
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada");
    stage.keeps(&ada, ASKING).await;
    let id = ada.executes("save-record", json!({})).await;
    let cron = stage.service();
    let asked = std::time::Instant::now();
    let processed = cron.post("/process-executions", json!({ "maxSeconds": 300 })).await;
    assert!(asked.elapsed().as_secs() < 200, "it waited for the person");
    assert_eq!(processed.body["results"], json!([{ "executionId": id, "status": "processing" }]));
    assert_eq!(stage.browser.open_sessions(), 0, "no browser is kept for a person");
    let open = ada.get("/api/aef/checkpoints").await.body["checkpoints"][0]["id"].clone();
    let path = format!("/api/aef/checkpoint/{}", open.as_str().unwrap());
    assert_eq!(ada.post(&path, json!({ "response": "approve" })).await.status, StatusCode::OK);
    cron.post("/process-executions", json!({})).await;
    stage.reaches(&id, Status::Completed).await;
    assert_eq!(stage.browser.witness().count("save", "record"), 1);
}

async fn ten_calls_at_once_perform_each_once(kept: Kept) {
    const EACH: usize = 12;
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada");
    let asks_nobody = ASKING.replace("checkpoint: { before: { title: \"Save it?\", timeout: 1h } }", "");
    stage.keeps(&ada, &asks_nobody).await;
    let mut ids = Vec::new();
    for _ in 0..EACH {
        ids.push(ada.executes("save-record", json!({})).await);
    }
    let cron = stage.service();
    let calls = (0..10).map(|_| cron.post("/process-executions", json!({ "limit": 5 })));
    let answers = join_all(calls).await;
    let mut performed: Vec<String> = Vec::new();
    for answer in &answers {
        let results = answer.body["results"].as_array().unwrap();
        assert!(results.len() <= 5, "{:#}", answer.body);
        performed.extend(results.iter().map(|one| one["executionId"].as_str().unwrap().to_owned()));
    }
    performed.sort();
    ids.sort();
    assert_eq!(performed, ids, "each was taken up by one call");
    assert_eq!(stage.browser.witness().count("save", "record"), EACH as u64, "and saved once");
    for id in ids {
        stage.reaches(&id, Status::Completed).await;
    }
}

async fn one_is_performed_by_its_id(kept: Kept) {
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada");
    stage.keeps(&ada, READING).await;
    let first = ada.executes("read-title", json!({ "who": "you" })).await;
    let second = ada.executes("read-title", json!({ "who": "you" })).await;
    let cron = stage.service();
    let done = cron.post("/internal-execute", json!({ "executionId": second })).await;
    assert_eq!(done.body["results"], json!([{ "executionId": second, "status": "completed" }]));
    assert_eq!(ada.get(&format!("/api/aef/executions/{first}")).await.text("status"), "queued");
    let again = cron.post("/internal-execute", json!({ "executionId": second })).await;
    assert_eq!(again.body["processed"], 0, "what is finished is not performed");
    let unknown = json!({ "executionId": "exec_00000000000000000000000000" });
    cron.post("/internal-execute", unknown).await.is_problem(StatusCode::NOT_FOUND, "not_found");
}

/// Opens a page and stays on it for longer than anybody watches.
pub(crate) const STAYING: &str = r#"
aef: 1
id: stay
steps:
  - id: open
    actions:
      - { action: navigate, url: "https://crm.test/crm" }
      - { action: wait_for, duration: 10m, timeout: 11m }
"#;

async fn what_a_cron_has_performed_is_seen_elsewhere(kept: Kept) {
    let secret = || SecretString::from("the processes of the host share this".to_owned());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = LivePlace::new(listener.local_addr().unwrap().to_string());
    let live_place = Some(place.clone());
    let stage = Stage::with(kept, |options| HttpOptions { live_place, ..options }).await;
    let router = live_router(stage.engine.live_sessions(), place.workers(), secret());
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let ada = stage.person("ada");
    stage.keeps(&ada, STAYING).await;
    let id = ada.executes("stay", json!({})).await;
    let cron = stage.service();
    let called =
        tokio::spawn(async move { cron.post("/process-executions", json!({ "maxSeconds": 600 })).await });
    // Another process: the same store, and no browser.
    let relay = Arc::new(LiveRelay::new(stage.host.clone(), secret()));
    let elsewhere = Engine::builder(stage.engine.store().clone()).live_channel(relay).build();
    let watched = elsewhere.execution(id.parse().unwrap());
    let mut frames = watched.live().await.unwrap().frames();
    let seen = async {
        while let Some(frame) = frames.next().await {
            if frame.url == "https://crm.test/crm" {
                return true;
            }
        }
        false
    };
    let seen = tokio::time::timeout(Duration::from_secs(60), seen).await;
    assert_eq!(seen, Ok(true), "the page is seen at the other process");
    ada.delete(&format!("/api/aef/stop/{id}")).await;
    let called = called.await.unwrap();
    assert_eq!(called.body["results"][0]["executionId"], id, "{:#}", called.body);
    let late = LiveRelay::new(stage.host.clone(), secret()).frames(id.parse().unwrap()).await;
    assert_eq!(late.err().map(|error| error.kind()), Some(LiveErrorKind::NotOpen), "its worker is gone");
    serving.abort();
}

async fn without_a_secret_nobody_is_a_service(kept: Kept) {
    let stage = Stage::with(kept, |options| HttpOptions { internal_secret: None, ..options }).await;
    for client in [stage.service(), stage.client(&[("x-internal-auth", "")]), stage.nobody()] {
        let answer = client.post("/process-executions", json!({})).await;
        answer.is_problem(StatusCode::UNAUTHORIZED, "unauthenticated");
        assert_eq!(answer.body["data"], Value::Null);
    }
}
