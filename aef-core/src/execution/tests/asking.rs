//! Checkpoints, and what is bound to them.

use std::error::Error as _;

use serde_json::json;

use super::*;

const ASK: &str = r#"
aef: 1
id: ask
version: 1.0.0
title: Ask
vars: { who: Ada }
config:
  browser: { allowedOrigins: ["https://example.org"] }
  evidence: { screenshots: never }
  checkpoints: { mode: risky, timeout: 5m }
steps:
  - id: open
    actions:
      - { action: navigate, url: "https://example.org/form" }
      - { action: fill, target: { label: Name }, value: "{{ who }}" }
  - id: save
    name: Save the record
    risk: write
    checkpoint: { before: { title: "Save {{ who }}?" } }
    actions: [ { action: click, target: { role: button, name: "Save {{ who }}" } } ]
  - { id: done, type: end, result: ok }
"#;

#[test]
fn a_write_waits_for_a_yes() {
    let mut script = Script::new(ASK);
    script.run();
    assert_eq!(script.status(), Status::WaitingCheckpoint);
    let checkpoint = script.checkpoint();
    assert_eq!(checkpoint.title, "Save Ada?");
    assert_eq!(checkpoint.actions[0].to_string(), "click button \"Save Ada\"");
    assert_eq!(script.count("click"), 0);
    script.answer(AnswerKind::Approve).run();
    assert_eq!(script.status(), Status::Completed);
    assert_eq!(script.count("click"), 1);
}

#[test]
fn rejecting_stops_and_skipping_goes_on() {
    let mut script = Script::new(ASK);
    script.run().answer(AnswerKind::Reject).run();
    assert_eq!(script.status(), Status::Stopped);
    let mut script = Script::new(ASK);
    script.run().answer(AnswerKind::Skip).run();
    assert_eq!(script.status(), Status::Completed);
    assert_eq!(script.count("click"), 0);
}

#[test]
fn the_first_answer_counts_and_a_late_one_learns_it() {
    let mut script = Script::new(ASK);
    script.run();
    let checkpoint = script.checkpoint().id;
    script.answer(AnswerKind::Approve);
    let late = script.ask(Input::Answer { checkpoint, answer: Answer::new(AnswerKind::Reject) }).unwrap_err();
    assert_eq!(late.answered.unwrap().response, AnswerKind::Approve);
}

#[test]
fn an_approval_is_bound_to_the_page_that_was_shown() {
    let mut script = Script::new(ASK);
    script.run();
    script.url = "https://example.org/elsewhere".to_owned();
    script.answer(AnswerKind::Approve).run();
    assert_eq!(script.status(), Status::WaitingCheckpoint, "the page is another one: asked anew");
    assert_eq!(script.count("click"), 0);
    script.answer(AnswerKind::Approve).run();
    assert_eq!(script.status(), Status::Completed);
}

#[test]
fn an_approval_is_bound_to_the_values_that_were_shown() {
    let mut script = Script::new(ASK);
    script.run();
    script.ask(Input::SetVariables([("who".to_owned(), json!("Eve"))].into())).unwrap();
    script.answer(AnswerKind::Approve).run();
    assert_eq!(script.status(), Status::WaitingCheckpoint);
    assert_eq!(script.checkpoint().title, "Save Eve?");
}

#[test]
fn data_that_cannot_be_taken_says_why() {
    let mut script = Script::new(ASK);
    script.run();
    let huge = "x".repeat(MAX_VALUE_BYTES + 1);
    let rejected = script.ask(Input::SetVariables([("who".to_owned(), json!(huge))].into())).unwrap_err();
    assert_eq!(
        rejected.to_string(),
        "cannot set variables while the execution is waiting_checkpoint: the values are too large"
    );
    let Some(RejectedData::Values(failure)) = rejected.cause.as_deref() else { panic!("{rejected:?}") };
    assert_eq!((failure.kind, failure.reason.as_deref()), (ErrorKind::Data, Some("too_large")));
    assert!(rejected.source().unwrap().to_string().contains("`who`"));
}

#[test]
fn after_the_warm_period_it_waits_without_a_browser_and_enters_again() {
    let mut script = Script::new(ASK);
    script.run();
    assert!(script.machine.needs_worker());
    let wake = script.machine.wake_at().unwrap();
    assert_eq!(wake, script.now.checked_add(WARM).unwrap());
    script.after(61).run();
    assert_eq!(script.status(), Status::WaitingCheckpoint);
    assert!(!script.machine.needs_worker(), "parked: no lease, no browser");
    script.answer(AnswerKind::Approve);
    assert!(script.machine.needs_worker());
    script.run();
    assert_eq!(
        script.count("fill"),
        2,
        "the form was filled in again, not clicked empty: {:?}",
        script.trace
    );
    assert_eq!(script.count("click"), 1);
    assert_eq!(script.status(), Status::Completed);
    let raised = script.events().iter().filter(|kind| *kind == "checkpoint_raised").count();
    assert_eq!(raised, 1, "what was answered is not asked again");
}

#[test]
fn a_timeout_pauses_and_an_answer_still_counts() {
    let mut script = Script::new(ASK);
    script.run();
    script.after(61).run();
    script.after(300).wake();
    assert_eq!(script.status(), Status::Paused);
    assert_eq!(script.machine.view().paused, Some(PauseReason::CheckpointTimeout));
    script.answer(AnswerKind::Approve).run();
    assert_eq!(script.status(), Status::Completed);
}

#[test]
fn a_timeout_may_reject() {
    let mut script = Script::new(&ASK.replace("timeout: 5m", "timeout: 5m, onTimeout: reject"));
    script.run();
    script.after(301).run();
    assert_eq!(script.status(), Status::Stopped);
    assert_eq!(script.count("click"), 0);
}

#[test]
fn an_answer_may_hold_for_the_whole_step() {
    let looped = r#"
aef: 1
id: d
version: 1.0.0
title: D
config: { browser: { allowedOrigins: ["https://example.org"] }, evidence: { screenshots: never } }
steps:
  - id: each
    type: loop
    forEach: "[1, 2, 3]"
    as: item
    maxIterations: 5
    steps:
      - { id: go, actions: [ { action: navigate, url: "https://example.org/{{ item }}" } ] }
      - id: save
        risk: write
        checkpoint: { before: { title: "Save {{ item }}?" } }
        actions: [ { action: click, target: { role: button } } ]
"#;
    let mut script = Script::new(looped);
    script.run();
    let checkpoint = script.checkpoint().id;
    let answer = Answer { apply_to: ApplyTo::Step, ..Answer::approve() };
    script.ask(Input::Answer { checkpoint, answer }).unwrap();
    script.run();
    assert_eq!(script.status(), Status::Completed);
    let answers: Vec<_> = script
        .journal
        .iter()
        .filter(|event| matches!(event.kind, EventKind::CheckpointAnswered { .. }))
        .map(|event| event.actor.clone())
        .collect();
    assert_eq!(answers, vec![person(); 3], "each stands in the journal in the person's name");

    let mut script = Script::new(looped);
    for expected in ["Save 1?", "Save 2?", "Save 3?"] {
        script.run();
        assert_eq!(script.checkpoint().title, expected);
        script.answer(AnswerKind::Approve);
    }
    script.run();
    assert_eq!(script.count("click"), 3);
}

#[test]
fn a_person_decides_and_fills_in_a_form() {
    let mut script = Script::new(
        r#"
aef: 1
id: d
version: 1.0.0
title: D
steps:
  - id: which
    type: decision
    ask:
      question: Which stage?
      options: [ { id: new, label: New }, { id: old, label: Old } ]
      form: { type: object, required: [reason], properties: { reason: { type: string } } }
      as: choice
    branches:
      - { option: new, label: new, steps: [ { id: a, outputs: { x: '1' } } ] }
      - { option: old, label: old, steps: [ { id: b, outputs: { x: '2' } } ] }
  - { id: m, type: manual, name: Call them, form: { type: object, properties: { answer: { type: string } } }, as: call }
  - { id: e, type: end, result: { reason: "{{ choice.reason }}", said: "{{ call.answer }}" } }
"#,
    );
    script.run();
    let checkpoint = script.checkpoint().id;
    let bad = script.ask(Input::Answer { checkpoint, answer: Answer::choose("neither") }).unwrap_err();
    assert!(bad.to_string().contains("new, old"), "{bad}");
    let bad = script.ask(Input::Answer { checkpoint, answer: Answer::choose("old") }).unwrap_err();
    assert!(bad.to_string().contains("form"), "{bad}");
    let answer = Answer::choose("old").with_data(json!({ "reason": "because" }));
    script.ask(Input::Answer { checkpoint, answer }).unwrap();
    script.run();
    assert_eq!(script.checkpoint().kind, CheckpointKind::Manual);
    let checkpoint = script.checkpoint().id;
    let answer = Answer::new(AnswerKind::Done).with_data(json!({ "answer": "yes" }));
    script.ask(Input::Answer { checkpoint, answer }).unwrap();
    script.run();
    assert_eq!(script.result(), json!({ "reason": "because", "said": "yes" }));
}
