//! Texts of an SOP as templates of a document: what `{{name}}` stands for in each place.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::names::variable_of;

/// Two opening braces as the text that they are.
const BRACES: &str = "{{ \"{\" ~ \"{\" }}";
/// An opening brace before a percent sign.
const BRACE: &str = "{{ \"{\" }}";

/// What names stand for where a step stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    /// Items of the loops around, from the outermost.
    pub(super) items: Vec<String>,
    /// Expressions by the names that an SOP uses.
    pub(super) values: BTreeMap<String, String>,
}

/// The inputs of the document: the variables that the SOP declares, and those that its steps need.
#[derive(Debug, Clone, Default)]
pub(super) struct Inputs {
    properties: BTreeMap<String, Map<String, Value>>,
    order: Vec<String>,
    used: BTreeMap<String, bool>,
}

impl Inputs {
    /// Reads the variables of an SOP: a value, or an object that describes one.
    pub(super) fn of(variables: &Map<String, Value>) -> Self {
        let mut inputs = Self::default();
        for (name, value) in variables {
            if let Some(name) = variable_of(name) {
                inputs.add(name, describe(value));
            }
        }
        inputs
    }

    fn add(&mut self, name: String, schema: Map<String, Value>) {
        if !self.properties.contains_key(&name) {
            self.order.push(name.clone());
            self.properties.insert(name, schema);
        }
    }

    fn declares(&self, name: &str) -> bool {
        self.properties.contains_key(name)
    }

    fn need(&mut self, name: String) {
        self.used.insert(name.clone(), true);
        self.add(name, Map::new());
    }

    /// The JSON Schema of the inputs, where there are any. What is used and has no first value must be given.
    pub(super) fn schema(&self) -> Option<Value> {
        if self.order.is_empty() {
            return None;
        }
        let properties: Map<String, Value> = self
            .order
            .iter()
            .map(|name| (name.clone(), Value::Object(self.properties[name].clone())))
            .collect();
        let must =
            |name: &&String| self.used.contains_key(*name) && !self.properties[*name].contains_key("default");
        let required: Vec<&String> = self.order.iter().filter(must).collect();
        let mut schema = Map::new();
        schema.insert("type".to_owned(), json!("object"));
        schema.insert("properties".to_owned(), Value::Object(properties));
        if !required.is_empty() {
            schema.insert("required".to_owned(), json!(required));
        }
        Some(Value::Object(schema))
    }

    /// A text that a step executes: every name in it has a value, or must be given one. Nothing where something in braces
    /// is no name.
    pub(super) fn executed(&mut self, text: &str, scope: &Scope) -> Option<String> {
        self.resolve(text, scope, true)
    }

    /// A text for a person: what has a value is filled in, and everything else stays as it is written.
    pub(super) fn shown(&mut self, text: &str, scope: &Scope) -> String {
        self.resolve(text, scope, false).unwrap_or_default()
    }

    /// The expression of a name that has a value.
    pub(super) fn known(&mut self, name: &str, scope: &Scope) -> Option<String> {
        self.value(name.trim(), scope, false)
    }

    fn resolve(&mut self, text: &str, scope: &Scope, executed: bool) -> Option<String> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("{{").into_iter().chain(rest.find("{%")).min() {
            out.push_str(&rest[..at]);
            let found = &rest[at..];
            let Some(inside) = found.strip_prefix("{{") else {
                out.push_str(BRACE);
                rest = &found[1..];
                continue;
            };
            let end = inside.find("}}");
            let value = end.and_then(|end| self.value(inside[..end].trim(), scope, executed));
            match (value, end) {
                (Some(value), Some(end)) => {
                    out.push_str("{{ ");
                    out.push_str(&value);
                    out.push_str(" }}");
                    rest = &inside[end + 2..];
                }
                _ if executed => return None,
                _ => {
                    out.push_str(BRACES);
                    rest = inside;
                }
            }
        }
        out.push_str(rest);
        Some(out)
    }

    /// The expression that a name stands for.
    fn value(&mut self, name: &str, scope: &Scope, executed: bool) -> Option<String> {
        let (root, path) = name.split_once('.').map_or((name, ""), |(root, path)| (root.trim(), path.trim()));
        if root == "secrets" {
            return (executed && is_path(path)).then(|| name.to_owned());
        }
        let path_is_sound = path.is_empty() || is_path(path);
        let root_is_sound =
            !root.is_empty() && root.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ' '));
        if !path_is_sound || !root_is_sound {
            return None;
        }
        let with_path = |root: &str| if path.is_empty() { root.to_owned() } else { format!("{root}.{path}") };
        let known = variable_of(root);
        if let Some(item) = scope.items.iter().rev().find(|item| Some(item.as_str()) == known.as_deref()) {
            return Some(with_path(item));
        }
        if let (Some("item"), Some(item)) = (known.as_deref(), scope.items.last()) {
            return Some(with_path(item));
        }
        if let Some(value) = known.as_ref().and_then(|known| scope.values.get(known)) {
            return Some(with_path(value));
        }
        let (input, path) = match (root, path.split_once('.')) {
            ("inputs" | "variables", None) => (variable_of(path)?, ""),
            ("inputs" | "variables", Some((input, path))) => (variable_of(input)?, path),
            _ => (known?, path),
        };
        if !executed && !self.declares(&input) {
            return None;
        }
        self.need(input.clone());
        Some(if path.is_empty() { format!("inputs.{input}") } else { format!("inputs.{input}.{path}") })
    }
}

fn is_path(text: &str) -> bool {
    text.split('.').all(|part| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

/// The schema of a variable.
fn describe(value: &Value) -> Map<String, Value> {
    let mut schema = Map::new();
    match value {
        Value::Object(fields) => {
            for key in ["title", "description"] {
                if let Some(text) = fields.get(key).and_then(Value::as_str) {
                    schema.insert(key.to_owned(), json!(text));
                }
            }
            let kinds = ["string", "number", "integer", "boolean", "array", "object"];
            if let Some(kind) = fields.get("type").and_then(Value::as_str).filter(|kind| kinds.contains(kind))
            {
                schema.insert("type".to_owned(), json!(kind));
            }
            let default = ["default", "value"].iter().find_map(|key| fields.get(*key));
            if let Some(default) = default.filter(|default| !default.is_null()) {
                schema.insert("default".to_owned(), default.clone());
            }
        }
        Value::Null => {}
        default @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            schema.insert("default".to_owned(), default.clone());
        }
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope { items: vec!["lead".to_owned()], values: BTreeMap::new() }
    }

    #[test]
    fn a_name_is_an_item_or_an_input() {
        let mut inputs = Inputs::default();
        let text = inputs.executed("{{lead.email}} {{ item }} {{ Contact Name }}", &scope()).unwrap();
        assert_eq!(text, "{{ lead.email }} {{ lead }} {{ inputs.Contact_Name }}");
        assert_eq!(inputs.schema().unwrap()["required"], json!(["Contact_Name"]));
    }

    #[test]
    fn what_is_no_name_is_not_executed_and_shown_as_it_is() {
        let mut inputs = Inputs::default();
        assert_eq!(inputs.executed("{{ a + b }}", &scope()), None);
        assert_eq!(inputs.executed("{{ a", &scope()), None);
        let shown = inputs.shown("{{{nobody}}} {% if %}", &scope());
        assert_eq!(shown, "{{ \"{\" ~ \"{\" }}{nobody}}} {{ \"{\" }}% if %}");
        assert!(inputs.schema().is_none());
    }

    #[test]
    fn a_variable_with_a_value_need_not_be_given() {
        let variables =
            json!({ "base": "https://a.test", "who": { "type": "string", "description": "Whom" } });
        let mut inputs = Inputs::of(variables.as_object().unwrap());
        assert_eq!(inputs.shown("{{base}} {{who}}", &scope()), "{{ inputs.base }} {{ inputs.who }}");
        let schema = inputs.schema().unwrap();
        assert_eq!(schema["properties"]["base"], json!({ "default": "https://a.test" }));
        assert_eq!(schema["required"], json!(["who"]));
    }
}
