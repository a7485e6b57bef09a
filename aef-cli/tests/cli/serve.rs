//! The server, and the commands for keys and secrets beside it.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use aef_testkit::demo_site::{DemoSite, DemoSiteOptions, PASSWORD};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::desk::{Desk, Said, example, said};
use crate::http::{Reply, get, send};
use crate::worker::{TINY, Worker, completed, submit, until};

/// A server in a process of its own. Killed when it is dropped.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    /// Starts one on a free port and waits until it listens.
    fn start(desk: &Desk, more: &[&str]) -> Self {
        Self::spawn(
            desk.aef(&["serve", "--listen", "127.0.0.1:0", "--private-origin", "documents"]).args(more),
        )
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").expect("it says where it listens");
        Self { address: address.to_owned(), child }
    }

    /// Asks with a key.
    fn ask(&self, key: &str, method: &str, path: &str, kind: &str, body: &str) -> Reply {
        let (key, kind) = (format!("Authorization: Bearer {key}"), format!("Content-Type: {kind}"));
        send(&self.address, method, path, &[&key, &kind], body)
    }

    fn get(&self, key: &str, path: &str) -> Reply {
        self.ask(key, "GET", path, "application/json", "")
    }

    fn post(&self, key: &str, path: &str, body: &Value) -> Reply {
        self.ask(key, "POST", path, "application/json", &body.to_string())
    }

    /// Tells it to end; gives its exit code.
    fn end(mut self) -> Option<i32> {
        kill_process(Pid::from_raw(self.child.id().cast_signed()).unwrap(), Signal::TERM).unwrap();
        let mut code = None;
        until("the server has ended", || {
            code = self.child.try_wait().unwrap();
            code.is_some()
        });
        code.and_then(|status| status.code())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Once it was waited for, this is no more than an error.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs the binary with this on its stdin.
fn told(desk: &Desk, arguments: &[&str], input: &str) -> Said {
    let mut command = desk.aef(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    said(child.wait_with_output().unwrap())
}

/// Makes a key and gives its text.
fn key(desk: &Desk, more: &[&str]) -> String {
    desk.run(&[&["keys", "create", "test"], more].concat()).ended(0).stdout.trim().to_owned()
}

/// The rows of `aef keys list`.
fn keys(desk: &Desk) -> Vec<Value> {
    let listed = desk.run(&["keys", "list", "--json"]).ended(0).stdout;
    listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_server_performs_what_programs_submit_and_tells_its_figures() {
    let desk = Desk::new();
    let all = key(&desk, &[]);
    let server = Server::start(&desk, &["--metrics"]);
    assert_eq!(get(&server.address, "/readyz").status, 200);
    assert_eq!(get(&server.address, "/api/aef/executions").status, 401);
    let kept = server.ask(&all, "POST", "/api/aef/documents", "application/yaml", TINY);
    assert_eq!(kept.status, 201, "{kept:?}");
    let submitted = server.post(&all, "/engines-api/tiny/execute", &json!({ "userInput": {} }));
    assert_eq!(submitted.status, 202, "{submitted:?}");
    let url = submitted.json()["statusUrl"].as_str().unwrap().to_owned();
    let path = url.strip_prefix(&format!("http://{}", server.address)).unwrap().to_owned();
    let token = submitted.json()["statusToken"].as_str().unwrap().to_owned();
    until("it is completed", || server.get(&token, &path).json()["status"] == "completed");
    until("it is counted", || {
        let told = get(&server.address, "/metrics");
        assert!(told.head.contains("application/openmetrics-text"), "{told:?}");
        told.body.lines().any(|line| line == "aef_executions_finished_total{outcome=\"completed\"} 1")
    });
    let id = submitted.json()["executionId"].as_str().unwrap().to_owned();
    assert!(desk.run(&["list"]).ended(0).stdout.contains(&id), "commands see what the server does");
    assert_eq!(server.end(), Some(0));
}

#[test]
fn keys_are_made_listed_and_revoked_beside_a_server() {
    let desk = Desk::new();
    let reading = key(&desk, &["--scope", "read", "--expires-in", "1h"]);
    let imported = "LEKH-2-0123456789abcdef0123456789abcdef";
    told(&desk, &["keys", "create", "old", "--import"], imported).ended(0);
    told(&desk, &["keys", "create", "old", "--import"], "LEKH-1-short").ended(7);
    let server = Server::start(&desk, &["--no-worker"]);
    assert_eq!(server.get(&reading, "/api/aef/executions").status, 200);
    assert_eq!(server.get(imported, "/api/aef/executions").status, 200);
    assert_eq!(server.post(&reading, "/api/aef/execute", &json!({ "aefDocumentId": "tiny" })).status, 403);
    assert_eq!(get(&server.address, "/metrics").status, 501, "figures are told where somebody wants them");

    let listed = keys(&desk);
    assert_eq!(listed.len(), 2);
    let shown = desk.run(&["keys", "list"]).ended(0).stdout;
    for text in [reading.as_str(), imported] {
        assert!(!shown.contains(text) && !format!("{listed:?}").contains(text), "a key is shown once");
    }
    let first = listed.iter().find(|key| key["name"] == "test").unwrap();
    assert_eq!((&first["scopes"], first["expiresAt"].is_string()), (&json!(["read"]), true));
    desk.run(&["keys", "revoke", first["keyId"].as_str().unwrap()]).ended(0);
    assert_eq!(server.get(&reading, "/api/aef/executions").status, 401);
    assert_eq!(server.get(imported, "/api/aef/executions").status, 200);
    desk.run(&["keys", "revoke", "key_00000000000000000000000001"]).ended(7);
    let others = desk.run(&["keys", "list", "--owner", "bob"]).ended(0);
    assert_eq!(others.stdout, "", "those of others are not seen");
    assert_eq!(server.end(), Some(0));
}

#[test]
fn a_secret_that_an_owner_gave_is_entered_and_never_shown() {
    let desk = Desk::new();
    let site =
        DemoSite::start(DemoSiteOptions { require_login: true, ..DemoSiteOptions::default() }).unwrap();
    let password = PASSWORD;
    told(&desk, &["secrets", "set", "desk_password"], &format!("{password}\n")).ended(0);
    told(&desk, &["secrets", "set", "other"], "x").ended(0);
    told(&desk, &["secrets", "set", "not a name"], "x").ended(7);
    desk.run(&["secrets", "remove", "other"]).ended(0);
    desk.run(&["secrets", "remove", "other"]).ended(7);
    let listed = desk.run(&["secrets", "list"]).ended(0).stdout;
    assert!(listed.starts_with("desk_password ") && listed.lines().count() == 1, "{listed}");
    assert!(!listed.contains(password));

    let document = example("documents/log-in-when-asked.aef.yaml");
    let base = format!("baseUrl={}", site.url());
    let run = [document.to_str().unwrap(), "-i", &base];
    let mut worker = Worker::start(&desk, "w1");
    let by_worker = submit(&desk, &run);
    completed(&desk, &by_worker);
    worker.signal(Signal::TERM);
    assert_eq!(worker.end(), Some(0));
    let server = Server::start(&desk, &[]);
    let by_server = submit(&desk, &run);
    completed(&desk, &by_server);
    assert_eq!(server.end(), Some(0));
    assert_eq!(site.counts().sessions, 2, "each has logged in");
    for id in [by_worker, by_server] {
        assert!(!desk.run(&["journal", "--json", &id]).ended(0).stdout.contains(password));
    }
    for file in ["aef.db", "aef.db-wal"] {
        let bytes = fs::read(desk.path().join(file)).unwrap_or_default();
        let shown = bytes.windows(password.len()).any(|window| window == password.as_bytes());
        assert!(!shown, "the password stands in {file}");
    }
}
