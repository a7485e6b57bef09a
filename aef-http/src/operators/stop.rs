//! Stopping an execution.

use std::sync::Arc;
use std::time::Duration;

use aef_core::engine::Stopping;
use aef_core::execution::ExecutionState;
use aef_core::ids::ExecutionId;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Caller;
use crate::extract::Segment;
use crate::problem::{Code, Problem};

/// How much longer than the engine does itself the answer waits for the browser to be gone.
const PATIENCE: Duration = Duration::from_secs(5);

/// What became of a wish to stop.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Stopped {
    /// `stopped`, `stopping`, or how it had ended already: `completed` or `failed`.
    #[schema(value_type = String)]
    pub(crate) status: &'static str,
    /// `completed` once the browser is gone, else `pending`.
    #[schema(value_type = String)]
    pub(crate) cleanup: &'static str,
}

/// Stop an execution
///
/// Answers 200 once the browser is gone, waiting up to ten seconds for it; 202 where it still stops. Stopping twice gives
/// the same answer, and one that has ended answers how.
#[utoipa::path(
    delete, path = "/stop/{executionId}", tag = "operators",
    params(("executionId" = String, Path, description = "The execution")),
    responses((status = 200, body = Stopped), (status = 202, body = Stopped)),
)]
pub(super) async fn stop(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(id): Segment<ExecutionId>,
) -> Result<(StatusCode, Json<Stopped>), Problem> {
    halt(&app, &caller, id).await
}

/// Stops an execution, and tells what became of that.
pub(crate) async fn halt(
    app: &App,
    caller: &Caller,
    id: ExecutionId,
) -> Result<(StatusCode, Json<Stopped>), Problem> {
    let handle = app.execution(caller, id).await?;
    let state = handle.state().await?;
    if state.status.is_final() {
        return Ok(ended(&state));
    }
    match handle.stop().await.map_err(Problem::from) {
        // A session is closed before the end is written down, so that an end says that it is gone.
        Ok(Stopping::Stopped(state)) => Ok(ended(&state)),
        Ok(Stopping::Requested(_)) => match tokio::time::timeout(PATIENCE, handle.finished()).await {
            Ok(state) => Ok(ended(&state?)),
            Err(_) => Ok((StatusCode::ACCEPTED, Json(Stopped { status: "stopping", cleanup: "pending" }))),
        },
        // It ended by itself meanwhile.
        Err(problem) if problem.code() == Code::WrongState => Ok(ended(&handle.state().await?)),
        Err(problem) => Err(problem),
    }
}

fn ended(state: &ExecutionState) -> (StatusCode, Json<Stopped>) {
    (StatusCode::OK, Json(Stopped { status: state.status.as_str(), cleanup: "completed" }))
}
