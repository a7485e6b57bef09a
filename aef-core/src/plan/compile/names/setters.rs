//! Who sets which names.

use std::collections::{BTreeMap, BTreeSet};

use super::super::super::{Plan, PlanKind, PlanTask, StepIx};

/// Which steps set which names, each with the innermost loop in which it does.
#[derive(Debug, Default)]
pub(super) struct Setters {
    pub(super) by_name: BTreeMap<String, Vec<(StepIx, Option<StepIx>)>>,
    vars: BTreeSet<String>,
}

impl Setters {
    pub(super) fn collect(plan: &Plan) -> Self {
        let mut setters = Self { vars: plan.vars.keys().cloned().collect(), ..Self::default() };
        for index in (0..plan.steps.len()).map(|index| StepIx(index as u32)) {
            let around = loop_around(plan, index);
            for name in own_sets(plan, index) {
                setters.by_name.entry(name).or_default().push((index, around));
            }
        }
        setters
    }

    /// Names that a step sets, itself or in what it contains, and that nothing else sets.
    pub(super) fn fill(&self, plan: &mut Plan) {
        let mut sets: Vec<Vec<String>> = vec![Vec::new(); plan.steps.len()];
        for (name, setters) in self.by_name.iter().filter(|(name, _)| !self.vars.contains(*name)) {
            let (first, first_loop) = setters[0];
            let mut step = Some(first);
            // From the innermost step outwards, as far as the name is seen and all its setters are inside.
            while let Some(index) = step {
                let alone = setters.iter().all(|(setter, _)| contains(plan, index, *setter));
                if alone {
                    sets[index.0 as usize].push(name.clone());
                }
                let leaves_loop = plan.container(index) == first_loop && first_loop.is_some();
                step = if leaves_loop { None } else { plan.container(index) };
            }
        }
        for (step, names) in plan.steps.iter_mut().zip(sets) {
            step.sets = names;
        }
    }

    /// Whether a name may have been set when `reader` reads it: some setter stands where the reader sees its scope.
    pub(super) fn may_be_set(&self, plan: &Plan, name: &str, reader: Option<StepIx>) -> bool {
        self.by_name.get(name).is_some_and(|setters| {
            setters.iter().any(|(_, around)| match (around, reader) {
                (None, _) => true,
                (Some(around), Some(reader)) => contains(plan, *around, reader),
                (Some(_), None) => false,
            })
        })
    }
}

pub(super) fn contains(plan: &Plan, outer: StepIx, inner: StepIx) -> bool {
    let mut step = Some(inner);
    while let Some(index) = step {
        if index == outer {
            return true;
        }
        step = plan.container(index);
    }
    false
}

pub(super) fn loop_around(plan: &Plan, index: StepIx) -> Option<StepIx> {
    let mut container = plan.container(index);
    while let Some(owner) = container {
        if matches!(plan.step(owner).kind, PlanKind::Loop(_)) {
            return Some(owner);
        }
        container = plan.container(owner);
    }
    None
}

/// What a step sets itself, in the scope in which it stands.
fn own_sets(plan: &Plan, index: StepIx) -> Vec<String> {
    let step = plan.step(index);
    let mut names: Vec<String> = step.outputs.iter().map(|(name, _)| name.clone()).collect();
    match &step.kind {
        PlanKind::Task(task) => names.extend(task_sets(task)),
        PlanKind::Loop(each) => {
            names.extend(each.collect.iter().map(|(name, _)| name.clone()));
            names.extend(each.collect_errors.clone());
        }
        PlanKind::Decision(decision) => {
            names.extend(decision.ask.iter().filter_map(|ask| ask.variable.clone()))
        }
        PlanKind::Manual(manual) => names.extend(manual.variable.clone()),
        PlanKind::Group(_) | PlanKind::End(_) => {}
    }
    names
}

pub(super) fn task_sets(task: &PlanTask) -> impl Iterator<Item = String> {
    task.actions.iter().flat_map(|action| {
        let set = action.set.iter().map(|(name, _)| name.clone());
        set.chain(action.source.kind.variable().map(str::to_owned))
    })
}
