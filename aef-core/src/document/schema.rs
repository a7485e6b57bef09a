//! The JSON Schema of documents: one form for each type of step, and no keys but the known ones.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::root::Document;
use super::step::{Decision, End, Group, Handler, Loop, Manual, Step, StepCommon, Task};

impl Document {
    /// The JSON Schema of documents, for editors and generators. What the compiler checks goes further.
    #[must_use]
    pub fn schema() -> Value {
        let mut schema =
            SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Self>().to_value();
        schema["title"] = json!("AEF document, version 1");
        schema
    }
}

impl JsonSchema for Step {
    fn schema_name() -> Cow<'static, str> {
        "Step".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut common = properties(&StepCommon::json_schema(generator));
        common.insert("onError".to_owned(), on_error(generator));
        let kinds = [
            ("task", Task::json_schema(generator)),
            ("loop", Loop::json_schema(generator)),
            ("decision", Decision::json_schema(generator)),
            ("group", Group::json_schema(generator)),
            ("manual", Manual::json_schema(generator)),
            ("end", End::json_schema(generator)),
        ];
        let forms: Vec<Value> = kinds.iter().map(|(name, kind)| form(name, kind, &common)).collect();
        schemars::json_schema!({ "description": "One step.", "oneOf": forms })
    }
}

fn properties(schema: &Schema) -> Map<String, Value> {
    schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default()
}

fn on_error(generator: &mut SchemaGenerator) -> Value {
    json!({
        "description": "What else is done about its errors; the first entry that fits is taken.",
        "type": "array",
        "items": generator.subschema_for::<Handler>(),
    })
}

/// The form of one type of step: its own fields, those of all steps, and nothing else but `x-…`.
fn form(name: &str, kind: &Schema, common: &Map<String, Value>) -> Value {
    let mut fields = Map::new();
    fields.insert("id".to_owned(), json!({
        "description": "Unique in the document.", "type": "string", "pattern": "^[A-Za-z0-9_.-]+$", "maxLength": 128
    }));
    fields.insert(
        "name".to_owned(),
        json!({ "description": "What a person reads. Default the id.", "type": "string" }),
    );
    fields.insert("type".to_owned(), json!({ "const": name }));
    fields.extend(properties(kind));
    fields.extend(common.clone());
    let mut required = vec![json!("id")];
    if name != "task" {
        required.push(json!("type"));
    }
    required.extend(kind.get("required").and_then(Value::as_array).into_iter().flatten().cloned());
    json!({
        "title": name,
        "description": kind.get("description"),
        "type": "object",
        "required": required,
        "properties": fields,
        "patternProperties": { "^x-": true },
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../schema/aef-document.v1.json");

    #[test]
    fn the_committed_schema_is_the_one_of_the_types() {
        let text = format!("{:#}\n", Document::schema());
        if std::env::var_os("AEF_UPDATE_SCHEMA").is_some() {
            std::fs::write(COMMITTED, &text).unwrap();
        }
        let committed = std::fs::read_to_string(COMMITTED).unwrap();
        assert!(
            committed == text,
            "run this test with AEF_UPDATE_SCHEMA=1 and commit schema/aef-document.v1.json"
        );
    }

    #[test]
    fn the_schema_takes_what_the_reader_takes_and_refuses_unknown_keys() {
        let validator = jsonschema::validator_for(&Document::schema()).unwrap();
        let mut document = json!({
            "aef": 1, "id": "d", "x-note": 1,
            "steps": [
                { "id": "a", "x-more": [], "actions": [{ "action": "click", "target": { "css": "a" }, "timeout": "2s" }] },
                { "id": "b", "type": "loop", "forEach": "[1]", "maxIterations": 3, "steps": [{ "id": "c", "type": "end" }] },
            ],
        });
        let errors: Vec<_> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new());
        document["steps"][0]["actoins"] = json!([]);
        assert!(!validator.is_valid(&document));
    }
}
