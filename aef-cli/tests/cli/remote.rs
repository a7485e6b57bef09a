//! `aef --server`: the commands against `aef serve`.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::desk::{Desk, Said, said};

/// Asks a person, and counts; needs no page.
const ASKING: &str = r#"
aef: 1
id: ask-me
title: Ask me
inputs: { type: object, required: [who], properties: { who: { type: string } } }
steps:
  - id: ask
    name: Ask somebody
    checkpoint: { before: { title: "Greet {{ inputs.who }}?", timeout: 1h } }
    outputs: { hello: "'hello ' ~ inputs.who" }
  - { id: done, type: end, result: { hello: "{{ hello }}" } }
"#;

/// Tokens of persons are signed with it.
const JWT_SECRET: &str = "a shared secret of at least thirty-two bytes";

/// A server with a worker, and a person's desk beside it.
pub(crate) struct Served {
    server: Child,
    pub(crate) url: String,
    /// A key with all scopes.
    pub(crate) key: String,
    pub(crate) desk: Desk,
    _host: Desk,
}

impl Served {
    pub(crate) fn new() -> Self {
        let host = Desk::with(&[("AEF_JWT_SECRET", JWT_SECRET)]);
        let key = host.run(&["keys", "create", "desk"]).ended(0).stdout.trim().to_owned();
        let mut server =
            host.aef(&["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line}")).to_owned();
        let desk = Desk::new();
        fs::write(desk.path().join("ask.aef.yaml"), ASKING).unwrap();
        Self { server, url, key, desk, _host: host }
    }

    /// Runs a command against the server, with the key.
    fn run(&self, arguments: &[&str]) -> Said {
        self.run_as(&self.key, arguments, "")
    }

    /// Runs a command against the server, as the holder of a credential.
    fn run_as(&self, credential: &str, arguments: &[&str], input: &str) -> Said {
        let mut command = self.desk.aef(arguments);
        command.env("AEF_SERVER", &self.url).env("AEF_API_KEY", credential);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        said(child.wait_with_output().unwrap())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Gently, so that the browser ends with it; where that fails, it is killed.
        let pid = rustix::process::Pid::from_child(&self.server);
        if rustix::process::kill_process(pid, rustix::process::Signal::TERM).is_err() {
            drop(self.server.kill());
        }
        drop(self.server.wait());
    }
}

#[test]
fn a_document_is_run_asked_and_told_of() {
    let served = Served::new();
    let waits = served.run(&["run", "ask.aef.yaml", "-i", "who=Ada"]).ended(4);
    assert!(waits.stderr.contains("? Greet Ada?"), "{}", waits.stderr);
    assert!(waits.stderr.contains("aef respond chk_"), "{}", waits.stderr);
    let listed = served.run(&["list", "--json", "--status", "waiting_checkpoint"]).ended(0);
    let row: Value = serde_json::from_str(listed.stdout.lines().next().unwrap()).unwrap();
    let id = row["executionId"].as_str().unwrap();
    assert!(served.run(&["show", id]).ended(0).stdout.contains("? Greet Ada?"));
    served.run(&["respond", id, "approve", "--comment", "by hand"]).ended(0);
    let ended = served.run(&["resume", id]).ended(0);
    assert!(ended.stdout.contains("hello Ada"), "{}", ended.stdout);
    let again = served.run(&["respond", id, "approve"]).ended(7);
    assert!(again.stderr.contains("waits at no checkpoint"), "{}", again.stderr);
    let journal = served.run(&["journal", id, "--json"]).ended(0).stdout;
    let events: Vec<Value> = journal.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.iter().any(|entry| entry["event"] == "checkpoint_answered"), "{journal}");
    assert_eq!(events[0]["seq"], 1, "{journal}");
    // Nothing of it is kept here.
    assert!(!served.desk.path().join("aef.db").exists());
}

#[test]
fn work_is_submitted_once_and_steered() {
    let served = Served::new();
    let submit = ["submit", "ask.aef.yaml", "-i", "who=Bob", "--idempotency-key", "one"];
    let id = served.run(&submit).ended(0).stdout.trim().to_owned();
    assert_eq!(served.run(&submit).ended(0).stdout.trim(), id);
    let approved = served.run(&["resume", &id, "--checkpoints", "approve", "--json"]).ended(0).stdout;
    let end: Value = serde_json::from_str(approved.lines().last().unwrap()).unwrap();
    assert_eq!(end["result"]["hello"], "hello Bob", "{approved}");
    let forked = served.run(&["fork", &id, "--from", "ask"]).ended(0).stdout.trim().to_owned();
    assert_ne!(forked, id);
    let stopped = served.run(&["stop", &forked]).ended(0);
    assert!(stopped.stderr.contains("is stopped"), "{}", stopped.stderr);
    served.run(&["pause", &forked]).ended(7);
    served.run(&["recover", &forked, "retry"]).ended(7);
    assert_eq!(served.run(&["list", "--limit", "1"]).ended(0).stdout.lines().count(), 1);
}

#[test]
fn what_a_server_refuses_is_told() {
    let served = Served::new();
    let unknown = served.run_as("aef_000000000000_0", &["list"], "").ended(6);
    assert!(unknown.stderr.contains("AEF_API_KEY"), "{}", unknown.stderr);
    served.run(&["show", "exec_00000000000000000000000001"]).ended(7);
    served.run(&["run", "ask.aef.yaml"]).ended(3);
    served.run(&["worker"]).ended(2);
    served.run(&["submit", "ask.aef.yaml", "-i", "who=Bob", "--held"]).ended(2);
    // What is about files alone asks nobody.
    served.run(&["validate", "ask.aef.yaml"]).ended(0);
    let key = served.run(&["keys", "list"]).ended(7);
    assert!(key.stderr.contains("sign in as its owner"), "{}", key.stderr);
    let away = served.desk.run(&["list", "--server", "http://127.0.0.1:1"]).ended(6);
    assert!(away.stderr.contains("cannot reach the server"), "{}", away.stderr);
}

#[test]
fn a_person_has_keys_and_secrets() {
    let served = Served::new();
    let end = jiff::Timestamp::now().as_second() + 3600;
    let claims = serde_json::json!({ "sub": "ada", "exp": end });
    let key = jsonwebtoken::EncodingKey::from_secret(JWT_SECRET.as_bytes());
    let ada = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap();
    let made = served.run_as(&ada, &["keys", "create", "reader", "--scope", "read"], "").ended(0);
    let text = made.stdout.trim().to_owned();
    assert!(text.starts_with("aef_"), "{text}");
    served.run_as(&text, &["list"], "").ended(0);
    let listed = served.run_as(&ada, &["keys", "list", "--json"], "").ended(0).stdout;
    let row: Value = serde_json::from_str(listed.lines().next().unwrap()).unwrap();
    assert_eq!((&row["name"], &row["scopes"]), (&Value::from("reader"), &serde_json::json!(["read"])));
    served.run_as(&ada, &["keys", "revoke", row["keyId"].as_str().unwrap()], "").ended(0);
    served.run_as(&text, &["list"], "").ended(6);
    served.run_as(&ada, &["secrets", "set", "crm_password"], "hunter2\n").ended(0);
    let names = served.run_as(&ada, &["secrets", "list"], "").ended(0).stdout;
    assert!(names.starts_with("crm_password"), "{names}");
    served.run_as(&ada, &["secrets", "remove", "crm_password"], "").ended(0);
    assert_eq!(served.run_as(&ada, &["secrets", "list"], "").ended(0).stdout, "");
}
