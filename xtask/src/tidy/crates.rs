//! The arrows between the crates: adapters stand on the core and know nothing of each other.

use serde::Deserialize;

use crate::command::{self, Failure};

/// What may depend on several of the workspace's crates.
const SEES_ALL: [&str; 5] = ["aef", "aef-chaos", "aef-cli", "aef-testkit", "xtask"];

const CORE: &str = "aef-core";

/// What `cargo metadata` tells of the workspace.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    name: String,
    /// Absent for an ordinary dependency, else `dev` or `build`.
    kind: Option<String>,
}

pub(super) fn load() -> Result<Metadata, Failure> {
    let text =
        command::read(command::cargo().args(["metadata", "--no-deps", "--format-version=1", "--locked"]))?;
    serde_json::from_str(&text).map_err(|error| Failure::Wrong(format!("cargo metadata: {error}")))
}

pub(super) fn check(metadata: &Metadata, violations: &mut Vec<String>) {
    let ours: Vec<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    for package in &metadata.packages {
        if SEES_ALL.contains(&package.name.as_str()) {
            continue;
        }
        let may_use: &[&str] = if package.name == CORE { &[] } else { &[CORE] };
        for dependency in package.dependencies.iter().filter(|dependency| dependency.kind.is_none()) {
            let name = dependency.name.as_str();
            if ours.contains(&name) && !may_use.contains(&name) {
                violations
                    .push(format!("{}/Cargo.toml: {} must not depend on {name}", package.name, package.name));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn violations(name: &str, dependency: &str, kind: Option<&str>) -> Vec<String> {
        let metadata = json!({ "packages": [
            { "name": name, "dependencies": [{ "name": dependency, "kind": kind }, { "name": "serde" }] },
            { "name": dependency, "dependencies": [] },
        ] });
        let mut found = Vec::new();
        check(&serde_json::from_value(metadata).unwrap(), &mut found);
        found
    }

    #[test]
    fn an_adapter_stands_on_the_core_alone() {
        assert!(violations("aef-store-sqlite", "aef-core", None).is_empty());
        assert_eq!(
            violations("aef-store-sqlite", "aef-store-memory", None),
            ["aef-store-sqlite/Cargo.toml: aef-store-sqlite must not depend on aef-store-memory"]
        );
        assert_eq!(violations("aef-core", "aef-store-memory", None).len(), 1);
    }

    #[test]
    fn tests_and_those_who_assemble_may_use_all() {
        assert!(violations("aef-store-sqlite", "aef-testkit", Some("dev")).is_empty());
        assert!(violations("aef-cli", "aef-store-memory", None).is_empty());
    }
}
