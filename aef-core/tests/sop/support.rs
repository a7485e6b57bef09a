//! Small SOPs, written in few words.

use aef_core::document::Diagnostics;
use aef_core::sop::{Sop, TransformOptions, Transformed, WarningCode, transform};
use serde_json::{Value, json};

/// An SOP of these nodes and edges.
#[expect(clippy::needless_pass_by_value, reason = "it is called with literals")]
pub(crate) fn sop(nodes: Value, edges: Value) -> Value {
    json!({
        "meta": { "id": "sample", "title": "Sample", "version": "0.1" },
        "public": { "triggers": [], "nodes": nodes, "edges": edges },
        "private": { "skills": [], "steps": [], "artifacts": [] }
    })
}

pub(crate) fn read(value: &Value) -> Result<Sop, Diagnostics> {
    Sop::from_slice(value.to_string().as_bytes())
}

pub(crate) fn transformed(value: &Value) -> Result<Transformed, Diagnostics> {
    transform(&read(value)?, &TransformOptions::default())
}

/// The codes of the warnings, in their order.
pub(crate) fn codes(transformed: &Transformed) -> Vec<WarningCode> {
    transformed.report.warnings.iter().map(|warning| warning.code).collect()
}

/// A node.
pub(crate) fn node(id: &str, kind: &str) -> Value {
    json!({ "id": id, "type": kind, "label": id })
}

/// An edge.
pub(crate) fn edge(source: &str, target: &str, condition: &str) -> Value {
    json!({ "source": source, "target": target, "condition": condition })
}
