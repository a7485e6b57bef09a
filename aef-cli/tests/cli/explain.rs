use std::fs;

use serde_json::Value;

use crate::desk::{Desk, example};

/// One of everything that an outline tells.
const VARIED: &str = r#"
aef: 1
id: varied
version: 2.1.0
goal: Everything is told
inputs: { type: object, required: [base], properties: { base: { type: string }, note: { type: string } } }
secrets: [ { name: desk_password } ]
vars: { seen: 0 }
config: { browser: { allowedOrigins: ["{{ inputs.base }}"] } }
steps:
  - id: log_in
    name: Log in
    actions:
      - { action: navigate, url: "{{ inputs.base }}/login" }
      - { action: fill, target: { label: Password }, value: "{{ secrets.desk_password }}" }
      - { action: wait_for, condition: { enabled: { role: button, name: Log in } } }
      - { action: click, target: { role: button, name: Log in } }
    verify:
      - url: { ends_with: /inbox }
      - any: [ { text: { target: { role: heading }, equals: Inbox } }, { count: { target: { css: li }, atLeast: 1 } } ]
    onError: [ { kinds: [verification_failed], then: { goto: give_up } } ]
  - id: until_done
    name: Until nothing is left
    type: loop
    until: seen > 3
    maxIterations: 5
    steps:
      - { id: count, outputs: { seen: seen + 1 } }
  - id: call
    name: Call them
    type: manual
    instructions: Call the number on the card
    form: { type: object, properties: { answer: { type: string } } }
    as: called
  - id: which
    name: Which way?
    type: decision
    ask: { question: Did they agree?, options: [ { id: yes, label: They did }, { id: no, label: They did not } ] }
    branches:
      - { option: yes, steps: [ { id: remove, name: Remove the record, risk: destructive, when: "seen > 1",
            checkpoint: { before: { title: "Remove it for good?" } },
            actions: [ { action: click, target: { role: button, name: Delete } } ], then: { goto: done } } ] }
      - { option: no, steps: [] }
  - { id: done, type: end }
  - { id: give_up, type: end, outcome: failed }
"#;

#[test]
fn the_demo_reads_as_an_outline() {
    let path = example("investor-update.aef.yaml");
    let said = Desk::new().run(&["explain", path.to_str().unwrap()]).ended(0);
    insta::assert_snapshot!(said.stdout);
}

#[test]
fn everything_that_can_happen_is_told() {
    let desk = Desk::new();
    fs::write(desk.path().join("varied.aef.yaml"), VARIED).unwrap();
    let said = desk.run(&["explain", "varied.aef.yaml"]).ended(0);
    insta::assert_snapshot!(said.stdout);

    let said = desk.run(&["explain", "--json", "varied.aef.yaml"]).ended(0);
    let told: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(told["counts"]["manual"], 1);
    assert_eq!(told["steps"][3]["bodies"][0]["steps"][0]["risk"], "destructive");
}

#[test]
fn a_wrong_document_is_not_explained() {
    let desk = Desk::new();
    fs::write(desk.path().join("wrong.aef.yaml"), "aef: 1\nid: wrong\nsteps: [ { id: a, typ: end } ]\n")
        .unwrap();
    let said = desk.run(&["explain", "wrong.aef.yaml"]).ended(3);
    assert!(said.stdout.is_empty() && said.stderr.contains("unknown_key"), "{}", said.stderr);
}
