//! Actions and conditions in the SOP's own words as those of a document.

use serde_json::Value;

use super::texts::{Inputs, Scope};
use crate::document::{Action, Condition};

/// Actions and conditions with their names resolved.
pub(super) fn resolve_all(
    inputs: &mut Inputs,
    scope: &Scope,
    actions: &[Action],
    verify: &[Condition],
) -> Option<(Vec<Action>, Vec<Condition>)> {
    let actions = actions.iter().map(|action| {
        let description = action.description.as_ref().map(|text| inputs.shown(text, scope));
        let bare = Action { description: None, ..action.clone() };
        let mut value = serde_json::to_value(&bare).ok()?;
        resolve_value(inputs, scope, &mut value)?;
        let resolved: Action = serde_json::from_value(value).ok()?;
        Some(Action { description, ..resolved })
    });
    let actions = actions.collect::<Option<Vec<_>>>()?;
    let verify = verify.iter().map(|condition| {
        let mut value = serde_json::to_value(condition).ok()?;
        resolve_value(inputs, scope, &mut value)?;
        serde_json::from_value(value).ok()
    });
    Some((actions, verify.collect::<Option<Vec<_>>>()?))
}

fn resolve_value(inputs: &mut Inputs, scope: &Scope, value: &mut Value) -> Option<()> {
    match value {
        Value::String(text) => *text = inputs.executed(text, scope)?,
        Value::Array(items) => items.iter_mut().try_for_each(|item| resolve_value(inputs, scope, item))?,
        Value::Object(fields) => {
            fields.values_mut().try_for_each(|item| resolve_value(inputs, scope, item))?
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    Some(())
}
