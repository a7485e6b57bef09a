//! A run in a process that can be killed.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;

use crate::desk::Desk;

/// The longest that a run may take to show signs of work: a lease of 15 s, and the start of a browser.
const PATIENCE: Duration = Duration::from_secs(90);

/// The longest that a run may take altogether.
const END: Duration = Duration::from_secs(240);

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Victim {
    /// The binary; its browser is left to itself.
    Binary,
    /// The browser with all its processes; the binary is left to cope.
    Browser,
}

/// When it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// So long after the first sign of work.
    After(Duration),
    /// So long after an action that writes stood in the journal.
    InSave(Duration),
}

/// A run of the binary that prints its events.
pub(crate) struct Run {
    child: Child,
    lines: Receiver<Value>,
    errors: Option<JoinHandle<String>>,
    said: String,
    execution: Option<String>,
}

impl Run {
    pub(crate) fn start(desk: &Desk, arguments: &[&str]) -> Self {
        let mut command = desk.aef(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = child.stderr.take().unwrap();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines() {
                let Ok(line) = line else { break };
                // A line that a kill cut short is no event.
                let Ok(event) = serde_json::from_str(&line) else { continue };
                if sender.send(event).is_err() {
                    break;
                }
            }
        });
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            drop(stderr.read_to_string(&mut text));
            text
        });
        Self { child, lines, errors: Some(errors), said: String::new(), execution: None }
    }

    /// The execution's id, which is the first thing that it prints.
    pub(crate) fn execution(&mut self) -> String {
        if self.execution.is_none() {
            let line = self.lines.recv_timeout(PATIENCE).expect("the run prints its execution");
            self.execution = Some(line["id"].as_str().unwrap().to_owned());
        }
        self.execution.clone().unwrap()
    }

    /// Waits for the first sign that a browser is at work; false where the run ends before.
    pub(crate) fn works(&mut self) -> bool {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) if line["type"] == "session_opened" => return true,
                Ok(line) if line["kind"] == "end" => return false,
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) => panic!("the run does not begin to work"),
            }
        }
    }

    /// Kills the binary at once.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// Kills when the moment has come, unless the run ends before; tells whether it did.
    pub(crate) fn kill_at(&mut self, victim: Victim, moment: Moment) -> bool {
        let delay = match moment {
            Moment::After(time) => time,
            Moment::InSave(time) => {
                if !self.saves() {
                    return false;
                }
                time
            }
        };
        let until = Instant::now() + delay;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) if line["kind"] == "end" => return false,
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) => break,
            }
        }
        match victim {
            Victim::Binary => {
                self.kill();
                true
            }
            Victim::Browser => self.kill_browser(),
        }
    }

    /// Waits until an action that writes is about to be performed; false where the run ends before.
    fn saves(&mut self) -> bool {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) if line["type"] == "action_started" && is_save(&line["step"]) => return true,
                Ok(line) if line["kind"] == "end" => return false,
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) => panic!("the run comes to no write"),
            }
        }
    }

    /// Waits for the end and gives the exit code; `None` where it was killed.
    pub(crate) fn end(&mut self) -> Option<i32> {
        let until = Instant::now() + END;
        // The channel closes when the process has closed its stdout.
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("the run does not end"),
            }
        }
        let status = self.child.wait().unwrap();
        status.code()
    }

    /// What it said on stderr.
    pub(crate) fn said(&mut self) -> &str {
        if let Some(errors) = self.errors.take() {
            self.said = errors.join().unwrap();
        }
        &self.said
    }

    /// Kills the browser, which the binary starts in a process group of its own.
    fn kill_browser(&self) -> bool {
        let Some(browser) = child_of(self.child.id()) else { return false };
        kill_process_group(browser, Signal::KILL).is_ok()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let runs = matches!(self.child.try_wait(), Ok(None));
        if let Some(browser) = child_of(self.child.id()).filter(|_| runs) {
            let _ = kill_process_group(browser, Signal::KILL);
        }
        // Once it was waited for, this is no more than an error.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Whether a step of the document writes.
fn is_save(step: &Value) -> bool {
    step.as_str().is_some_and(|step| step.starts_with("save_"))
}

/// The first child of a process, from the parents that `/proc` tells.
fn child_of(parent: u32) -> Option<Pid> {
    let processes = fs::read_dir("/proc").ok()?;
    processes.filter_map(Result::ok).find_map(|entry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        // The name in the second field may hold anything; the parent is the second field behind it.
        let fields = stat.rsplit_once(')')?.1;
        let of: u32 = fields.split_whitespace().nth(1)?.parse().ok()?;
        (of == parent).then(|| Pid::from_raw(pid)).flatten()
    })
}
