//! Keys, secrets, and who did what.

use std::fmt;

use aef_core::store::KeyScope;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a key is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewKey {
    /// What its owner calls it.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<KeyScope>,
    /// The only document that it is good for. Default all of the owner's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aef_document_id: Option<String>,
    /// The origins of pages that may use it. Default none: it is for programs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<String>,
    /// Until when it is good. Default without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// A key, without its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    /// Its id.
    pub key_id: String,
    /// What its owner calls it.
    pub name: String,
    /// What its text begins with.
    pub prefix: String,
    /// What it allows.
    pub scopes: Vec<KeyScope>,
    /// The only document that it is good for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aef_document_id: Option<String>,
    /// The origins of pages that may use it.
    pub origins: Vec<String>,
    /// Whether it may stand in a public page.
    pub publishable: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Since when it is good no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
}

/// A key that was made, with its text, which is shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeKey {
    /// What lists say of it.
    #[serde(flatten)]
    pub view: Key,
    /// The key.
    pub key: String,
}

/// Without the text.
impl fmt::Debug for MadeKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("MadeKey").field("view", &self.view).finish_non_exhaustive()
    }
}

/// A page of keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Keys {
    /// The keys, revoked and expired ones too.
    pub keys: Vec<Key>,
    /// What to ask for as `cursor` next, where there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// The value of a secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewSecret {
    /// The value: up to 64 KiB. It cannot be read again.
    pub value: String,
}

/// Without the value.
impl fmt::Debug for NewSecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("NewSecret")
    }
}

/// That there is a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Secret {
    /// What documents call it.
    pub name: String,
    /// When its value was last set.
    pub updated_at: Timestamp,
}

/// An owner's secrets, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secrets {
    /// The secrets.
    pub secrets: Vec<Secret>,
}

/// Something that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who asked.
    pub actor: String,
    /// What was asked, as method and route.
    pub action: String,
    /// The path that was asked for.
    pub target: String,
    /// The status of the answer.
    pub status: u16,
    /// From where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The id of the request.
    pub request_id: String,
}

/// A page of the audit log, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Audit {
    /// The entries.
    pub entries: Vec<AuditEntry>,
    /// What to ask for as `cursor` next, where there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}
