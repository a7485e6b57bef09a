//! `aef serve` and `aef worker` in processes of their own.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use aef_testkit::demo_site::{DemoSite, DemoSiteOptions};
use aef_testkit::postgres::TestDatabase;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::client::Client;
use crate::desk::Desk;

/// The longest that anything here may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What the services of a host share in these tests.
pub(crate) const INTERNAL: &str = "the services of the host share this";

/// A host: a directory for its files, a database, and the site that its documents are about.
pub(crate) struct Host {
    pub(crate) desk: Desk,
    pub(crate) site: DemoSite,
    _database: TestDatabase,
}

impl Host {
    pub(crate) async fn new(site: DemoSiteOptions) -> Self {
        let database = TestDatabase::new().await;
        let desk = Desk::with(&[("AEF_DATABASE_URL", database.url()), ("AEF_INTERNAL_SECRET", INTERNAL)]);
        Self { desk, site: DemoSite::start(site).unwrap(), _database: database }
    }

    /// A server of this host.
    pub(crate) fn serve(&self, more: &[&str]) -> Process {
        let site = self.site.url();
        let mut arguments =
            vec!["serve", "--listen", "127.0.0.1:0", "--log-format", "json", "--private-origin", &site];
        arguments.extend(more);
        Process::start(self.desk.aef(&arguments))
    }

    /// A worker of this host, once it has begun.
    pub(crate) fn work(&self, name: &str) -> Process {
        let site = self.site.url();
        let arguments =
            ["worker", "--name", name, "--log-format", "json", "--private-origin", &site, "--lease", "5s"];
        let mut worker = Process::start(self.desk.aef(&arguments));
        worker.logs("the worker begins");
        worker
    }

    /// A client of a server, with a key that may do everything that keys may.
    pub(crate) fn client(&self, server: &mut Process) -> Client {
        let key = self.desk.run(&["keys", "create", "tests"]).ended(0).stdout.trim().to_owned();
        Client::new(&server.address(), &[("authorization", &format!("Bearer {key}"))])
    }
}

/// A process of the binary. Killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    results: Receiver<String>,
    lines: Receiver<String>,
    said: Vec<Value>,
    address: Option<String>,
}

impl Process {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let results = lines(child.stdout.take().unwrap());
        let lines = lines(child.stderr.take().unwrap());
        Self { child, results, lines, said: Vec::new(), address: None }
    }

    /// Where a server listens, as soon as it does.
    pub(crate) fn address(&mut self) -> String {
        if self.address.is_none() {
            let line = self.results.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("the server does not begin: {:#?}", self.rest()));
            self.address = Some(line.strip_prefix("listening on http://").unwrap().to_owned());
        }
        self.address.clone().unwrap()
    }

    /// Waits until it logs a line with this message; gives the line.
    pub(crate) fn logs(&mut self, message: &str) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let line = self.lines.recv_timeout(until.saturating_duration_since(Instant::now()));
            let line = line.unwrap_or_else(|_| panic!("`{message}` was not logged: {:#?}", self.said));
            let line: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line}"));
            self.said.push(line.clone());
            if line["message"].as_str().is_some_and(|said| said.contains(message)) {
                return line;
            }
        }
    }

    /// All that it has logged.
    pub(crate) fn rest(&mut self) -> &[Value] {
        let rest =
            self.lines.try_iter().map(|line| serde_json::from_str(&line).unwrap_or(Value::String(line)));
        self.said.extend(rest);
        &self.said
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.child.id().cast_signed()).unwrap(), signal).unwrap();
    }

    /// Waits for its end and gives its exit code.
    pub(crate) async fn end(&mut self) -> Option<i32> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < until, "it does not end: {:#?}", self.rest());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Gently, where it runs still, so that its browser ends with it. Once it was waited for, all of this is no more
        // than an error.
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal(Signal::TERM);
            self.signal(Signal::TERM);
            let until = Instant::now() + Duration::from_secs(10);
            while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The lines that something prints, as they come.
fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}
