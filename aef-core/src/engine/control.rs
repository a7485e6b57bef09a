//! A hold on one execution: what people may ask of it.
//!
//! What a person asks is stepped in the caller's process and appended by compare-and-set, so that it is checked and
//! durable when the call returns, worker or no worker.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::changes::jittered;
use super::error::{EngineError, EngineErrorKind};
use super::handle::{Handle, Stopping};
use super::loading::Folded;
use super::submit::{check_inputs, repeated};
use super::worker::event_bytes;
use crate::execution::{
    Answer, Event, EventKind, Execution, ExecutionState, FORMAT, Input, Rejected, Status, Step, Values,
};
use crate::ids::{BatchId, CheckpointId, Seq, StepId};
use crate::plan::Plan;
use crate::recovery::RecoveryOption;
use crate::store::{Append, Expect, StoreError, StoreErrorKind};

/// How often an input is stepped again because others appended at the same time.
const TRIES: u32 = 24;

/// How long [`Handle::stop`] waits for the action in hand to end.
const STOP_WAIT: Duration = Duration::from_secs(5);

/// How many events are read at a time in search of an answer.
const PAGE: u32 = 500;

impl Handle {
    /// Lets a held execution go, with the inputs with which it was made.
    ///
    /// # Errors
    /// `Rejected` where it is not held; `Invalid` where it was made without inputs that it needs, `SecretMissing`;
    /// `NotFound`, `Busy`, `Unavailable`.
    pub async fn start(&self) -> Result<ExecutionState, EngineError> {
        self.start_with(Value::Null).await
    }

    /// Lets a held execution go, with these inputs instead of those with which it was made; null keeps them.
    ///
    /// # Errors
    /// As for [`start`](Self::start), and `Invalid` where the inputs do not fit.
    pub async fn start_with(&self, inputs: Value) -> Result<ExecutionState, EngineError> {
        const START: &str = "start";
        let engine = &self.engine.inner;
        let folded = engine.fold(&self.scope, self.id).await?;
        let machine = &folded.machine;
        if machine.status() != Status::Created {
            return self.ask(Input::Start { inputs: None }).await;
        }
        let asked = if inputs.is_null() { machine.inputs() } else { &inputs };
        let checked = check_inputs(START, machine.plan(), asked)?;
        engine.check_secrets(START, &folded.record.owner, machine.plan()).await?;
        let inputs = (checked != *machine.inputs()).then(|| Arc::new(checked));
        self.ask(Input::Start { inputs }).await
    }

    /// Asks for a pause at the next step.
    ///
    /// # Errors
    /// `Rejected` where it cannot pause; `NotFound`, `Busy`, `Unavailable`.
    pub async fn pause(&self) -> Result<ExecutionState, EngineError> {
        self.ask(Input::Pause).await
    }

    /// Resumes a paused execution.
    ///
    /// # Errors
    /// `Rejected` where it is not paused; `NotFound`, `Busy`, `Unavailable`.
    pub async fn resume(&self) -> Result<ExecutionState, EngineError> {
        self.ask(Input::Resume).await
    }

    /// Answers a checkpoint. The first durable answer counts.
    ///
    /// # Errors
    /// `AlreadyAnswered` with the answer that counted; `Invalid` where the data does not fit the form; `Rejected` where
    /// there is no such checkpoint or it does not take this answer; `NotFound`, `Busy`, `Unavailable`.
    pub async fn answer(
        &self,
        checkpoint: CheckpointId,
        answer: Answer,
    ) -> Result<ExecutionState, EngineError> {
        match self.ask(Input::Answer { checkpoint, answer }).await {
            Err(error) if error.kind() == EngineErrorKind::Rejected => {
                // The machine knows the latest answers; an older one stands only in the journal.
                match self.answer_that_counted(checkpoint).await? {
                    Some(counted) => Err(EngineError::answered_before("answer", Box::new(counted))),
                    None => Err(error),
                }
            }
            other => other,
        }
    }

    /// Chooses how to recover from a failure.
    ///
    /// # Errors
    /// `Rejected` where that is not on offer; `NotFound`, `Busy`, `Unavailable`.
    pub async fn recover(&self, option: RecoveryOption) -> Result<ExecutionState, EngineError> {
        self.ask(Input::Recover(option)).await
    }

    /// Leaves the current step out.
    ///
    /// # Errors
    /// `Rejected` where there is none to leave out; `NotFound`, `Busy`, `Unavailable`.
    pub async fn skip(&self) -> Result<ExecutionState, EngineError> {
        self.ask(Input::Skip).await
    }

    /// Tries the failed step again.
    ///
    /// # Errors
    /// `Rejected` where none has failed; `NotFound`, `Busy`, `Unavailable`.
    pub async fn retry(&self) -> Result<ExecutionState, EngineError> {
        self.ask(Input::Retry).await
    }

    /// Runs one step of a paused execution, and pauses again.
    ///
    /// # Errors
    /// `Rejected` where it is not paused or there is no such step; `NotFound`, `Busy`, `Unavailable`.
    pub async fn run_step(&self, step: impl Into<StepId>) -> Result<ExecutionState, EngineError> {
        self.ask(Input::RunStep(step.into())).await
    }

    /// Takes the live page over.
    ///
    /// # Errors
    /// `Rejected` where that makes no sense; `NotFound`, `Busy`, `Unavailable`.
    pub async fn take_over(&self) -> Result<ExecutionState, EngineError> {
        self.ask(Input::TakeOver).await
    }

    /// Says that the person who took over is still there.
    ///
    /// # Errors
    /// `Rejected` where nobody has taken over; `NotFound`, `Busy`, `Unavailable`.
    pub async fn extend_takeover(&self) -> Result<ExecutionState, EngineError> {
        self.ask(Input::ExtendTakeover).await
    }

    /// Gives the live page back.
    ///
    /// # Errors
    /// `Rejected` where nobody has taken over; `NotFound`, `Busy`, `Unavailable`.
    pub async fn hand_back(&self) -> Result<ExecutionState, EngineError> {
        self.ask(Input::HandBack).await
    }

    /// Sets variables of a paused execution.
    ///
    /// # Errors
    /// `Rejected` where it is not paused or there are no such variables; `NotFound`, `Busy`, `Unavailable`.
    pub async fn set_variables(&self, values: Values) -> Result<ExecutionState, EngineError> {
        self.ask(Input::SetVariables(values)).await
    }

    /// Stops it: at once where no action is in hand, else when that has ended. Waits up to five seconds for it.
    ///
    /// # Errors
    /// `Rejected` where it is finished in another way; `NotFound`, `Busy`, `Unavailable`.
    pub async fn stop(&self) -> Result<Stopping, EngineError> {
        let state = self.ask(Input::Stop).await?;
        if state.status.is_final() {
            return Ok(Stopping::Stopped(Box::new(state)));
        }
        match tokio::time::timeout(STOP_WAIT, self.finished()).await {
            Ok(state) => Ok(Stopping::Stopped(Box::new(state?))),
            Err(_) => Ok(Stopping::Requested(Box::new(self.state().await?))),
        }
    }

    /// Steps an input of a person and appends what comes of it.
    async fn ask(&self, mut input: Input) -> Result<ExecutionState, EngineError> {
        let operation = input.name();
        for attempt in 0..TRIES {
            let mut folded = self.engine.inner.fold(&self.scope, self.id).await?;
            check_form(&folded.machine, &mut input)?;
            let offer = self.engine.inner.given.offer(&folded.machine, &input).await;
            let before = folded.machine.seq();
            let (step, unleased) = self
                .step(&mut folded, &input)
                .map_err(|rejected| EngineError::of_rejected(operation, rejected))?;
            if step.events.is_empty() {
                return Ok(folded.machine.view());
            }
            let request = self.request(&folded, &step, before, unleased);
            match repeated(|| self.engine.inner.store.append(request.clone())).await {
                Ok(appended) => {
                    if let Some(offer) = offer {
                        offer.keep();
                    }
                    let first = Seq(appended.head.0.saturating_sub(step.events.len() as u64));
                    let owner = &folded.record.owner;
                    self.engine.inner.observers.tell(self.id, owner, first, &step.events);
                    return Ok(folded.machine.view());
                }
                Err(error) if is_overtaken(&error) => {}
                Err(error) => return Err(EngineError::of_store(operation, error)),
            }
            tokio::time::sleep(jittered(Duration::from_millis(5) * attempt.min(20))).await;
        }
        Err(EngineError::new(
            operation,
            EngineErrorKind::Busy,
            "others changed the execution at the same time",
        ))
    }

    /// Steps an input. A stop of an execution that nobody holds is carried out at once: what its last worker left behind
    /// is told behind the request, so that nothing is begun any more.
    fn step(&self, folded: &mut Folded, input: &Input) -> Result<(Step, bool), Rejected> {
        let now = folded.now;
        let unleased = matches!(input, Input::Stop) && folded.live_lease().is_none();
        let machine = &mut folded.machine;
        let mut step = machine.step(now, &self.actor, input.clone())?;
        if unleased && !machine.status().is_final() {
            let left_behind = machine.has_session() || machine.in_flight().is_some();
            let fact = if left_behind { Input::WorkerLost } else { Input::Wake };
            step.events.extend(machine.step(now, &self.actor, fact)?.events);
        }
        Ok((step, unleased))
    }

    /// The append of what a person asked.
    fn request(&self, folded: &Folded, step: &Step, before: Seq, unleased: bool) -> Append {
        // Requests only note what is wanted, so they need not see the newest event; a fast worker cannot starve them.
        let starves =
            folded.live_lease().is_some() && step.events.iter().all(|event| is_request(&event.kind));
        let is_final = folded.machine.status().is_final();
        Append {
            scope: self.scope.clone(),
            execution: folded.record.id,
            batch_id: BatchId::generate(),
            expect: if starves { Expect::NotFinished } else { Expect::Seq(before) },
            fence: None,
            require_unleased: unleased || is_final,
            starts_effect: false,
            events: step.events.iter().map(event_bytes).collect(),
            format: FORMAT,
            summary: (!starves).then(|| folded.machine.summary()),
            wake_at: wake_at(folded),
            release: false,
            snapshot: None,
        }
    }

    /// The answer that a checkpoint got, from the journal.
    async fn answer_that_counted(&self, checkpoint: CheckpointId) -> Result<Option<Answer>, EngineError> {
        let mut after = Seq(0);
        loop {
            let page = self.journal(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(None) };
            after = last.seq;
            let found = page.into_iter().find_map(|recorded| answer_in(recorded.event, checkpoint));
            if found.is_some() {
                return Ok(found);
            }
        }
    }
}

fn answer_in(event: Event, checkpoint: CheckpointId) -> Option<Answer> {
    if let EventKind::CheckpointAnswered { checkpoint: id, answer, .. } = event.kind
        && id == checkpoint
    {
        return Some(answer);
    }
    None
}

/// Whether somebody else was faster, so that the input must be stepped again on what stands now.
const fn is_overtaken(error: &StoreError) -> bool {
    matches!(error.kind(), StoreErrorKind::Conflict | StoreErrorKind::LeaseLost | StoreErrorKind::Finished)
}

/// Checks the data of an answer against the form of the open checkpoint, and fills in its defaults.
fn check_form(machine: &Execution, input: &mut Input) -> Result<(), EngineError> {
    let Input::Answer { checkpoint, answer } = input else { return Ok(()) };
    let Some(open) = machine.view().checkpoint.filter(|open| open.id == *checkpoint) else { return Ok(()) };
    let (Some(form), Some(data)) = (&open.form, &answer.data) else { return Ok(()) };
    let filled = Plan::check_form(form, data).map_err(|diagnostics| {
        let message = "the data does not fit the form";
        EngineError::new("answer", EngineErrorKind::Invalid, message).with_source(diagnostics)
    })?;
    answer.data = Some(filled);
    Ok(())
}

/// A worker looks at once at what a person has asked, unless there is nothing in it for a worker to do.
fn wake_at(folded: &Folded) -> Option<Timestamp> {
    let machine = &folded.machine;
    let concerns_worker = folded.live_lease().is_some() || machine.needs_worker();
    if concerns_worker && !machine.status().is_final() { Some(folded.now) } else { machine.wake_at() }
}

const fn is_request(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::PauseRequested
            | EventKind::StopRequested
            | EventKind::SkipRequested
            | EventKind::TakeoverRequested
    )
}
