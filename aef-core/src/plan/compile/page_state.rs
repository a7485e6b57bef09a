//! Checkpoints behind which the page may be gone: where no block around them can be entered again, a person who takes
//! long finds the work stopped.

use super::super::{BlockIx, Plan, PlanCondition, PlanKind, PlanStep, StepIx};
use super::Compiler;
use crate::document::{ActionKind, Diagnostic, Risk};

impl Compiler<'_> {
    pub(super) fn check_page_state(&mut self, plan: &Plan) {
        let facts = Facts::of(plan);
        for index in (0..plan.steps.len()).map(|index| StepIx(index as u32)) {
            let step = plan.step(index);
            let asks = match &step.kind {
                PlanKind::Manual(_) => true,
                PlanKind::Decision(decision) => decision.ask.is_some(),
                PlanKind::Task(_) | PlanKind::Group(_) | PlanKind::Loop(_) | PlanKind::End(_) => false,
            };
            let lost = ((step.before.is_some() || asks) && !facts.survive(plan, index, false))
                || (step.after.is_some() && !facts.survive(plan, index, true));
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

/// What the steps and blocks of a plan do to a page.
struct Facts {
    /// Whether all that a step performs may be performed again.
    repeatable: Vec<bool>,
    /// Whether a step needs a page.
    touches: Vec<bool>,
    /// The first place of each block whose step is not repeatable.
    first_write: Vec<usize>,
    /// The first place of each block whose step needs a page.
    first_touch: Vec<usize>,
}

impl Facts {
    /// Inner steps and blocks have higher numbers than those around them, so they are done first.
    fn of(plan: &Plan) -> Self {
        let mut facts = Self {
            repeatable: vec![true; plan.steps.len()],
            touches: vec![false; plan.steps.len()],
            first_write: vec![usize::MAX; plan.blocks.len()],
            first_touch: vec![usize::MAX; plan.blocks.len()],
        };
        for index in (0..plan.steps.len()).rev() {
            let step = &plan.steps[index];
            let (mut repeatable, mut touches) = own(step);
            for body in bodies(step) {
                repeatable &= facts.first_write[body.0 as usize] == usize::MAX;
                touches |= facts.first_touch[body.0 as usize] != usize::MAX;
            }
            facts.repeatable[index] = repeatable;
            facts.touches[index] = touches;
            let (block, position) = (step.block.0 as usize, step.position as usize);
            if !repeatable {
                facts.first_write[block] = position;
            }
            if touches {
                facts.first_touch[block] = position;
            }
        }
        facts
    }

    /// Whether the page can be made again after a checkpoint before or after a step.
    fn survive(&self, plan: &Plan, index: StepIx, after: bool) -> bool {
        let (step, place) = (plan.step(index), index.0 as usize);
        // What has been performed since the beginning of the block at hand.
        let mut harmless = !after || self.repeatable[place];
        let mut touched = after && self.touches[place];
        if harmless && starts_with_navigate(plan, step) {
            return true;
        }
        let (mut block, mut position) = (step.block, step.position as usize);
        loop {
            harmless &= self.first_write[block.0 as usize] >= position;
            touched |= self.first_touch[block.0 as usize] < position;
            if harmless && plan.block(block).begins_with_navigate {
                return true;
            }
            let Some(owner) = plan.block(block).owner else { break };
            if matches!(plan.step(owner).kind, PlanKind::Loop(_)) {
                // Earlier iterations have run the whole body.
                harmless &= self.first_write[block.0 as usize] == usize::MAX;
                touched |= self.first_touch[block.0 as usize] != usize::MAX;
            }
            block = plan.step(owner).block;
            position = plan.step(owner).position as usize;
        }
        // Before the first action there is no page to lose.
        !touched
    }
}

/// Whether what a step performs itself may be performed again, and whether it needs a page. What is not repeatable by
/// its kind may turn out to have written nothing; a step that says that it only reads is believed here.
fn own(step: &PlanStep) -> (bool, bool) {
    let PlanKind::Task(task) = &step.kind else { return (true, false) };
    let mut actions = task.actions.iter();
    let repeatable =
        actions.all(|action| action.repeatable || (!action.never_again && step.risk == Risk::Read));
    let touches = task.verify.iter().any(PlanCondition::needs_page)
        || task.actions.iter().any(|action| action.source.kind.needs_page());
    (repeatable, touches)
}

fn starts_with_navigate(plan: &Plan, step: &PlanStep) -> bool {
    match &step.kind {
        PlanKind::Task(task) => {
            let mut kinds = task.actions.iter().map(|action| &action.source.kind);
            kinds.find(|kind| kind.needs_page()).is_some_and(|kind| matches!(kind, ActionKind::Navigate(_)))
        }
        PlanKind::Group(body) => plan.block(*body).begins_with_navigate,
        PlanKind::Loop(_) | PlanKind::Decision(_) | PlanKind::Manual(_) | PlanKind::End(_) => false,
    }
}

fn bodies(step: &PlanStep) -> Vec<BlockIx> {
    match &step.kind {
        PlanKind::Group(body) => vec![*body],
        PlanKind::Loop(each) => vec![each.body],
        PlanKind::Decision(decision) => {
            decision.branches.iter().chain(&decision.otherwise).map(|branch| branch.body).collect()
        }
        PlanKind::Task(_) | PlanKind::Manual(_) | PlanKind::End(_) => Vec::new(),
    }
}
