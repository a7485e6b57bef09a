//! `/engines-api`, row by row.

use aef_core::execution::Status;
use aef_core::store::KeyScope;
use aef_http::HttpOptions;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::stage::{ASKING, FAILING, Kept, READING, Sent, Stage, on_each_store};

on_each_store!(
    work_is_submitted_and_polled,
    a_status_token_reads_its_execution_only,
    inputs_are_checked,
    what_waits_reads_as_processing,
    stopped_work_reads_as_failed,
    paused_work_goes_on,
    work_is_counted,
    problems_come_in_the_envelope,
    addresses_are_those_of_the_proxy,
);

/// The fields of an answer stand at top level and under `data`.
fn is_enveloped(body: &Value) {
    assert_eq!((&body["success"], &body["error"]), (&json!(true), &Value::Null), "{body:#}");
    assert!(body["timestamp"].is_string());
    for (name, value) in body["data"].as_object().unwrap() {
        assert_eq!(body[name], *value, "{name}");
    }
}

async fn work_is_submitted_and_polled(kept: Kept) {
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada");
    stage.keeps(&ada, READING).await;
    let program = stage.program("ada", &[KeyScope::Execute, KeyScope::Read]).await;
    let listed = program.get("/engines-api/list").await;
    is_enveloped(&listed.body);
    assert_eq!(listed.body["engines"][0]["name"], "Read the title");
    let engine = program.get("/engines-api/read-title").await;
    assert_eq!(engine.body["inputs"]["required"], json!(["who"]));
    assert!(!engine.body.to_string().contains("aef_"), "no key is shown");
    // `options` are let in and not read, whatever they hold.
    let body = json!({ "userInput": { "who": "you" }, "options": { "priority": "high", "x": [1] } });
    let submitted = program.post("/engines-api/read-title/execute", body).await;
    assert_eq!((submitted.status, submitted.text("status")), (StatusCode::ACCEPTED, "queued".to_owned()));
    is_enveloped(&submitted.body);
    let path = format!("/engines-api/executions/{}", submitted.text("executionId"));
    assert!(submitted.text("statusUrl").ends_with(&path));
    let queued = program.get(&path).await;
    is_enveloped(&queued.body);
    assert_eq!(
        (queued.text("status"), queued.body["waitingFor"]["waitsFor"].clone()),
        ("queued".into(), json!("no_worker"))
    );
    let worker = stage.works();
    stage.reaches(&submitted.text("executionId"), Status::Completed).await;
    let done = program.get(&path).await;
    assert_eq!((done.text("status"), done.body["progress"].clone()), ("completed".into(), json!(100)));
    assert_eq!(done.body["result"], json!({ "heading": "Records", "hello": "you" }));
    assert!(done.body["completedAt"].is_string());
    stage.shutdown.begin();
    worker.await.unwrap();
}

async fn a_status_token_reads_its_execution_only(kept: Kept) {
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada");
    stage.keeps(&ada, READING).await;
    let submit = || ada.post("/engines-api/read-title/execute", json!({ "input": { "who": "you" } }));
    let (one, other) = (submit().await, submit().await);
    let form = stage.bearing(&one.text("statusToken"));
    let path =
        |answer: &crate::stage::Answer| format!("/engines-api/executions/{}", answer.text("executionId"));
    assert_eq!(form.get(&path(&one)).await.status, StatusCode::OK);
    form.get(&path(&other)).await.is_problem(StatusCode::NOT_FOUND, "not_found");
    form.get("/engines-api/executions").await.is_problem(StatusCode::FORBIDDEN, "forbidden");
    form.get("/engines-api/stats").await.is_problem(StatusCode::FORBIDDEN, "forbidden");
    form.get("/engines-api/read-title").await.is_problem(StatusCode::FORBIDDEN, "forbidden");
    let stop = format!("/engines-api/stop/{}", one.text("executionId"));
    form.post(&stop, json!({})).await.is_problem(StatusCode::FORBIDDEN, "forbidden");
    form.get("/api/aef/executions").await.is_problem(StatusCode::FORBIDDEN, "forbidden");
    let forged = stage.bearing(&format!("{}x", one.text("statusToken")));
    forged.get(&path(&one)).await.is_problem(StatusCode::UNAUTHORIZED, "unauthenticated");
}

async fn inputs_are_checked(kept: Kept) {
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada");
    stage.keeps(&ada, READING).await;
    let path = "/engines-api/read-title/execute";
    for wrong in
        [json!({}), json!({ "userInput": { "who": 1 } }), json!({ "userInput": { "who": "a", "more": 1 } })]
    {
        let answer = ada.post(path, wrong).await;
        answer.is_problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid_input");
        assert!(!answer.body["errors"].as_array().unwrap().is_empty());
    }
    let both = json!({ "userInput": { "who": "a" }, "input": { "who": "a" } });
    ada.post(path, both).await.is_problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid_input");
    let unknown = ada.post("/engines-api/nothing/execute", json!({ "userInput": {} })).await;
    unknown.is_problem(StatusCode::NOT_FOUND, "not_found");
}

async fn what_waits_reads_as_processing(kept: Kept) {
    let stage = Stage::on(kept).await;
    let worker = stage.works();
    let ada = stage.person("ada");
    stage.keeps(&ada, ASKING).await;
    stage.keeps(&ada, FAILING).await;
    for (engine, status) in [("save-record", Status::WaitingCheckpoint), ("fail", Status::WaitingRecovery)] {
        let submitted = ada.post(&format!("/engines-api/{engine}/execute"), json!({})).await;
        let id = submitted.text("executionId");
        stage.reaches(&id, status).await;
        let waiting = ada.get(&format!("/engines-api/executions/{id}")).await;
        assert_eq!(waiting.text("status"), "processing");
        assert!(waiting.body["waitingFor"].is_object(), "{:#}", waiting.body);
        assert!(waiting.body["failure"].is_null(), "it has not failed yet");
    }
    stage.shutdown.begin();
    worker.await.unwrap();
}

async fn stopped_work_reads_as_failed(kept: Kept) {
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada");
    stage.keeps(&ada, READING).await;
    let submitted = ada.post("/engines-api/read-title/execute", json!({ "input": { "who": "you" } })).await;
    let id = submitted.text("executionId");
    let stopped = ada.send(Method::POST, &format!("/engines-api/stop/{id}"), Sent::Nothing).await;
    is_enveloped(&stopped.body);
    assert_eq!((stopped.text("status"), stopped.text("cleanup")), ("stopped".into(), "completed".into()));
    let read = ada.get(&format!("/engines-api/executions/{id}")).await;
    assert_eq!(
        (read.text("status"), read.body["failure"]["kind"].clone()),
        ("failed".into(), json!("stopped"))
    );
}

async fn paused_work_goes_on(kept: Kept) {
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada");
    stage.keeps(&ada, READING).await;
    let input = json!({ "input": { "who": "you" } });
    let id = ada.post("/engines-api/read-title/execute", input).await.text("executionId");
    let pause = async || ada.post(&format!("/api/aef/action/{id}"), json!({ "action": "pause" })).await;
    let by_path = format!("/engines-api/{id}/resume");
    ada.send(Method::POST, &by_path, Sent::Nothing).await.is_problem(StatusCode::CONFLICT, "wrong_state");
    pause().await;
    assert_eq!(ada.get(&format!("/engines-api/executions/{id}")).await.text("status"), "processing");
    let resumed = ada.send(Method::POST, &by_path, Sent::Nothing).await;
    assert_eq!((resumed.status, resumed.text("status")), (StatusCode::OK, "queued".to_owned()));
    pause().await;
    let named = json!({ "executionId": id });
    let elsewhere = ada.post("/engines-api/other/resume", named.clone()).await;
    elsewhere.is_problem(StatusCode::CONFLICT, "document_mismatch");
    let resumed = ada.post("/engines-api/read-title/resume", named).await;
    assert_eq!(resumed.text("executionId"), id);
}

async fn work_is_counted(kept: Kept) {
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada");
    assert_eq!(ada.get("/engines-api/stats").await.body["total"], 0);
    stage.keeps(&ada, READING).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(ada.executes("read-title", json!({ "who": "you" })).await);
    }
    ada.delete(&format!("/api/aef/stop/{}", ids[0])).await;
    let stats = ada.get("/engines-api/stats").await;
    is_enveloped(&stats.body);
    for (name, count) in [("total", 3), ("queued", 2), ("processing", 0), ("completed", 0), ("failed", 1)] {
        assert_eq!(stats.body[name], count, "{name}");
    }
    assert_eq!(
        (&stats.body["successRate"], &stats.body["engines"]),
        (&json!(0.0), &json!({ "read-title": 3 }))
    );
}

async fn problems_come_in_the_envelope(kept: Kept) {
    let stage = Stage::on(kept).await;
    for (client, status, code) in [
        (stage.nobody(), StatusCode::UNAUTHORIZED, "unauthenticated"),
        (stage.person("ada"), StatusCode::NOT_FOUND, "not_found"),
    ] {
        let answer = client.get("/engines-api/nothing").await;
        answer.is_problem(status, code);
        assert_eq!((&answer.body["success"], &answer.body["data"]), (&json!(false), &Value::Null));
        assert!(answer.body["timestamp"].is_string());
    }
}

async fn addresses_are_those_of_the_proxy(kept: Kept) {
    let change = |options: HttpOptions| HttpOptions {
        public_base_url: Some("https://api.example/aef/".parse().unwrap()),
        aliases: vec!["/functions/v1".to_owned()],
        ..options
    };
    let stage = Stage::with(kept, change).await;
    let ada = stage.person("ada");
    stage.keeps(&ada, READING).await;
    let input = json!({ "input": { "who": "you" } });
    for path in ["/engines-api/read-title/execute", "/functions/v1/engines-api/read-title/execute"] {
        let submitted = ada.post(path, input.clone()).await;
        let url = format!("https://api.example/aef/engines-api/executions/{}", submitted.text("executionId"));
        assert_eq!(submitted.text("statusUrl"), url);
    }
    let stats = stage.person("bob").get("/functions/v1/engines-api/stats").await;
    assert_eq!(stats.body["total"], 0, "an alias asks for the same credentials");
    stage
        .nobody()
        .get("/functions/v1/engines-api/stats")
        .await
        .is_problem(StatusCode::UNAUTHORIZED, "unauthenticated");
    let own = ada.clone().with("origin", "https://api.example").get("/api/aef/documents").await;
    assert_eq!(own.headers["access-control-allow-origin"], "https://api.example");
}
