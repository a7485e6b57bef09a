//! What handles show of an execution.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::checkpoint::Checkpoint;
use super::event::present;
use super::machine::Execution;
use super::state::FrameKind;
use super::status::{PauseReason, Status};
use super::summary::{OpenCheckpoint, Summary};
use super::variables::Variable;
use crate::ids::{ExecutionId, Seq, StepId};
use crate::recovery::{Failure, RecoveryOption};

/// An execution as a person sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionState {
    /// Its id.
    pub id: ExecutionId,
    /// The place of the last event in it.
    pub seq: Seq,
    /// Its status.
    pub status: Status,
    /// From 0 to 100; 100 only when completed.
    pub progress: u8,
    /// The step on which it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// The iterations of the loops around that step, from the outermost in, from 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub iterations: Vec<u32>,
    /// The open checkpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Box<Checkpoint>>,
    /// The recovery on offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<RecoveryOffer>,
    /// Why it is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<PauseReason>,
    /// Why it failed, or why the last attempt at a step did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What it resulted in.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// How many iterations were given up.
    pub items_failed: u32,
    /// The variables in sight, the innermost first where names are the same.
    pub variables: BTreeMap<String, Value>,
    /// The address on which the work stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Whether a pause was asked for and has not taken effect.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pausing: bool,
    /// Whether a stop was asked for and has not taken effect.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stopping: bool,
    /// Whether a takeover was asked for and has not taken effect.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub taking_over: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}

/// What a person may choose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryOffer {
    /// The step that failed.
    pub step: StepId,
    /// Why.
    pub failure: Failure,
    /// The options.
    pub options: Vec<RecoveryOption>,
    /// When the execution fails if nobody chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// When the step is tried again by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_retry_at: Option<Timestamp>,
}

impl Execution {
    /// The execution as a person sees it.
    #[must_use]
    pub fn view(&self) -> ExecutionState {
        let state = &self.state;
        let end = state.end.as_ref();
        let iterations = state.frames.iter().filter_map(|frame| match &frame.kind {
            FrameKind::Loop(each) if each.iterating => each.index,
            FrameKind::Loop(_) | FrameKind::Group | FrameKind::Branch { .. } | FrameKind::Handler { .. } => {
                None
            }
        });
        ExecutionState {
            id: self.id(),
            seq: state.seq,
            status: state.status(),
            progress: state.progress,
            step: state.current_step().cloned(),
            iterations: iterations.collect(),
            checkpoint: state.checkpoint.as_ref().map(|open| open.checkpoint.clone()),
            recovery: state.recovery.as_ref().map(|offer| RecoveryOffer {
                step: offer.step.clone(),
                failure: offer.failure.clone(),
                options: self.recovery_options().to_vec(),
                until: offer.until,
                auto_retry_at: self.retry_due(),
            }),
            paused: state.paused.filter(|_| end.is_none()),
            failure: match end {
                Some(end) => end.failure.clone(),
                None => state.focus().and_then(|run| run.failure.clone()),
            },
            result: end.and_then(|end| end.result.clone()),
            items_failed: state.items_failed,
            variables: self.variables(),
            url: state.url.clone(),
            pausing: state.requests.pause && end.is_none(),
            stopping: state.requests.stop && end.is_none(),
            taking_over: state.requests.take_over && end.is_none(),
            created_at: state.created_at,
            started_at: state.started_at,
            finished_at: end.map(|end| end.at),
        }
    }

    /// The variables in sight.
    #[must_use]
    pub fn variables(&self) -> BTreeMap<String, Value> {
        let all =
            std::iter::once(&self.state.globals).chain(self.state.frames.iter().map(|frame| &frame.locals));
        all.flat_map(|variables| variables.iter())
            .map(|(name, value)| (name.clone(), Variable::json(value).clone()))
            .collect()
    }

    /// What a store indexes.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let state = &self.state;
        Summary {
            status: state.status(),
            step: state.current_step().cloned(),
            progress: state.progress,
            checkpoint: state.checkpoint.as_ref().map(|open| OpenCheckpoint {
                id: open.checkpoint.id,
                raised_at: open.raised_at,
                expires_at: open.checkpoint.expires_at,
            }),
            note: self.note(),
        }
    }

    fn note(&self) -> Option<String> {
        let state = &self.state;
        if let Some(end) = &state.end {
            return end.failure.as_ref().map(ToString::to_string);
        }
        if let Some(open) = &state.checkpoint {
            return Some(open.checkpoint.title.clone());
        }
        if let Some(offer) = &state.recovery {
            return Some(offer.failure.to_string());
        }
        state.paused.map(|reason| format!("paused: {}", reason.as_str()))
    }
}
