//! Nothing done twice.

use super::*;

pub(super) const SAVE: &str = r#"
aef: 1
id: save
version: 1.0.0
title: Save
config: { browser: { allowedOrigins: ["https://example.org"] }, evidence: { screenshots: never } }
steps:
  - id: open
    actions:
      - { action: navigate, url: "https://example.org/form" }
      - { action: fill, target: { label: Name }, value: Ada }
  - id: save
    risk: write
    actions: [ { action: click, target: { role: button, name: Save } } ]
    verify: [ { visible: { text: Saved } } ]
  - { id: done, type: end, result: ok }
"#;

/// The same without anything to verify.
fn blind() -> String {
    SAVE.replace("    verify: [ { visible: { text: Saved } } ]\n", "")
}

#[test]
fn a_crash_while_reading_is_simply_done_again() {
    let mut script = Script::new(SAVE);
    script.wake().run_to("fill");
    script.crash().run_to("click");
    assert!(script.has("reentered"), "{:?}", script.events());
    assert_eq!(script.count("navigate"), 2, "the page was made again");
    script.run_to("");
    assert_eq!(script.status(), Status::Completed);
    assert_eq!(script.count("click"), 1);
}

#[test]
fn a_write_in_flight_at_a_crash_is_asked_about() {
    let mut script = Script::new(&blind());
    script.wake().run_to("click");
    script.crash().run_to("");
    assert_eq!(script.status(), Status::WaitingCheckpoint);
    assert_eq!(script.checkpoint().kind, CheckpointKind::InDoubt);
    assert_eq!(script.count("click"), 0, "the script's worker never saw it; nobody repeats it");
    script.answer(AnswerKind::Done).run();
    assert_eq!(script.status(), Status::Completed);
    assert_eq!(script.count("click"), 0);
}

#[test]
fn a_person_who_says_retry_gets_it_performed_on_a_fresh_page() {
    let mut script = Script::new(&blind());
    script.wake().run_to("click");
    script.crash().run_to("");
    script.answer(AnswerKind::Retry).run();
    assert_eq!(script.status(), Status::Completed);
    assert_eq!(script.count("click"), 1);
    assert_eq!(script.count("fill"), 2, "the form was filled in again before: {:?}", script.trace);
}

#[test]
fn verify_settles_a_doubt_that_was_false_before() {
    let mut script = Script::new(SAVE);
    // Before the press it does not hold; on the page after the crash it does.
    script.holds = [vec![false], vec![true]].into();
    script.wake().run_to("click");
    script.crash().run_to("");
    assert!(script.has("doubt_settled"), "{:?}", script.events());
    assert_eq!(script.status(), Status::Completed);
    assert_eq!(script.count("click"), 0);
}

#[test]
fn verify_that_was_true_before_settles_nothing() {
    let mut script = Script::new(SAVE);
    script.holds = [vec![true]].into();
    script.wake().run_to("click");
    script.crash().run_to("");
    assert!(!script.has("doubt_settled"));
    assert_eq!(script.checkpoint().kind, CheckpointKind::InDoubt);
}

#[test]
fn verify_that_stays_false_asks() {
    let mut script = Script::new(SAVE);
    script.holds = [vec![false], vec![false]].into();
    script.wake().run_to("click");
    script.fail(ErrorKind::Timeout, Effect::Possible).run_to("");
    assert_eq!(script.checkpoint().kind, CheckpointKind::InDoubt);
    assert!(script.has("doubt_unverified"));
}

#[test]
fn where_nobody_can_be_asked_it_fails_in_doubt() {
    let mut script = Script::new(&blind().replace("config: {", "config: { inDoubt: fail,"));
    script.wake().run_to("click");
    script.fail(ErrorKind::Timeout, Effect::Possible).run_to("");
    assert_eq!(script.status(), Status::Failed);
    assert_eq!(script.machine.view().failure.unwrap().kind, ErrorKind::InDoubt);
}

#[test]
fn no_effect_means_no_doubt() {
    let mut script = Script::new(SAVE);
    script.holds = [vec![false]].into();
    script.wake().run_to("click");
    script.fail(ErrorKind::NotActionable, Effect::None).run_to("");
    assert_eq!(script.status(), Status::WaitingRecovery);
    script.ask(Input::Recover(crate::recovery::RecoveryOption::Retry)).unwrap();
    script.run();
    assert_eq!(script.status(), Status::Completed);
    assert_eq!(script.count("click"), 1);
}

#[test]
fn a_performed_write_is_not_performed_again_by_a_retry_of_its_verification() {
    let retrying = SAVE.replace(
        "    verify: [ {",
        "    retry: { maxAttempts: 3, delay: 5s, kinds: [verification_failed] }\n    verify: [ {",
    );
    let mut script = Script::new(&retrying);
    script.writes = vec!["click"];
    // Before the press; after it, while the save is slow; then it is there.
    script.holds = [vec![false], vec![false], vec![true]].into();
    script.run();
    assert_eq!(script.status(), Status::WaitingRecovery, "the options are on offer meanwhile");
    script.after(5).run();
    assert_eq!(script.status(), Status::Completed);
    assert_eq!(script.count("click"), 1);
}

#[test]
fn a_page_lost_behind_a_write_is_not_made_again() {
    let long = SAVE.replace(
        "  - { id: done",
        "  - id: more\n    actions: [ { action: hover, target: { text: More } } ]\n  - { id: done",
    );
    let mut script = Script::new(&long);
    script.writes = vec!["click"];
    script.wake().run_to("hover");
    script.crash().run_to("");
    assert_eq!(script.status(), Status::Paused);
    assert_eq!(script.machine.view().paused, Some(PauseReason::PageLost));
    assert_eq!(script.count("click"), 1);
    script.ask(Input::Resume).unwrap();
    script.run();
    assert_eq!(script.status(), Status::Completed);
    assert_eq!(script.count("click"), 1);
}

#[test]
fn a_click_that_wrote_nothing_may_be_clicked_again_on_a_fresh_page() {
    let dialog = SAVE.replace(
        "      - { action: fill",
        "      - { action: click, target: { role: button, name: Edit } }\n      - { action: fill",
    );
    let mut script = Script::new(&dialog);
    script.writes = vec![];
    script.wake().run_to("fill");
    script.crash().run_to("fill");
    assert_eq!(script.count("click button \"Edit\""), 2);
    assert_eq!(script.status(), Status::Running);
}

#[test]
fn variables_are_put_back_when_a_block_is_entered_again() {
    let mut script = Script::new(
        r#"
aef: 1
id: d
version: 1.0.0
title: D
vars: { n: 0 }
config: { browser: { allowedOrigins: ["https://example.org"] }, evidence: { screenshots: never } }
steps:
  - id: each
    type: loop
    forEach: "[1, 2]"
    as: item
    maxIterations: 5
    steps:
      - { id: go, actions: [ { action: navigate, url: "https://example.org/{{ item }}" } ], outputs: { n: n + 1 } }
      - { id: look, actions: [ { action: hover, target: { text: x } } ] }
  - { id: e, type: end, result: "{{ n }}" }
"#,
    );
    script.wake().run_to("hover");
    script.crash().run_to("hover");
    script.crash().run_to("");
    assert_eq!(script.result(), 2, "each iteration counts once: {:?}", script.trace);
}

#[test]
fn a_loaded_machine_never_performs_what_another_one_started() {
    let mut script = Script::new(SAVE);
    script.holds = [vec![false]].into();
    script.wake().run_to("click");
    let mut machine = Execution::new(script.machine.id(), Arc::clone(script.machine.plan()));
    for event in &script.journal {
        machine.apply(event);
    }
    assert!(machine.pending().is_empty());
    let step = machine.step(script.now, &worker(), Input::Wake).unwrap();
    assert!(step.commands.is_empty() && step.events.is_empty());
}

#[test]
fn a_stop_cancels_the_action_in_flight_and_closes_the_browser() {
    let mut script = Script::new(SAVE);
    script.holds = [vec![false]].into();
    script.wake().run_to("click");
    script.ask(Input::Stop).unwrap();
    assert_eq!(script.status(), Status::Running, "it takes effect when the action has ended");
    script.ask(Input::Stop).unwrap();
    script.wake();
    assert!(matches!(script.commands.as_slice(), [Command::CancelAction { .. }]));
    script.run_to("");
    assert_eq!(script.status(), Status::Stopped);
    assert!(script.has("action_in_doubt"), "what was cut off is told: {:?}", script.events());
}

#[test]
fn facts_that_are_out_of_date_have_no_effect() {
    let mut script = Script::new(SAVE);
    script.wake().run_to("fill");
    let before = script.journal.len();
    script.fact(Input::ActionFailed {
        op: 99,
        failure: Failure::new(ErrorKind::Timeout, "old"),
        effect: Effect::Possible,
        outcome: None,
    });
    script.fact(Input::Observed { token: Seq(0), observation: Observation::default() });
    assert_eq!(script.journal.len(), before);
}
