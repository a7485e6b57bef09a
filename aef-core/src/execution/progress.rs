//! How far an execution is: leaf steps done of leaf steps to do, loops counted as their items become known.

use super::machine::Execution;
use super::state::{At, FrameKind};
use crate::ids::StepId;
use crate::plan::{BlockIx, Plan, PlanKind, StepIx};

/// The leaf steps in each block, loops counted once.
pub(super) fn block_work(plan: &Plan) -> Vec<u64> {
    let mut work = vec![0; plan.blocks.len()];
    // A container stands before what it contains, so the last steps are the innermost.
    for (index, step) in plan.steps.iter().enumerate().rev() {
        let own = step_weight(plan, StepIx(u32::try_from(index).unwrap_or(u32::MAX)), &work);
        work[step.block.0 as usize] += own;
    }
    work
}

fn step_weight(plan: &Plan, step: StepIx, work: &[u64]) -> u64 {
    let of = |block: BlockIx| work[block.0 as usize];
    match &plan.step(step).kind {
        PlanKind::Task(_) | PlanKind::Manual(_) | PlanKind::End(_) => 1,
        PlanKind::Loop(each) => of(each.body),
        PlanKind::Group(body) => of(*body),
        PlanKind::Decision(decision) => {
            let branches = decision.branches.iter().chain(&decision.otherwise);
            branches.map(|branch| of(branch.body)).max().unwrap_or(0)
        }
    }
}

impl Execution {
    pub(super) fn plan_work(&self) -> u64 {
        self.work.first().copied().unwrap_or(0)
    }

    /// What a step counts, with as many iterations as its loop has had.
    pub(super) fn step_work(&self, step: &StepId) -> u64 {
        let Some(index) = self.plan.find(step) else { return 0 };
        step_weight(&self.plan, index, &self.work)
    }

    pub(super) fn work_before(&self, step: &StepId) -> u64 {
        let frame = self.state.frames.iter().rfind(|frame| frame.run.step == *step);
        match frame {
            // A loop's iterations have counted themselves.
            Some(frame) if matches!(frame.kind, FrameKind::Loop(_)) => {
                self.state.work_done.saturating_sub(self.step_work(step))
            }
            Some(frame) => frame.work_before,
            None => self.state.work_done,
        }
    }

    /// The work that a loop over so many items adds to the total, and the work it takes from it.
    pub(super) fn loop_work(&self, items: Option<usize>) -> (u64, u64) {
        let body = self.state.run.as_ref().map_or(0, |run| self.step_work(&run.step));
        match items {
            Some(0) => (0, body),
            Some(count) => (body * (count as u64 - 1), 0),
            None => (0, 0),
        }
    }

    pub(super) fn count_progress(&mut self) {
        let state = &mut self.state;
        if state.end.is_some() || state.work_total == 0 {
            return;
        }
        let percent = (state.work_done * 100 / state.work_total).min(99);
        state.progress = state.progress.max(u8::try_from(percent).unwrap_or(99));
        if matches!(state.at, At::Done(_)) {
            state.progress = 99;
        }
    }
}
