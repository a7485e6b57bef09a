//! What is done about errors.

use serde_json::json;

use super::*;
use crate::recovery::RecoveryOption;

const READ: &str = r#"
aef: 1
id: d
version: 1.0.0
title: D
config: { browser: { allowedOrigins: ["https://example.org"] }, evidence: { screenshots: never } }
steps:
  - id: read
    actions:
      - { action: navigate, url: "https://example.org/" }
      - { action: hover, target: { text: Menu } }
  - { id: done, type: end, result: ok }
"#;

#[test]
fn a_transient_error_is_retried_while_the_options_are_on_offer() {
    let mut script = Script::new(READ);
    script.wake().run_to("navigate");
    script.fail(ErrorKind::Network, Effect::Possible).run_to("");
    assert_eq!(script.status(), Status::WaitingRecovery);
    let offer = script.machine.view().recovery.unwrap();
    assert_eq!(offer.auto_retry_at, Some(script.now.checked_add(SignedDuration::from_secs(30)).unwrap()));
    script.after(29).run();
    assert_eq!(script.status(), Status::WaitingRecovery);
    script.after(1).run();
    assert_eq!(script.status(), Status::Completed);
}

#[test]
fn attempts_are_bounded_and_then_a_person_is_asked() {
    let mut script = Script::new(READ);
    for wait in [30, 60] {
        script.wake().run_to("navigate");
        script.fail(ErrorKind::Network, Effect::Possible).run_to("");
        script.after(wait);
    }
    script.wake().run_to("navigate");
    script.fail(ErrorKind::Network, Effect::Possible).run_to("");
    let offer = script.machine.view().recovery.unwrap();
    assert_eq!(offer.auto_retry_at, None);
    assert!(offer.until.is_some());
    script.after(24 * 3600).wake();
    assert_eq!(script.status(), Status::Failed, "nobody chose");
}

#[test]
fn a_person_may_skip_or_stop() {
    for (option, status) in
        [(RecoveryOption::Skip, Status::Completed), (RecoveryOption::Stop, Status::Stopped)]
    {
        let mut script = Script::new(READ);
        script.wake().run_to("hover");
        script.fail(ErrorKind::ElementNotFound, Effect::None).run_to("");
        script.ask(Input::Recover(option)).unwrap();
        script.run();
        assert_eq!(script.status(), status);
    }
}

#[test]
fn taking_over_leads_back_to_the_question() {
    let mut script = Script::new(READ);
    script.wake().run_to("hover");
    script.fail(ErrorKind::ElementNotFound, Effect::None).run_to("");
    script.ask(Input::Recover(RecoveryOption::TakeOver)).unwrap();
    script.run();
    assert_eq!(script.status(), Status::TakenOver);
    assert!(script.machine.needs_worker());
    script.ask(Input::HandBack).unwrap();
    script.run();
    assert_eq!(script.status(), Status::WaitingRecovery);
    script.ask(Input::Retry).unwrap();
    script.run();
    assert_eq!(script.status(), Status::Completed);
}

#[test]
fn an_idle_takeover_ends_paused() {
    let mut script = Script::new(READ);
    script.wake().run_to("hover");
    script.ask(Input::TakeOver).unwrap();
    let command = script.commands.pop().unwrap();
    let fact = script.perform(command);
    script.fact(fact);
    assert_eq!(script.status(), Status::TakenOver);
    script.after(601).wake();
    assert_eq!(script.machine.view().paused, Some(PauseReason::TakeoverIdle));
}

#[test]
fn critical_errors_fail_at_once() {
    let mut script = Script::new(READ);
    script.wake().run_to("navigate");
    script.fail(ErrorKind::Policy, Effect::None);
    assert_eq!(script.status(), Status::Failed);
}

#[test]
fn wait_zero_fails_at_once() {
    let mut script = Script::new(&READ.replace("config: {", "config: { recovery: { wait: 0 },"));
    script.wake().run_to("hover");
    script.fail(ErrorKind::ElementNotFound, Effect::None);
    assert_eq!(script.status(), Status::Failed);
}

#[test]
fn handlers_run_their_steps_and_then_what_they_say() {
    let mut script = Script::new(
        r#"
aef: 1
id: d
version: 1.0.0
title: D
vars: { log: [] }
config: { browser: { allowedOrigins: ["https://example.org"] }, evidence: { screenshots: never } }
steps:
  - id: block
    type: group
    onError:
      - kinds: [element_not_found]
        steps: [ { id: note, outputs: { log: "log + [error.kind]" } } ]
        then: { goto: after }
    steps:
      - id: read
        onError:
          - { kinds: [timeout], then: skip }
        actions:
          - { action: navigate, url: "https://example.org/" }
          - { action: hover, target: { text: Menu } }
      - { id: behind, outputs: { log: "log + ['behind']" } }
  - { id: not_here, outputs: { log: "log + ['not here']" } }
  - { id: after, outputs: { log: "log + ['after']" } }
  - { id: done, type: end, result: "{{ log }}" }
"#,
    );
    let mut skipped =
        Script { machine: script.machine.clone(), journal: script.journal.clone(), ..Script::new(READ) };
    script.wake().run_to("hover");
    script.fail(ErrorKind::ElementNotFound, Effect::None).run_to("");
    assert_eq!(script.result(), json!(["element_not_found", "after"]));

    skipped.wake().run_to("hover");
    skipped.fail(ErrorKind::Timeout, Effect::None).run_to("");
    assert_eq!(skipped.result(), json!(["behind", "not here", "after"]));
}

#[test]
fn a_lost_session_is_opened_again() {
    let mut script = Script::new(READ);
    script.wake().run_to("hover");
    script.fact(Input::SessionLost { failure: Failure::new(ErrorKind::Crashed, "killed") });
    script.fail(ErrorKind::Crashed, Effect::Possible).run_to("");
    script.after(30).run();
    assert_eq!(script.status(), Status::Completed);
    assert_eq!(script.count("navigate"), 2);
}

#[test]
fn running_time_is_bounded_and_waiting_is_not_counted() {
    let mut script = Script::new(&READ.replace("config: {", "config: { maxDuration: 60s,"));
    script.wake().run_to("hover");
    script.fail(ErrorKind::ElementNotFound, Effect::None).run_to("");
    script.after(3600);
    script.ask(Input::Retry).unwrap();
    script.run();
    assert_eq!(script.status(), Status::Completed);

    let mut script = Script::new(&READ.replace("config: {", "config: { maxDuration: 60s, stepTimeout: 10m,"));
    script.wake().run_to("hover");
    script.after(61);
    let command = script.commands.pop().unwrap();
    let fact = script.perform(command);
    script.fact(fact);
    assert_eq!(script.machine.view().failure.unwrap().reason.as_deref(), Some("max_duration"));
}

#[test]
fn a_fork_begins_where_the_failed_step_can_be_entered_again() {
    let mut script = Script::new(super::flow::LOOP);
    script.wake();
    script.extracted = json!([1, 2, 3]);
    script.run_to("click");
    let command = script.commands.pop().unwrap();
    let fact = script.perform(command);
    script.fact(fact).run_to("click");
    script.fail(ErrorKind::Policy, Effect::None);
    assert_eq!(script.status(), Status::Failed);
    let seed = script.machine.fork_seed(None).unwrap();
    let mut fork = Script::new(super::flow::LOOP);
    let id = ExecutionId::from_uuid(uuid::Uuid::from_u128(2));
    fork.machine = Execution::new(id, Arc::clone(script.machine.plan()));
    let queue = Queue { parent: Some(script.machine.id()), seed: Some(seed), ..Queue::default() };
    fork.journal = fork.machine.queue(fork.now, &person(), queue).events;
    fork.run();
    assert_eq!(fork.status(), Status::Completed);
    assert_eq!(fork.result(), json!({ "touched": [10, 20, 30], "seen": 3 }));
    assert_eq!(fork.count("navigate"), 2, "the first row is not done again: {:?}", fork.trace);
}

#[test]
fn a_step_has_the_time_that_its_actions_name() {
    let slow = READ.replace("{ action: hover, target", "{ action: hover, timeout: 2m, target");
    let mut script = Script::new(&slow);
    script.wake().run_to("hover");
    let Some(Command::PerformAction { timeout, .. }) = script.commands.last() else {
        panic!("hover is next")
    };
    assert_eq!(timeout.as_secs(), 120);
}
