//! The secrets that an SOP asks for: `credentialsRequired`, by service and field.

use std::collections::BTreeMap;

use serde_json::Value;

use super::model::{Node, filled};
use super::names::variable_of;
use crate::document::{SecretDeclaration, SecretKind};

/// The credentials that a node asks for: service and field.
pub(super) fn credentials(node: &Node) -> Vec<(String, String)> {
    let services = node.fields.get("credentialsRequired").and_then(Value::as_object);
    let mut found = Vec::new();
    for (service, fields) in services.into_iter().flatten() {
        let fields = match fields.as_array() {
            Some(fields) => fields.iter().collect(),
            None => vec![fields],
        };
        found.extend(fields.into_iter().filter_map(filled).map(|field| (service.clone(), field.to_owned())));
    }
    found
}

/// The name of the secret for a field that an instruction of a node enters: that of the service which asks for it.
pub(super) fn name_of(node: &Node, field: &str) -> Option<String> {
    let asked = credentials(node).into_iter().find(|(_, asked)| asked == field);
    match asked {
        Some((service, field)) => name(&service, &field),
        None => variable_of(field),
    }
}

/// The names of the secrets that a node asks for.
pub(super) fn names(node: &Node) -> Vec<String> {
    credentials(node).iter().filter_map(|(service, field)| name(service, field)).collect()
}

fn name(service: &str, field: &str) -> Option<String> {
    variable_of(&format!("{service}_{field}"))
}

/// Declares all secrets, each once, in the order in which they are asked for.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    declared: Vec<SecretDeclaration>,
    known: BTreeMap<String, usize>,
}

impl Secrets {
    /// What a node asks for.
    pub(super) fn declare(&mut self, node: &Node) {
        for (service, field) in credentials(node) {
            if let Some(name) = name(&service, &field) {
                self.add(name, kind_of(&field), Some(format!("{field} of {service}")));
            }
        }
    }

    /// A secret that an action enters.
    pub(super) fn enter(&mut self, name: &str) {
        self.add(name.to_owned(), kind_of(name), None);
    }

    fn add(&mut self, name: String, kind: SecretKind, description: Option<String>) {
        if self.known.contains_key(&name) {
            return;
        }
        self.known.insert(name.clone(), self.declared.len());
        self.declared.push(SecretDeclaration { name, kind, origins: Vec::new(), description });
    }

    pub(super) fn into_declarations(self) -> Vec<SecretDeclaration> {
        self.declared
    }
}

fn kind_of(field: &str) -> SecretKind {
    let field = field.to_lowercase();
    if ["token", "api_key", "apikey", "api key"].iter().any(|word| field.contains(word)) {
        SecretKind::Token
    } else if ["user", "email", "login", "account"].iter().any(|word| field.contains(word)) {
        SecretKind::Text
    } else {
        SecretKind::Password
    }
}
