//! The values that expressions see, and how they are put back when a block is entered again.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use minijinja::value::Serde;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::ids::{ExecutionId, StepId};
use crate::plan::{Names, Scope};
use crate::recovery::Failure;

/// No single value may be larger, as JSON.
pub const MAX_VALUE_BYTES: usize = 1024 * 1024;
/// All values together may not be larger.
pub const MAX_VALUES_BYTES: usize = 8 * 1024 * 1024;

/// A value with the form that expressions read, made when it is first read.
#[derive(Debug, Clone)]
pub(super) struct Variable(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    json: Value,
    size: usize,
    read: OnceLock<minijinja::Value>,
}

impl Variable {
    pub(super) fn new(json: Value) -> Self {
        let size = json_size(&json);
        Self(Arc::new(Inner { json, size, read: OnceLock::new() }))
    }

    pub(super) fn json(&self) -> &Value {
        &self.0.json
    }

    pub(super) fn size(&self) -> usize {
        self.0.size
    }

    fn read(&self) -> minijinja::Value {
        self.0.read.get_or_init(|| minijinja::Value::from(Serde(&self.0.json))).clone()
    }
}

impl PartialEq for Variable {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.json == other.0.json
    }
}

impl Serialize for Variable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.json.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Variable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::new)
    }
}

/// About how many bytes a value has as JSON.
pub(super) fn json_size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => 2 + items.iter().map(|item| json_size(item) + 1).sum::<usize>(),
        Value::Object(fields) => {
            2 + fields.iter().map(|(key, value)| key.len() + 4 + json_size(value)).sum::<usize>()
        }
    }
}

/// Variables by name; cloned when written while shared.
pub(super) type Variables = Arc<BTreeMap<String, Variable>>;

/// What stood under a name before a block changed it: the scope (0 is the outermost, then the frames), the name, and
/// the value, or `None` where there was none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Undo(Vec<(usize, String, Before)>);

/// What stood in a variable's place. Spelt out, as JSON does not tell an absent value from a null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Before {
    Absent,
    Value(Variable),
}

impl Undo {
    /// Remembers what stood there, if this is the first change.
    pub(super) fn note(&mut self, scope: usize, name: &str, before: Option<&Variable>) {
        if !self.0.iter().any(|(at, known, _)| *at == scope && known == name) {
            let before = before.cloned().map_or(Before::Absent, Before::Value);
            self.0.push((scope, name.to_owned(), before));
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn take(&mut self) -> Vec<(usize, String, Option<Variable>)> {
        let value = |before| match before {
            Before::Absent => None,
            Before::Value(value) => Some(value),
        };
        self.0.drain(..).map(|(scope, name, before)| (scope, name, value(before))).collect()
    }
}

/// What expressions see at one place: the innermost scope first.
#[derive(Debug)]
pub(super) struct View {
    pub(super) scopes: Vec<Layer>,
    pub(super) inputs: Variable,
    pub(super) execution: ExecutionId,
    pub(super) started_at: Timestamp,
    pub(super) step: Option<StepId>,
    pub(super) error: Option<Failure>,
    pub(super) timezone: Arc<str>,
}

/// One scope of a [`View`].
#[derive(Debug)]
pub(super) enum Layer {
    Variables(Variables),
    /// Lists that a running loop collects; they become variables when it ends.
    Collected(Arc<BTreeMap<String, Arc<Vec<Value>>>>),
}

impl View {
    pub(super) fn into_scope(self) -> Scope {
        Arc::new(self)
    }
}

impl Names for View {
    fn lookup(&self, name: &str) -> Option<minijinja::Value> {
        for layer in &self.scopes {
            match layer {
                Layer::Variables(variables) => {
                    if let Some(variable) = variables.get(name) {
                        return Some(variable.read());
                    }
                }
                Layer::Collected(lists) => {
                    if let Some(list) = lists.get(name) {
                        return Some(minijinja::Value::from(Serde(&**list)));
                    }
                }
            }
        }
        match name {
            "inputs" => Some(self.inputs.read()),
            "execution" => Some(minijinja::Value::from_iter([
                ("id".to_owned(), minijinja::Value::from(self.execution.to_string())),
                ("startedAt".to_owned(), minijinja::Value::from(self.started_at.to_string())),
            ])),
            "step" => self.step.as_ref().map(|id| {
                minijinja::Value::from_iter([("id".to_owned(), minijinja::Value::from(id.to_string()))])
            }),
            "error" => self.error.as_ref().map(|error| minijinja::Value::from(Serde(error))),
            _ => None,
        }
    }

    fn timezone(&self) -> &str {
        &self.timezone
    }
}
