//! Performing one execution in this process: a worker for it alone, what it does on the screen, and its questions.

use aef::engine::{Engine, EngineError, EngineErrorKind, Handle, Recorded, Shutdown, WorkerOptions};
use aef::execution::{Answer, Checkpoint, ExecutionState, PauseReason, Status};
use aef::ids::Seq;
use aef::store::Explanation;
use futures::StreamExt as _;
use tokio::task::JoinHandle;

use crate::args::DriveArgs;
use crate::asking::{Asker, Reply, Turn};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupts::Interrupts;
use crate::output;
use crate::progress::View;
use crate::questions::Asked;

/// How many events are read at a time.
const PAGE: u32 = 500;

/// Performs an execution until it ends, or until only a person gets it further.
///
/// # Errors
/// Where the store fails.
pub(crate) async fn drive(
    engine: &Engine,
    handle: &Handle,
    args: &DriveArgs,
    view: View,
) -> Result<Exit, Failure> {
    let interrupts = Interrupts::listen()?;
    let shutdown = Shutdown::new();
    let options = WorkerOptions { only: Some(handle.id()), concurrency: 1, ..WorkerOptions::default() };
    let worker_name = options.id.clone();
    tell_of_lease(handle, worker_name.as_str()).await?;
    let mut worker = tokio::spawn(engine.worker(options).run(shutdown.clone()));
    let mut driver =
        Driver { handle: handle.clone(), args, view, asker: Asker::new(args), seen: Seq(0), answered: None };
    let end = tokio::select! {
        end = driver.follow(&interrupts) => end,
        _ = &mut worker => Err(Failure::environment("the worker ended by itself").with_help("-v tells more")),
    };
    let end = end_worker(&shutdown, &interrupts, worker, end).await;
    let state = handle.state().await?;
    let exit = match end? {
        Ended::Interrupted if !state.status.is_final() => Exit::Interrupted,
        Ended::Interrupted | Ended::Settled => Exit::of(state.status),
    };
    driver.read_journal(false).await?;
    driver.view.end(&state, exit);
    tell_end(&state, exit, args);
    Ok(exit)
}

/// Says what an execution waits for where another worker holds it: after a kill that is its lease.
async fn tell_of_lease(handle: &Handle, own: &str) -> Result<(), Failure> {
    if let Explanation::Worker { worker, until } = handle.explain().await?
        && worker.as_str() != own
    {
        let until = until.strftime("%H:%M:%S UTC");
        output::note(format_args!(
            "{worker} held it last; where that is gone, it goes on here when its lease ends, at {until}"
        ));
    }
    Ok(())
}

/// How following ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// It is final, or waits for a person who is not asked here.
    Settled,
    /// Ctrl-C.
    Interrupted,
}

struct Driver<'a> {
    handle: Handle,
    args: &'a DriveArgs,
    view: View,
    asker: Asker<'a>,
    seen: Seq,
    /// The state that was answered last, so that a late report of it is not asked about again.
    answered: Option<Seq>,
}

impl Driver<'_> {
    async fn follow(&mut self, interrupts: &Interrupts) -> Result<Ended, Failure> {
        self.read_journal(true).await?;
        let mut states = self.handle.watch();
        loop {
            let state = tokio::select! {
                state = states.next() => state,
                () = interrupts.first() => return Ok(Ended::Interrupted),
            };
            let Some(state) = state.transpose()? else { return Ok(Ended::Settled) };
            self.read_journal(false).await?;
            self.view.state(&state);
            if state.status.is_final() {
                return Ok(Ended::Settled);
            }
            if self.answered.is_some_and(|answered| state.seq <= answered) {
                continue;
            }
            let turn = tokio::select! {
                turn = self.turns(state) => turn?,
                () = interrupts.first() => return Ok(Ended::Interrupted),
            };
            if turn == Turn::End {
                return Ok(Ended::Settled);
            }
        }
    }

    /// Does what a state asks of the person, until it is done.
    async fn turns(&mut self, mut state: ExecutionState) -> Result<Turn, Failure> {
        loop {
            match self.turn(&state).await? {
                Turn::Again => state = self.handle.state().await?,
                done @ (Turn::On | Turn::End) => return Ok(done),
            }
        }
    }

    /// Shows the events that have come. The first reading shows nothing: it is what was before.
    async fn read_journal(&mut self, replay: bool) -> Result<(), Failure> {
        loop {
            let page: Vec<Recorded> = self.handle.journal(self.seen, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            self.seen = last.seq;
            for recorded in &page {
                // A journal that begins with this process is news from its first event on.
                if replay && last.seq.0 > 1 { self.view.replay(recorded) } else { self.view.event(recorded) }
            }
        }
    }

    /// Does what a state asks of the person.
    async fn turn(&mut self, state: &ExecutionState) -> Result<Turn, Failure> {
        match state.status {
            Status::WaitingCheckpoint => self.checkpoint(state).await,
            Status::Paused if state.paused == Some(PauseReason::CheckpointTimeout) => {
                self.checkpoint(state).await
            }
            Status::WaitingRecovery => self.recovery(state).await,
            Status::TakenOver => self.taken_over(state).await,
            Status::Paused | Status::Created => Ok(Turn::End),
            Status::Queued | Status::Running | Status::Completed | Status::Failed | Status::Stopped => {
                Ok(Turn::On)
            }
        }
    }

    async fn checkpoint(&mut self, state: &ExecutionState) -> Result<Turn, Failure> {
        let Some(checkpoint) = state.checkpoint.as_deref() else { return Ok(Turn::On) };
        let Some(question) = Asked::kept(state, &self.args.store.artifacts()).question else {
            return Ok(Turn::On);
        };
        if self.asker.approves(&question) {
            return self.answer(state, checkpoint, Answer::approve()).await;
        }
        if !self.asker.may_ask() {
            return Ok(Turn::End);
        }
        self.view.suspend();
        // Somebody else may answer, or the time may be over, while the person thinks.
        let reply = self.asker.answer(&question, moved_on(&self.handle, state.seq)).await;
        self.view.resume();
        match reply {
            Reply::Given(answer) => self.answer(state, checkpoint, answer).await,
            Reply::Overtaken => Ok(Turn::On),
            Reply::Nobody => Ok(Turn::End),
        }
    }

    async fn answer(
        &mut self,
        state: &ExecutionState,
        checkpoint: &Checkpoint,
        answer: Answer,
    ) -> Result<Turn, Failure> {
        match self.handle.answer(checkpoint.id, answer).await {
            Ok(_) => {
                self.answered = Some(state.seq);
                Ok(Turn::On)
            }
            Err(error) => self.refused(error),
        }
    }

    /// Says why an answer was not taken: somebody was faster, or the data did not fit.
    fn refused(&mut self, error: EngineError) -> Result<Turn, Failure> {
        let kinds = [EngineErrorKind::Rejected, EngineErrorKind::AlreadyAnswered, EngineErrorKind::Invalid];
        if !kinds.contains(&error.kind()) {
            // Asking again would not help.
            return Err(error.into());
        }
        self.view.say(&format!("that was not taken: {}", Failure::from(error).in_full()));
        Ok(Turn::Again)
    }

    async fn recovery(&mut self, state: &ExecutionState) -> Result<Turn, Failure> {
        let Some(offer) = &state.recovery else { return Ok(Turn::On) };
        if let Some(due) = offer.auto_retry_at {
            self.view.say(&format!("{}; tried again at {}", offer.failure, due.strftime("%H:%M:%S UTC")));
            return Ok(Turn::On);
        }
        let Some(offer) = Asked::kept(state, &self.args.store.artifacts()).offer else {
            return Ok(Turn::On);
        };
        if !self.asker.may_ask() {
            return Ok(Turn::End);
        }
        self.view.suspend();
        let reply = self.asker.recovery(&offer, moved_on(&self.handle, state.seq)).await;
        self.view.resume();
        let option = match reply {
            Reply::Given(option) => option,
            Reply::Overtaken => return Ok(Turn::On),
            Reply::Nobody => return Ok(Turn::End),
        };
        match self.handle.recover(option).await {
            Ok(_) => {
                self.answered = Some(state.seq);
                Ok(Turn::On)
            }
            Err(error) => self.refused(error),
        }
    }

    async fn taken_over(&mut self, state: &ExecutionState) -> Result<Turn, Failure> {
        if !self.args.perform.headed || !output::can_ask() {
            return Ok(Turn::End);
        }
        self.view.suspend();
        output::note("The browser's window is yours. Press Enter here to hand it back.");
        let typed = self.asker.enter(moved_on(&self.handle, state.seq)).await;
        self.view.resume();
        if typed {
            self.handle.hand_back().await?;
            self.answered = Some(state.seq);
        }
        Ok(Turn::On)
    }
}

/// Waits until an execution is beyond a state. Errors are left to who asks next.
async fn moved_on(handle: &Handle, seen: Seq) {
    let mut states = handle.watch();
    while let Some(Ok(state)) = states.next().await {
        if state.seq > seen {
            return;
        }
    }
}

/// Lets the worker finish what it has in hand; a second Ctrl-C ends it at once.
async fn end_worker<T>(
    shutdown: &Shutdown,
    interrupts: &Interrupts,
    mut worker: JoinHandle<T>,
    end: Result<Ended, Failure>,
) -> Result<Ended, Failure> {
    if worker.is_finished() {
        return end;
    }
    if matches!(end, Ok(Ended::Interrupted)) {
        output::note("finishing the action in hand; once more ends at once");
    }
    shutdown.begin();
    tokio::select! {
        _ = &mut worker => return end,
        () = interrupts.second() => shutdown.at_once(),
    }
    // A worker that panicked has left what its journal can tell.
    drop(worker.await);
    end.map(|_| Ended::Interrupted)
}

/// Says how it ended and what to type next.
fn tell_end(state: &ExecutionState, exit: Exit, args: &DriveArgs) {
    match &state.failure {
        Some(failure) if state.status == Status::Failed => output::note(format_args!("failed: {failure}")),
        _ => output::note(format_args!("{}", crate::describe::words(state.status.as_str()))),
    }
    if let Some(result) = &state.result
        && !args.json
    {
        output::json_pretty(result);
    }
    match exit {
        Exit::Waiting => {
            let asked = Asked::kept(state, &args.store.artifacts());
            output::note(asked.to_string().trim_end());
            output::note("go on with:");
            for command in asked.commands(&state.id, state.status, &args.store.again()) {
                output::note(format_args!("  {command}"));
            }
        }
        Exit::Interrupted => {
            output::note(format_args!("go on with:\n  aef resume {}{}", state.id, args.store.again()));
        }
        Exit::Failed => {
            output::note(format_args!(
                "run it again from the failed step with:\n  aef fork {}{}",
                state.id,
                args.store.again()
            ));
        }
        Exit::Success | Exit::Usage | Exit::Invalid | Exit::Stopped | Exit::Environment | Exit::Refused => {}
    }
}
