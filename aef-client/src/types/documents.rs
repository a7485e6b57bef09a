//! Documents, SOPs and files.

use aef_core::enrich::EnrichReport;
use aef_core::sop::Report;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An SOP in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SopRow {
    /// Its id.
    pub sop_id: String,
    /// Its version, from 1.
    pub version: u32,
    /// Its title.
    pub title: String,
    /// When this version was kept.
    pub created_at: Timestamp,
}

/// An SOP, to the letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sop {
    /// What lists say of it.
    #[serde(flatten)]
    pub row: SopRow,
    /// SHA-256 of its text.
    pub hash: String,
    /// The document as it was given.
    pub document: Value,
}

/// A page of SOPs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sops {
    /// The SOPs, each in its newest version.
    pub sops: Vec<SopRow>,
    /// What to ask for as `cursor` next, where there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A document in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DocumentRow {
    /// Its id, as its author wrote it.
    pub aef_document_id: String,
    /// Its version, from 1.
    pub version: u32,
    /// Its title.
    pub title: String,
    /// SHA-256 of its canonical JSON.
    pub hash: String,
    /// When this version was kept.
    pub created_at: Timestamp,
}

/// A document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// What lists say of it.
    #[serde(flatten)]
    pub row: DocumentRow,
    /// Its canonical JSON.
    pub document: Value,
}

/// A page of documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Documents {
    /// The documents, each in its newest version.
    pub documents: Vec<DocumentRow>,
    /// What to ask for as `cursor` next, where there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A document that was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptDocument {
    /// What lists say of it.
    #[serde(flatten)]
    pub row: DocumentRow,
    /// What is probably not meant.
    pub warnings: Vec<Diagnostic>,
}

/// A document that can be run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ValidatedDocument {
    /// Its id.
    pub aef_document_id: String,
    /// SHA-256 of its canonical JSON.
    pub hash: String,
    /// How many steps it has.
    pub steps: usize,
    /// What is probably not meant.
    pub warnings: Vec<Diagnostic>,
}

/// One thing that is wrong, or probably not meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Where: a JSON pointer.
    pub pointer: String,
    /// What kind of fault it is.
    pub code: String,
    /// `error` or `warning`.
    pub severity: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// Of what a document is to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transform {
    /// The SOP.
    pub sop_id: String,
    /// Which version. Default the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Settings of the document, laid over those that the transform makes. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Value>,
}

/// A document that was made of an SOP, with an execution of it that is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transformed {
    /// The document.
    pub aef_document: Value,
    /// Its id.
    pub aef_document_id: String,
    /// An execution of it that is held: its live view can be opened before it is started.
    pub execution_id: String,
    /// How long the procedure takes by the SOP's own estimates, in minutes.
    pub estimated_duration: u64,
    /// What was found and what was done about it: counts and warnings.
    pub report: Report,
    /// What became of the steps that are told in words only, where the host reads them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrichment: Option<EnrichReport>,
}

/// A file that was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptFile {
    /// SHA-256 of its bytes: what an input of `format: artifact` names.
    pub artifact: String,
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
}
