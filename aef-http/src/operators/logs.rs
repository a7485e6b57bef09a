//! What happened in an execution, from its journal.

use std::sync::Arc;

use aef_core::ids::{ExecutionId, Seq};
use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Params, Segment};
use crate::narrate::{Level, LogEntry, entry};
use crate::page::{MOST, PageParams};
use crate::problem::Problem;
use crate::wire::{ExecutionStatus, StepRef, step_ref};

/// How many events one request looks through.
const SEARCHED: u32 = 5_000;

/// How many events are read at a time.
const PAGE: u32 = 500;

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LogParams {
    /// Only entries of this gravity or a higher one.
    #[param(inline)]
    level: Option<Level>,
    /// Only entries of this step.
    #[serde(rename = "stepId")]
    step_id: Option<String>,
    /// Only entries of this time or later.
    since: Option<Timestamp>,
    /// Only entries behind this place: `nextCursor` of the page before, or the `seq` of an entry.
    after: Option<u64>,
    /// How many; 50 where nothing is asked.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// A page of a log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Logs {
    /// The entries, oldest first.
    logs: Vec<LogEntry>,
    /// What to ask for as `after` next, where there may be more.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// How the execution stands.
    execution: Standing,
}

/// How an execution stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Standing {
    /// Its status.
    status: ExecutionStatus,
    /// The step on which it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    current_step: Option<StepRef>,
    /// From 0 to 100.
    progress: u8,
}

/// Read the log of an execution
#[utoipa::path(
    get, path = "/logs/{executionId}", tag = "operators",
    params(("executionId" = String, Path, description = "The execution"), LogParams),
    responses((status = 200, body = Logs)),
)]
pub(super) async fn logs(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(id): Segment<ExecutionId>,
    Params(params): Params<LogParams>,
) -> Result<Json<Logs>, Problem> {
    let limit = PageParams::new(None, params.limit).limit()?;
    debug_assert!(limit <= MOST);
    let (handle, inspection) = app.inspect(&caller, id).await?;
    let mut logs = Vec::new();
    let mut after = Seq(params.after.unwrap_or(0).min(i64::MAX as u64));
    let mut searched = 0;
    let mut more = true;
    while more && logs.len() < limit as usize && searched < SEARCHED {
        let page = handle.journal(after, PAGE).await?;
        more = page.len() == PAGE as usize;
        for recorded in &page {
            after = recorded.seq;
            searched += 1;
            let entry = entry(recorded, &inspection.plan);
            if params.takes(&entry) {
                logs.push(entry);
            }
            if logs.len() == limit as usize {
                more |= page.last().is_some_and(|last| last.seq > after);
                break;
            }
        }
    }
    let state = &inspection.state;
    Ok(Json(Logs {
        logs,
        next_cursor: more.then(|| after.to_string()),
        execution: Standing {
            status: state.status.into(),
            current_step: state.step.as_ref().map(|step| step_ref(&inspection.plan, step)),
            progress: state.progress,
        },
    }))
}

impl LogParams {
    fn takes(&self, entry: &LogEntry) -> bool {
        self.level.is_none_or(|level| entry.level >= level)
            && self.step_id.as_ref().is_none_or(|step| entry.step_id.as_ref() == Some(step))
            && self.since.is_none_or(|since| entry.timestamp >= since)
    }
}
