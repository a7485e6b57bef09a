//! `act`: words that the host's resolver turns into an action.

use std::sync::Arc;

use aef::document::Action;
use aef::engine::{ActResolution, Handle};
use aef::execution::{EventKind, ExecutionState, Status};
use aef::recovery::{ErrorKind, Failure, RecoveryOption};
use aef_testkit::mocks::MockActResolver;
use serde_json::{Value, json};

use crate::support::{Stage, count, finished, site, waiting};

const SAVING: &str = r#"
aef: 1
id: save-by-words
config: { checkpoints: { mode: none } }
steps:
  - id: open
    actions: [ { action: navigate, url: "https://crm.test/crm" } ]
  - id: save
    risk: write
    actions: [ { action: act, instruction: "Save the record of {{ inputs.who }}" } ]
    verify: [ { visible: { testId: saved } } ]
inputs: { type: object, properties: { who: { type: string, default: Ada } } }
"#;

fn found(action: Value, confidence: f64) -> Result<ActResolution, Failure> {
    Ok(ActResolution { action: serde_json::from_value::<Action>(action).unwrap(), confidence })
}

fn press_save() -> Value {
    json!({ "action": "click", "target": { "role": "button", "name": "Save" } })
}

/// A stage whose resolver gives these answers, one after another, and is asked no more often.
fn stage(answers: Vec<Result<ActResolution, Failure>>) -> Stage {
    let mut resolver = MockActResolver::new();
    let mut answers = answers.into_iter();
    resolver
        .expect_resolve()
        .times(answers.len())
        .withf(|request| request.instruction == "Save the record of Ada" && request.step.as_str() == "save")
        .returning(move |_| answers.next().unwrap());
    Stage::with(site(), |builder| builder.resolver(Arc::new(resolver)))
}

/// Holds that a person is asked because of this, and that nothing was done and nothing is in doubt.
async fn asks(stage: &Stage, handle: &Handle, state: &ExecutionState, kind: ErrorKind, reason: Option<&str>) {
    assert_eq!(state.status, Status::WaitingRecovery);
    let offer = state.recovery.as_ref().unwrap();
    assert_eq!((offer.failure.kind, offer.failure.reason.as_deref()), (kind, reason), "{}", offer.failure);
    assert!(offer.options.contains(&RecoveryOption::TakeOver), "{:?}", offer.options);
    assert_eq!(stage.browser.witness().total("save"), 0);
    assert_eq!(count(handle, |kind| matches!(kind, EventKind::ActionInDoubt { .. })).await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_the_resolver_is_sure_of_is_performed() {
    let stage = stage(vec![found(press_save(), ActResolution::SURE)]);
    let worker = stage.worker("one");
    let handle = stage.submit(SAVING).await;
    assert_eq!(finished(handle.wait().await.unwrap()).status, Status::Completed);
    assert_eq!(stage.browser.witness().total("save"), 1);
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_the_resolver_is_not_sure_of_is_asked_about_and_not_performed() {
    let stage = stage(vec![found(press_save(), 0.79), found(press_save(), 0.9)]);
    let worker = stage.worker("one");
    let handle = stage.submit(SAVING).await;
    let state = waiting(handle.wait().await.unwrap());
    asks(&stage, &handle, &state, ErrorKind::NotActionable, Some("unsure")).await;
    assert!(state.recovery.unwrap().failure.message.contains("0.79"));
    handle.retry().await.unwrap();
    assert_eq!(finished(handle.wait().await.unwrap()).status, Status::Completed);
    assert_eq!(stage.browser.witness().total("save"), 1);
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_resolver_that_fails_is_asked_about_and_may_be_tried_again() {
    let nothing = || Err(Failure::new(ErrorKind::ElementNotFound, "no button of that kind"));
    let stage = stage(vec![nothing(), found(press_save(), 1.0)]);
    let worker = stage.worker("one");
    let handle = stage.submit(SAVING).await;
    let state = waiting(handle.wait().await.unwrap());
    asks(&stage, &handle, &state, ErrorKind::ElementNotFound, None).await;
    handle.retry().await.unwrap();
    assert_eq!(finished(handle.wait().await.unwrap()).status, Status::Completed);
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_resolver_reaches_nothing_behind_the_page() {
    for action in [
        json!({ "action": "evaluate", "script": "document.cookie" }),
        json!({ "action": "act", "instruction": "again" }),
        json!({ "action": "upload", "target": { "css": "input" }, "files": [] }),
        json!({ "action": "set", "vars": { "who": "'Eve'" } }),
    ] {
        let stage = stage(vec![found(action, 1.0)]);
        let worker = stage.worker("one");
        let handle = stage.submit(SAVING).await;
        let state = waiting(handle.wait().await.unwrap());
        asks(&stage, &handle, &state, ErrorKind::NotActionable, Some("unsure")).await;
        worker.end().await;
    }
}
