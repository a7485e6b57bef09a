//! The steps of a document in the order in which they stand, read from its JSON.
//!
//! A journal names steps by their ids only. Reading the outline from JSON and not from a plan lets a report be made
//! of an execution whose document this version would no longer compile.

use std::collections::BTreeMap;

use aef::ids::StepId;
use serde_json::Value;

/// All steps of a document, containers before what they contain.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outline {
    /// The steps in document order.
    pub(crate) steps: Vec<OutlineStep>,
    by_id: BTreeMap<StepId, usize>,
}

/// One step of an [`Outline`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OutlineStep {
    /// Its id.
    pub(crate) id: StepId,
    /// Its name, or its id.
    pub(crate) name: String,
    /// The type that the document gives it.
    pub(crate) kind: String,
    /// The step that contains it.
    pub(crate) parent: Option<StepId>,
    /// How many steps contain it.
    pub(crate) depth: usize,
}

impl Outline {
    /// Reads the outline of a document.
    pub(crate) fn of(document: &Value) -> Self {
        let mut outline = Self::default();
        outline.block(document.get("steps"), None, 0);
        outline
    }

    /// The step of this id.
    pub(crate) fn step(&self, id: &StepId) -> Option<&OutlineStep> {
        self.by_id.get(id).map(|index| &self.steps[*index])
    }

    /// The name of a step, or its id where the document does not know it.
    pub(crate) fn name<'a>(&'a self, id: &'a StepId) -> &'a str {
        self.step(id).map_or(id.as_str(), |step| &step.name)
    }

    /// Whether `container` holds `id`, at any depth.
    pub(crate) fn contains(&self, container: &StepId, id: &StepId) -> bool {
        let mut parent = self.step(id).and_then(|step| step.parent.as_ref());
        while let Some(current) = parent {
            if current == container {
                return true;
            }
            parent = self.step(current).and_then(|step| step.parent.as_ref());
        }
        false
    }

    fn block(&mut self, steps: Option<&Value>, parent: Option<&StepId>, depth: usize) {
        for step in steps.and_then(Value::as_array).into_iter().flatten() {
            let Some(id) = step.get("id").and_then(Value::as_str) else { continue };
            let id = StepId::new(id);
            self.by_id.insert(id.clone(), self.steps.len());
            self.steps.push(OutlineStep {
                name: text(step, "name").unwrap_or(id.as_str()).to_owned(),
                kind: text(step, "type").unwrap_or("task").to_owned(),
                parent: parent.cloned(),
                depth,
                id: id.clone(),
            });
            self.block(step.get("steps"), Some(&id), depth + 1);
            let branches = step.get("branches").and_then(Value::as_array).into_iter().flatten();
            let handlers = step.get("onError").and_then(Value::as_array).into_iter().flatten();
            for body in branches.chain(step.get("otherwise")).chain(handlers) {
                self.block(body.get("steps"), Some(&id), depth + 1);
            }
        }
    }
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_body_of_a_step_is_read() {
        let outline = Outline::of(&json!({ "steps": [
            { "id": "a", "name": "First" },
            { "id": "l", "type": "loop", "steps": [
                { "id": "d", "type": "decision",
                  "branches": [{ "steps": [{ "id": "b" }] }],
                  "otherwise": { "steps": [{ "id": "o", "onError": [{ "steps": [{ "id": "h" }] }] }] } },
            ] },
        ] }));
        let seen: Vec<_> = outline.steps.iter().map(|step| (step.id.as_str(), step.depth)).collect();
        assert_eq!(seen, [("a", 0), ("l", 0), ("d", 1), ("b", 2), ("o", 2), ("h", 3)]);
        assert_eq!(outline.name(&StepId::new("a")), "First");
        assert_eq!(outline.name(&StepId::new("gone")), "gone");
        assert!(outline.contains(&StepId::new("l"), &StepId::new("h")));
        assert!(!outline.contains(&StepId::new("d"), &StepId::new("l")));
    }
}
