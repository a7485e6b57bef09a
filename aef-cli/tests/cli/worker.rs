//! Workers beside the commands that submit, look and answer.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use aef_testkit::demo_site::{DemoSite, DemoSiteOptions};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::desk::Desk;

/// The longest that anything here may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// Needs no page.
pub(crate) const TINY: &str =
    "aef: 1\nid: tiny\nsteps: [ { id: count, outputs: { one: '1' } }, { id: done, type: end } ]\n";

/// Creates a record without asking.
pub(crate) const CREATING: &str = r##"
aef: 1
id: create-record
inputs: { type: object, required: [baseUrl], properties: { baseUrl: { type: string } } }
config: { checkpoints: { mode: none } }
steps:
  - id: open
    risk: read
    actions:
      - { action: navigate, url: "{{ inputs.baseUrl }}/crm?who=Halden" }
      - { action: click, target: { role: button, name: New record } }
      - { action: fill, target: { label: Name of the firm }, value: Halden }
      - { action: fill, target: { label: Contact e-mail }, value: "ada@halden.example" }
      - { action: select, target: { label: Stage }, label: Intro }
      - { action: fill, target: { label: Last contact }, value: "2026-01-31" }
  - id: save
    risk: write
    actions: [ { action: click, target: { role: button, name: Save, exact: true, within: { role: dialog } } } ]
    verify: [ { visible: { testId: record-halden } } ]
  - id: look
    actions: [ { action: navigate, url: "{{ inputs.baseUrl }}/crm?who=Halden" } ]
"##;

/// A worker in a process of its own. Killed when it is dropped.
pub(crate) struct Worker {
    child: Child,
    lines: Receiver<String>,
    said: Vec<Value>,
}

impl Worker {
    /// Starts one and waits until it has begun.
    pub(crate) fn start(desk: &Desk, name: &str) -> Self {
        Self::start_with(desk, name, |_| {})
    }

    /// The same, with more said to it.
    pub(crate) fn start_with(desk: &Desk, name: &str, say: impl FnOnce(&mut Command)) -> Self {
        let arguments = ["worker", "--name", name, "--log-format", "json", "--private-origin", "documents"];
        let mut command = desk.aef(&arguments);
        say(&mut command);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut worker = Self { child, lines, said: Vec::new() };
        worker.says("the worker begins");
        worker
    }

    /// Waits until it logs a line with this message; gives the line.
    pub(crate) fn says(&mut self, message: &str) -> &Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let line = self.lines.recv_timeout(until.saturating_duration_since(Instant::now()));
            let line = line.unwrap_or_else(|_| panic!("`{message}` was not logged: {:#?}", self.said));
            let line: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line}"));
            let found = line["message"].as_str().is_some_and(|said| said.contains(message));
            self.said.push(line);
            if found {
                return self.said.last().unwrap();
            }
        }
    }

    /// What it has logged so far.
    pub(crate) fn said(&self) -> &[Value] {
        &self.said
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.child.id().cast_signed()).unwrap(), signal).unwrap();
    }

    /// Waits for its end and gives its exit code.
    pub(crate) fn end(&mut self) -> Option<i32> {
        let mut code = None;
        until("the worker has ended", || {
            code = self.child.try_wait().unwrap();
            code.is_some()
        });
        code.and_then(|status| status.code())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Once it was waited for, this is no more than an error.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Looks again and again until it is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub(crate) fn submit(desk: &Desk, more: &[&str]) -> String {
    let mut arguments = vec!["submit"];
    arguments.extend(more);
    desk.run(&arguments).ended(0).stdout.trim().to_owned()
}

pub(crate) fn shown(desk: &Desk, id: &str) -> Value {
    serde_json::from_str(&desk.run(&["show", "--json", id]).ended(0).stdout).unwrap()
}

pub(crate) fn completed(desk: &Desk, id: &str) {
    until("it is completed", || shown(desk, id)["state"]["status"] == "completed");
}

/// A desk with a site that takes its time to answer a write, and an execution that writes once.
pub(crate) fn creating(save_delay: Duration) -> (Desk, DemoSite, String) {
    let desk = Desk::new();
    let site = DemoSite::start(DemoSiteOptions { save_delay, ..DemoSiteOptions::default() }).unwrap();
    fs::write(desk.path().join("create.aef.yaml"), CREATING).unwrap();
    let id = submit(&desk, &["create.aef.yaml", "-i", &format!("baseUrl={}", site.url())]);
    (desk, site, id)
}

#[test]
fn what_is_submitted_waits_for_a_worker_and_says_so() {
    let desk = Desk::new();
    fs::write(desk.path().join("tiny.aef.yaml"), TINY).unwrap();
    let id = submit(&desk, &["tiny.aef.yaml", "--idempotency-key", "monday"]);
    assert_eq!(submit(&desk, &["tiny.aef.yaml", "--idempotency-key", "monday"]), id);
    let said = desk.run(&["show", &id]).ended(0);
    assert!(said.stdout.contains("for a worker: none is alive"), "{}", said.stdout);
    let later = submit(&desk, &["tiny.aef.yaml", "--start-at", "2999-01-01T00:00:00Z"]);
    let bobs = submit(&desk, &["tiny.aef.yaml", "--owner", "bob", "--priority", "-3"]);
    desk.run(&["show", &bobs]).ended(7);

    let mut worker = Worker::start(&desk, "w1");
    completed(&desk, &id);
    let list = desk.run(&["list", "--json", "--owner", "bob"]).ended(0).stdout;
    let row: Value = serde_json::from_str(list.trim()).unwrap();
    assert_eq!((row["id"].as_str(), row["priority"].as_i64()), (Some(bobs.as_str()), Some(-3)));
    until("bob is served, too", || {
        desk.run(&["list", "--status", "completed", "--owner", "bob"]).ended(0).stdout.contains(&bobs)
    });
    let said = desk.run(&["show", &later]).ended(0);
    assert!(said.stdout.contains("until 2999-01-01"), "{}", said.stdout);
    worker.signal(Signal::TERM);
    assert_eq!(worker.end(), Some(0));
}

#[test]
fn a_worker_that_is_told_to_end_finishes_its_action_and_hands_over() {
    let (desk, site, id) = creating(Duration::from_secs(3));
    let mut one = Worker::start(&desk, "one");
    until("the write has arrived", || site.counts().posts == 1);
    one.signal(Signal::TERM);
    one.says("the worker has ended");
    assert_eq!(one.end(), Some(0));
    let journal = desk.run(&["journal", "--json", &id]).ended(0).stdout;
    let events: Vec<Value> = journal.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let wrote = events.iter().any(|event| event["outcome"]["writes"][0]["method"] == "POST");
    assert!(wrote, "the action in hand was not finished: {journal}");
    assert_ne!(shown(&desk, &id)["waits"]["waitsFor"], "worker", "the lease was not given back");

    let mut two = Worker::start(&desk, "two");
    completed(&desk, &id);
    assert_eq!(site.counts().posts, 1, "it was written once");
    two.signal(Signal::INT);
    assert_eq!(two.end(), Some(0));
}

#[test]
fn a_second_signal_ends_a_worker_at_once() {
    // Longer than anybody waits: only the second signal ends it.
    let (desk, site, _) = creating(Duration::from_secs(3600));
    let mut worker = Worker::start(&desk, "one");
    until("the write has arrived", || site.counts().posts == 1);
    worker.signal(Signal::TERM);
    worker.says("finishes what it has in hand");
    let before = Instant::now();
    worker.signal(Signal::TERM);
    assert_eq!(worker.end(), Some(130));
    assert!(before.elapsed() < Duration::from_secs(20), "{:?}", before.elapsed());
}

#[test]
fn a_wrong_database_url_is_told_without_its_password() {
    let desk = Desk::new();
    let said = desk.run(&["list", "--database-url", "mysql://root:hunter2@db/aef"]).ended(2);
    assert!(said.stderr.contains("a database is named by"), "{}", said.stderr);
    assert!(!said.stderr.contains("hunter2"), "{}", said.stderr);
    let mut command = desk.aef(&["list"]);
    let said =
        crate::desk::said(command.env("AEF_DATABASE_URL", "mysql://root:hunter2@db/aef").output().unwrap());
    let said = said.ended(6);
    assert!(!said.stderr.contains("hunter2"), "{}", said.stderr);
}

#[test]
fn a_database_is_named_by_its_url_as_by_its_path() {
    let desk = Desk::new();
    fs::write(desk.path().join("tiny.aef.yaml"), TINY).unwrap();
    let id = submit(&desk, &["tiny.aef.yaml", "--database-url", "sqlite:other.db"]);
    assert!(desk.run(&["list", "--store", "other.db"]).ended(0).stdout.contains(&id));
    let mut command = desk.aef(&["list"]);
    let said = crate::desk::said(command.env("AEF_DATABASE_URL", "sqlite:other.db").output().unwrap());
    assert!(said.ended(0).stdout.contains(&id));
    desk.run(&["list", "--store", "other.db", "--database-url", "sqlite:other.db"]).ended(2);
}
