//! The document itself.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::config::{Config, SecretDeclaration};
use super::step::Step;
use crate::ids::{DocumentHash, DocumentId, sha256_hex};

/// The version of the format that this crate reads and writes.
pub const FORMAT_VERSION: u32 = 1;

/// An AEF document. [`Document::from_yaml`], [`Document::from_json`] and [`Document::load`] read one.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("patternProperties" = { "^x-": true }, "additionalProperties" = false))]
pub struct Document {
    /// The version of the format: 1.
    #[schemars(extend("const" = 1))]
    pub aef: u32,
    /// Its id, the same in all its versions.
    #[schemars(extend("pattern" = "^[A-Za-z0-9_.-]+$", "maxLength" = 128))]
    pub id: DocumentId,
    /// Its own version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What a person reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What is true when it has run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goal: Option<String>,
    /// What else a person should know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// A JSON Schema of its inputs.
    #[schemars(with = "Option<Map<String, Value>>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Value>,
    /// The secrets that it enters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretDeclaration>,
    /// Variables with their first values: JSON with templates of `inputs` in its strings.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub vars: Map<String, Value>,
    /// Its settings.
    #[serde(default, skip_serializing_if = "is_default")]
    pub config: Config,
    /// What it was made from, where a tool has made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// What it does.
    pub steps: Vec<Step>,
    /// Keys that begin with `x-`, kept as they are.
    #[serde(flatten)]
    #[schemars(skip)]
    pub extensions: BTreeMap<String, Value>,
}

/// What a document was made from. That stays as it was, under its own version; this names it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// What it is, for example `sop`.
    pub kind: String,
    /// Its own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its own version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// SHA-256 of its bytes, in lower-case hexadecimal.
    pub sha256: String,
}

fn is_default(config: &Config) -> bool {
    *config == Config::default()
}

impl Document {
    /// The document as JSON, with the keys of every object sorted and no white space: equal documents have equal texts.
    ///
    /// # Panics
    /// Never: a document holds nothing that JSON cannot say.
    #[must_use]
    pub fn canonical_json(&self) -> String {
        let mut value = serde_json::to_value(self).expect("a document is JSON");
        value.sort_all_objects();
        value.to_string()
    }

    /// SHA-256 of [`Document::canonical_json`].
    #[must_use]
    pub fn hash(&self) -> DocumentHash {
        DocumentHash::new(sha256_hex(self.canonical_json().as_bytes()))
    }
}
