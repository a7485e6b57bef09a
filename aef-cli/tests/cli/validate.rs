use std::fs;

use serde_json::Value;

use crate::desk::{Desk, example};

const BROKEN: &str = include_str!("broken.aef.yaml");

#[test]
fn a_good_document_is_ok() {
    let said = Desk::new().run(&["validate", example("investor-update.aef.yaml").to_str().unwrap()]).ended(0);
    assert!(said.stdout.contains(": ok, "), "{}", said.stdout);
}

#[test]
fn every_example_is_valid() {
    let desk = Desk::new();
    let mut seen = 0;
    for entry in fs::read_dir(example("documents")).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().ends_with(".aef.yaml") {
            desk.run(&["validate", path.to_str().unwrap()]).ended(0);
            seen += 1;
        }
    }
    assert!(seen > 0, "no examples were found");
}

#[test]
fn everything_that_is_wrong_is_shown_in_its_line() {
    let desk = Desk::new();
    fs::write(desk.path().join("broken.aef.yaml"), BROKEN).unwrap();
    let said = desk.run(&["validate", "broken.aef.yaml"]).ended(3);
    assert_eq!(said.stdout, "");
    insta::assert_snapshot!(said.stderr);
}

#[test]
fn diagnostics_are_json_on_demand() {
    let desk = Desk::new();
    fs::write(desk.path().join("broken.aef.yaml"), BROKEN).unwrap();
    let said = desk.run(&["validate", "--json", "broken.aef.yaml"]).ended(3);
    let verdict: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(verdict["valid"], false);
    let found = verdict["diagnostics"].as_array().unwrap();
    let unknown = found.iter().find(|diagnostic| diagnostic["code"] == "unknown_action").unwrap();
    assert_eq!(unknown["pointer"], "/steps/0/actions/1/action");
    assert_eq!(unknown["position"]["line"], 12);
}

#[test]
fn json_documents_are_read_by_their_name() {
    let desk = Desk::new();
    let document = r#"{ "aef": 1, "id": "tiny", "steps": [ { "id": "done", "type": "end" } ] }"#;
    fs::write(desk.path().join("tiny.json"), document).unwrap();
    desk.run(&["validate", "tiny.json"]).ended(0);
    fs::write(desk.path().join("cut.json"), &document[..40]).unwrap();
    let said = desk.run(&["validate", "cut.json"]).ended(3);
    assert!(said.stderr.contains("syntax"), "{}", said.stderr);
}

#[test]
fn a_file_that_is_not_there_is_no_bad_document() {
    let said = Desk::new().run(&["validate", "nothing.yaml"]).ended(6);
    assert!(said.stderr.contains("cannot read nothing.yaml"), "{}", said.stderr);
}
