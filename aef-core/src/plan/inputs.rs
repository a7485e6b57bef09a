//! Inputs and forms: JSON checked against the schemas of a document, with defaults filled in.

use std::collections::BTreeSet;

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value};

use super::Plan;
use crate::document::{Diagnostic, Diagnostics, escape_key, nearest};

/// The compiled schema of a document's inputs.
#[derive(Debug, Default)]
pub(crate) struct InputSchema {
    schema: Option<Value>,
    validator: Option<Validator>,
}

impl InputSchema {
    pub(crate) fn compile(schema: Option<&Value>) -> Result<Self, String> {
        Ok(Self { schema: schema.cloned(), validator: schema.map(validator).transpose()? })
    }

    pub(crate) const fn schema(&self) -> Option<&Value> {
        self.schema.as_ref()
    }
}

impl Plan {
    /// Checks inputs against the document's schema and fills in its defaults.
    ///
    /// # Errors
    /// Everything that is wrong with them; pointers lead into the inputs.
    pub fn check_inputs(&self, inputs: &Value) -> Result<Value, Diagnostics> {
        let anything = Value::Object(Map::new());
        let schema = self.inputs.schema().unwrap_or(&anything);
        let mut filled = if inputs.is_null() { Value::Object(Map::new()) } else { inputs.clone() };
        fill_defaults(schema, &mut filled, 0);
        let mut found = unknown_inputs(schema, &filled);
        if !filled.is_object() {
            found.push(Diagnostic::error("invalid_input", "", "inputs are an object"));
        } else if let Some(validator) = &self.inputs.validator {
            found.extend(errors(validator, &filled, ""));
        }
        if found.is_empty() { Ok(filled) } else { Err(Diagnostics::new(found)) }
    }

    /// Checks the data of a form and fills in the defaults of its schema.
    ///
    /// # Errors
    /// Everything that is wrong with it; pointers lead into the data.
    pub fn check_form(schema: &Value, data: &Value) -> Result<Value, Diagnostics> {
        let mut filled = if data.is_null() { Value::Object(Map::new()) } else { data.clone() };
        fill_defaults(schema, &mut filled, 0);
        let found = validate(schema, &filled, "")
            .map_err(|message| Diagnostics::from(Diagnostic::error("invalid_schema", "", message)))?;
        if found.is_empty() { Ok(filled) } else { Err(Diagnostics::new(found)) }
    }
}

/// The fields of a form that a person gives as secrets, with their schemas.
pub(crate) fn write_only(form: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let properties = form.get("properties").and_then(Value::as_object).into_iter().flatten();
    properties.filter(|(_, schema)| is_write_only(schema))
}

/// Whether something in a form is marked `writeOnly` that is no field of the form itself.
pub(crate) fn hides_write_only(form: &Value) -> bool {
    let inside = |schema: &Value| match schema {
        Value::Object(keys) => keys.values().any(contains_write_only),
        Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    let Some(keys) = form.as_object() else { return false };
    is_write_only(form)
        || keys.iter().any(|(key, value)| match value {
            Value::Object(fields) if key == "properties" => fields.values().any(inside),
            Value::Object(_)
            | Value::Array(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_) => contains_write_only(value),
        })
}

fn is_write_only(schema: &Value) -> bool {
    schema.get("writeOnly").and_then(Value::as_bool).unwrap_or(false)
}

fn contains_write_only(value: &Value) -> bool {
    match value {
        Value::Object(keys) => is_write_only(value) || keys.values().any(contains_write_only),
        Value::Array(items) => items.iter().any(contains_write_only),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Whether a schema can be compiled.
pub(crate) fn check_schema(schema: &Value) -> Result<(), String> {
    validator(schema).map(|_| ())
}

/// Checks a value against a schema.
pub(crate) fn validate(schema: &Value, value: &Value, at: &str) -> Result<Vec<Diagnostic>, String> {
    Ok(errors(&validator(schema)?, value, at))
}

fn validator(schema: &Value) -> Result<Validator, String> {
    if !schema.is_object() && !schema.is_boolean() {
        return Err("a JSON Schema is an object".to_owned());
    }
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .build(schema)
        .map_err(|error| format!("no JSON Schema: {error}"))
}

fn errors(validator: &Validator, value: &Value, at: &str) -> Vec<Diagnostic> {
    let describe = |error: jsonschema::ValidationError<'_>| {
        let pointer = format!("{at}{}", error.instance_path().as_str());
        // Masked: what a person gave may be a secret, and messages are logged.
        Diagnostic::error("invalid_input", pointer, error.masked_with("the value").to_string())
    };
    validator.iter_errors(value).map(describe).collect()
}

/// Inputs that a schema with named properties does not name; most often a slip of the pen.
fn unknown_inputs(schema: &Value, inputs: &Value) -> Vec<Diagnostic> {
    let open = ["additionalProperties", "patternProperties", "$ref", "allOf", "anyOf", "oneOf"];
    let (Some(inputs), false) = (inputs.as_object(), open.iter().any(|key| schema.get(key).is_some())) else {
        return Vec::new();
    };
    let known: BTreeSet<&str> = schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect();
    if known.is_empty() && schema.get("type").is_some() {
        return Vec::new();
    }
    let unknown = inputs.keys().filter(|name| !known.contains(name.as_str()));
    unknown
        .map(|name| {
            let pointer = format!("/{}", escape_key(name));
            let found = Diagnostic::error("invalid_input", pointer, format!("there is no input `{name}`"));
            match nearest(name, known.iter().copied()) {
                Some(near) => found.with_help(format!("did you mean `{near}`?")),
                None => found,
            }
        })
        .collect()
}

/// How deep defaults are looked for.
const MAX_DEPTH: usize = 32;

fn fill_defaults(schema: &Value, value: &mut Value, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    if let (Some(properties), Some(fields)) =
        (schema.get("properties").and_then(Value::as_object), value.as_object_mut())
    {
        for (name, schema) in properties {
            match (fields.get_mut(name), schema.get("default")) {
                (Some(field), _) => fill_defaults(schema, field, depth + 1),
                (None, Some(default)) => {
                    fields.insert(name.clone(), default.clone());
                }
                (None, None) => {}
            }
        }
    }
    if let (Some(schema), Some(items)) = (schema.get("items"), value.as_array_mut()) {
        for item in items {
            fill_defaults(schema, item, depth + 1);
        }
    }
}
