//! Every answer that a checkpoint takes, every action that steers, and what is told where a worker or a store is gone.

use std::sync::Arc;
use std::time::Duration;

use aef_core::execution::Status;
use aef_core::ids::{DocumentHash, OwnerId};
use aef_core::store::{ClaimRequest, NewDocument};
use aef_http::{HttpOptions, router};
use aef_store_memory::MemoryStore;
use aef_testkit::{FaultyStore, StoreFault};
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::processing::STAYING;
use crate::stage::{ASKING, Client, FAILING, Kept, READING, Sent, Stage, on_each_store};

on_each_store!(
    each_answer_is_taken_and_says_what_comes_next,
    data_is_held_against_the_form,
    a_page_is_taken_over_and_handed_back,
    a_failed_step_is_tried_again_by_hand_and_by_itself,
    variables_are_set_while_it_is_paused,
    what_a_silent_worker_holds_is_still_stopping,
    what_a_worker_has_just_taken_up_is_busy,
    warnings_come_with_a_document,
    what_is_kept_and_cannot_be_read_is_no_fault_of_the_caller,
);

/// Asks before a step and for a deed, and which way to go; needs no page.
const ALL_KINDS: &str = r#"
aef: 1
id: all-kinds
vars: { greeting: hello }
steps:
  - id: change
    checkpoint:
      before: { title: "Change it?", form: { type: object, properties: { greeting: { type: string } } } }
    outputs: { one: "1" }
  - id: deed
    name: Which code came by mail?
    type: manual
    form: { type: object, required: [pin], properties: { pin: { type: integer, minimum: 10 } } }
  - id: way
    type: decision
    ask:
      question: "Which way?"
      options: [ { id: left, label: Left }, { id: right, label: Right } ]
    branches:
      - { option: left, steps: [ { id: to_left, outputs: { one: "2" } } ] }
      - { option: right, steps: [ { id: to_right, outputs: { one: "3" } } ] }
  - { id: done, type: end, result: { one: "{{ one }}" } }
"#;

/// Tries a second time by itself, later than anybody waits.
const RETRYING: &str = r#"
aef: 1
id: retrying
steps:
  - id: open
    actions: [ { action: navigate, url: "https://crm.test/crm" } ]
  - id: press
    retry: { maxAttempts: 3, delay: 10m, kinds: [any] }
    actions: [ { action: click, target: { role: button, name: Nowhere }, timeout: 1s } ]
"#;

/// Executes a document until it asks at this step; gives the execution and the path of the answer.
async fn asks(stage: &Stage, client: &Client, id: &str, step: &str) -> String {
    stage.reaches(id, Status::WaitingCheckpoint).await;
    let state = client.get(&format!("/api/aef/executions/{id}")).await;
    let open = &state.body["checkpoints"][0];
    assert_eq!(open["stepId"], step, "{:#}", state.body);
    format!("/api/aef/checkpoint/{}", open["id"].as_str().unwrap())
}

async fn each_answer_is_taken_and_says_what_comes_next(kept: Kept) {
    let stage = Stage::on(kept).await;
    let worker = stage.works();
    let ada = stage.person("ada");
    stage.keeps(&ada, ALL_KINDS).await;
    // Answers to each question in turn, with the action that each leads to, and how it ends.
    let approve = || (json!({ "response": "approve" }), "continue");
    let modify = || (json!({ "response": "modify", "data": { "greeting": "hi" } }), "continue");
    let done = || (json!({ "response": "done", "data": { "pin": 12 } }), "continue");
    let skip = || (json!({ "response": "skip", "applyTo": "step" }), "skip_step");
    let choose = |option: &str| (json!({ "response": "choose", "option": option }), "continue");
    let reject = || (json!({ "response": "reject" }), "stop_execution");
    let stories = [
        (vec![approve(), done(), choose("left")], Status::Completed, json!({ "one": 2 })),
        (vec![modify(), skip(), choose("right")], Status::Completed, json!({ "one": 3 })),
        (vec![modify(), done(), skip()], Status::Completed, json!({ "one": 1 })),
        (vec![approve(), reject()], Status::Stopped, Value::Null),
    ];
    for (answers, ends, result) in stories {
        let id = ada.executes("all-kinds", json!({})).await;
        for ((answer, next), step) in answers.into_iter().zip(["change", "deed", "way"]) {
            let path = asks(&stage, &ada, &id, step).await;
            let answered = ada.post(&path, answer.clone()).await;
            assert_eq!(answered.status, StatusCode::OK, "{answer}: {:#}", answered.body);
            assert_eq!(
                (answered.text("status"), answered.text("nextAction"), answered.text("executionId")),
                ("success".to_owned(), next.to_owned(), id.clone()),
                "{answer}"
            );
        }
        stage.reaches(&id, ends).await;
        assert_eq!(ada.get(&format!("/api/aef/executions/{id}")).await.body["result"], result);
    }
    stage.shutdown.begin();
    worker.await.unwrap();
}

async fn data_is_held_against_the_form(kept: Kept) {
    let stage = Stage::on(kept).await;
    let worker = stage.works();
    let ada = stage.person("ada");
    stage.keeps(&ada, ALL_KINDS).await;
    let id = ada.executes("all-kinds", json!({})).await;
    let path = asks(&stage, &ada, &id, "change").await;
    ada.post(&path, json!({ "response": "approve" })).await;
    let path = asks(&stage, &ada, &id, "deed").await;
    for wrong in [json!({}), json!({ "pin": "x" }), json!({ "pin": 7 })] {
        let refused = ada.post(&path, json!({ "response": "done", "data": wrong })).await;
        refused.is_problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid_input");
    }
    ada.post(&path, json!({ "response": "done", "data": { "pin": 10 } })).await;
    let path = asks(&stage, &ada, &id, "way").await;
    for wrong in [json!({ "response": "choose" }), json!({ "response": "choose", "option": "up" })] {
        let refused = ada.post(&path, wrong).await;
        assert!(refused.status.is_client_error(), "{:#}", refused.body);
    }
    stage.shutdown.begin();
    worker.await.unwrap();
}

async fn a_page_is_taken_over_and_handed_back(kept: Kept) {
    let stage = Stage::on(kept).await;
    let worker = stage.works();
    let ada = stage.person("ada");
    stage.keeps(&ada, ASKING).await;
    let id = ada.executes("save-record", json!({})).await;
    asks(&stage, &ada, &id, "save").await;
    let act = async |body: Value| ada.post(&format!("/api/aef/action/{id}"), body).await;
    let taken = act(json!({ "action": "take_over" })).await;
    assert_eq!(taken.status, StatusCode::OK, "{:#}", taken.body);
    stage.reaches(&id, Status::TakenOver).await;
    act(json!({ "action": "take_over" })).await.is_problem(StatusCode::CONFLICT, "wrong_state");
    let polled = ada.get(&format!("/api/aef/live/{id}")).await;
    assert_eq!(
        (polled.text("type"), polled.body["execution"]["status"].clone()),
        ("execution_update".into(), json!("taken_over"))
    );
    assert_eq!(ada.get(&format!("/engines-api/executions/{id}")).await.text("status"), "processing");
    assert_eq!(act(json!({ "action": "hand_back" })).await.status, StatusCode::OK);
    asks(&stage, &ada, &id, "save").await;
    stage.shutdown.begin();
    worker.await.unwrap();
}

async fn a_failed_step_is_tried_again_by_hand_and_by_itself(kept: Kept) {
    let stage = Stage::on(kept).await;
    let worker = stage.works();
    let ada = stage.person("ada");
    stage.keeps(&ada, FAILING).await;
    stage.keeps(&ada, RETRYING).await;
    let id = ada.executes("fail", json!({})).await;
    stage.reaches(&id, Status::WaitingRecovery).await;
    let path = format!("/api/aef/executions/{id}");
    let before = ada.get(&path).await.body["seq"].as_u64().unwrap();
    let retried =
        ada.post(&format!("/api/aef/action/{id}"), json!({ "action": "retry", "stepId": "press" })).await;
    assert_eq!(retried.status, StatusCode::OK, "{:#}", retried.body);
    stage.reaches(&id, Status::Running).await;
    stage.reaches(&id, Status::WaitingRecovery).await;
    assert!(ada.get(&path).await.body["seq"].as_u64().unwrap() > before + 1, "it was tried");

    let id = ada.executes("retrying", json!({})).await;
    stage.reaches(&id, Status::WaitingRecovery).await;
    let state = ada.get(&format!("/api/aef/executions/{id}")).await;
    let left = state.body["error"]["auto_retry_in"].as_u64().unwrap();
    assert!((1..=600).contains(&left), "{left}");
    let polled = ada.get(&format!("/api/aef/live/{id}")).await;
    assert_eq!(polled.text("type"), "error");
    assert!(polled.body["error"]["auto_retry_in"].as_u64().unwrap() <= left);
    stage.shutdown.begin();
    worker.await.unwrap();
}

async fn variables_are_set_while_it_is_paused(kept: Kept) {
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada");
    let document = "aef: 1\nid: greet\nvars: { greeting: hello }\nsteps:\n  - { id: begin, outputs: { begun: \"1\" } }\n  \
                    - { id: say, outputs: { said: greeting } }\n  \
                    - { id: done, type: end, result: { said: \"{{ said }}\" } }\n";
    stage.keeps(&ada, document).await;
    let id = ada.executes("greet", json!({})).await;
    let act = async |body: Value| ada.post(&format!("/api/aef/action/{id}"), body).await;
    assert_eq!(act(json!({ "action": "pause" })).await.text("status"), "paused");
    let worker = stage.works();
    assert_eq!(act(json!({ "action": "execute", "stepId": "begin" })).await.status, StatusCode::OK);
    stage.reaches(&id, Status::Paused).await;
    let resumed = act(json!({ "action": "resume", "data": { "greeting": "good day" } })).await;
    assert_eq!(resumed.status, StatusCode::OK, "{:#}", resumed.body);
    stage.reaches(&id, Status::Completed).await;
    let ended = ada.get(&format!("/api/aef/executions/{id}")).await;
    assert_eq!(ended.body["result"], json!({ "said": "good day" }));
    stage.shutdown.begin();
    worker.await.unwrap();
}

async fn what_a_silent_worker_holds_is_still_stopping(kept: Kept) {
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada");
    stage.keeps(&ada, STAYING).await;
    let id = ada.executes("stay", json!({})).await;
    let worker = stage.works();
    stage.reaches(&id, Status::Running).await;
    // A crash leaves its lease behind.
    worker.abort();
    let stopping = ada.delete(&format!("/api/aef/stop/{id}")).await;
    assert_eq!(stopping.status, StatusCode::ACCEPTED);
    assert_eq!(stopping.body, json!({ "status": "stopping", "cleanup": "pending" }));
    let state = ada.get(&format!("/api/aef/executions/{id}")).await;
    assert_eq!(state.body["stopping"], true, "{:#}", state.body);
}

async fn what_a_worker_has_just_taken_up_is_busy(kept: Kept) {
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada");
    stage.keeps(&ada, READING).await;
    let id = ada.executes("read-title", json!({ "who": "you" })).await;
    // It has the execution, and has begun nothing.
    let claims = stage.engine.store().claim(ClaimRequest {
        worker: "silent".into(),
        limit: 1,
        lease: Duration::from_secs(600),
        max_format: u16::MAX,
        per_owner: None,
        global: None,
        only: None,
    });
    assert_eq!(claims.await.unwrap().len(), 1);
    ada.delete(&format!("/api/aef/stop/{id}")).await.is_problem(StatusCode::CONFLICT, "busy");
}

async fn warnings_come_with_a_document(kept: Kept) {
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada");
    let waiting = "aef: 1\nid: wait\nsteps:\n  - id: wait\n    actions: [ { action: navigate, url: \"https://crm.test/crm\" }, \
                   { action: wait_for, duration: 5s } ]\n";
    for path in ["/api/aef/documents/validate", "/api/aef/documents"] {
        let answer = ada.send(Method::POST, path, Sent::Yaml(waiting)).await;
        let warning = &answer.body["warnings"][0];
        assert_eq!((&warning["code"], &warning["severity"]), (&json!("fixed_wait"), &json!("warning")));
        assert!(warning["pointer"].as_str().unwrap().starts_with("/steps/0/actions/1"), "{warning}");
    }
}

async fn what_is_kept_and_cannot_be_read_is_no_fault_of_the_caller(kept: Kept) {
    let stage = Stage::on(kept).await;
    let damaged = NewDocument {
        id: "damaged".into(),
        hash: DocumentHash::new("0".repeat(64)),
        title: "Damaged".into(),
        content: Arc::new(json!({ "secret-of-the-store": true })),
    };
    stage.engine.store().put_document(&OwnerId::from("ada"), damaged).await.unwrap();
    let ada = stage.person("ada");
    let answer = ada.post("/api/aef/execute", json!({ "aefDocumentId": "damaged" })).await;
    answer.is_problem(StatusCode::INTERNAL_SERVER_ERROR, "internal");
    assert!(!answer.body.to_string().contains("secret-of-the-store"), "{}", answer.body);
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_unavailable() {
    let stage = Stage::on(Kept::Memory).await;
    let key = stage.key(crate::stage::key_of("ada")).await;
    let faulty = FaultyStore::new(Arc::new(MemoryStore::new())).at(1, StoreFault::FailBefore);
    let engine = aef_core::engine::Engine::builder(Arc::new(faulty)).build();
    let app = router(engine, HttpOptions::new(stage.host.clone())).unwrap();
    let client = stage.bearing(&key).at(app);
    let refused = client.get("/api/aef/documents").await;
    refused.is_problem(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(client.get("/api/aef/documents").await.status, StatusCode::OK, "it answers again");
}
