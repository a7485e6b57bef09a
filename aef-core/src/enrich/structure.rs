//! What must be the same in a document whatever its steps do: its steps, their order, and where control goes.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::document::{Document, Step, StepKind, Task};
use crate::ids::StepId;

/// The document as JSON without what enriched steps do, and without what follows from that: inputs and secrets.
pub(super) fn of(document: &Document, enriched: &BTreeSet<&StepId>) -> Value {
    let mut document = document.clone();
    document.inputs = None;
    document.secrets.clear();
    each_step(&mut document.steps, &mut |step| {
        // Where an extract is executed, its loop goes through what that reads instead of what a person would give.
        if let StepKind::Loop(each) = &mut step.kind {
            each.for_each = None;
        }
        if enriched.contains(&step.id) {
            step.kind = StepKind::Task(Task::default());
            // For a person a name is a template, for a task it is a text.
            step.name = None;
            step.common.checkpoint = None;
            step.common.risk = None;
            step.common.timeout = None;
            step.extensions.clear();
        }
    });
    serde_json::to_value(&document).unwrap_or_default()
}

/// Shows every step, a container before what it contains.
pub(super) fn each_step(steps: &mut [Step], visit: &mut dyn FnMut(&mut Step)) {
    for step in steps {
        visit(step);
        match &mut step.kind {
            StepKind::Loop(each) => each_step(&mut each.steps, visit),
            StepKind::Group(group) => each_step(&mut group.steps, visit),
            StepKind::Decision(decision) => {
                for branch in &mut decision.branches {
                    each_step(&mut branch.steps, visit);
                }
                if let Some(otherwise) = &mut decision.otherwise {
                    each_step(&mut otherwise.steps, visit);
                }
            }
            StepKind::Task(_) | StepKind::Manual(_) | StepKind::End(_) => {}
        }
        for handler in &mut step.common.on_error {
            each_step(&mut handler.steps, visit);
        }
    }
}

/// The innermost step of which a JSON pointer into a document tells.
pub(super) fn step_at(document: &Value, pointer: &str) -> Option<StepId> {
    let mut ends: Vec<usize> = pointer.match_indices('/').map(|(at, _)| at).skip(1).collect();
    ends.push(pointer.len());
    ends.into_iter().rev().find_map(|end| {
        let pointer = &pointer[..end];
        let place = pointer.rsplit('/').nth(1)?;
        let id = document.pointer(pointer).filter(|_| place == "steps")?.get("id")?.as_str()?;
        Some(StepId::new(id))
    })
}

/// Shows every address that an action of these steps opens.
pub(super) fn addresses(value: &Value, visit: &mut dyn FnMut(&str)) {
    match value {
        Value::Object(fields) => {
            if let Some(url) = fields.get("url").and_then(Value::as_str) {
                visit(url);
            }
            fields.values().for_each(|value| addresses(value, visit));
        }
        Value::Array(items) => items.iter().for_each(|value| addresses(value, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The inputs of a document, as expressions.
pub(super) fn inputs(document: &Document) -> Vec<String> {
    let properties = document.inputs.as_ref().and_then(|inputs| inputs.get("properties"));
    let names = properties.and_then(Value::as_object).into_iter().flat_map(|names| names.keys());
    names.map(|name| format!("inputs.{name}")).collect()
}
