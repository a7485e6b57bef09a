//! Submitting a document, and following what becomes of it.

use std::path::Path;
use std::time::Duration;

use aef::client::{
    Accepted, Act, Checkpoint, ClientError, DocumentText, Execute, Execution, LiveFrom, Respond, Steering,
};
use aef::execution::{AnswerKind, CheckpointKind, Status};

use super::{Remote, not_there, show};
use crate::args::{Checkpoints, DriveArgs};
use crate::commands::{resume, run, submit};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{describe, loading, output};

/// How long one question waits for something new, in seconds.
const WAIT: u64 = 25;

/// How much time is left between two questions, so that what happens quickly is told together.
const PACE: Duration = Duration::from_millis(300);

impl Remote {
    pub(super) async fn run_document(&self, options: run::Options) -> Result<Exit, Failure> {
        only_what_a_server_does(&options.drive)?;
        let accepted = self.send(&options.file, &options.inputs, Execute::default(), None).await?;
        if !options.drive.json {
            output::note(format_args!("{} is {}", accepted.execution_id, accepted.status));
        }
        self.follow(&accepted.execution_id, &options.drive).await
    }

    pub(super) async fn submit(&self, options: submit::Options) -> Result<Exit, Failure> {
        if options.held {
            return Err(not_there("--held"));
        }
        let execute = Execute {
            priority: Some(options.priority).filter(|priority| *priority != 0),
            start_at: options.start_at,
            ..Execute::default()
        };
        let key = options.idempotency_key.as_deref();
        let accepted = self.send(&options.file, &options.inputs, execute, key).await?;
        output::result(&accepted.execution_id);
        output::note(format_args!("look at it with:\n  aef show {}{}", accepted.execution_id, self.again));
        Ok(Exit::Success)
    }

    /// Keeps a document, and executes the version that it is.
    async fn send(
        &self,
        file: &Path,
        inputs: &[String],
        execute: Execute,
        key: Option<&str>,
    ) -> Result<Accepted, Failure> {
        // What is wrong is told with its place in the file, before anything is sent.
        let plan = loading::load_to_run(file)?;
        let inputs = run::checked_inputs(&plan, inputs)?;
        let document = DocumentText { text: plan.document.canonical_json(), is_yaml: false };
        let kept = self.client.create_document(&document).await?.row;
        let execute = Execute {
            aef_document_id: kept.aef_document_id,
            version: Some(kept.version),
            inputs: Some(inputs),
            ..execute
        };
        let client = match key {
            Some(key) => self.client.once(key)?,
            None => self.client.clone(),
        };
        Ok(client.execute(&execute).await?)
    }

    pub(super) async fn resume(&self, options: resume::Options) -> Result<Exit, Failure> {
        only_what_a_server_does(&options.drive)?;
        let id = options.id.to_string();
        let execution = self.client.execution(&id).await?;
        match execution.status {
            Status::Created => {
                let execute = Execute {
                    aef_document_id: execution.aef_document_id,
                    execution_id: Some(id.clone()),
                    ..Execute::default()
                };
                self.client.execute(&execute).await?;
            }
            // An answer to an open checkpoint resumes it.
            Status::Paused if execution.checkpoints.is_empty() => {
                self.client.act(&id, &Act::new(Steering::Resume)).await?;
            }
            Status::TakenOver => {
                self.client.act(&id, &Act::new(Steering::HandBack)).await?;
            }
            Status::Queued
            | Status::Running
            | Status::Paused
            | Status::WaitingCheckpoint
            | Status::WaitingRecovery
            | Status::Completed
            | Status::Failed
            | Status::Stopped => {}
        }
        self.follow(&id, &options.drive).await
    }

    /// Tells what happens, until the execution has ended or waits for a person.
    async fn follow(&self, id: &str, drive: &DriveArgs) -> Result<Exit, Failure> {
        let mut from = LiveFrom { after: Some(0), wait: None };
        loop {
            let message = match self.client.live(id, &from).await {
                Ok(message) => message,
                Err(error) => {
                    patience(error).await?;
                    continue;
                }
            };
            for entry in &message.logs {
                show::entry(entry, drive.json);
            }
            // What is over or waits is told in full before it is left.
            let caught_up = from.after.replace(message.seq) == Some(message.seq);
            let status = message.execution.status;
            let waits = match (status, message.checkpoints.as_deref().unwrap_or_default()) {
                (Status::WaitingCheckpoint, [open, ..]) if approves(drive, open) => {
                    self.approve(open).await?;
                    false
                }
                (Status::WaitingRecovery, _) => {
                    message.error.as_ref().is_none_or(|error| error.auto_retry_in.is_none())
                }
                (status, _) => status.is_final() || Exit::of(status) == Exit::Waiting && needs_person(status),
            };
            if waits && caught_up {
                let execution = self.client.execution(id).await?;
                return Ok(self.tell_end(&execution, drive.json));
            }
            from.wait = (!waits).then_some(WAIT);
            tokio::time::sleep(PACE).await;
        }
    }

    /// Approves what asks no more than leave. Who was faster has the same say.
    async fn approve(&self, open: &Checkpoint) -> Result<(), Failure> {
        match self.client.respond(&open.id, &Respond::new(AnswerKind::Approve)).await {
            Err(error) if error.has_code("already_answered") => Ok(()),
            answered => Ok(answered.map(drop)?),
        }
    }

    fn tell_end(&self, execution: &Execution, json: bool) -> Exit {
        let exit = Exit::of(execution.status);
        if json {
            output::json(execution);
            return exit;
        }
        match &execution.failure {
            Some(failure) if execution.status == Status::Failed => {
                output::note(format_args!("failed: {}: {}", failure.kind, failure.message));
            }
            _ => output::note(describe::words(execution.status.as_str())),
        }
        if let Some(result) = &execution.result {
            output::json_pretty(result);
        }
        if exit == Exit::Waiting {
            output::note(show::questions(execution).trim_end());
            output::note("go on with:");
            for command in show::commands(execution, &self.again) {
                output::note(format_args!("  {command}"));
            }
        }
        exit
    }
}

/// Waits where the server asks for it; gives back what waiting does not mend.
async fn patience(error: ClientError) -> Result<(), Failure> {
    let wait = error.problem().and_then(|problem| problem.retry_after);
    match wait {
        Some(wait) => {
            tokio::time::sleep(wait).await;
            Ok(())
        }
        None => Err(error.into()),
    }
}

/// Whether a checkpoint that asks no more than leave is approved without asking.
fn approves(drive: &DriveArgs, open: &Checkpoint) -> bool {
    let is_routine = match open.kind {
        CheckpointKind::BeforeExecution | CheckpointKind::AfterExecution => true,
        CheckpointKind::Decision | CheckpointKind::Manual | CheckpointKind::InDoubt => false,
    };
    drive.checkpoints == Checkpoints::Approve && is_routine
}

/// Whether nothing goes on in this status until a person does something.
const fn needs_person(status: Status) -> bool {
    match status {
        Status::Created
        | Status::Paused
        | Status::WaitingCheckpoint
        | Status::WaitingRecovery
        | Status::TakenOver => true,
        Status::Queued | Status::Running | Status::Completed | Status::Failed | Status::Stopped => false,
    }
}

fn only_what_a_server_does(drive: &DriveArgs) -> Result<(), Failure> {
    if drive.report.is_some() {
        return Err(not_there("--report"));
    }
    if drive.perform.headed {
        return Err(not_there("--headed"));
    }
    Ok(())
}
