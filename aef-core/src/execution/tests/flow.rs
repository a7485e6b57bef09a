use serde_json::json;

use super::*;

pub(super) const LOOP: &str = r#"
aef: 1
id: loop
version: 1.0.0
title: A loop
vars: { seen: 0 }
config: { browser: { allowedOrigins: ["https://example.org"] }, evidence: { screenshots: never } }
steps:
  - id: read
    actions:
      - { action: navigate, url: "https://example.org/list" }
      - { action: extract, list: { css: li }, fields: { id: { attribute: id } }, as: rows }
  - id: each
    type: loop
    forEach: rows
    as: row
    index: i
    maxIterations: 10
    collect: { touched: "row * 10" }
    steps:
      - id: open
        actions: [ { action: navigate, url: "https://example.org/{{ row }}" } ]
        outputs: { seen: seen + 1 }
      - id: press
        actions: [ { action: click, target: { role: button, name: "Row {{ i }}" } } ]
  - { id: done, type: end, result: { touched: "{{ touched }}", seen: "{{ seen }}" } }
"#;

fn steps(body: &str) -> String {
    format!(
        "aef: 1\nid: d\nversion: 1.0.0\ntitle: D\nvars: {{ n: 0, log: [] }}\nconfig: {{ evidence: {{ screenshots: never }}, browser: {{ allowedOrigins: [\"https://example.org\"] }} }}\nsteps:\n{body}"
    )
}

#[test]
fn a_loop_runs_its_items_in_order_and_collects() {
    let mut script = Script::new(LOOP);
    script.extracted = json!([1, 2, 3]);
    script.run();
    assert_eq!(script.status(), Status::Completed);
    assert_eq!(script.result(), json!({ "touched": [10, 20, 30], "seen": 3 }));
    assert_eq!(
        script.trace,
        [
            "navigate to https://example.org/list",
            "extract rows",
            "navigate to https://example.org/1",
            "click button \"Row 0\"",
            "navigate to https://example.org/2",
            "click button \"Row 1\"",
            "navigate to https://example.org/3",
            "click button \"Row 2\"",
        ]
    );
}

#[test]
fn one_append_an_action() {
    let mut script = Script::new(LOOP);
    script.extracted = json!([1]);
    script.wake().run_to("click");
    let before = script.journal.len();
    let command = script.commands.pop().unwrap();
    let fact = script.perform(command);
    script.fact(fact);
    let kinds: Vec<_> = script.events()[before..].to_vec();
    assert_eq!(kinds[0], "action_succeeded", "the outcome travels with what follows: {kinds:?}");
}

#[test]
fn an_empty_list_and_a_list_that_is_none() {
    let mut script = Script::new(LOOP);
    script.extracted = json!([]);
    script.run();
    assert_eq!(script.status(), Status::Completed);

    let mut script = Script::new(LOOP);
    script.extracted = json!({ "not": "a list" });
    script.run();
    let failure = script.machine.view().failure.unwrap();
    assert_eq!((failure.kind, failure.reason.as_deref()), (ErrorKind::Data, Some("not_a_list")));
}

#[test]
fn a_list_that_is_too_long_fails_before_anything_is_done() {
    let mut script = Script::new(LOOP);
    script.extracted = json!((0..11).collect::<Vec<_>>());
    script.run();
    assert_eq!(script.status(), Status::Failed);
    assert_eq!(script.machine.view().failure.unwrap().reason.as_deref(), Some("max_iterations"));
    assert_eq!(script.count("click"), 0);
}

#[test]
fn while_and_until_stop_where_they_say() {
    let mut script = Script::new(&steps(
        r#"
  - { id: w, type: loop, while: n < 3, maxIterations: 9, steps: [ { id: a, outputs: { n: n + 1 } } ] }
  - { id: u, type: loop, until: n >= 5, maxIterations: 9, steps: [ { id: b, outputs: { n: n + 1 } } ] }
  - { id: e, type: end, result: "{{ n }}" }
"#,
    ));
    script.run();
    assert_eq!(script.result(), json!(5));
}

#[test]
fn a_loop_that_does_not_end_is_ended() {
    let mut script = Script::new(&steps(
        "  - { id: w, type: loop, while: n == 0, maxIterations: 5, steps: [ { id: a, outputs: { x: 'n' } } ] }\n",
    ));
    script.run();
    assert_eq!(script.machine.view().failure.unwrap().reason.as_deref(), Some("max_iterations"));
}

#[test]
fn guards_skip_and_set_null() {
    let mut script = Script::new(&steps(
        r#"
  - { id: a, when: "n == 1", outputs: { x: '7' } }
  - { id: e, type: end, result: { x: "{{ x }}" } }
"#,
    ));
    script.run();
    assert_eq!(script.result(), json!({ "x": null }));
}

#[test]
fn goto_break_and_continue() {
    let mut script = Script::new(&steps(
        r#"
  - id: each
    type: loop
    while: "true"
    maxIterations: 50
    steps:
      - { id: up, outputs: { n: n + 1 } }
      - id: odd
        type: decision
        branches:
          - { when: n % 2 == 1, label: odd, steps: [ { id: again, outputs: { y: '1' }, then: { continue: each } } ] }
          - { when: n >= 6, label: enough, steps: [ { id: out, outputs: { z: '1' }, then: { break: each } } ] }
        otherwise: { label: go on, steps: [] }
      - { id: note, outputs: { log: "log + [n]" } }
  - { id: jump, outputs: { q: '1' }, then: last }
  - { id: never, outputs: { log: "log + ['never']" } }
  - { id: last, outputs: { r: '1' } }
  - { id: e, type: end, result: "{{ log }}" }
"#,
    ));
    script.run();
    assert_eq!(script.result(), json!([2, 4]));
}

#[test]
fn a_jump_back_is_bounded() {
    let mut script = Script::new(&steps(
        "  - { id: a, outputs: { n: n + 1 } }\n  - { id: b, outputs: { x: '1' }, then: a }\n",
    ));
    script.run();
    assert_eq!(script.machine.view().failure.unwrap().reason.as_deref(), Some("max_visits"));
}

#[test]
fn nothing_ran_is_no_success() {
    let mut script = Script::new(&steps("  - { id: a, when: \"n == 1\", outputs: { x: '7' } }\n"));
    script.run();
    assert_eq!(script.machine.view().failure.unwrap().kind, ErrorKind::NothingRan);
}

#[test]
fn an_end_may_fail() {
    let mut script =
        Script::new(&steps("  - { id: e, type: end, outcome: failed, result: { why: it is so } }\n"));
    script.run();
    assert_eq!(script.status(), Status::Failed);
    assert_eq!(script.result(), json!({ "why": "it is so" }));
}

#[test]
fn items_that_fail_are_told() {
    let mut script = Script::new(&steps(
        r#"
  - id: each
    type: loop
    forEach: "[1, 2, 3]"
    as: item
    maxIterations: 5
    onItemError: continue
    collectErrors: errors
    collect: { good: item }
    steps:
      - id: press
        actions:
          - { action: navigate, url: "https://example.org/{{ item }}" }
          - { action: click, target: { role: button } }
  - { id: e, type: end, result: { good: "{{ good }}", bad: "{{ errors | map(attribute='index') | list }}" } }
"#,
    ));
    script.wake().run_to("click");
    let command = script.commands.pop().unwrap();
    let fact = script.perform(command);
    script.fact(fact).run_to("click");
    script.fail(ErrorKind::ElementNotFound, Effect::None).run_to("");
    assert_eq!(script.status(), Status::Completed);
    assert_eq!(script.result(), json!({ "good": [1, 3], "bad": [1] }));
    assert_eq!(script.machine.view().items_failed, 1);
}

#[test]
fn progress_never_falls_and_ends_at_a_hundred() {
    let mut script = Script::new(LOOP);
    script.extracted = json!([1, 2, 3]);
    script.run();
    let mut machine = Execution::new(script.machine.id(), Arc::clone(script.machine.plan()));
    let mut last = 0;
    for event in &script.journal {
        machine.apply(event);
        let progress = machine.view().progress;
        assert!(progress >= last, "{progress} after {last}");
        assert!(progress < 100 || machine.status() == Status::Completed);
        last = progress;
    }
    assert_eq!(last, 100);
}

#[test]
fn a_single_step_runs_and_pauses_again() {
    let mut script = Script::new(&steps(
        "  - { id: a, outputs: { n: n + 1 } }\n  - { id: b, outputs: { n: n + 10 } }\n  - { id: c, outputs: { n: n + 100 } }\n",
    ));
    script.ask(Input::Pause).unwrap();
    assert_eq!(script.status(), Status::Paused);
    script.ask(Input::RunStep("a".into())).unwrap();
    script.run();
    assert_eq!(script.status(), Status::Paused);
    assert_eq!(script.machine.variables()["n"], json!(1));
    script.ask(Input::RunStep("c".into())).unwrap();
    script.run();
    assert_eq!(script.machine.variables()["n"], json!(101));
    assert!(script.ask(Input::RunStep("nowhere".into())).is_err());
    script.ask(Input::RunStep("b".into())).unwrap();
    script.run();
    script.ask(Input::Resume).unwrap();
    script.run();
    assert_eq!(script.machine.variables()["n"], json!(211), "after b comes c");
    assert_eq!(script.status(), Status::Completed);
}

#[test]
fn page_guards_ask_the_page_first() {
    let mut script = Script::new(&steps(
        r#"
  - { id: go, actions: [ { action: navigate, url: "https://example.org/" } ] }
  - { id: a, when: { visible: { text: Hello } }, outputs: { n: '5' } }
  - { id: e, type: end, result: "{{ n }}" }
"#,
    ));
    script.holds = [vec![false]].into();
    script.run();
    assert_eq!(script.result(), json!(0));
}
