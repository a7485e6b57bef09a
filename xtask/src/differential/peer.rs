//! Playwright, in a process that plays the scenarios when it is asked to.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde::Deserialize;
use serde_json::{Value, json};

use super::scenarios::Scenario;
use crate::command::{self, Failure};
use crate::setup;

/// How a scenario ended.
#[derive(Debug, Deserialize)]
pub(super) struct Played {
    #[serde(default)]
    pub(super) state: Value,
    #[serde(default)]
    pub(super) error: Option<String>,
}

impl Played {
    pub(super) fn shown(&self) -> String {
        self.error.clone().unwrap_or_else(|| self.state.to_string())
    }
}

/// The process. It ends with this.
#[derive(Debug)]
pub(super) struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    program: String,
    origin: String,
}

#[derive(Deserialize)]
struct Started {
    origin: String,
}

#[derive(Deserialize)]
struct Told {
    states: Vec<Played>,
}

impl Peer {
    pub(super) fn start(folder: &Path, chromium: &Path, scenarios: &[Scenario]) -> Result<Self, Failure> {
        let mut node = command::program("node");
        node.arg(command::root().join("xtask/differential/driver.js")).current_dir(folder);
        let program = command::shown(&node);
        let child = node.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|source| Failure::NotStarted { program: program.clone(), source })?;
        let input = child.stdin.take().expect("the input is piped");
        let output = BufReader::new(child.stdout.take().expect("the output is piped"));
        let mut peer = Self { child, input, output, program, origin: String::new() };
        let request = json!({ "scenarios": scenarios, "chromium": chromium, "sandbox": !setup::is_root()? });
        let started: Started = peer.ask(&request)?;
        peer.origin = started.origin;
        Ok(peer)
    }

    /// Where it serves the pages.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// Plays all scenarios.
    pub(super) fn play(&mut self) -> Result<Vec<Played>, Failure> {
        let told: Told = self.ask(&json!({ "play": true }))?;
        Ok(told.states)
    }

    fn ask<T: for<'de> Deserialize<'de>>(&mut self, request: &Value) -> Result<T, Failure> {
        let mut line = String::new();
        let spoken = writeln!(self.input, "{request}").and_then(|()| self.output.read_line(&mut line));
        spoken.map_err(|source| Failure::NotStarted { program: self.program.clone(), source })?;
        serde_json::from_str(&line)
            .map_err(|error| Failure::Wrong(format!("{} answered {line:?}: {error}", self.program)))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Nothing is left to say where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
