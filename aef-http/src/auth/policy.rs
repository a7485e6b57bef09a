//! What each route asks of a caller: one table.

use aef_core::store::KeyScope;
use axum::http::Method;

use crate::limits::Budget;

/// What a route asks of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// A key needs one of these scopes; persons and services may.
    Scope(&'static [KeyScope]),
    /// A person or a service; no key.
    Person,
    /// A service of the host.
    Service,
}

const READ: Need = Need::Scope(&[KeyScope::Read]);
const EXECUTE: Need = Need::Scope(&[KeyScope::Execute]);
const CONTROL: Need = Need::Scope(&[KeyScope::Control]);
/// Who may run something may read what it is.
const READ_OR_EXECUTE: Need = Need::Scope(&[KeyScope::Read, KeyScope::Execute]);

/// Whose credentials a route takes, where they are not for all of an owner's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// It is about one execution: a status token of that execution does.
    Execution,
    /// It is about documents and executions: a key that is bound to one document does.
    Document,
    /// It is about all of an owner's.
    Owner,
}

/// How far a credential must reach for a route.
pub(crate) fn reach(route: &str) -> Reach {
    if route.contains("{executionId}") || route.contains("/executions/{id}") {
        Reach::Execution
    } else if ["/api/aef/sops", "/api/aef/transform"].iter().any(|part| route.contains(part)) {
        Reach::Owner
    } else {
        Reach::Document
    }
}

/// What a route asks, and to which budget it counts. A route is its path as it was registered, under whatever prefix.
pub(crate) fn of(method: &Method, route: &str) -> (Need, Budget) {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    let budget = if reads { Budget::Reads } else { Budget::Writes };
    let ends = |ends: &[&str]| ends.iter().any(|end| route.ends_with(end));
    if ends(&["/process-executions", "/internal-execute"]) {
        return (Need::Service, Budget::Writes);
    }
    if ["/api/aef/keys", "/api/aef/secrets", "/api/aef/audit"].iter().any(|part| route.contains(part)) {
        return (Need::Person, budget);
    }
    if !reads && ends(&["/execute", "/transform", "/fork"]) {
        return (EXECUTE, Budget::Starts);
    }
    if reads && ends(&["/engines-api/list", "/engines-api/{id}", "/engines-api/{id}/form"]) {
        return (READ_OR_EXECUTE, budget);
    }
    if reads || ends(&["/documents/validate", "/ticket"]) {
        return (READ, budget);
    }
    (CONTROL, budget)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_reaches_no_further_than_it_was_made_for() {
        for (route, expected) in [
            ("/api/aef/executions/{id}/artifacts/{hash}", Reach::Execution),
            ("/engines-api/executions/{executionId}", Reach::Execution),
            ("/api/aef/executions", Reach::Document),
            ("/v1/api/aef/documents", Reach::Document),
            ("/v1/api/aef/sops/{id}", Reach::Owner),
            ("/api/aef/transform", Reach::Owner),
        ] {
            assert_eq!(reach(route), expected, "{route}");
        }
    }

    #[test]
    fn reading_needs_read_and_changing_needs_control() {
        let need = |method: Method, route: &str| of(&method, route);
        assert_eq!(need(Method::GET, "/api/aef/executions"), (READ, Budget::Reads));
        assert_eq!(need(Method::POST, "/api/aef/documents/validate"), (READ, Budget::Writes));
        assert_eq!(need(Method::POST, "/api/aef/live/{executionId}/ticket"), (READ, Budget::Writes));
        assert_eq!(need(Method::DELETE, "/api/aef/stop/{id}"), (CONTROL, Budget::Writes));
        assert_eq!(need(Method::PUT, "/api/aef/sops/{id}"), (CONTROL, Budget::Writes));
        assert_eq!(need(Method::POST, "/v1/engines-api/{id}/execute"), (EXECUTE, Budget::Starts));
        assert_eq!(need(Method::GET, "/engines-api/{id}"), (READ_OR_EXECUTE, Budget::Reads));
        assert_eq!(need(Method::GET, "/engines-api/executions/{executionId}"), (READ, Budget::Reads));
        assert_eq!(need(Method::GET, "/api/aef/keys"), (Need::Person, Budget::Reads));
        assert_eq!(need(Method::POST, "/process-executions"), (Need::Service, Budget::Writes));
    }
}
