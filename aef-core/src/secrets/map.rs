//! Secrets in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{SecretError, SecretProvider, SecretRequest, SecretString};
use crate::ids::{DocumentId, OwnerId};

/// Secrets that the host has put into a map, for tests and for hosts that read them themselves.
#[derive(Debug, Clone, Default)]
pub struct MapSecrets(BTreeMap<String, SecretString>);

impl MapSecrets {
    /// The same with one secret more.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.insert(name.into(), SecretString::from(value.into()));
        self
    }
}

#[async_trait]
impl SecretProvider for MapSecrets {
    async fn resolve(&self, request: SecretRequest) -> Result<SecretString, SecretError> {
        self.0.get(&request.name).cloned().ok_or_else(|| SecretError::Missing {
            name: request.name,
            help: "the host gives no such secret".to_owned(),
        })
    }

    async fn available(&self, _: &OwnerId, _: &DocumentId, name: &str) -> Result<bool, SecretError> {
        Ok(self.0.contains_key(name))
    }
}

#[cfg(test)]
mod tests {
    use super::super::ExposeSecret;
    use super::super::tests::request;
    use super::*;

    #[test]
    fn what_was_put_in_comes_out_and_is_not_printed() {
        let secrets = MapSecrets::default().with("pin", "1234");
        let value = futures::executor::block_on(secrets.resolve(request("pin"))).unwrap();
        assert_eq!(value.expose_secret(), "1234");
        assert!(!format!("{secrets:?}").contains("1234"));
        assert!(futures::executor::block_on(secrets.resolve(request("other"))).is_err());
    }
}
