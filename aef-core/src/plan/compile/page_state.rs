//! Checkpoints behind which the page may be gone: where no block around them can be entered again, a person who takes
//! long finds the work stopped.

use super::super::{BlockIx, Plan, PlanKind, StepIx};
use super::Compiler;
use crate::document::{Diagnostic, Risk};

impl Compiler<'_> {
    pub(super) fn check_page_state(&mut self, plan: &Plan) {
        for index in (0..plan.steps.len()).map(|index| StepIx(index as u32)) {
            let step = plan.step(index);
            let asks = match &step.kind {
                PlanKind::Manual(_) => true,
                PlanKind::Decision(decision) => decision.ask.is_some(),
                PlanKind::Task(_) | PlanKind::Group(_) | PlanKind::Loop(_) | PlanKind::End(_) => false,
            };
            let lost = ((step.before.is_some() || asks) && !survives(plan, index, false))
                || (step.after.is_some() && !survives(plan, index, true));
            if lost {
                let message =
                    "the page may be gone when this is answered, and no block around it can be entered again";
                let at = self.layout.site(index).pointer.clone();
                let found = Diagnostic::warning("checkpoint_needs_page_state", at, message);
                self.found.push(found.with_help(
                    "begin the group, branch or iteration around it with `navigate`, after which nothing is written",
                ));
            }
        }
    }
}

/// Whether the page can be made again after a checkpoint before or after a step.
fn survives(plan: &Plan, index: StepIx, after: bool) -> bool {
    let step = plan.step(index);
    let starts = starts_with_navigate(plan, index);
    if starts && (!after || repeatable(plan, index)) {
        return true;
    }
    // What has been performed since the beginning of the block at hand.
    let mut harmless = !after || repeatable(plan, index);
    let mut touched = after && uses_page(plan, index);
    let (mut block, mut position) = (step.block, step.position as usize);
    loop {
        let steps = &plan.block(block).steps;
        let before = &steps[..position];
        harmless &= before.iter().all(|step| repeatable(plan, *step));
        touched |= before.iter().any(|step| uses_page(plan, *step));
        if harmless && plan.block(block).begins_with_navigate {
            return true;
        }
        let Some(owner) = plan.block(block).owner else { break };
        if matches!(plan.step(owner).kind, PlanKind::Loop(_)) {
            // Earlier iterations have run the whole body.
            harmless &= block_all(plan, block, repeatable);
            touched |= block_any(plan, block, uses_page);
        }
        block = plan.step(owner).block;
        position = plan.step(owner).position as usize;
    }
    // Before the first action there is no page to lose.
    !touched
}

fn starts_with_navigate(plan: &Plan, index: StepIx) -> bool {
    let step = plan.step(index);
    match &step.kind {
        PlanKind::Task(task) => {
            let mut kinds = task.actions.iter().map(|action| &action.source.kind);
            kinds
                .find(|kind| kind.needs_page())
                .is_some_and(|kind| matches!(kind, crate::document::ActionKind::Navigate(_)))
        }
        PlanKind::Group(body) => plan.block(*body).begins_with_navigate,
        PlanKind::Loop(_) | PlanKind::Decision(_) | PlanKind::Manual(_) | PlanKind::End(_) => false,
    }
}

/// Whether all that a step performs may be performed again. What is not repeatable by its kind may turn out to have
/// written nothing; a step that says that it only reads is believed here.
fn repeatable(plan: &Plan, index: StepIx) -> bool {
    let step = plan.step(index);
    let own = match &step.kind {
        PlanKind::Task(task) => task
            .actions
            .iter()
            .all(|action| action.repeatable || (!action.never_again && step.risk == Risk::Read)),
        PlanKind::Group(_)
        | PlanKind::Loop(_)
        | PlanKind::Decision(_)
        | PlanKind::Manual(_)
        | PlanKind::End(_) => true,
    };
    own && bodies(plan, index).into_iter().all(|body| block_all(plan, body, repeatable))
}

fn uses_page(plan: &Plan, index: StepIx) -> bool {
    let own = match &plan.step(index).kind {
        PlanKind::Task(task) => {
            !task.verify.is_empty() || task.actions.iter().any(|action| action.source.kind.needs_page())
        }
        PlanKind::Group(_)
        | PlanKind::Loop(_)
        | PlanKind::Decision(_)
        | PlanKind::Manual(_)
        | PlanKind::End(_) => false,
    };
    own || bodies(plan, index).into_iter().any(|body| block_any(plan, body, uses_page))
}

fn bodies(plan: &Plan, index: StepIx) -> Vec<BlockIx> {
    match &plan.step(index).kind {
        PlanKind::Group(body) => vec![*body],
        PlanKind::Loop(each) => vec![each.body],
        PlanKind::Decision(decision) => {
            decision.branches.iter().chain(&decision.otherwise).map(|branch| branch.body).collect()
        }
        PlanKind::Task(_) | PlanKind::Manual(_) | PlanKind::End(_) => Vec::new(),
    }
}

fn block_all(plan: &Plan, block: BlockIx, test: fn(&Plan, StepIx) -> bool) -> bool {
    plan.block(block).steps.iter().all(|step| test(plan, *step))
}

fn block_any(plan: &Plan, block: BlockIx, test: fn(&Plan, StepIx) -> bool) -> bool {
    plan.block(block).steps.iter().any(|step| test(plan, *step))
}
