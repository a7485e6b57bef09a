//! Reads and writes an [`Action`]: the fields that every action takes stand beside those of its kind.

#![expect(clippy::wildcard_enum_match_arm, reason = "all kinds but the custom one derive their form")]

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::action::{Action, ActionKind, CustomAction, Popup};
use super::duration::Span;

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Common {
    /// How long the action may take. Default: `config.actionTimeout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeout: Option<Span>,
    /// Whether it may be performed again when its outcome is unknown. Default: by its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    repeatable: Option<bool>,
    /// What it is for, shown at checkpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// The popup that it opens and that is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    popup: Option<Popup>,
}

/// The fields that every action takes.
pub(crate) const COMMON_FIELDS: [&str; 4] = ["timeout", "repeatable", "description", "popup"];

impl Serialize for Action {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = match &self.kind {
            ActionKind::Custom(custom) => custom_fields(custom),
            kind => match serde_json::to_value(kind).map_err(S::Error::custom)? {
                Value::Object(fields) => fields,
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                    return Err(S::Error::custom("an action is an object"));
                }
            },
        };
        let common = Common {
            timeout: self.timeout,
            repeatable: self.repeatable,
            description: self.description.clone(),
            popup: self.popup.clone(),
        };
        if let Value::Object(common) = serde_json::to_value(common).map_err(S::Error::custom)? {
            fields.extend(common);
        }
        fields.serialize(serializer)
    }
}

fn custom_fields(custom: &CustomAction) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("action".into(), Value::String(custom.name.clone()));
    if !custom.with.is_empty() {
        fields.insert("with".into(), Value::Object(custom.with.clone()));
    }
    if let Some(variable) = &custom.variable {
        fields.insert("as".into(), Value::String(variable.clone()));
    }
    fields
}

impl<'de> Deserialize<'de> for Action {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Map::deserialize(deserializer)?;
        let common: Map<String, Value> =
            COMMON_FIELDS.iter().filter_map(|&name| fields.remove_entry(name)).collect();
        let common: Common = serde_json::from_value(Value::Object(common)).map_err(D::Error::custom)?;
        let kind = match fields.get("action") {
            Some(Value::String(name)) if name.contains('.') => custom_action(fields)?,
            _ => serde_json::from_value(Value::Object(fields)).map_err(D::Error::custom)?,
        };
        let Common { timeout, repeatable, description, popup } = common;
        Ok(Self { kind, timeout, repeatable, description, popup })
    }
}

fn custom_action<E: serde::de::Error>(fields: Map<String, Value>) -> Result<ActionKind, E> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Written {
        action: String,
        #[serde(default)]
        with: Map<String, Value>,
        #[serde(default, rename = "as")]
        variable: Option<String>,
    }
    let written: Written = serde_json::from_value(Value::Object(fields)).map_err(E::custom)?;
    Ok(ActionKind::Custom(CustomAction {
        name: written.action,
        with: written.with,
        variable: written.variable,
    }))
}

impl JsonSchema for Action {
    fn schema_name() -> Cow<'static, str> {
        "Action".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let common = Common::json_schema(generator);
        let mut schema = ActionKind::json_schema(generator);
        let shared = common.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        if let Some(Value::Array(kinds)) = schema.get_mut("oneOf") {
            for kind in kinds.iter_mut() {
                inline_common(kind, &shared, generator);
            }
            kinds.push(serde_json::json!({
                "description": "A host's own action.",
                "type": "object",
                "required": ["action"],
                "properties": {
                    "action": { "type": "string", "pattern": "^[A-Za-z0-9_-]+\\.[A-Za-z0-9_.-]+$" },
                    "with": { "type": "object" },
                    "as": { "type": "string" },
                    "timeout": shared.get("timeout"), "repeatable": shared.get("repeatable"),
                    "description": shared.get("description"), "popup": shared.get("popup"),
                },
                "additionalProperties": false
            }));
        }
        schema
    }
}

/// A kind refers to the schema of its fields, which forbids others; so its properties are copied into place.
fn inline_common(kind: &mut Value, shared: &Map<String, Value>, generator: &SchemaGenerator) {
    let Some(object) = kind.as_object_mut() else { return };
    if let Some(Value::String(reference)) = object.remove("$ref") {
        let name = reference.rsplit('/').next().unwrap_or_default();
        if let Some(Value::Object(fields)) = generator.definitions().get(name).cloned() {
            for (key, value) in fields {
                match (object.get_mut(&key), value) {
                    (Some(Value::Object(here)), Value::Object(there)) => here.extend(there),
                    (Some(Value::Array(here)), Value::Array(there)) => here.extend(there),
                    (Some(_), _) => {}
                    (None, value) => {
                        object.insert(key, value);
                    }
                }
            }
        }
    }
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        properties.extend(shared.clone());
    }
    object.insert("additionalProperties".into(), Value::Bool(false));
}
