//! The run in its short form: each kind of fault, and each kind of document.

use std::process::Command;

#[test]
fn nothing_is_lost_or_done_twice_or_stuck() {
    let logs = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_aef-chaos"))
        .args(["--executions", "28", "--workers", "4", "--seconds", "15", "--lease", "3", "--logs"])
        .arg(logs.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{errors}");
    assert!(told.contains("nothing was lost, nothing was done twice, nothing was stuck"), "{told}");
}
