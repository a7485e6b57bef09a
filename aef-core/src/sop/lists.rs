//! Lists: what an extract gives, and what a loop goes through.

use serde_json::{Map, Value, json};

use super::model::{Node, is_blank};

/// The key under which a list stands that is all that an extract gives.
pub(super) const WHOLE: &str = "items";

/// The lists that the schema of a node's extract gives: the key of each, and the words that name it.
pub(super) fn lists_of(node: &Node) -> Vec<(&str, &str)> {
    let Some(schema) = node.fields.get("extract_schema") else { return Vec::new() };
    if is_list(schema) {
        return vec![(WHOLE, node.id.as_str())];
    }
    let lists = properties(schema).filter(|(_, schema)| is_list(schema));
    lists.map(|(name, _)| (name.as_str(), name.as_str())).collect()
}

/// The parts that a schema names: a JSON Schema says `properties`, others are the map itself.
fn properties(schema: &Value) -> impl std::iter::Iterator<Item = (&String, &Value)> {
    schema.get("properties").unwrap_or(schema).as_object().into_iter().flatten()
}

fn is_list(schema: &Value) -> bool {
    schema.is_array() || schema.get("type").and_then(Value::as_str) == Some("array")
}

/// Whether the items of the list that an extract gives have parts of their own.
pub(super) fn item_fields(node: &Node) -> bool {
    let Some(schema) = node.fields.get("extract_schema") else { return false };
    let of = |schema: &Value| {
        let items = schema.get("items").or_else(|| schema.as_array().and_then(|items| items.first()));
        items.is_some_and(|items| {
            items.get("properties").is_some() || items.get("type").is_none() && items.is_object()
        })
    };
    if is_list(schema) {
        return of(schema);
    }
    properties(schema).any(|(_, schema)| is_list(schema) && of(schema))
}

/// The JSON Schema of what a person gives in the place of an extract; nothing where the node says nothing of it.
pub(super) fn form_of(node: &Node) -> Option<Value> {
    let schema = node.fields.get("extract_schema").filter(|schema| !is_blank(schema))?;
    let compiles = |schema: &Value| {
        jsonschema::options().with_draft(jsonschema::Draft::Draft202012).build(schema).is_ok()
    };
    if is_list(schema) {
        let list = Some(schema).filter(|schema| schema.is_object() && compiles(schema));
        let list = list.cloned().unwrap_or_else(|| json!({ "type": "array" }));
        return Some(json!({ "type": "object", "required": [WHOLE], "properties": { WHOLE: list } }));
    }
    if schema.get("properties").is_some_and(Value::is_object) && compiles(schema) {
        let mut schema = schema.clone();
        schema.as_object_mut()?.insert("type".to_owned(), json!("object"));
        return Some(schema);
    }
    let properties: Map<String, Value> =
        properties(schema).map(|(name, schema)| (name.clone(), part(schema))).collect();
    (!properties.is_empty()).then(|| json!({ "type": "object", "properties": properties }))
}

/// The schema of one part, as far as it can be told.
fn part(schema: &Value) -> Value {
    const KINDS: [&str; 6] = ["string", "number", "integer", "boolean", "array", "object"];
    let kind = schema.get("type").unwrap_or(schema).as_str();
    match (kind, schema) {
        (Some(kind), _) if KINDS.contains(&kind) => json!({ "type": kind }),
        (_, Value::Array(_)) => json!({ "type": "array" }),
        (_, Value::String(text)) => json!({ "description": text }),
        _ => json!({}),
    }
}

/// What a loop goes through, in the SOP's words, and what it calls an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Items {
    /// All words of it.
    pub(super) words: String,
    /// The name of an item.
    pub(super) item: String,
}

impl Items {
    pub(super) fn of(node: &Node) -> Self {
        let mut words = Vec::new();
        let mut item = None;
        match node.fields.get("iterator") {
            Some(Value::Object(fields)) => {
                for key in ["item", "as", "variable", "name"] {
                    item = item.or_else(|| fields.get(key).and_then(Value::as_str).and_then(plain_name));
                }
                words.extend(fields.values().filter_map(Value::as_str).map(str::to_owned));
            }
            Some(Value::String(text)) => {
                item = item_in(text);
                words.push(text.clone());
            }
            _ => {}
        }
        Self { words: words.join("; "), item: item.unwrap_or_else(|| "item".to_owned()) }
    }

    /// Whether the words name a list.
    pub(super) fn names(&self, list: &str) -> bool {
        let (words, list) = (snake(&self.words), snake(list));
        list.len() > 2 && words.contains(&list)
    }
}

/// `email in emails`, `for each email of the inbox`, `{{email}}`.
fn item_in(text: &str) -> Option<String> {
    let text = text.trim();
    // Byte places must stay those of the text.
    let lower = text.to_ascii_lowercase();
    let end = [" in ", " of ", " from "].iter().filter_map(|word| lower.find(word)).min();
    let Some(end) = end else {
        let inside = text.strip_prefix("{{")?.strip_suffix("}}")?;
        return plain_name(inside);
    };
    let mut words: Vec<&str> = text.get(..end)?.split_whitespace().collect();
    while words.first().is_some_and(|word| {
        matches!(word.to_lowercase().as_str(), "for" | "each" | "every" | "all" | "the" | "a")
    }) {
        words.remove(0);
    }
    match words.as_slice() {
        [word] => plain_name(word.trim_start_matches("{{").trim_end_matches("}}")),
        _ => None,
    }
}

fn plain_name(text: &str) -> Option<String> {
    let text = text.trim();
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    plain.then(|| super::names::variable_of(text)).flatten()
}

/// Words in lower case with `_` around each.
fn snake(text: &str) -> String {
    let mut out = String::from("_");
    for c in text.chars() {
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
        } else if !out.ends_with('_') {
            out.push('_');
        }
    }
    if !out.ends_with('_') {
        out.push('_');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_iterator_names_its_item_and_its_list() {
        for (text, item) in [
            ("email in emails", "email"),
            ("for each lead of the new leads", "lead"),
            ("{{row}}", "row"),
            ("Each unread email in the inbox", "item"),
            ("すべての行", "item"),
        ] {
            assert_eq!(item_in(text).unwrap_or_else(|| "item".to_owned()), item, "{text}");
        }
        let iterator = Items { words: "for each lead of the New Leads".to_owned(), item: "lead".to_owned() };
        assert!(iterator.names("new_leads"));
        assert!(!iterator.names("leads_new") && !iterator.names("lea"));
    }
}
