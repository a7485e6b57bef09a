//! Folding: the bodies of containers.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::event::{Event, EventKind, Values};
use super::machine::Execution;
use super::state::{At, Frame, FrameKind, LoopFrame, Phase, StepRun};
use super::variables::{Variable, Variables};
use crate::ids::{Seq, StepId};
use crate::plan::PlanKind;

impl Execution {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "apply_kind sends each event to the part that knows it"
    )]
    pub(super) fn apply_block(&mut self, event: &Event) {
        match &event.kind {
            EventKind::LoopEntered { items, .. } => {
                let items_at = items.as_ref().map(|_| self.state.seq);
                let work = self.loop_work(items.as_ref().map(|items| items.len()));
                self.state.work_total = (self.state.work_total + work.0).saturating_sub(work.1);
                let collected = self.empty_lists();
                self.enter_body(FrameKind::Loop(LoopFrame {
                    items_at,
                    items: items.clone(),
                    index: None,
                    iterating: false,
                    done: false,
                    collected: Arc::new(collected),
                    collected_bytes: 0,
                }));
                self.state.at = At::BlockEnd;
            }
            EventKind::IterationStarted { step, index } => self.start_iteration(step, *index),
            EventKind::IterationCompleted { step, collected, last, .. } => {
                self.end_iteration(step, collected, *last);
            }
            EventKind::IterationFailed { step, failure, index } => {
                self.state.items_failed += 1;
                self.state.last_failure = Some(failure.clone());
                self.iteration_failed(step, *index, failure);
            }
            EventKind::GroupEntered { step } => {
                if let Some(PlanKind::Group(body)) = self.kind_of(step) {
                    let body = *body;
                    self.enter_body(FrameKind::Group);
                    self.state.at = self.first_of(body);
                }
            }
            EventKind::BranchTaken { step, branch, .. } => {
                let body = self.branch_body(step, *branch);
                self.enter_body(FrameKind::Branch { branch: *branch });
                self.state.at = body.map_or(At::BlockEnd, |body| self.first_of(body));
            }
            _ => {}
        }
    }

    /// The lists that the loop in hand collects, empty: they are there even if nothing is ever appended.
    pub(super) fn empty_lists(&self) -> BTreeMap<String, Arc<Vec<Value>>> {
        let planned = self.state.run.as_ref().and_then(|run| self.kind_of(&run.step));
        match planned {
            Some(PlanKind::Loop(planned)) => planned
                .collect
                .iter()
                .map(|(name, _)| name)
                .chain(&planned.collect_errors)
                .map(|name| (name.clone(), Arc::default()))
                .collect(),
            _ => BTreeMap::new(),
        }
    }

    pub(super) fn enter_body(&mut self, kind: FrameKind) {
        self.state.evidence = None;
        if let Some(mut run) = self.state.run.take() {
            run.phase = Phase::Acting;
            self.push_frame(run, kind);
        }
    }

    pub(super) fn push_frame(&mut self, run: StepRun, kind: FrameKind) {
        self.state.run = None;
        self.state.frames.push(Frame {
            run,
            kind,
            locals: Variables::default(),
            visits: BTreeMap::new(),
            undo: super::variables::Undo::default(),
            dirty: false,
            work_before: self.state.work_done,
        });
    }

    pub(super) fn start_iteration(&mut self, step: &StepId, index: u32) {
        let Some(place) = self.state.frames.iter().rposition(|frame| frame.run.step == *step) else { return };
        if let FrameKind::Loop(each) = &mut self.state.frames[place].kind {
            each.index = Some(index);
            each.iterating = true;
        }
        let locals = self.iteration_locals(place).unwrap_or_default();
        self.forget_approvals(step);
        let frame = &mut self.state.frames[place];
        frame.locals = locals;
        frame.visits.clear();
        frame.undo.clear();
        frame.dirty = false;
        self.state.at = self.first_of_frame(place);
    }

    pub(super) fn end_iteration(&mut self, step: &StepId, collected: &Values, last: bool) {
        let Some(place) = self.state.frames.iter().rposition(|frame| frame.run.step == *step) else { return };
        self.pop_frames(place + 1);
        self.state.run = None;
        let frame = &mut self.state.frames[place];
        frame.locals = Variables::default();
        if let FrameKind::Loop(each) = &mut frame.kind {
            each.iterating = false;
            each.done |= last;
            for (name, value) in collected {
                each.collected_bytes += super::variables::json_size(value);
                let lists = Arc::make_mut(&mut each.collected);
                Arc::make_mut(lists.entry(name.clone()).or_default()).push(value.clone());
            }
        }
        self.state.at = At::BlockEnd;
    }

    pub(super) fn iteration_failed(&mut self, step: &StepId, index: u32, failure: &crate::recovery::Failure) {
        let errors = match self.kind_of(step) {
            Some(PlanKind::Loop(planned)) => planned.collect_errors.clone(),
            _ => None,
        };
        let collected = errors
            .map(|name| {
                let error = serde_json::json!({
                    "index": index, "kind": failure.kind, "reason": failure.reason, "message": failure.message,
                    "step": failure.step,
                });
                Values::from([(name, error)])
            })
            .unwrap_or_default();
        self.end_iteration(step, &collected, false);
        self.state.recovery = None;
        self.state.doubt = None;
        self.state.evidence = None;
    }

    /// Leaves all frames from `keep` on. What their loops collected goes to the scope around.
    pub(super) fn pop_frames(&mut self, keep: usize) {
        while self.state.frames.len() > keep {
            let Some(frame) = self.state.frames.pop() else { return };
            self.state.run = None;
            if let FrameKind::Loop(each) = frame.kind {
                let sets = self.merge_collected(&each.collected);
                self.set_all(&sets);
            }
        }
    }

    pub(super) fn merge_collected(&self, collected: &BTreeMap<String, Arc<Vec<Value>>>) -> Values {
        collected
            .iter()
            .map(|(name, items)| {
                let scope = self.scope_of(name);
                let mut list = match self.scope_variables(scope).get(name.as_str()).map(Variable::json) {
                    Some(Value::Array(before)) => before.clone(),
                    Some(_) | None => Vec::new(),
                };
                list.extend(items.iter().cloned());
                (name.clone(), Value::Array(list))
            })
            .collect()
    }

    /// The variables with which the running iteration of the loop in this frame begins.
    pub(super) fn iteration_locals(&self, place: usize) -> Option<Variables> {
        let frame = &self.state.frames[place];
        let FrameKind::Loop(each) = &frame.kind else { return None };
        let Some(PlanKind::Loop(planned)) = self.kind_of(&frame.run.step) else { return None };
        let index = each.index?;
        let mut locals = BTreeMap::new();
        if let (Some(name), Some(items)) = (&planned.item, &each.items)
            && let Some(item) = items.get(index as usize)
        {
            locals.insert(name.clone(), Variable::new(item.clone()));
        }
        if let Some(name) = &planned.index {
            locals.insert(name.clone(), Variable::new(index.into()));
        }
        Some(Arc::new(locals))
    }

    /// Supplies the items of a loop that a snapshot only refers to.
    pub fn supply_items(&mut self, seq: Seq, event: &Event) {
        if let EventKind::Queued { seed: Some(seed), .. } = &event.kind {
            return self.supply_seed_items(seed);
        }
        let EventKind::LoopEntered { items: Some(list), .. } = &event.kind else { return };
        for frame in &mut self.state.frames {
            if let FrameKind::Loop(each) = &mut frame.kind
                && each.items_at == Some(seq)
            {
                each.items = Some(Arc::clone(list));
            }
        }
    }
}
