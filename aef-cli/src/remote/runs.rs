//! Submitting a document, and following what becomes of it.

use std::path::Path;
use std::time::Duration;

use aef::client::{
    Accepted, Act, ClientError, DocumentText, Execute, Execution, LiveFrom, LiveMessage, Respond, Steering,
};
use aef::execution::{Answer, PauseReason, Status};

use super::{Remote, not_there, show};
use crate::args::DriveArgs;
use crate::asking::{Asker, Reply, Turn};
use crate::commands::{resume, run, submit};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupts::Interrupts;
use crate::questions::{Asked, Offer, Question};
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

    /// Tells what happens and asks the person who is there, until the execution has ended or waits for somebody else.
    async fn follow(&self, id: &str, drive: &DriveArgs) -> Result<Exit, Failure> {
        // Ctrl-C in the middle of a question leaves the terminal as it was.
        let interrupts = Interrupts::listen()?;
        let mut follower =
            Follower { remote: self, id, json: drive.json, asker: Asker::new(drive), answered: None };
        tokio::select! {
            followed = follower.follow() => followed?,
            () = interrupts.first() => {
                let again = &self.again;
                output::note(format_args!("it goes on without you; look at it with:\n  aef show {id}{again}"));
                return Ok(Exit::Interrupted);
            }
        }
        let execution = self.client.execution(id).await?;
        Ok(self.tell_end(&execution, drive.json))
    }

    fn tell_end(&self, execution: &Execution, json: bool) -> Exit {
        let exit = Exit::of(execution.status);
        if json {
            output::json(execution);
            return exit;
        }
        match &execution.failure {
            Some(failure) if execution.status == Status::Failed => {
                output::note(format_args!("failed: {failure}"));
            }
            _ => output::note(describe::words(execution.status.as_str())),
        }
        if let Some(result) = &execution.result {
            output::json_pretty(result);
        }
        if exit == Exit::Waiting {
            let asked = Asked::told(execution);
            output::note(asked.to_string().trim_end());
            output::note("go on with:");
            for command in asked.commands(&execution.execution_id, execution.status, &self.again) {
                output::note(format_args!("  {command}"));
            }
        }
        exit
    }
}

/// Follows an execution of a server.
struct Follower<'a> {
    remote: &'a Remote,
    id: &'a str,
    json: bool,
    asker: Asker<'a>,
    /// Where it stood when it was answered last, so that a late report of it is not asked about again.
    answered: Option<u64>,
}

impl Follower<'_> {
    async fn follow(&mut self) -> Result<(), Failure> {
        let mut from = LiveFrom { after: Some(0), wait: None };
        loop {
            let message = self.next(&from).await?;
            for entry in &message.logs {
                show::entry(entry, self.json);
            }
            // What is over or waits is told in full before anything is asked.
            let caught_up = from.after.replace(message.seq) == Some(message.seq);
            let rests = self.rests(&message);
            if rests && caught_up && self.turn().await? == Turn::End {
                return Ok(());
            }
            from.wait = (!rests).then_some(WAIT);
            tokio::time::sleep(PACE).await;
        }
    }

    /// What the live view tells next.
    async fn next(&self, from: &LiveFrom) -> Result<LiveMessage, Failure> {
        loop {
            match self.remote.client.live(self.id, from).await {
                Ok(message) => return Ok(message),
                Err(error) => patience(error).await?,
            }
        }
    }

    /// Whether nothing goes on until a person does something, or at all.
    fn rests(&self, message: &LiveMessage) -> bool {
        match message.execution.status {
            Status::Queued | Status::Running => false,
            Status::WaitingRecovery => {
                message.error.as_ref().is_none_or(|error| error.auto_retry_in.is_none())
                    && self.is_news(message)
            }
            Status::WaitingCheckpoint => self.is_news(message),
            Status::Created
            | Status::Paused
            | Status::TakenOver
            | Status::Completed
            | Status::Failed
            | Status::Stopped => true,
        }
    }

    fn is_news(&self, message: &LiveMessage) -> bool {
        self.answered.is_none_or(|answered| message.seq > answered)
    }

    /// Does what the execution asks of the person.
    async fn turn(&mut self) -> Result<Turn, Failure> {
        let execution = self.remote.client.execution(self.id).await?;
        let asked = Asked::told(&execution);
        match (execution.status, asked.question, asked.offer) {
            (Status::WaitingCheckpoint, Some(question), _) => self.checkpoint(&question, execution.seq).await,
            (Status::Paused, Some(question), _)
                if execution.paused == Some(PauseReason::CheckpointTimeout) =>
            {
                self.checkpoint(&question, execution.seq).await
            }
            (Status::WaitingRecovery, _, Some(offer)) => self.recovery(&offer, execution.seq).await,
            // It went on meanwhile.
            (Status::Queued | Status::Running | Status::WaitingCheckpoint | Status::WaitingRecovery, ..) => {
                Ok(Turn::On)
            }
            (
                Status::Created
                | Status::Paused
                | Status::TakenOver
                | Status::Completed
                | Status::Failed
                | Status::Stopped,
                ..,
            ) => Ok(Turn::End),
        }
    }

    async fn checkpoint(&mut self, question: &Question, seq: u64) -> Result<Turn, Failure> {
        let answer = if self.asker.approves(question) {
            Answer::approve()
        } else if self.asker.may_ask() {
            match self.asker.answer(question, moved_on(self.remote, self.id, seq)).await {
                Reply::Given(answer) => answer,
                Reply::Overtaken => return Ok(Turn::On),
                Reply::Nobody => return Ok(Turn::End),
            }
        } else {
            return Ok(Turn::End);
        };
        let answered = self.remote.client.respond(&question.id, &Respond::from(answer)).await;
        self.taken(answered.map(drop), seq)
    }

    async fn recovery(&mut self, offer: &Offer, seq: u64) -> Result<Turn, Failure> {
        if !self.asker.may_ask() {
            return Ok(Turn::End);
        }
        let option = match self.asker.recovery(offer, moved_on(self.remote, self.id, seq)).await {
            Reply::Given(option) => option,
            Reply::Overtaken => return Ok(Turn::On),
            Reply::Nobody => return Ok(Turn::End),
        };
        let act = Act { option: Some(option), ..Act::new(Steering::Recover) };
        let acted = self.remote.client.act(self.id, &act).await;
        self.taken(acted.map(drop), seq)
    }

    /// Whether an answer was taken. Where somebody was faster, or the data did not fit, the person sees why, and the
    /// execution is looked at again.
    fn taken(&mut self, answered: Result<(), ClientError>, seq: u64) -> Result<Turn, Failure> {
        match answered {
            Ok(()) => {
                self.answered = Some(seq);
                Ok(Turn::On)
            }
            Err(error) if error.problem().is_some_and(|problem| matches!(problem.status, 409 | 422)) => {
                output::note(format_args!("that was not taken: {}", Failure::from(error).in_full()));
                Ok(Turn::Again)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Waits until an execution is beyond a place in its journal. Errors are left to who asks next.
async fn moved_on(remote: &Remote, id: &str, seen: u64) {
    let from = LiveFrom { after: Some(seen), wait: Some(WAIT) };
    loop {
        match remote.client.live(id, &from).await {
            Ok(message) if message.seq > seen => return,
            Ok(_) => {}
            Err(error) => {
                if patience(error).await.is_err() {
                    return;
                }
            }
        }
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

fn only_what_a_server_does(drive: &DriveArgs) -> Result<(), Failure> {
    if drive.report.is_some() {
        return Err(not_there("--report"));
    }
    if drive.perform.headed {
        return Err(not_there("--headed"));
    }
    Ok(())
}
