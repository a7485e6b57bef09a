use std::fs;

use serde_json::Value;

use crate::desk::{Desk, example, said};

const UNKNOWN: &str = "exec_00000000000000000000000001";

fn demo() -> String {
    example("investor-update.aef.yaml").to_str().unwrap().to_owned()
}

#[test]
fn the_help_tells_the_exit_codes() {
    let said = Desk::new().run(&["--help"]).ended(0);
    for line in ["Exit codes:", "  4  the execution waits for a person", "AEF_CHROMIUM"] {
        assert!(said.stdout.contains(line), "{line} is missing in\n{}", said.stdout);
    }
}

#[test]
fn the_schema_is_the_committed_one() {
    let said = Desk::new().run(&["schema"]).ended(0);
    let printed: Value = serde_json::from_str(&said.stdout).unwrap();
    let committed = fs::read_to_string(example("../schema/aef-document.v1.json")).unwrap();
    assert_eq!(printed, serde_json::from_str::<Value>(&committed).unwrap());
}

#[test]
fn a_wrong_command_line_is_2() {
    let desk = Desk::new();
    desk.run(&["run"]).ended(2);
    let said = desk.run(&["show", "exec_1"]).ended(2);
    assert!(said.stderr.contains("is not an id of the form `exec_…`"), "{}", said.stderr);
    let said = desk.run(&["respond", UNKNOWN, "perhaps"]).ended(2);
    assert!(said.stderr.contains("approve, reject, skip"), "{}", said.stderr);
}

#[test]
fn all_wrong_inputs_are_told_before_anything_is_made() {
    let desk = Desk::new();
    let document = r#"
aef: 1
id: typed
inputs:
  type: object
  required: [name, amount]
  properties:
    name: { type: string, minLength: 3 }
    amount: { type: number }
    dry: { type: boolean }
steps: [ { id: done, type: end } ]
"#;
    fs::write(desk.path().join("typed.aef.yaml"), document).unwrap();
    let said = desk.run(&["run", "typed.aef.yaml", "-i", "amount=many", "-i", "dry=perhaps"]).ended(3);
    assert!(said.stderr.contains("`many` for input `amount` is not a number"), "{}", said.stderr);
    assert!(said.stderr.contains("`perhaps` for input `dry` is not true or false"), "{}", said.stderr);
    let said = desk.run(&["run", "typed.aef.yaml", "-i", "amount=1", "-i", "nmae=Ada"]).ended(3);
    assert!(said.stderr.contains("there is no input `nmae`"), "{}", said.stderr);
    assert!(said.stderr.contains("name"), "{}", said.stderr);
    assert!(!desk.path().join("aef.db").exists(), "a database was made for nothing");
}

#[test]
fn a_missing_browser_says_how_to_get_one() {
    let desk = Desk::new();
    let mut command = desk.aef(&["run", &demo(), "-i", "baseUrl=http://127.0.0.1:1"]);
    let said = said(command.env("AEF_CHROMIUM", "/nowhere/chromium").output().unwrap()).ended(6);
    assert!(said.stderr.contains("the browser cannot be started"), "{}", said.stderr);
    assert!(said.stderr.contains("apt install chromium"), "{}", said.stderr);
    assert!(!desk.path().join("aef.db").exists(), "an execution was made for nothing");
}

#[test]
fn a_missing_secret_is_told_before_the_run() {
    let desk = Desk::new();
    let document = example("documents/log-in-when-asked.aef.yaml");
    let said = desk.run(&["run", document.to_str().unwrap(), "-i", "baseUrl=http://127.0.0.1:1"]).ended(6);
    assert!(said.stderr.contains("desk_password"), "{}", said.stderr);
    assert!(said.stderr.contains("--secrets"), "{}", said.stderr);
}

#[test]
fn a_database_that_is_not_there_is_not_made_by_reading() {
    let desk = Desk::new();
    let said = desk.run(&["list", "--store", "mistyped.db"]).ended(6);
    assert!(said.stderr.contains("there is no database mistyped.db"), "{}", said.stderr);
    assert!(!desk.path().join("mistyped.db").exists());
}

#[test]
fn what_is_not_there_is_7() {
    let desk = Desk::new();
    // A run without a page makes the database.
    let document =
        "aef: 1\nid: tiny\nsteps: [ { id: count, outputs: { one: '1' } }, { id: done, type: end } ]\n";
    fs::write(desk.path().join("tiny.aef.yaml"), document).unwrap();
    desk.run(&["run", "tiny.aef.yaml"]).ended(0);
    for command in ["show", "pause", "stop", "journal", "report", "resume", "fork"] {
        desk.run(&[command, UNKNOWN]).ended(7);
    }
    desk.run(&["respond", "chk_00000000000000000000000001", "approve"]).ended(7);
    desk.run(&["recover", UNKNOWN, "retry"]).ended(7);
}

#[test]
fn files_that_nothing_names_are_swept() {
    let desk = Desk::new();
    desk.run(&["sweep"]).ended(6);
    let document = "aef: 1\nid: tiny\nsteps: [ { id: count, outputs: { one: '1' } } ]\n";
    fs::write(desk.path().join("tiny.aef.yaml"), document).unwrap();
    desk.run(&["run", "tiny.aef.yaml"]).ended(0);
    let left = desk.path().join("aef.db.artifacts/executions").join(UNKNOWN);
    fs::create_dir_all(&left).unwrap();
    let file = left.join("a".repeat(64));
    fs::write(&file, "of nobody").unwrap();
    let said = desk.run(&["sweep"]).ended(0);
    assert!(said.stderr.contains("0 of 1 files removed"), "{}", said.stderr);
    let said = desk.run(&["sweep", "--older-than", "0s"]).ended(0);
    assert!(said.stderr.contains("1 of 1 files removed, 9 bytes"), "{}", said.stderr);
    assert!(!file.exists());
    assert!(desk.path().join("aef.db.artifacts/state.key").exists(), "the key is no file of an execution");
}
