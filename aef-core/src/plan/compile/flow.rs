//! Where control goes: jumps resolved, blocks described.

use super::super::{BlockIx, HandlerThen, Plan, PlanKind, PlanThen, StepIx};
use super::{Compiler, pointer};
use crate::document::{ActionKind, Diagnostic, HandlerAction, HandlerWord, Then, nearest};
use crate::ids::StepId;

/// What a handler does, where that is a word.
pub(super) const fn handler_word(then: &HandlerAction) -> Option<HandlerThen> {
    match then {
        HandlerAction::Word(HandlerWord::Retry) => Some(HandlerThen::Retry),
        HandlerAction::Word(HandlerWord::Skip) => Some(HandlerThen::Skip),
        HandlerAction::Word(HandlerWord::Fail) => Some(HandlerThen::Fail),
        HandlerAction::Word(HandlerWord::Ask) => Some(HandlerThen::Ask),
        HandlerAction::Goto(_) => None,
    }
}

impl Compiler<'_> {
    /// Notes which blocks begin with `navigate`. Inner blocks have higher numbers, so they are done first.
    pub(super) fn finish_blocks(&self, plan: &mut Plan) {
        for index in (0..plan.blocks.len()).rev() {
            let first = plan.blocks[index].steps.first().map(|first| plan.step(*first));
            plan.blocks[index].begins_with_navigate =
                first.filter(|first| first.when.is_none()).is_some_and(|first| match &first.kind {
                    PlanKind::Task(task) => {
                        let mut actions = task.actions.iter().map(|action| &action.source.kind);
                        actions
                            .find(|kind| kind.needs_page())
                            .is_some_and(|kind| matches!(kind, ActionKind::Navigate(_)))
                    }
                    PlanKind::Group(body) => plan.block(*body).begins_with_navigate,
                    PlanKind::Loop(_) | PlanKind::Decision(_) | PlanKind::Manual(_) | PlanKind::End(_) => {
                        false
                    }
                });
        }
    }

    /// Resolves `then` and the jumps of handlers.
    pub(super) fn check_flow(&mut self, plan: &mut Plan) {
        for index in (0..plan.steps.len()).map(|index| StepIx(index as u32)) {
            let site = self.layout.site(index);
            let (step, at) = (site.step, site.pointer.clone());
            if let Some(then) = &step.common.then {
                plan.steps[index.0 as usize].then = self.resolve(plan, index, then, &pointer(&at, "then"));
            }
            for (number, handler) in step.common.on_error.iter().enumerate() {
                if let HandlerAction::Goto(jump) = &handler.then {
                    let at = format!("{at}/onError/{number}/then/goto");
                    if let Some(target) = self.target(plan, index, &jump.goto, false, &at) {
                        plan.steps[index.0 as usize].on_error[number].then = HandlerThen::Goto(target);
                    }
                }
            }
        }
    }

    fn resolve(&mut self, plan: &Plan, from: StepIx, then: &Then, at: &str) -> Option<PlanThen> {
        match then {
            Then::Sibling(id) => self.target(plan, from, id, true, at).map(PlanThen::Goto),
            Then::Goto(jump) => {
                self.target(plan, from, &jump.goto, false, &pointer(at, "goto")).map(PlanThen::Goto)
            }
            Then::Break(jump) => {
                self.around(plan, from, &jump.target, &pointer(at, "break")).map(PlanThen::Break)
            }
            Then::Continue(jump) => {
                self.around(plan, from, &jump.target, &pointer(at, "continue")).map(PlanThen::Continue)
            }
        }
    }

    /// The step that a jump names: one of the same block, or (unless it must be a sibling) of a block around it.
    fn target(&mut self, plan: &Plan, from: StepIx, id: &StepId, sibling: bool, at: &str) -> Option<StepIx> {
        let target = self.known(plan, id, at)?;
        let wanted = plan.step(target).block;
        let mut block = plan.step(from).block;
        let mut own = true;
        loop {
            if block == wanted {
                if own || !sibling {
                    return Some(target);
                }
                let message = format!("`{id}` is no sibling of this step");
                let found = Diagnostic::error("jump_into_container", at, message);
                self.found.push(found.with_help(format!("to leave containers write {{ goto: {id} }}")));
                return None;
            }
            own = false;
            match plan.block(block).owner {
                Some(owner) => block = plan.step(owner).block,
                None => break,
            }
        }
        let container =
            plan.container(target).map(|owner| plan.step(owner).id.to_string()).unwrap_or_default();
        let message = format!("`{id}` stands inside `{container}`, and nothing jumps into a container");
        self.error("jump_into_container", at, message);
        None
    }

    /// The loop around a step that `break` or `continue` names.
    fn around(&mut self, plan: &Plan, from: StepIx, id: &StepId, at: &str) -> Option<StepIx> {
        let target = self.known(plan, id, at)?;
        let mut container = plan.container(from);
        while let Some(owner) = container {
            if owner == target
                && matches!(plan.step(owner).kind, PlanKind::Loop(_))
                && in_body(plan, owner, from)
            {
                return Some(target);
            }
            container = plan.container(owner);
        }
        self.error("not_in_loop", at, format!("`{id}` is no loop around this step"));
        None
    }

    fn known(&mut self, plan: &Plan, id: &StepId, at: &str) -> Option<StepIx> {
        let target = plan.find(id);
        if target.is_none() {
            let mut found = Diagnostic::error("unknown_target", at, format!("there is no step `{id}`"));
            if let Some(near) = nearest(id.as_str(), plan.by_id.keys().map(StepId::as_str)) {
                found = found.with_help(format!("did you mean `{near}`?"));
            }
            self.found.push(found);
        }
        target
    }
}

/// Whether a step stands in a loop's body, and not in the handlers of its errors.
fn in_body(plan: &Plan, owner: StepIx, from: StepIx) -> bool {
    let PlanKind::Loop(each) = &plan.step(owner).kind else { return false };
    let mut block: BlockIx = plan.step(from).block;
    loop {
        if block == each.body {
            return true;
        }
        match plan.block(block).owner {
            Some(around) if around != owner => block = plan.step(around).block,
            _ => return false,
        }
    }
}
