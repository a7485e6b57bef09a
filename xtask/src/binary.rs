//! The binary `aef`, for tasks that run it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command::{self, Failure};

/// Builds `aef`, and tells where it is.
pub(crate) fn aef() -> Result<PathBuf, Failure> {
    let built = command::read(command::cargo().args([
        "build",
        "--package=aef-cli",
        "--bin=aef",
        "--quiet",
        "--message-format=json-render-diagnostics",
    ]))?;
    built
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or_else(|| Failure::Wrong("cargo built no executable for aef-cli".to_owned()))
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    let named = std::env::var_os("CARGO_TARGET_DIR");
    command::root().join(named.as_deref().map_or(Path::new("target"), Path::new))
}
