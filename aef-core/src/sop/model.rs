//! An SOP as it was read: typed where its meaning is known, with everything else beside it.

use std::sync::Arc;

use serde_json::{Map, Value};

/// An SOP of any dialect. [`Sop::from_slice`] reads one; it is never changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Sop {
    pub(super) original: Arc<[u8]>,
    pub(super) sha256: String,
    pub(super) meta: Option<Map<String, Value>>,
    pub(super) triggers: Vec<Value>,
    pub(super) nodes: Vec<Node>,
    pub(super) edges: Vec<Edge>,
    pub(super) variables: Map<String, Value>,
    /// Everything else at the top, in `public` and in `private`, by its path.
    pub(super) rest: Map<String, Value>,
}

impl Sop {
    /// The bytes that were read.
    #[must_use]
    pub fn original(&self) -> &[u8] {
        &self.original
    }

    /// SHA-256 of the bytes that were read, in lower-case hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The title, where there is one.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.meta_text("title")
    }

    /// The ids of all nodes, in the order in which they stand.
    pub fn node_ids(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().map(|node| node.id.as_str())
    }

    /// The version, which some write as a number.
    pub(super) fn version(&self) -> Option<String> {
        let version = self.meta.as_ref()?.get("version")?;
        version.as_number().map(ToString::to_string).or_else(|| filled(version).map(str::to_owned))
    }

    pub(super) fn meta_text(&self, key: &str) -> Option<&str> {
        let text = self.meta.as_ref()?.get(key)?.as_str()?.trim();
        (!text.is_empty()).then_some(text)
    }
}

/// A node.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) id: String,
    pub(super) kind: NodeKind,
    pub(super) parent: Option<String>,
    pub(super) children: Vec<String>,
    /// The whole object, as it stands in the SOP.
    pub(super) fields: Map<String, Value>,
}

impl Node {
    /// A field that is a text with something in it.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        filled(self.fields.get(key)?)
    }

    /// What a person reads: the label, else the id.
    pub(super) fn name(&self) -> &str {
        self.text("label").unwrap_or(&self.id)
    }

    /// Whether a field says something.
    pub(super) fn says(&self, key: &str) -> bool {
        self.fields.get(key).is_some_and(|value| !is_blank(value))
    }
}

/// Whether a value says nothing: null, "", [], or an object of nothing else.
pub(super) fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_blank),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A text with something in it.
pub(super) fn filled(value: &Value) -> Option<&str> {
    value.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// What a node's type means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NodeKind {
    /// Work: task, step, ui_interaction, extract, atomic_task, and what is not known.
    Work,
    /// loop, iterative_loop.
    Loop,
    /// decision.
    Decision,
    /// compound_task: a container, whether or not it has children.
    Compound,
    /// trigger: where a procedure begins.
    Trigger,
    /// end.
    End,
}

/// The types of nodes and what they mean.
pub(super) const NODE_TYPES: [(&str, NodeKind); 11] = [
    ("task", NodeKind::Work),
    ("step", NodeKind::Work),
    ("ui_interaction", NodeKind::Work),
    ("extract", NodeKind::Work),
    ("atomic_task", NodeKind::Work),
    ("loop", NodeKind::Loop),
    ("iterative_loop", NodeKind::Loop),
    ("decision", NodeKind::Decision),
    ("compound_task", NodeKind::Compound),
    ("trigger", NodeKind::Trigger),
    ("end", NodeKind::End),
];

/// The types of triggers.
pub(super) const TRIGGER_TYPES: [&str; 5] = ["cron", "manual", "webhook", "event", "other"];

/// An edge.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Edge {
    pub(super) source: String,
    pub(super) target: String,
    pub(super) label: Label,
    /// The whole object, as it stands in the SOP.
    pub(super) fields: Map<String, Value>,
}

/// What an edge's condition means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Label {
    /// Nothing, next or start: control simply goes on.
    Next,
    /// yes, true, y or 1.
    Yes,
    /// no, false, n or 0.
    No,
    /// all_processed, complete, completed, end, done, no_more_…: what ends a loop.
    Done(String),
    /// failure, on_error and the like.
    Failure(String),
    /// contains: from a container to a child; no flow.
    Contains,
    /// Any other words, in whatever language.
    Other(String),
}

impl Label {
    pub(super) fn of(text: &str) -> Self {
        let text = text.trim();
        let plain = text.to_lowercase().replace([' ', '-'], "_");
        match plain.as_str() {
            "" | "next" | "start" => Self::Next,
            "yes" | "true" | "y" | "1" => Self::Yes,
            "no" | "false" | "n" | "0" => Self::No,
            "contains" => Self::Contains,
            "all_processed" | "complete" | "completed" | "end" | "done" => Self::Done(text.to_owned()),
            _ if plain.starts_with("no_more_") => Self::Done(text.to_owned()),
            "failure" | "failed" | "error" | "on_error" | "on_failure" => Self::Failure(text.to_owned()),
            _ => Self::Other(text.to_owned()),
        }
    }

    /// The words of a label that is neither plain flow nor yes or no.
    pub(super) fn words(&self) -> Option<&str> {
        match self {
            Self::Done(text) | Self::Failure(text) | Self::Other(text) => Some(text),
            Self::Next | Self::Yes | Self::No | Self::Contains => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_mean_the_same_in_every_spelling() {
        for (text, label) in [
            ("", Label::Next),
            ("Start", Label::Next),
            ("Y", Label::Yes),
            ("TRUE", Label::Yes),
            ("1", Label::Yes),
            ("n", Label::No),
            ("0", Label::No),
            ("contains", Label::Contains),
            ("All Processed", Label::Done("All Processed".to_owned())),
            ("no_more_rows", Label::Done("no_more_rows".to_owned())),
            ("on_error", Label::Failure("on_error".to_owned())),
            ("gefunden", Label::Other("gefunden".to_owned())),
        ] {
            assert_eq!(Label::of(text), label, "{text}");
        }
    }
}
