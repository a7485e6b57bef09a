//! Secrets in the environment of the process.

use async_trait::async_trait;

use super::{SecretError, SecretProvider, SecretRequest, SecretString};
use crate::ids::{DocumentId, OwnerId};

/// Reads secrets from environment variables: `crm_password` from `AEF_SECRET_CRM_PASSWORD`.
///
/// Every owner and every document gets the same values. A server that works for several owners needs a provider that
/// tells them apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvSecrets {
    prefix: String,
}

impl EnvSecrets {
    /// What the names of the variables begin with, unless another prefix is given.
    pub const PREFIX: &'static str = "AEF_SECRET_";

    /// Reads variables that begin with another prefix.
    #[must_use]
    pub fn with_prefix(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into() }
    }

    /// The variable of a secret: its name in capitals, with `_` for all that is neither letter nor digit.
    #[must_use]
    pub fn variable(&self, name: &str) -> String {
        let tail = name.chars().map(|letter| match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' => letter.to_ascii_uppercase(),
            _ => '_',
        });
        self.prefix.chars().chain(tail).collect()
    }

    fn read(&self, name: &str) -> Result<Option<SecretString>, SecretError> {
        match std::env::var(self.variable(name)) {
            Ok(value) => Ok(Some(SecretString::from(value))),
            Err(std::env::VarError::NotPresent) => Ok(None),
            // The error of the standard library holds the value; it must not travel.
            Err(std::env::VarError::NotUnicode(_)) => Err(SecretError::Unavailable {
                name: name.to_owned(),
                source: format!("the variable {} is not UTF-8", self.variable(name)).into(),
            }),
        }
    }
}

impl Default for EnvSecrets {
    fn default() -> Self {
        Self::with_prefix(Self::PREFIX)
    }
}

#[async_trait]
impl SecretProvider for EnvSecrets {
    async fn resolve(&self, request: SecretRequest) -> Result<SecretString, SecretError> {
        self.read(&request.name)?.ok_or_else(|| SecretError::Missing {
            help: format!("set the environment variable {}", self.variable(&request.name)),
            name: request.name,
        })
    }

    async fn available(&self, _: &OwnerId, _: &DocumentId, name: &str) -> Result<bool, SecretError> {
        Ok(self.read(name)?.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::request;
    use super::*;

    #[test]
    fn a_name_becomes_a_variable() {
        assert_eq!(EnvSecrets::default().variable("crm-password.2"), "AEF_SECRET_CRM_PASSWORD_2");
        assert_eq!(EnvSecrets::with_prefix("MY_").variable("token"), "MY_TOKEN");
    }

    #[test]
    fn a_missing_variable_is_named() {
        let secrets = EnvSecrets::with_prefix("AEF_TEST_NOWHERE_");
        let error = futures::executor::block_on(secrets.resolve(request("token"))).unwrap_err();
        assert!(error.to_string().contains("AEF_TEST_NOWHERE_TOKEN"), "{error}");
    }

    #[test]
    fn a_variable_that_is_set_is_read() {
        // `PATH` is there wherever tests run.
        let secrets = EnvSecrets::with_prefix("");
        let found = futures::executor::block_on(secrets.available(&"me".into(), &"doc".into(), "path"));
        assert!(found.unwrap());
    }
}
