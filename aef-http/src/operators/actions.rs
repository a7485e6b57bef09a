//! Steering an execution.

use std::sync::Arc;

use aef_core::engine::Handle;
use aef_core::execution::ExecutionState;
use aef_core::ids::{ExecutionId, StepId};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Body, Segment};
use crate::problem::{Code, Problem};
use crate::wire::{ExecutionView, Recovery, execution_view};

/// What is to be done.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Acting {
    /// The step: for `execute` the one to run; for `skip` and `retry` the one on which it must stand, where one is named.
    #[schema(value_type = Option<String>)]
    step_id: Option<StepId>,
    /// What.
    action: Steering,
    /// For `recover`: which of the `recovery_options`.
    option: Option<Recovery>,
    /// Variables to set first; only while it is paused.
    #[schema(value_type = Option<Object>)]
    data: Option<Map<String, Value>>,
}

/// What can be done with an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Steering {
    /// Run one step of a paused execution, and pause again.
    Execute,
    /// Leave the current step out.
    Skip,
    /// Try the failed step again.
    Retry,
    /// Pause at the next step.
    Pause,
    /// Go on.
    Resume,
    /// Give the live page to the caller.
    TakeOver,
    /// Take the live page back.
    HandBack,
    /// Choose how to recover.
    Recover,
}

/// Steer an execution
#[utoipa::path(
    post, path = "/action/{executionId}", tag = "operators",
    params(("executionId" = String, Path, description = "The execution")),
    request_body = Acting,
    responses((status = 200, body = ExecutionView)),
)]
pub(super) async fn act(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(id): Segment<ExecutionId>,
    Body(asked): Body<Acting>,
) -> Result<Json<ExecutionView>, Problem> {
    let handle = app.execution(&caller, id).await?;
    // Whether there is such an execution is told before anything else that is wrong.
    let state = handle.state().await?;
    stands_at(&state, &asked)?;
    if let Some(data) = &asked.data {
        handle.set_variables(data.clone().into_iter().collect()).await?;
    }
    perform(&handle, asked).await?;
    let inspection = handle.inspect().await?;
    Ok(Json(execution_view(&inspection, None)))
}

/// A step that was named must be the one that is meant: a second click must not skip the next step.
fn stands_at(state: &ExecutionState, asked: &Acting) -> Result<(), Problem> {
    let Some(step) = &asked.step_id else { return Ok(()) };
    if !matches!(asked.action, Steering::Skip | Steering::Retry) || state.step.as_ref() == Some(step) {
        return Ok(());
    }
    let stands = state.step.as_ref().map_or("no step".to_owned(), |step| format!("step `{step}`"));
    Err(Problem::new(Code::WrongState, format!("it stands at {stands}, not at `{step}`")))
}

async fn perform(handle: &Handle, asked: Acting) -> Result<ExecutionState, Problem> {
    let done = match asked.action {
        Steering::Execute => {
            let step = asked.step_id.ok_or_else(|| Problem::invalid("/stepId", "`execute` names a step"))?;
            handle.run_step(step).await
        }
        Steering::Skip => handle.skip().await,
        Steering::Retry => handle.retry().await,
        Steering::Pause => handle.pause().await,
        Steering::Resume => handle.resume().await,
        Steering::TakeOver => handle.take_over().await,
        Steering::HandBack => handle.hand_back().await,
        Steering::Recover => {
            let option =
                asked.option.ok_or_else(|| Problem::invalid("/option", "`recover` names an option"))?;
            handle.recover(option.into()).await
        }
    };
    Ok(done?)
}
