//! Whole runs, in Chromium, against the demo site.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Duration;

use aef_testkit::demo_site::{DemoSite, DemoSiteOptions, PASSWORD};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::desk::{Desk, Said, example};

fn site() -> DemoSite {
    DemoSite::start(DemoSiteOptions { save_delay: Duration::from_millis(50), ..DemoSiteOptions::default() })
        .unwrap()
}

fn run(desk: &Desk, document: &str, site: &DemoSite, more: &[&str]) -> Said {
    let path = example(document);
    let url = format!("baseUrl={}", site.url());
    let mut arguments = vec!["run", path.to_str().unwrap(), "--input", &url];
    arguments.extend(more);
    desk.run(&arguments)
}

/// The only execution of a desk.
fn only_execution(desk: &Desk) -> Value {
    let said = desk.run(&["list", "--json"]).ended(0);
    let rows: Vec<Value> = said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 1, "{}", said.stdout);
    rows[0].clone()
}

#[test]
fn an_approved_run_reaches_its_end_and_can_be_read_afterwards() {
    let (desk, site) = (Desk::new(), site());
    let said =
        run(&desk, "investor-update.aef.yaml", &site, &["--checkpoints", "approve", "--report", "a.html"]);
    let said = said.ended(0);
    let result: Value = serde_json::from_str(&said.stdout).unwrap();
    let writes = result["updated"].as_u64().unwrap() + result["created"].as_u64().unwrap();
    assert!(writes > 0, "{result}");
    assert_eq!(site.counts().posts, writes, "each write happened once");
    assert_eq!(result["records"].as_u64().unwrap(), site.records().len() as u64);
    assert!(said.stderr.contains("Read the inbox: done, verified"), "{}", said.stderr);

    let row = only_execution(&desk);
    assert_eq!(row["summary"]["status"], "completed");
    let id = row["id"].as_str().unwrap();
    let said = desk.run(&["show", id]).ended(0);
    assert!(said.stdout.contains("completed, 100%"), "{}", said.stdout);
    let shown: Value = serde_json::from_str(&desk.run(&["show", "--json", id]).ended(0).stdout).unwrap();
    assert_eq!(shown["state"]["result"], result);
    assert_eq!(shown["waits"]["waitsFor"], "nothing");

    let journal = desk.run(&["journal", "--json", id]).ended(0).stdout;
    let events: Vec<Value> = journal.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events[0]["type"], "queued");
    assert_eq!(events.last().unwrap()["type"], "completed");
    let answers = events.iter().filter(|event| event["type"] == "checkpoint_answered");
    assert!(answers.clone().count() > 0);
    assert!(answers.into_iter().all(|event| event["actor"]["person"] == "tester"), "answers have a name");

    let report = fs::read_to_string(desk.path().join("a.html")).unwrap();
    for part in ["Update the investor list from the inbox", "Read the inbox", "data:image/", "by tester"] {
        assert!(report.contains(part), "{part} is missing");
    }
    desk.run(&["report", id, "-o", "b.html"]).ended(0);
    assert_eq!(
        report,
        fs::read_to_string(desk.path().join("b.html")).unwrap(),
        "the same journal, the same report"
    );
}

#[test]
fn a_run_that_waits_goes_on_with_an_answer() {
    let (desk, site) = (Desk::new(), site());
    let said = run(&desk, "investor-update.aef.yaml", &site, &["--checkpoints", "wait"]).ended(4);
    assert!(said.stderr.contains("will do"), "{}", said.stderr);
    assert_eq!(site.counts().posts, 0, "nothing was written without leave");
    let row = only_execution(&desk);
    assert_eq!(row["summary"]["status"], "waiting_checkpoint");
    let id = row["id"].as_str().unwrap().to_owned();
    let checkpoint = row["summary"]["checkpoint"]["id"].as_str().unwrap().to_owned();
    assert!(said.stderr.contains(&format!("aef respond {checkpoint} approve")), "{}", said.stderr);
    let shown = desk.run(&["show", &id]).ended(0).stdout;
    assert!(shown.contains("for a person") && shown.contains("Click button \"Save\""), "{shown}");

    desk.run(&["respond", &checkpoint, "approve", "--comment", "as agreed"]).ended(0);
    let late = desk.run(&["respond", &checkpoint, "reject"]).ended(7);
    assert!(late.stderr.contains("aef list"), "{}", late.stderr);
    let said = desk.run(&["resume", &id, "--checkpoints", "approve"]).ended(0);
    let result: Value = serde_json::from_str(&said.stdout).unwrap();
    let writes = result["updated"].as_u64().unwrap() + result["created"].as_u64().unwrap();
    assert_eq!(site.counts().posts, writes, "each write happened once");
    let again = desk.run(&["resume", &id]).ended(0);
    assert!(again.stderr.contains("is completed already"), "{}", again.stderr);
}

#[test]
fn a_stopped_run_stays_stopped() {
    let (desk, site) = (Desk::new(), site());
    run(&desk, "investor-update.aef.yaml", &site, &["--checkpoints", "wait"]).ended(4);
    let id = only_execution(&desk)["id"].as_str().unwrap().to_owned();
    desk.run(&["stop", &id]).ended(0);
    desk.run(&["resume", &id]).ended(5);
    desk.run(&["respond", &id, "approve"]).ended(7);
    assert_eq!(site.counts().posts, 0);
}

#[test]
fn a_decision_takes_an_option_and_data() {
    let (desk, site) = (Desk::new(), site());
    let firm = site.records()[0].firm.clone();
    let firm = format!("firm={firm}");
    // Approving is leave to do what is written; a decision is none of that.
    let said =
        run(&desk, "documents/choose-stage.aef.yaml", &site, &["--checkpoints", "approve", "-i", &firm]);
    let said = said.ended(4);
    assert!(said.stderr.contains("forward: They go on"), "{}", said.stderr);
    let id = only_execution(&desk)["id"].as_str().unwrap().to_owned();
    let wrong = desk.run(&["respond", &id, "choose", "--option", "forward", "--data", "{}"]).ended(3);
    assert!(wrong.stderr.contains("form"), "{}", wrong.stderr);
    desk.run(&["respond", &id, "choose", "--option", "unchanged", "--data", r#"{ "note": "called" }"#])
        .ended(0);
    let said = desk.run(&["resume", &id]).ended(0);
    let result: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(result["changed"], false);
}

#[test]
fn events_are_lines_of_json_on_demand() {
    let (desk, site) = (Desk::new(), site());
    let said = run(&desk, "documents/page-through-archive.aef.yaml", &site, &["--json"]).ended(0);
    let lines: Vec<Value> = said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["kind"], "execution");
    let places: Vec<_> = lines.iter().filter_map(|line| line["seq"].as_u64()).collect();
    assert_eq!(places, (1..=places.len() as u64).collect::<Vec<_>>(), "every event once, in order");
    let end = lines.last().unwrap();
    assert_eq!((&end["kind"], &end["exit"]), (&Value::from("end"), &Value::from(0)));
    assert_eq!(end["state"]["status"], "completed");
}

#[test]
fn a_secret_is_entered_and_stands_nowhere() {
    let options = DemoSiteOptions { require_login: true, ..DemoSiteOptions::default() };
    let (desk, site) = (Desk::new(), DemoSite::start(options).unwrap());
    fs::write(desk.path().join("secrets.env"), format!("desk_password={PASSWORD}\n")).unwrap();
    let more = ["--secrets", "secrets.env", "--report", "report.html", "--json", "-vv"];
    let said = run(&desk, "documents/log-in-when-asked.aef.yaml", &site, &more).ended(0);
    assert_eq!(site.counts().sessions, 1, "the log-in was sent");
    assert!(!said.stdout.contains(PASSWORD) && !said.stderr.contains(PASSWORD), "it was printed or logged");
    fs::remove_file(desk.path().join("secrets.env")).unwrap();
    let mut directories = vec![desk.path().to_owned()];
    let mut files = 0;
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            files += 1;
            let bytes = fs::read(&path).unwrap();
            let found = bytes.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes());
            assert!(!found, "the secret stands in {}", path.display());
        }
    }
    assert!(files > 1, "nothing was looked at");
}

#[test]
fn an_interrupted_run_finishes_the_action_in_hand_and_goes_on_at_once() {
    let (desk, site) = (Desk::new(), site());
    let path = example("investor-update.aef.yaml");
    let url = format!("baseUrl={}", site.url());
    let mut command = desk.aef(&["run", path.to_str().unwrap(), "--input", &url, "--checkpoints", "approve"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
    let mut stderr = String::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        if line.contains("Click button \"Save\"") && !stderr.contains("Click button \"Save\"") {
            kill_process(pid, Signal::INT).unwrap();
        }
        stderr.push_str(&line);
        stderr.push('\n');
    }
    assert_eq!(child.wait().unwrap().code(), Some(130), "{stderr}");
    let id = only_execution(&desk)["id"].as_str().unwrap().to_owned();
    assert!(stderr.contains(&format!("aef resume {id}")), "{stderr}");
    let before = site.counts().posts;
    assert!(before < 7, "it was not interrupted");

    let said = desk.run(&["resume", &id, "--checkpoints", "approve"]).ended(0);
    assert!(!said.stderr.contains("held it last"), "the lease was not given back: {}", said.stderr);
    let result: Value = serde_json::from_str(&said.stdout).unwrap();
    let writes = result["updated"].as_u64().unwrap() + result["created"].as_u64().unwrap();
    assert_eq!(site.counts().posts, writes, "each write happened once");
}
