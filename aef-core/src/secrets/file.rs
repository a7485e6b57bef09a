//! Secrets in a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::{SecretError, SecretProvider, SecretRequest, SecretString};
use crate::ids::{DocumentId, OwnerId};

/// Reads secrets from a file: a JSON object of texts, or lines of `NAME=value` with `#` for remarks.
///
/// The file is read each time a secret is asked for, so that a value can be changed while executions run, and none is
/// kept. Every owner and every document gets the same values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSecrets {
    path: PathBuf,
}

/// Why a file of secrets cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretFileError {
    /// It cannot be read.
    #[error("the file of secrets {} cannot be read", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is neither a JSON object of texts nor made of lines of `NAME=value`.
    #[error("the file of secrets {} cannot be understood at line {line}", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1. What stands there is not told: it may be a secret.
        line: usize,
    },
}

impl FileSecrets {
    /// Uses a file, and warns where others than its owner may read it.
    ///
    /// # Errors
    /// Where it cannot be read or understood.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, SecretFileError> {
        let secrets = Self { path: path.into() };
        secrets.read()?;
        if secrets.is_exposed() {
            tracing::warn!(path = %secrets.path.display(), "others can read the file of secrets; chmod 600 mends that");
        }
        Ok(secrets)
    }

    /// Whether others than its owner may read the file, or change it.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        exposed(&self.path)
    }

    fn read(&self) -> Result<BTreeMap<String, SecretString>, SecretFileError> {
        let text = std::fs::read_to_string(&self.path)
            .map_err(|source| SecretFileError::Read { path: self.path.clone(), source })?;
        parse(&text).map_err(|line| SecretFileError::Syntax { path: self.path.clone(), line })
    }

    fn find(&self, name: &str) -> Result<Option<SecretString>, SecretError> {
        let mut values = self
            .read()
            .map_err(|source| SecretError::Unavailable { name: name.to_owned(), source: Box::new(source) })?;
        Ok(values.remove(name))
    }
}

#[cfg(unix)]
fn exposed(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn exposed(_: &Path) -> bool {
    false
}

/// The secrets in `text`, or the line that cannot be understood.
fn parse(text: &str) -> Result<BTreeMap<String, SecretString>, usize> {
    if text.trim_start().starts_with('{') {
        let values: BTreeMap<String, String> = serde_json::from_str(text).map_err(|error| error.line())?;
        return Ok(values.into_iter().map(|(name, value)| (name, SecretString::from(value))).collect());
    }
    let mut values = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once('=').ok_or(index + 1)?;
        let name = name.trim();
        if name.is_empty() {
            return Err(index + 1);
        }
        values.insert(name.to_owned(), SecretString::from(unquoted(value.trim()).to_owned()));
    }
    Ok(values)
}

/// The value without the pair of quotes around it, where it has one.
fn unquoted(value: &str) -> &str {
    ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote)).unwrap_or(value)
}

#[async_trait]
impl SecretProvider for FileSecrets {
    async fn resolve(&self, request: SecretRequest) -> Result<SecretString, SecretError> {
        self.find(&request.name)?.ok_or_else(|| SecretError::Missing {
            help: format!("add it to {}", self.path.display()),
            name: request.name,
        })
    }

    async fn available(&self, _: &OwnerId, _: &DocumentId, name: &str) -> Result<bool, SecretError> {
        Ok(self.find(name)?.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::super::ExposeSecret;
    use super::super::tests::request;
    use super::*;

    fn value<'a>(values: &'a BTreeMap<String, SecretString>, name: &str) -> &'a str {
        values[name].expose_secret()
    }

    #[test]
    fn lines_and_json_say_the_same() {
        let lines = parse("# the CRM\ncrm_password = \"a=b c\"\n\npin='007'\nplain=x#y\n").unwrap();
        assert_eq!(value(&lines, "crm_password"), "a=b c");
        assert_eq!(value(&lines, "pin"), "007");
        assert_eq!(value(&lines, "plain"), "x#y");
        let json = parse(r#"{ "crm_password": "a=b c" }"#).unwrap();
        assert_eq!(value(&json, "crm_password"), "a=b c");
    }

    #[test]
    fn the_line_that_cannot_be_understood_is_told_without_its_text() {
        assert_eq!(parse("a=1\nhunter2\n").unwrap_err(), 2);
        assert_eq!(parse("=1").unwrap_err(), 1);
        assert_eq!(parse("{\n\"a\": 1\n}").unwrap_err(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_is_read_anew_each_time_and_its_mode_is_checked() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secrets");
        std::fs::write(&path, "token=first").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let secrets = FileSecrets::open(&path).unwrap();
        assert!(secrets.is_exposed());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(!secrets.is_exposed());
        let resolve = |name| futures::executor::block_on(secrets.resolve(request(name)));
        assert_eq!(resolve("token").unwrap().expose_secret(), "first");
        std::fs::write(&path, "token=second").unwrap();
        assert_eq!(resolve("token").unwrap().expose_secret(), "second");
        assert!(matches!(resolve("other"), Err(SecretError::Missing { .. })));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(resolve("token"), Err(SecretError::Unavailable { .. })));
    }
}
