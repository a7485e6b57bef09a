//! Folding: what people ask and answer.

use std::sync::Arc;

use super::checkpoint::{Answer, AnswerKind, ApplyTo, Checkpoint, CheckpointKind, Evidence};
use super::event::{Actor, Event, EventKind};
use super::machine::Execution;
use super::state::{Open, Shown};
use super::status::PauseReason;
use crate::document::OnTimeout;
use crate::ids::StepId;

/// How many answers are remembered, to tell a late one which counted.
const ANSWERS_KEPT: usize = 16;

impl Execution {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "apply_kind sends each event to the part that knows it"
    )]
    pub(super) fn apply_person(&mut self, event: &Event) {
        let state = &mut self.state;
        match &event.kind {
            EventKind::CheckpointRaised { checkpoint } => {
                state.raised += 1;
                state.waiting_since = Some(event.at);
                state.evidence = None;
                state.checkpoint =
                    Some(Open { checkpoint: checkpoint.clone(), raised_at: event.at, expired: false });
            }
            EventKind::CheckpointAnswered { answer, sets, .. } => {
                let open = state.checkpoint.take();
                state.paused = None;
                state.waiting_since = None;
                if let Some(open) = open {
                    state.answered.push_back((open.checkpoint.id, answer.clone()));
                    if state.answered.len() > ANSWERS_KEPT {
                        state.answered.pop_front();
                    }
                    self.set_all(sets);
                    self.answered(&open.checkpoint, answer, event);
                }
            }
            EventKind::CheckpointExpired { .. } => self.checkpoint_expired(event),
            EventKind::CheckpointWithdrawn { .. } => state.checkpoint = None,
            EventKind::PauseRequested => state.requests.pause = true,
            EventKind::StopRequested => state.requests.stop = true,
            EventKind::SkipRequested => state.requests.skip = true,
            EventKind::TakeoverRequested => state.requests.take_over = true,
            EventKind::Paused { reason } => {
                state.paused = Some(*reason);
                state.taken_over = None;
                state.requests.pause = false;
                state.single_step = None;
                state.single_step_done = false;
                state.waiting_since.get_or_insert(event.at);
            }
            EventKind::Resumed { single_step } => self.resumed(single_step.as_ref(), event),
            EventKind::TakenOver | EventKind::TakeoverExtended => {
                state.requests.take_over = false;
                state.taken_over = Some(event.at);
                state.page_touched = true;
            }
            EventKind::HandedBack => {
                state.taken_over = None;
                state.page_lost = false;
                state.evidence = None;
                if state.paused == Some(PauseReason::PageLost) {
                    state.paused = None;
                }
                if let Some(run) = state.focus_mut() {
                    run.ask |= run.failure.is_some();
                    run.since = event.at;
                }
            }
            _ => {}
        }
    }

    pub(super) fn resumed(&mut self, single_step: Option<&StepId>, event: &Event) {
        let state = &mut self.state;
        if state.paused.take() == Some(PauseReason::PageLost) {
            state.page_lost = false;
        }
        state.waiting_since = (state.checkpoint.is_some() || state.recovery.is_some()).then_some(event.at);
        if let Some(open) = &mut state.checkpoint {
            open.expired = false;
            open.checkpoint.expires_at = None;
        }
        state.single_step = single_step.cloned();
        state.single_step_done = false;
        if let Some(run) = state.focus_mut() {
            run.since = event.at;
        }
    }

    pub(super) fn checkpoint_expired(&mut self, event: &Event) {
        let Some(open) = &mut self.state.checkpoint else { return };
        open.expired = true;
        match open.checkpoint.on_timeout {
            OnTimeout::Pause => {
                self.state.paused = Some(PauseReason::CheckpointTimeout);
            }
            OnTimeout::Reject => {
                self.state.checkpoint = None;
                self.state.requests.stop = true;
            }
            OnTimeout::Skip => {
                self.state.checkpoint = None;
                self.state.requests.skip = true;
            }
            OnTimeout::Approve => {
                if let Some(open) = self.state.checkpoint.take() {
                    self.answered(&open.checkpoint, &Answer::approve(), event);
                }
            }
        }
    }

    pub(super) fn answered(&mut self, checkpoint: &Checkpoint, answer: &Answer, event: &Event) {
        if answer.apply_to == ApplyTo::Step {
            let standing = (event.actor.clone(), answer.clone());
            self.state.standing.insert(checkpoint.step.clone(), standing);
        }
        if let Some(run) = self.state.focus_mut() {
            run.since = event.at;
        }
        match answer.response {
            AnswerKind::Approve | AnswerKind::Modify | AnswerKind::Done | AnswerKind::Choose => {
                self.agreed(checkpoint);
            }
            AnswerKind::Reject | AnswerKind::Stop => self.state.requests.stop = true,
            AnswerKind::Skip => self.state.requests.skip = true,
            AnswerKind::TakeOver => self.state.requests.take_over = true,
            AnswerKind::Retry => {
                // The person says that it has not happened: the doubt is gone, and the action is next again.
                if let (Some(doubt), Some(run)) = (self.state.doubt.take(), &mut self.state.run) {
                    run.index = doubt.index;
                    run.verify_before = None;
                }
            }
        }
    }

    pub(super) fn agreed(&mut self, checkpoint: &Checkpoint) {
        match checkpoint.kind {
            CheckpointKind::BeforeExecution => {
                let shown = self.shown(checkpoint);
                self.state.approvals.insert(checkpoint.step.clone(), shown);
            }
            CheckpointKind::AfterExecution => {
                if let Some(run) = self.state.focus_mut() {
                    run.after_answered = true;
                }
            }
            // The events that follow in the same batch say what comes of these.
            CheckpointKind::Decision | CheckpointKind::Manual | CheckpointKind::InDoubt => {}
        }
    }

    pub(super) fn shown(&self, checkpoint: &Checkpoint) -> Shown {
        self.shown_of(&checkpoint.step, &checkpoint.actions, checkpoint.evidence.as_ref())
    }

    pub(super) fn shown_of(
        &self,
        step: &StepId,
        actions: &[Arc<crate::document::Action>],
        evidence: Option<&Evidence>,
    ) -> Shown {
        let rendered = serde_json::to_vec(actions).unwrap_or_default();
        let digest = crate::ids::sha256_hex(&rendered);
        let visit = self.state.focus().map_or(0, |run| run.visit);
        match evidence.filter(|_| self.binds_to_page(step)) {
            Some(evidence) => Shown {
                visit,
                digest,
                url: Some(evidence.url.clone()),
                fingerprints: evidence.fingerprints.clone(),
            },
            None => Shown { visit, digest, url: None, fingerprints: Vec::new() },
        }
    }

    /// Who made the standing answer for a step's checkpoints, and which.
    pub(super) fn standing(&self, step: &StepId) -> Option<&(Actor, Answer)> {
        self.state.standing.get(step)
    }
}
