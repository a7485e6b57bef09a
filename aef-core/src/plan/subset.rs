//! A part of a document as a plan of its own.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::Plan;
use super::compile::{CompileOptions, Compiler};
use crate::document::{
    Diagnostic, Diagnostics, Document, HandlerAction, HandlerWord, Step, StepKind, Then, nearest,
};
use crate::ids::StepId;

impl Plan {
    /// Compiles some steps of a document as a plan of their own, in document order. A container brings what it holds; a
    /// step of a container that is left out stands alone, and jumps to steps that are left out are dropped. What the
    /// steps read and nothing in them sets becomes a required input.
    ///
    /// # Errors
    /// Where a step is not there, and everything that is wrong with the rest.
    pub fn subset(document: &Document, step_ids: &[StepId]) -> Result<Self, Diagnostics> {
        Self::subset_with(document, step_ids, &CompileOptions::default())
    }

    /// As [`Plan::subset`], with actions of the host.
    ///
    /// # Errors
    /// As for [`Plan::subset`].
    pub fn subset_with(
        document: &Document,
        step_ids: &[StepId],
        options: &CompileOptions,
    ) -> Result<Self, Diagnostics> {
        let whole = Compiler::new(document, options);
        let unknown: Vec<_> = step_ids.iter().filter(|id| !whole.layout.by_id.contains_key(*id)).collect();
        if !unknown.is_empty() {
            let known: Vec<_> = whole.layout.by_id.keys().map(StepId::as_str).collect();
            let found = unknown.into_iter().map(|id| unknown_step(id, &known)).collect();
            return Err(Diagnostics::new(found));
        }
        let wanted: BTreeSet<&StepId> = step_ids.iter().collect();
        let mut part = document.clone();
        part.steps = chosen(&document.steps, &wanted);
        let kept: BTreeSet<StepId> = ids(&part.steps).into_iter().collect();
        drop_jumps(&mut part.steps, &kept);
        let pointer_of =
            |id: &StepId| whole.layout.by_id.get(id).map(|index| whole.layout.site(*index).pointer.clone());

        let missing = Compiler::part(&part, options, &pointer_of).missing_names();
        require_inputs(&mut part, &missing);
        let mut plan = Compiler::part(&part, options, &pointer_of).compile(Some(step_ids.to_vec()))?;
        plan.document = Arc::new(document.clone());
        plan.hash = document.hash();
        Ok(plan)
    }
}

fn unknown_step(id: &StepId, known: &[&str]) -> Diagnostic {
    let found = Diagnostic::error("unknown_step", "", format!("there is no step `{id}`"));
    match nearest(id.as_str(), known.iter().copied()) {
        Some(near) => found.with_help(format!("did you mean `{near}`?")),
        None => found,
    }
}

/// The outermost of the wanted steps, in document order.
fn chosen(steps: &[Step], wanted: &BTreeSet<&StepId>) -> Vec<Step> {
    let mut found = Vec::new();
    for step in steps {
        if wanted.contains(&step.id) {
            found.push(step.clone());
        } else {
            for body in bodies(step) {
                found.extend(chosen(body, wanted));
            }
        }
    }
    found
}

fn bodies(step: &Step) -> Vec<&[Step]> {
    let mut bodies: Vec<&[Step]> = match &step.kind {
        StepKind::Loop(each) => vec![&each.steps],
        StepKind::Group(group) => vec![&group.steps],
        StepKind::Decision(decision) => {
            let branches = decision.branches.iter().map(|branch| branch.steps.as_slice());
            branches.chain(decision.otherwise.iter().map(|otherwise| otherwise.steps.as_slice())).collect()
        }
        StepKind::Task(_) | StepKind::Manual(_) | StepKind::End(_) => Vec::new(),
    };
    bodies.extend(step.common.on_error.iter().map(|handler| handler.steps.as_slice()));
    bodies
}

fn bodies_mut(step: &mut Step) -> Vec<&mut Vec<Step>> {
    let mut bodies: Vec<&mut Vec<Step>> = match &mut step.kind {
        StepKind::Loop(each) => vec![&mut each.steps],
        StepKind::Group(group) => vec![&mut group.steps],
        StepKind::Decision(decision) => {
            let branches = decision.branches.iter_mut().map(|branch| &mut branch.steps);
            branches.chain(decision.otherwise.iter_mut().map(|otherwise| &mut otherwise.steps)).collect()
        }
        StepKind::Task(_) | StepKind::Manual(_) | StepKind::End(_) => Vec::new(),
    };
    bodies.extend(step.common.on_error.iter_mut().map(|handler| &mut handler.steps));
    bodies
}

fn ids(steps: &[Step]) -> Vec<StepId> {
    let mut found = Vec::new();
    for step in steps {
        found.push(step.id.clone());
        for body in bodies(step) {
            found.extend(ids(body));
        }
    }
    found
}

fn drop_jumps(steps: &mut [Step], kept: &BTreeSet<StepId>) {
    for step in steps {
        let target = step.common.then.as_ref().map(|then| match then {
            Then::Sibling(id) => id,
            Then::Goto(jump) => &jump.goto,
            Then::Break(jump) => &jump.target,
            Then::Continue(jump) => &jump.target,
        });
        if target.is_some_and(|target| !kept.contains(target)) {
            step.common.then = None;
        }
        for handler in &mut step.common.on_error {
            if matches!(&handler.then, HandlerAction::Goto(jump) if !kept.contains(&jump.goto)) {
                handler.then = HandlerAction::Word(HandlerWord::Ask);
            }
        }
        for body in bodies_mut(step) {
            drop_jumps(body, kept);
        }
    }
}

/// Makes each name a required input and a variable that begins with it.
fn require_inputs(part: &mut Document, missing: &BTreeSet<String>) {
    if missing.is_empty() {
        return;
    }
    let mut schema = match part.inputs.take() {
        Some(Value::Object(schema)) => schema,
        _ => Map::from_iter([("type".to_owned(), json!("object"))]),
    };
    for name in missing {
        let description = format!("What the steps that are left out set as `{name}`.");
        let properties = schema.entry("properties").or_insert_with(|| json!({}));
        if let Some(properties) = properties.as_object_mut() {
            properties.entry(name.clone()).or_insert_with(|| json!({ "description": description }));
        }
        let required = schema.entry("required").or_insert_with(|| json!([]));
        if let Some(required) = required.as_array_mut()
            && !required.contains(&json!(name))
        {
            required.push(json!(name));
        }
        part.vars.insert(name.clone(), json!(format!("{{{{ inputs.{name} }}}}")));
    }
    part.inputs = Some(Value::Object(schema));
}
