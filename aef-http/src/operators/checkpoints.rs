//! The operator's inbox, and answers.

use std::sync::Arc;

use aef_core::execution::{Answer, AnswerKind, ApplyTo};
use aef_core::ids::{CheckpointId, ExecutionId};
use aef_core::store::{ExecutionRecord, ListQuery};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::app::{App, bound_document};
use crate::auth::Caller;
use crate::extract::{Body, Params, Segment};
use crate::page::{PageParams, cursor};
use crate::problem::{Code, Problem};
use crate::wire::{Applies, CheckpointView, ExecutionStatus, Response, checkpoint_view};

/// How many open checkpoints are put into their order.
const SORTED: usize = 10_000;

/// Which checkpoints.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct InboxParams {
    /// Only open ones are listed.
    #[param(inline)]
    #[expect(dead_code, reason = "there is but one value, which reading it checks")]
    status: Option<InboxStatus>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// How many; 50 where nothing is asked.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// The status of what is listed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum InboxStatus {
    /// Nobody has answered it.
    Open,
}

/// A page of open checkpoints, those that wait longest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Inbox {
    /// The checkpoints.
    checkpoints: Vec<CheckpointView>,
    /// What to ask for as `cursor` next, where there is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// An answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Answering {
    /// What it says; one of the checkpoint's `responses`.
    response: Response,
    /// For choose: which option.
    option: Option<String>,
    /// To this checkpoint, or to all later ones of the same step in this execution, too.
    apply_to: Option<Applies>,
    /// Data for the form.
    data: Option<Value>,
    /// A remark for the record.
    #[schema(max_length = 2000)]
    comment: Option<String>,
}

/// An answer that counts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answered {
    /// `success`: the answer is durable.
    #[schema(value_type = String)]
    status: &'static str,
    /// What follows.
    next_action: NextAction,
    /// The execution.
    #[schema(value_type = String)]
    execution_id: ExecutionId,
    /// Where the execution stands now.
    execution_status: ExecutionStatus,
}

/// What follows from an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum NextAction {
    /// It goes on.
    Continue,
    /// It is stopped.
    StopExecution,
    /// The step is left out.
    SkipStep,
    /// The step is tried again.
    RetryStep,
}

impl From<AnswerKind> for NextAction {
    fn from(answer: AnswerKind) -> Self {
        match answer {
            AnswerKind::Approve
            | AnswerKind::Modify
            | AnswerKind::Choose
            | AnswerKind::Done
            | AnswerKind::TakeOver => Self::Continue,
            AnswerKind::Reject | AnswerKind::Stop => Self::StopExecution,
            AnswerKind::Skip => Self::SkipStep,
            AnswerKind::Retry => Self::RetryStep,
        }
    }
}

/// The open checkpoints that a caller may answer
#[utoipa::path(
    get, path = "/checkpoints", tag = "operators", params(InboxParams), responses((status = 200, body = Inbox))
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<InboxParams>,
) -> Result<Json<Inbox>, Problem> {
    let page = PageParams::new(params.cursor, params.limit);
    let (after, limit) = (page.after::<String>()?, page.limit()? as usize);
    let mut waiting = waiting(&app, &caller).await?;
    waiting.sort_by_cached_key(place);
    let mut rest = waiting.iter().filter(|record| after.as_ref().is_none_or(|after| place(record) > *after));
    let mut checkpoints = Vec::new();
    let mut last = None;
    for record in rest.by_ref() {
        last = Some(place(record));
        // One that was answered meanwhile is left out.
        if let Some(open) = open(&app, &caller, record.id).await? {
            checkpoints.push(open);
        }
        if checkpoints.len() == limit {
            break;
        }
    }
    let next_cursor = rest.next().and(last).map(cursor);
    Ok(Json(Inbox { checkpoints, next_cursor }))
}

/// The rows with an open checkpoint.
async fn waiting(app: &App, caller: &Caller) -> Result<Vec<ExecutionRecord>, Problem> {
    let mut found = Vec::new();
    let mut query = ListQuery {
        open_checkpoints: true,
        oldest_first: true,
        document: bound_document(caller).cloned(),
        limit: 1_000,
        ..ListQuery::default()
    };
    while found.len() < SORTED {
        let page = app.engine.store().list(&app.scope(caller), query.clone()).await?;
        found.extend(page.records);
        match page.next {
            Some(next) => query.after = Some(next),
            None => break,
        }
    }
    found.retain(|record| caller.reads_only.is_none_or(|only| only == record.id));
    Ok(found)
}

/// Where a row stands in the inbox: by the time of its checkpoint.
fn place(record: &ExecutionRecord) -> String {
    let raised = record.summary.checkpoint.as_ref().map_or(i64::MAX, |open| open.raised_at.as_microsecond());
    format!("{raised:020} {}", record.id)
}

async fn open(app: &App, caller: &Caller, id: ExecutionId) -> Result<Option<CheckpointView>, Problem> {
    match app.inspect(caller, id).await {
        Ok((_, inspection)) => Ok(checkpoint_view(&inspection)),
        Err(problem) if problem.code() == Code::NotFound => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// Answer a checkpoint
#[utoipa::path(
    post, path = "/checkpoint/{id}", tag = "operators",
    params(("id" = String, Path, description = "The checkpoint")),
    request_body = Answering,
    responses((status = 200, body = Answered)),
)]
pub(super) async fn answer(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(id): Segment<CheckpointId>,
    Body(answering): Body<Answering>,
) -> Result<Json<Answered>, Problem> {
    let found = app.host().checkpoint_execution(&app.scope(&caller), id).await;
    let execution_id = found.map_err(|error| match Problem::from(error) {
        problem if problem.code() == Code::NotFound => Problem::not_found(format_args!("checkpoint {id}")),
        problem => problem,
    })?;
    let handle = app.execution(&caller, execution_id).await?;
    let response = AnswerKind::from(answering.response);
    let answer = Answer {
        response,
        option: answering.option,
        data: answering.data,
        apply_to: answering.apply_to.map_or(ApplyTo::This, ApplyTo::from),
        comment: answering.comment,
    };
    let state = handle.answer(id, answer).await?;
    Ok(Json(Answered {
        status: "success",
        next_action: response.into(),
        execution_id,
        execution_status: state.status.into(),
    }))
}
