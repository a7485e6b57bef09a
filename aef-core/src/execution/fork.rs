//! Forking: a new execution that begins where another one stood, at the boundary of a block.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::machine::Execution;
use super::state::{At, Frame, FrameKind, State};
use super::variables::{Undo, Variables};
use crate::ids::StepId;

/// Why an execution cannot be forked there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForkError {
    /// There is no such step.
    #[error("there is no step `{0}`")]
    UnknownStep(StepId),
    /// Its container was not entered.
    #[error(
        "step `{0}` stands in a container that was not entered: fork from the container, or from a step before it"
    )]
    NotEntered(StepId),
    /// Something would be done a second time.
    #[error("from {0} on, something would be done a second time: fork from a later step")]
    Repeats(String),
    /// It stands nowhere.
    #[error("the execution has not begun: start it instead")]
    NotStarted,
}

/// The items of a fork's loops stand in its first event.
const SEED_AT: crate::ids::Seq = crate::ids::Seq(1);

/// Where a fork begins.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Seed {
    globals: Variables,
    frames: Vec<Frame>,
    /// Items of loops, by frame, since a fork's journal does not hold them.
    items: Vec<Option<Value>>,
    at: At,
    url: Option<String>,
}

impl Execution {
    /// The beginning of a fork: from this step, or from where the failed step can be entered again.
    ///
    /// # Errors
    /// Where the step is not within reach, or something would be done a second time.
    pub fn fork_seed(&self, from: Option<&StepId>) -> Result<Box<Value>, ForkError> {
        if !self.state.started {
            return Err(ForkError::NotStarted);
        }
        let mut copy = self.clone();
        copy.state.end = None;
        match from {
            Some(step) => copy.rewind_to_step(step)?,
            None => copy.rewind_to_block()?,
        }
        let State { globals, frames, at, url, .. } = copy.state;
        let items = frames.iter().map(|frame| match &frame.kind {
            FrameKind::Loop(each) => each.items.as_ref().map(|items| Value::Array((**items).clone())),
            FrameKind::Group | FrameKind::Branch { .. } | FrameKind::Handler { .. } => None,
        });
        let seed = Seed { items: items.collect(), globals, frames, at, url };
        Ok(Box::new(serde_json::to_value(seed).unwrap_or(Value::Null)))
    }

    fn rewind_to_step(&mut self, step: &StepId) -> Result<(), ForkError> {
        let index = self.plan.find(step).ok_or_else(|| ForkError::UnknownStep(step.clone()))?;
        let keep = match self.plan.container(index) {
            None => 0,
            Some(owner) => {
                let owner = &self.plan.step(owner).id;
                let place = self.state.frames.iter().rposition(|frame| frame.run.step == *owner);
                place.ok_or_else(|| ForkError::NotEntered(step.clone()))? + 1
            }
        };
        let here = self.state.run.as_ref().filter(|run| run.step == *step);
        let standing = here.is_some_and(|run| run.dirty);
        let inside = self.state.frames.get(keep).is_some_and(|frame| frame.run.step == *step && frame.dirty);
        let back = self.is_behind(step, keep);
        let block_dirty = match keep {
            0 => self.state.root_dirty,
            keep => self.state.frames[keep - 1].dirty,
        };
        let doubtful = self.state.doubt.is_some() && (back || here.is_some());
        if standing || inside || doubtful || (back && block_dirty) {
            return Err(ForkError::Repeats(format!("step `{step}`")));
        }
        self.state.frames.truncate(keep);
        self.state.run = None;
        self.state.at = At::Step(step.clone());
        Ok(())
    }

    /// Whether the step stands before the place where control is in its block.
    fn is_behind(&self, step: &StepId, keep: usize) -> bool {
        let current = match self.state.frames.get(keep) {
            Some(frame) => Some(&frame.run.step),
            None => self.state.current_step(),
        };
        let place = |id: &StepId| self.plan.find(id).map(|index| self.plan.step(index).position);
        match current {
            Some(current) => place(step) < place(current),
            None => true,
        }
    }

    fn rewind_to_block(&mut self) -> Result<(), ForkError> {
        if self.state.doubt.is_none()
            && let Some((step, body)) = self.reentry()
        {
            let event = super::event::Event {
                at: self.state.last_at,
                actor: super::event::Actor::Engine,
                format: super::event::FORMAT,
                kind: super::event::EventKind::Reentered { step: step.clone(), body },
            };
            self.apply(&event);
            if let (Some(step), false) = (step, body) {
                self.state.run = None;
                self.state.at = At::Step(step);
            }
            return Ok(());
        }
        match self.state.current_step().cloned() {
            Some(step) => self.rewind_to_step(&step),
            None => Err(ForkError::Repeats("the block".to_owned())),
        }
    }

    pub(super) fn apply_seed(&mut self, seed: &Value) {
        let Ok(mut seed) = serde_json::from_value::<Seed>(seed.clone()) else { return };
        for (frame, items) in seed.frames.iter_mut().zip(seed.items) {
            frame.undo = Undo::default();
            frame.visits.clear();
            if let (FrameKind::Loop(each), Some(Value::Array(items))) = (&mut frame.kind, items) {
                each.items = Some(std::sync::Arc::new(items));
                each.items_at = Some(SEED_AT);
            }
        }
        let known = |step: &StepId| self.plan.find(step).is_some();
        let at_known = match &seed.at {
            At::Step(step) | At::Behind(step) => known(step),
            At::BlockEnd | At::Done(_) => true,
        };
        // An edited document may lack what the seed names; then the fork begins at the beginning.
        if !at_known || !seed.frames.iter().all(|frame| known(&frame.run.step)) {
            return;
        }
        self.state.globals = seed.globals;
        self.state.frames = seed.frames;
        self.state.at = seed.at;
        self.state.url = seed.url;
    }

    pub(super) fn supply_seed_items(&mut self, seed: &Value) {
        let Ok(seed) = serde_json::from_value::<Seed>(seed.clone()) else { return };
        for (frame, items) in self.state.frames.iter_mut().zip(seed.items) {
            if let (FrameKind::Loop(each), Some(Value::Array(items))) = (&mut frame.kind, items)
                && each.items_at == Some(SEED_AT)
            {
                each.items = Some(std::sync::Arc::new(items));
            }
        }
    }
}
