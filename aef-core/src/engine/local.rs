//! Running one execution in place, without a worker beside it.

use serde_json::Value;

use super::error::EngineError;
use super::handle::Outcome;
use super::shutdown::Shutdown;
use super::submit::SubmitOptions;
use super::worker::WorkerOptions;
use super::{Engine, EngineErrorKind, Handle};
use crate::execution::{Answer, Checkpoint, ExecutionState, Status};
use crate::ids::OwnerId;
use crate::plan::Plan;

/// Whose the executions are that are run in place.
const LOCAL: &str = "local";

impl Engine {
    /// Runs a plan in place: submits it for the owner `local`, performs it, and asks `on_checkpoint` whatever a person
    /// would be asked. Ends when it is finished, or when it waits for something else than an answer.
    ///
    /// Dropping the future leaves the execution to the next worker that shares the store.
    ///
    /// # Errors
    /// As for [`Scoped::submit`](super::Scoped::submit) and [`Handle::wait`].
    pub async fn run(
        &self,
        plan: &Plan,
        inputs: Value,
        on_checkpoint: impl AsyncFnMut(Checkpoint) -> Answer,
    ) -> Result<Outcome, EngineError> {
        let handle = self.scope(OwnerId::from(LOCAL)).submit(plan, inputs, SubmitOptions::default()).await?;
        self.perform(&handle, on_checkpoint).await
    }

    /// Performs one execution in place, which may have been submitted or begun elsewhere, and answers its checkpoints.
    ///
    /// # Errors
    /// As for [`Handle::wait`].
    pub async fn perform(
        &self,
        handle: &Handle,
        on_checkpoint: impl AsyncFnMut(Checkpoint) -> Answer,
    ) -> Result<Outcome, EngineError> {
        let shutdown = Shutdown::new();
        let options = WorkerOptions { concurrency: 1, only: Some(handle.id()), ..WorkerOptions::default() };
        let worker = self.worker(options).run(shutdown.clone());
        let answering = async {
            let outcome = answer_all(handle, on_checkpoint).await;
            shutdown.begin();
            outcome
        };
        // Both are waited for, so that the browser is closed before the caller goes on.
        let ((), outcome) = tokio::join!(worker, answering);
        outcome
    }
}

/// Answers checkpoints until the execution is finished, or waits for something else.
async fn answer_all(
    handle: &Handle,
    mut on_checkpoint: impl AsyncFnMut(Checkpoint) -> Answer,
) -> Result<Outcome, EngineError> {
    loop {
        let waiting = match handle.wait().await? {
            Outcome::Waiting(state) => state,
            finished @ Outcome::Finished(_) => return Ok(finished),
        };
        let Some(checkpoint) = asked(&waiting) else { return Ok(Outcome::Waiting(waiting)) };
        let id = checkpoint.id;
        let answer = on_checkpoint(checkpoint).await;
        match handle.answer(id, answer).await {
            // Somebody else was faster, or it expired meanwhile: what stands now is looked at.
            Err(error)
                if matches!(error.kind(), EngineErrorKind::AlreadyAnswered)
                    || (error.kind() == EngineErrorKind::Rejected && is_past(handle, id).await?) => {}
            other => drop(other?),
        }
    }
}

/// Whether another question, or none, is open by now.
async fn is_past(handle: &Handle, id: crate::ids::CheckpointId) -> Result<bool, EngineError> {
    Ok(handle.state().await?.checkpoint.is_none_or(|open| open.id != id))
}

/// The question that a state asks.
fn asked(state: &ExecutionState) -> Option<Checkpoint> {
    let open = state.checkpoint.as_deref().cloned();
    open.filter(|_| matches!(state.status, Status::WaitingCheckpoint | Status::Paused))
}
