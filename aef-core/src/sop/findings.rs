//! What the stages find on their way.

use super::model::Sop;
use super::report::{EdgeRef, Warning, WarningCode};
use crate::document::Diagnostic;

/// Warnings with their places, and errors.
#[derive(Debug, Clone, Default)]
pub(super) struct Findings {
    warnings: Vec<(Option<usize>, Warning)>,
    pub(super) errors: Vec<Diagnostic>,
}

impl Findings {
    /// About the whole SOP.
    pub(super) fn whole(&mut self, code: WarningCode, message: impl Into<String>) {
        self.warnings.push((None, Warning { code, node: None, edge: None, message: message.into() }));
    }

    /// About a node.
    pub(super) fn node(&mut self, sop: &Sop, node: usize, code: WarningCode, message: impl Into<String>) {
        let id = sop.nodes[node].id.clone();
        let warning = Warning { code, node: Some(id), edge: None, message: message.into() };
        self.warnings.push((Some(node), warning));
    }

    /// About an edge that leaves `source`.
    pub(super) fn edge(
        &mut self,
        sop: &Sop,
        (index, source): (usize, usize),
        code: WarningCode,
        message: impl Into<String>,
    ) {
        let edge = &sop.edges[index];
        let named = EdgeRef { index, source: edge.source.clone(), target: edge.target.clone() };
        let warning =
            Warning { code, node: Some(edge.source.clone()), edge: Some(named), message: message.into() };
        self.warnings.push((Some(source), warning));
    }

    /// The warnings in the order of the nodes; those about the whole come first.
    pub(super) fn into_warnings(mut self) -> Vec<Warning> {
        self.warnings.sort_by_key(|(place, _)| *place);
        self.warnings.into_iter().map(|(_, warning)| warning).collect()
    }
}
