//! Secrets that people give in forms.

use aef::engine::{Engine, Handle};
use aef::execution::{Answer, AnswerKind, Checkpoint, CheckpointKind, EventKind, Status};
use aef::ids::Seq;
use aef_testkit::scripted_browser::{Element, Page, ScriptedSite};
use serde_json::{Value, json};

use crate::support::{ORIGIN, Stage, count, finished, result, waiting};

const PIN: &str = "hunter2-hunter2";

/// Asks for a code, and enters it.
const LOG_IN: &str = r#"
aef: 1
id: log-in-by-code
steps:
  - id: code
    name: Which code came by mail?
    type: manual
    as: told
    form:
      type: object
      required: [pin]
      properties: { pin: { type: string, writeOnly: true }, note: { type: string } }
  - id: log_in
    actions:
      - { action: navigate, url: "https://crm.test/login" }
      - { action: fill, target: { label: Password }, value: "{{ secrets.pin }}" }
  - { id: done, type: end, result: { told: "{{ told }}" } }
"#;

fn stage() -> Stage {
    let page = Page::new("Log in").with(Element::field("Password"));
    Stage::with(ScriptedSite::new(ORIGIN).page("/login", page), |builder| builder)
}

fn done(data: Value) -> Answer {
    Answer { data: Some(data), ..Answer::new(AnswerKind::Done) }
}

async fn asked(handle: &Handle) -> Checkpoint {
    *waiting(handle.wait().await.unwrap()).checkpoint.unwrap()
}

/// The whole journal, as it is stored.
async fn journal(handle: &Handle) -> String {
    serde_json::to_string(&handle.journal(Seq(0), 1000).await.unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_a_person_gives_as_a_secret_is_entered_and_stands_nowhere() {
    let stage = stage();
    let worker = stage.worker("one");
    let handle = stage.submit(LOG_IN).await;
    let checkpoint = asked(&handle).await;
    handle.answer(checkpoint.id, done(json!({ "pin": PIN, "note": "by mail" }))).await.unwrap();
    let state = finished(handle.wait().await.unwrap());
    assert_eq!(result(&state), json!({ "told": { "note": "by mail" } }));
    worker.end().await;
    assert!(!journal(&handle).await.contains(PIN));
    assert!(!format!("{:?}", stage.engine).contains(PIN));
}

#[tokio::test(start_paused = true)]
async fn what_is_entered_is_what_was_given() {
    let stage = stage();
    let worker = stage.worker("one");
    let reading = LOG_IN.replace(
        "  - { id: done, type: end, result: { told: \"{{ told }}\" } }",
        "      - { action: extract, target: { label: Password }, read: value, as: typed }\n  \
         - { id: done, type: end, result: { right: \"{{ typed == 'hunter2-hunter2' }}\" } }",
    );
    let handle = stage.submit(&reading).await;
    let checkpoint = asked(&handle).await;
    handle.answer(checkpoint.id, done(json!({ "pin": PIN }))).await.unwrap();
    assert_eq!(result(&finished(handle.wait().await.unwrap())), json!({ "right": true }));
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_given_in_another_process_is_asked_for_once_more() {
    let stage = stage();
    let worker = stage.worker("one");
    let handle = stage.submit(LOG_IN).await;
    let checkpoint = asked(&handle).await;
    let elsewhere = Engine::builder(stage.store.clone()).build();
    let answer = done(json!({ "pin": PIN, "note": "by mail" }));
    elsewhere.scope("ann").execution(handle.id()).answer(checkpoint.id, answer).await.unwrap();

    let again = asked(&handle).await;
    assert_eq!((again.kind, again.step.as_str()), (CheckpointKind::Manual, "log_in"));
    let form = again.form.unwrap();
    assert_eq!(form["required"], json!(["pin"]), "only what is missing is asked for");
    assert_eq!(form["properties"]["pin"]["writeOnly"], json!(true));
    let refused = handle.answer(again.id, done(json!({ "note": "by mail" }))).await;
    assert_eq!(refused.unwrap_err().kind(), aef::engine::EngineErrorKind::Invalid);

    handle.answer(again.id, done(json!({ "pin": PIN }))).await.unwrap();
    let state = finished(handle.wait().await.unwrap());
    assert_eq!(result(&state), json!({ "told": { "note": "by mail" } }));
    assert!(!journal(&handle).await.contains(PIN));
    let pictures = |kind: &EventKind| matches!(kind, EventKind::EvidenceCaptured { .. });
    assert_eq!(count(&handle, pictures).await, 1, "one picture of the failure");
    let opened = |kind: &EventKind| matches!(kind, EventKind::SessionOpened { .. });
    assert_eq!(count(&handle, opened).await, 1, "the page stayed open for the answer");
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_came_too_late_replaces_no_secret() {
    let stage = stage();
    let worker = stage.worker("one");
    let reading = LOG_IN.replace(
        "value: \"{{ secrets.pin }}\" }",
        "value: \"{{ secrets.pin }}\" }\n      - { action: extract, target: { label: Password }, read: value, as: told }",
    );
    let handle = stage.submit(&reading).await;
    let checkpoint = asked(&handle).await;
    let answer = |pin: &str| handle.answer(checkpoint.id, done(json!({ "pin": pin })));
    let (first, second) = tokio::join!(answer("first"), answer("second"));
    let counted = if first.is_ok() { "first" } else { "second" };
    assert!(first.is_ok() != second.is_ok(), "one of them counts");
    assert_eq!(result(&finished(handle.wait().await.unwrap())), json!({ "told": counted }));
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_not_given_once_more_can_be_done_without() {
    let stage = stage();
    let worker = stage.worker("one");
    let handle = stage.submit(LOG_IN).await;
    let checkpoint = asked(&handle).await;
    let elsewhere = Engine::builder(stage.store.clone()).build();
    let answer = done(json!({ "pin": PIN }));
    elsewhere.scope("ann").execution(handle.id()).answer(checkpoint.id, answer).await.unwrap();
    let again = asked(&handle).await;
    handle.answer(again.id, Answer::new(AnswerKind::Skip)).await.unwrap();
    assert_eq!(finished(handle.wait().await.unwrap()).status, Status::Completed);
    let skipped =
        |kind: &EventKind| matches!(kind, EventKind::StepSkipped { step, .. } if step.as_str() == "log_in");
    assert_eq!(count(&handle, skipped).await, 1);
    worker.end().await;
}
