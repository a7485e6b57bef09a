//! From JSON to an SOP: lenient where the dialects differ, strict where the meaning would be lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::model::{Edge, Label, NODE_TYPES, Node, NodeKind, Sop, is_blank};
use crate::document::{Diagnostic, Diagnostics, SourceMap, escape_key, json_depth, parse_json};
use crate::ids::sha256_hex;

/// The longest text that is read: 32 MiB. Recordings carry their artifacts along.
const MAX_SOURCE: usize = 32 * 1024 * 1024;

/// For how many unknown names a likely one is looked for.
const SUGGESTIONS: usize = 20;

/// The deepest nesting of JSON that is read. What is kept of a node stands below its step, so that a document with a
/// hundred levels of steps and such a value at the bottom can still be read back.
const MAX_DEPTH: usize = 64;

impl Sop {
    /// Reads an SOP of any dialect from JSON.
    ///
    /// # Errors
    /// Everything that is wrong with it, with JSON pointers and places in the text.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, Diagnostics> {
        if bytes.len() > MAX_SOURCE {
            let message = format!("the SOP has {} bytes; at most {MAX_SOURCE} are read", bytes.len());
            return Err(Diagnostic::error("document_too_large", "", message).into());
        }
        let text = std::str::from_utf8(bytes).map_err(|error| {
            Diagnostics::from(Diagnostic::error("syntax", "", format!("not UTF-8: {error}")))
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if json_depth(text) > MAX_DEPTH {
            let message = format!("the SOP is nested more than {MAX_DEPTH} levels deep");
            return Err(Diagnostic::error("too_deep", "", message).into());
        }
        let value = parse_json(text)?;
        let mut reader = Reader::default();
        let sop = reader.sop(value, bytes);
        if reader.found.is_empty() {
            return Ok(sop);
        }
        Err(Diagnostics::new(reader.found).locate(&SourceMap::new(text)))
    }
}

#[derive(Default)]
struct Reader {
    found: Vec<Diagnostic>,
}

impl Reader {
    fn sop(&mut self, value: Value, bytes: &[u8]) -> Sop {
        let mut root = self.object(value, "").unwrap_or_default();
        let meta = take(&mut root, "meta").and_then(|meta| self.object(meta, "/meta"));
        let public = match take(&mut root, "public") {
            Some(public) => self.object(public, "/public"),
            None => {
                self.missing("/public", "an SOP has `public` with its `nodes`");
                None
            }
        };
        let told = self.found.len();
        let mut public = public.unwrap_or_default();
        let triggers = self.list(&mut public, "triggers", "/public");
        let node_values = self.list(&mut public, "nodes", "/public");
        let edge_values = self.list(&mut public, "edges", "/public");
        if node_values.is_empty() && told == self.found.len() && told == 0 {
            self.missing("/public/nodes", "an SOP has at least one node");
        }
        let (nodes, places) = self.nodes(node_values);
        let edges = self.edges(edge_values);
        self.check_names(&nodes, &places, &edges);
        let variables = match take(&mut public, "variables") {
            // Some write the names as a list.
            Some(Value::Array(names)) => names
                .iter()
                .filter_map(|name| {
                    let name = name.as_str().or_else(|| name.get("name").and_then(Value::as_str))?;
                    Some((name.to_owned(), Value::Null))
                })
                .collect(),
            Some(value) => self.object(value, "/public/variables").unwrap_or_default(),
            None => Map::new(),
        };
        let mut rest = Map::new();
        for (name, object) in [("public", public), ("", root)] {
            let kept: Map<String, Value> = object.into_iter().filter(|(_, value)| !is_blank(value)).collect();
            if name.is_empty() {
                rest.extend(kept);
            } else if !kept.is_empty() {
                rest.insert(name.to_owned(), Value::Object(kept));
            }
        }
        Sop {
            original: Arc::from(bytes),
            sha256: sha256_hex(bytes),
            meta,
            triggers,
            nodes,
            edges,
            variables,
            rest,
        }
    }

    /// The nodes, and where in the list the first one of each id stands.
    fn nodes(&mut self, values: Vec<Value>) -> (Vec<Node>, BTreeMap<String, usize>) {
        let mut nodes = Vec::with_capacity(values.len());
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for (index, value) in values.into_iter().enumerate() {
            let at = format!("/public/nodes/{index}");
            let Some(fields) = self.object(value, &at) else { continue };
            let id = self.required_text(&fields, "id", &at);
            if let Some(first) = id.as_ref().and_then(|id| places.get(id)) {
                let message =
                    format!("the id `{}` stands at /public/nodes/{first} already", id.unwrap_or_default());
                self.found.push(Diagnostic::error("duplicate_id", format!("{at}/id"), message));
                continue;
            }
            self.optional_text(&fields, "label", &at);
            let kind = self.optional_text(&fields, "type", &at);
            let parent = self.optional_text(&fields, "parentId", &at);
            let children = self.texts(&fields, "children", &at);
            if fields.get("automation").is_some_and(|value| !value.is_object() && !is_blank(value)) {
                self.wrong_type(&fields["automation"], "an object", &format!("{at}/automation"));
            }
            let Some(id) = id else { continue };
            places.insert(id.clone(), index);
            nodes.push(Node { id, kind: node_kind(kind.as_deref()), parent, children, fields });
        }
        (nodes, places)
    }

    fn edges(&mut self, values: Vec<Value>) -> Vec<Edge> {
        let mut edges = Vec::with_capacity(values.len());
        for (index, value) in values.into_iter().enumerate() {
            let at = format!("/public/edges/{index}");
            let Some(fields) = self.object(value, &at) else { continue };
            let source = self.required_text(&fields, "source", &at);
            let target = self.required_text(&fields, "target", &at);
            let label = self.label(&fields, &at);
            if let (Some(source), Some(target)) = (source, target) {
                edges.push(Edge { source, target, label, fields });
            }
        }
        edges
    }

    /// The condition, whatever its JSON type; else the decision path, else the label.
    fn label(&mut self, fields: &Map<String, Value>, at: &str) -> Label {
        for key in ["condition", "decision_path", "label"] {
            match fields.get(key) {
                None | Some(Value::Null) => {}
                Some(Value::String(text)) if text.trim().is_empty() => {}
                Some(Value::String(text)) => return Label::of(text),
                Some(value @ (Value::Bool(_) | Value::Number(_))) => return Label::of(&value.to_string()),
                Some(value @ (Value::Array(_) | Value::Object(_))) => {
                    self.wrong_type(value, "a text", &format!("{at}/{key}"));
                }
            }
        }
        Label::Next
    }

    /// Every name of a node in edges, parents and children is one.
    fn check_names(&mut self, nodes: &[Node], places: &BTreeMap<String, usize>, edges: &[Edge]) {
        // Where something could not be read, names that seem to be unknown would only repeat that.
        if self.found.iter().any(|found| found.code != "duplicate_id") {
            return;
        }
        let known: BTreeSet<&str> = nodes.iter().map(|node| node.id.as_str()).collect();
        for node in nodes {
            let at = format!("/public/nodes/{}", places[&node.id]);
            if let Some(parent) = &node.parent {
                self.check_name(&known, parent, &format!("{at}/parentId"));
            }
            for (place, child) in node.children.iter().enumerate() {
                self.check_name(&known, child, &format!("{at}/children/{place}"));
            }
        }
        for (index, edge) in edges.iter().enumerate() {
            self.check_name(&known, &edge.source, &format!("/public/edges/{index}/source"));
            self.check_name(&known, &edge.target, &format!("/public/edges/{index}/target"));
        }
    }

    fn check_name(&mut self, known: &BTreeSet<&str>, name: &str, at: &str) {
        if known.contains(name) {
            return;
        }
        let mut found = Diagnostic::error("unknown_node", at, format!("there is no node `{name}`"));
        // Comparing with every name is dear, and whoever has that many faults has another one.
        let few = self.found.len() < SUGGESTIONS;
        if few && let Some(near) = crate::document::nearest(name, known.iter().copied()) {
            found = found.with_help(format!("did you mean `{near}`?"));
        }
        self.found.push(found);
    }

    fn object(&mut self, value: Value, at: &str) -> Option<Map<String, Value>> {
        match value {
            Value::Object(fields) => Some(fields),
            Value::Null if !at.is_empty() => Some(Map::new()),
            other
            @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                self.wrong_type(&other, "an object", at);
                None
            }
        }
    }

    fn list(&mut self, fields: &mut Map<String, Value>, key: &str, at: &str) -> Vec<Value> {
        match take(fields, key) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(items)) => items,
            Some(other) => {
                self.wrong_type(&other, "a list", &format!("{at}/{key}"));
                Vec::new()
            }
        }
    }

    fn texts(&mut self, fields: &Map<String, Value>, key: &str, at: &str) -> Vec<String> {
        let at = format!("{at}/{}", escape_key(key));
        match fields.get(key) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(items)) => {
                let mut texts = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    match item.as_str() {
                        Some(text) => texts.push(text.to_owned()),
                        None => self.wrong_type(item, "the id of a node", &format!("{at}/{index}")),
                    }
                }
                texts
            }
            Some(other) => {
                self.wrong_type(other, "a list of ids", &at);
                Vec::new()
            }
        }
    }

    fn required_text(&mut self, fields: &Map<String, Value>, key: &str, at: &str) -> Option<String> {
        let told = self.found.len();
        let text = self.optional_text(fields, key, at);
        if text.is_none() && told == self.found.len() {
            self.missing(&format!("{at}/{key}"), &format!("`{key}` is not given"));
        }
        text
    }

    /// A text; one that is empty or null is none.
    fn optional_text(&mut self, fields: &Map<String, Value>, key: &str, at: &str) -> Option<String> {
        match fields.get(key)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Null | Value::String(_) => None,
            other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                self.wrong_type(other, "a text", &format!("{at}/{key}"));
                None
            }
        }
    }

    fn wrong_type(&mut self, value: &Value, wanted: &str, at: &str) {
        let given = match value {
            Value::Null => "null",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        self.found.push(Diagnostic::error("wrong_type", at, format!("expected {wanted}, not {given}")));
    }

    fn missing(&mut self, at: &str, message: &str) {
        self.found.push(Diagnostic::error("missing_field", at, message));
    }
}

fn take(fields: &mut Map<String, Value>, key: &str) -> Option<Value> {
    fields.shift_remove(key)
}

fn node_kind(name: Option<&str>) -> NodeKind {
    known_kind(name).unwrap_or(NodeKind::Work)
}

/// What a type means, where it is known.
pub(super) fn known_kind(name: Option<&str>) -> Option<NodeKind> {
    let name = name?.trim().to_lowercase();
    NODE_TYPES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
}
