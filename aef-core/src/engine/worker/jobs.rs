//! What a driver has under way.

use std::collections::BTreeMap;

use tokio::task::{AbortHandle, Id, JoinSet};

use super::perform::{Done, PANICKED};
use crate::execution::Command;

/// The commands under way, each in a task of its own, so that a panic ends no more than one of them.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    tasks: JoinSet<Done>,
    running: BTreeMap<Key, Job>,
}

/// Tasks are found by their ids, which have no order of their own.
type Key = String;

#[derive(Debug)]
struct Job {
    command: Command,
    abort: AbortHandle,
}

impl Jobs {
    /// Starts a command, unless the same one is under way.
    pub(super) fn start<F>(&mut self, command: Command, work: F)
    where
        F: Future<Output = Done> + Send + 'static,
    {
        if self.has(&command) {
            return;
        }
        let abort = self.tasks.spawn(work);
        self.running.insert(key(abort.id()), Job { command, abort });
    }

    /// Whether this command is under way.
    pub(super) fn has(&self, command: &Command) -> bool {
        self.running.values().any(|job| same(&job.command, command))
    }

    /// The action under way.
    pub(super) fn action(&self) -> Option<u64> {
        self.running.values().find_map(|job| op_of(&job.command))
    }

    /// Whether the action under way needs the page.
    pub(super) fn action_needs_page(&self) -> bool {
        self.running.values().any(
            |job| matches!(&job.command, Command::PerformAction { action, .. } if action.kind.needs_page()),
        )
    }

    /// Whether nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Whether a browser is being opened or closed.
    pub(super) fn is_opening_or_closing(&self) -> bool {
        self.running.values().any(|job| is_passage(&job.command))
    }

    /// Ends everything.
    pub(super) fn abort_all(&mut self) {
        self.running.clear();
        self.tasks.abort_all();
    }

    /// Waits for the next one to end. Never ends while there is none.
    pub(super) async fn next(&mut self) -> Done {
        loop {
            let Some(ended) = self.tasks.join_next_with_id().await else {
                return std::future::pending().await;
            };
            match ended {
                // One that ended while it was being cancelled has been answered for, too.
                Ok((id, done)) => {
                    if self.running.remove(&key(id)).is_some() {
                        return done;
                    }
                }
                Err(error) => {
                    let job = self.running.remove(&key(error.id()));
                    // One that was cancelled has been answered for by whoever cancelled it.
                    if let Some(job) = job.filter(|_| error.is_panic()) {
                        tracing::error!(command = ?job.command, "performing a command panicked");
                        return Done::failed(&job.command, PANICKED);
                    }
                }
            }
        }
    }

    /// Ends what is under way but is not among `wanted`, except the action, which only a cancel ends, and the opening and
    /// closing of a browser, which must not be left half done.
    pub(super) fn keep_only(&mut self, wanted: &[Command]) {
        self.running.retain(|_, job| {
            let keep = op_of(&job.command).is_some()
                || is_passage(&job.command)
                || wanted.iter().any(|command| same(&job.command, command));
            if !keep {
                job.abort.abort();
            }
            keep
        });
    }

    /// Ends an action; gives its command where it was under way.
    pub(super) fn cancel_action(&mut self, op: u64) -> Option<Command> {
        let found = self.running.iter().find(|(_, job)| op_of(&job.command) == Some(op));
        let key = found.map(|(key, _)| key.clone())?;
        let job = self.running.remove(&key)?;
        job.abort.abort();
        Some(job.command)
    }
}

fn key(id: Id) -> Key {
    id.to_string()
}

/// Whether two commands ask for the same. An action is the same whatever time is left for it.
fn same(one: &Command, other: &Command) -> bool {
    match (op_of(one), op_of(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

const fn is_passage(command: &Command) -> bool {
    matches!(command, Command::OpenSession(_) | Command::CloseSession)
}

const fn op_of(command: &Command) -> Option<u64> {
    match command {
        Command::PerformAction { op, .. } => Some(*op),
        Command::OpenSession(_)
        | Command::Observe { .. }
        | Command::CaptureEvidence { .. }
        | Command::SaveBrowserState
        | Command::CloseSession
        | Command::CancelAction { .. } => None,
    }
}
