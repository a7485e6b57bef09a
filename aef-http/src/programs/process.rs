//! Performing executions for hosts that have a cron and no worker.

use std::sync::Arc;
use std::time::Duration;

use aef_core::engine::{ProcessOptions, Processed, WorkerOptions};
use aef_core::execution::Status;
use aef_core::ids::{ExecutionId, WorkerId};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Caller;
use crate::envelope::{Enveloped, wrap};
use crate::extract::{Body, OptionalBody};
use crate::problem::Problem;
use crate::relay::Advertisement;
use crate::status::{ProgramStatus, for_programs};

/// How many executions one call performs where nothing is asked, and at most.
const USUAL: u32 = 10;
const MOST: u32 = 100;

/// How long one call takes where nothing is asked, and at most, in seconds.
const USUAL_SECONDS: u64 = 50;
const MOST_SECONDS: u64 = 600;

/// How much is to be performed.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Process {
    /// How many executions at most; 10 where nothing is asked.
    #[schema(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// How long at most, in seconds; 50 where nothing is asked.
    #[schema(minimum = 1, maximum = 600)]
    max_seconds: Option<u64>,
}

/// Which execution is to be performed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ProcessOne {
    /// The execution.
    #[schema(value_type = String)]
    execution_id: ExecutionId,
    /// How long at most, in seconds; 50 where nothing is asked.
    #[schema(minimum = 1, maximum = 600)]
    max_seconds: Option<u64>,
}

/// What was performed.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Performed {
    /// How many executions were taken up.
    processed: usize,
    /// What became of each.
    results: Vec<Outcome>,
}

/// What became of an execution.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outcome {
    /// The execution.
    #[schema(value_type = String)]
    execution_id: ExecutionId,
    /// Where it stands now.
    status: ProgramStatus,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

fn options(
    app: &App,
    limit: Option<u32>,
    max_seconds: Option<u64>,
    only: Option<ExecutionId>,
) -> Result<ProcessOptions, Problem> {
    let limit = limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::invalid("/limit", format!("from 1 to {MOST}")));
    }
    let seconds = max_seconds.unwrap_or(USUAL_SECONDS);
    if !(1..=MOST_SECONDS).contains(&seconds) {
        return Err(Problem::invalid("/maxSeconds", format!("from 1 to {MOST_SECONDS}")));
    }
    Ok(ProcessOptions {
        limit,
        within: Duration::from_secs(seconds),
        only,
        shutdown: app.options.shutdown.child(),
        // Two live workers never share a name.
        worker: WorkerOptions { id: WorkerOptions::default().id, ..app.options.worker.clone() },
    })
}

async fn perform(app: &App, options: ProcessOptions) -> Result<Performed, Problem> {
    let shown = advertised(app, &options.worker.id).await;
    let Processed { executions } = app.engine.process(options).await;
    if let Some(shown) = shown {
        shown.end().await;
    }
    let mut results = Vec::new();
    for id in executions {
        let record = app.engine.execution(id).record().await?;
        let status = record.summary.status;
        results.push(Outcome {
            execution_id: id,
            status: for_programs(status),
            error: record.summary.note.filter(|_| matches!(status, Status::Failed | Status::Stopped)),
        });
    }
    Ok(Performed { processed: results.len(), results })
}

/// Says where what is performed now can be seen, if that is anywhere.
async fn advertised(app: &App, worker: &WorkerId) -> Option<Advertisement> {
    let place = app.options.live_place.as_ref()?;
    match place.advertise(app.options.host.clone(), worker.clone()).await {
        Ok(shown) => Some(shown),
        Err(error) => {
            // Work goes on unseen rather than not at all.
            tracing::warn!(%error, "what is performed now is not seen at other servers");
            None
        }
    }
}

/// Perform what is due
///
/// Takes up executions whose time has come and performs each until it is finished or waits, for hosts that call this from a
/// cron. Safe beside workers and beside itself: an execution is performed by one at a time.
#[utoipa::path(
    post, path = "/process-executions", tag = "services", request_body = Process,
    responses((status = 200, body = Enveloped<Performed>)),
)]
pub(super) async fn process(
    State(app): State<Arc<App>>,
    OptionalBody(asked): OptionalBody<Process>,
) -> Result<Json<Enveloped<Performed>>, Problem> {
    let options = options(&app, asked.limit, asked.max_seconds, None)?;
    Ok(wrap(perform(&app, options).await?))
}

/// Perform one execution
#[utoipa::path(
    post, path = "/internal-execute", tag = "services", request_body = ProcessOne,
    responses((status = 200, body = Enveloped<Performed>)),
)]
pub(super) async fn execute_one(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(asked): Body<ProcessOne>,
) -> Result<Json<Enveloped<Performed>>, Problem> {
    // Whether there is such an execution is told, rather than nothing done about it.
    app.execution(&caller, asked.execution_id).await?.record().await?;
    let options = options(&app, Some(1), asked.max_seconds, Some(asked.execution_id))?;
    Ok(wrap(perform(&app, options).await?))
}
