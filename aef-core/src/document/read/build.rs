//! From a JSON value whose shape has been checked to a document. Steps are built by hand, not by derived code, so that
//! a hundred levels of them fit any stack.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::document::diagnostics::{Diagnostic, escape_key};
use crate::document::{
    Branch, Decision, Document, End, Group, Handler, Loop, Manual, Otherwise, Step, StepCommon, StepKind,
    Task,
};
use crate::ids::{DocumentId, StepId};

/// Builds the document. What a checked shape still lets through is told like everything else.
pub(super) fn document(value: Value) -> Result<Document, Vec<Diagnostic>> {
    let mut builder = Builder::default();
    let document = builder.document(value);
    if builder.found.is_empty() { Ok(document) } else { Err(builder.found) }
}

#[derive(Default)]
struct Builder {
    found: Vec<Diagnostic>,
}

/// The fields of one object that have not been taken yet.
struct Fields {
    map: Map<String, Value>,
    pointer: String,
}

impl Fields {
    fn new(value: Value, pointer: &str) -> Self {
        let map = match value {
            Value::Object(map) => map,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Map::new()
            }
        };
        Self { map, pointer: pointer.to_owned() }
    }

    fn list(&mut self, key: &str) -> (Vec<Value>, String) {
        let items = match self.map.shift_remove(key) {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        };
        (items, format!("{}/{key}", self.pointer))
    }

    /// Takes the keys that begin with `x-`.
    fn extensions(&mut self) -> BTreeMap<String, Value> {
        let names: Vec<String> = self.map.keys().filter(|key| key.starts_with("x-")).cloned().collect();
        names.into_iter().filter_map(|name| self.map.shift_remove_entry(&name)).collect()
    }

    /// Takes those of the given keys that are there.
    fn only(&mut self, keys: &[&str]) -> Value {
        Value::Object(keys.iter().filter_map(|&key| self.map.shift_remove_entry(key)).collect())
    }
}

const COMMON: [&str; 11] = [
    "intent",
    "context",
    "when",
    "timeout",
    "checkpoint",
    "retry",
    "risk",
    "repeatable",
    "resume",
    "outputs",
    "then",
];

impl Builder {
    fn read<T: DeserializeOwned + Default>(&mut self, value: Value, pointer: &str) -> T {
        serde_path_to_error::deserialize(value).unwrap_or_else(|error| {
            let mut pointer = pointer.to_owned();
            for segment in error.path() {
                match segment {
                    serde_path_to_error::Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
                    serde_path_to_error::Segment::Map { key } => {
                        pointer.push('/');
                        pointer.push_str(&escape_key(key));
                    }
                    serde_path_to_error::Segment::Enum { .. } | serde_path_to_error::Segment::Unknown => {}
                }
            }
            self.found.push(Diagnostic::error("invalid_value", pointer, error.inner().to_string()));
            T::default()
        })
    }

    fn take<T: DeserializeOwned + Default>(&mut self, fields: &mut Fields, key: &str) -> T {
        match fields.map.shift_remove(key) {
            None => T::default(),
            Some(value) => self.read(value, &format!("{}/{key}", fields.pointer)),
        }
    }

    fn document(&mut self, value: Value) -> Document {
        let mut fields = Fields::new(value, "");
        let extensions = fields.extensions();
        let (steps, pointer) = fields.list("steps");
        Document {
            aef: self.take(&mut fields, "aef"),
            id: DocumentId::new(self.take::<String>(&mut fields, "id")),
            version: self.take(&mut fields, "version"),
            title: self.take(&mut fields, "title"),
            goal: self.take(&mut fields, "goal"),
            description: self.take(&mut fields, "description"),
            inputs: fields.map.shift_remove("inputs"),
            secrets: self.take(&mut fields, "secrets"),
            vars: self.take(&mut fields, "vars"),
            config: self.take(&mut fields, "config"),
            source: self.take(&mut fields, "source"),
            steps: self.steps(steps, &pointer),
            extensions,
        }
    }

    fn steps(&mut self, items: Vec<Value>, pointer: &str) -> Vec<Step> {
        let mut steps = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            steps.push(self.step(Fields::new(item, &format!("{pointer}/{index}"))));
        }
        steps
    }

    fn step(&mut self, mut fields: Fields) -> Step {
        let extensions = fields.extensions();
        let id = StepId::new(self.take::<String>(&mut fields, "id"));
        let name = self.take(&mut fields, "name");
        let kind = self.take::<Option<String>>(&mut fields, "type");
        let common = fields.only(&COMMON);
        let mut common: StepCommon = self.read(common, &fields.pointer);
        common.on_error = self.handlers(&mut fields);
        let kind = match kind.as_deref() {
            Some("loop") => StepKind::Loop(self.loop_step(fields)),
            Some("decision") => StepKind::Decision(self.decision(fields)),
            Some("group") => StepKind::Group(Group { steps: self.body(&mut fields) }),
            Some("manual") => StepKind::Manual(self.rest::<Manual>(fields)),
            Some("end") => StepKind::End(self.rest::<End>(fields)),
            _ => StepKind::Task(self.rest::<Task>(fields)),
        };
        Step { id, name, kind, common, extensions }
    }

    fn rest<T: DeserializeOwned + Default>(&mut self, fields: Fields) -> T {
        self.read(Value::Object(fields.map), &fields.pointer)
    }

    fn body(&mut self, fields: &mut Fields) -> Vec<Step> {
        let (steps, pointer) = fields.list("steps");
        self.steps(steps, &pointer)
    }

    fn handlers(&mut self, fields: &mut Fields) -> Vec<Handler> {
        let (items, pointer) = fields.list("onError");
        let mut handlers = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let mut fields = Fields::new(item, &format!("{pointer}/{index}"));
            handlers.push(Handler {
                kinds: self.take(&mut fields, "kinds"),
                when: self.take(&mut fields, "when"),
                steps: self.body(&mut fields),
                then: self.take(&mut fields, "then"),
                max: self.take(&mut fields, "max"),
            });
        }
        handlers
    }

    fn loop_step(&mut self, mut fields: Fields) -> Loop {
        Loop {
            for_each: self.take(&mut fields, "forEach"),
            while_: self.take(&mut fields, "while"),
            until: self.take(&mut fields, "until"),
            max_iterations: self.take(&mut fields, "maxIterations"),
            item: self.take(&mut fields, "as"),
            index: self.take(&mut fields, "index"),
            collect: self.take(&mut fields, "collect"),
            on_item_error: self.take(&mut fields, "onItemError"),
            collect_errors: self.take(&mut fields, "collectErrors"),
            steps: self.body(&mut fields),
        }
    }

    fn decision(&mut self, mut fields: Fields) -> Decision {
        let (items, pointer) = fields.list("branches");
        let mut branches = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let mut fields = Fields::new(item, &format!("{pointer}/{index}"));
            branches.push(Branch {
                when: self.take(&mut fields, "when"),
                option: self.take(&mut fields, "option"),
                label: self.take(&mut fields, "label"),
                steps: self.body(&mut fields),
            });
        }
        let ask = self.take(&mut fields, "ask");
        let otherwise = fields.map.shift_remove("otherwise").map(|value| {
            let mut fields = Fields::new(value, &format!("{}/otherwise", fields.pointer));
            Otherwise { label: self.take(&mut fields, "label"), steps: self.body(&mut fields) }
        });
        Decision { ask, branches, otherwise }
    }
}
