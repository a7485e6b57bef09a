//! The secret that services of the host share.

use aef_core::ids::OwnerId;
use aef_core::secrets::{ExposeSecret as _, SecretString};
use async_trait::async_trait;
use axum::http::request::Parts;
use subtle::ConstantTimeEq as _;

use super::{AuthError, Authenticator, Principal};

/// The header with the secret.
pub(crate) const HEADER: &str = "x-internal-auth";

/// The header in which a service says for which owner it asks.
pub(crate) const OWNER: &str = "x-aef-owner";

/// The longest name of an owner that a service may give.
const MAX_OWNER: usize = 256;

/// Recognises services by the secret that they share with the host.
#[derive(Debug)]
pub(crate) struct InternalSecret(SecretString);

impl InternalSecret {
    pub(crate) const fn new(secret: SecretString) -> Self {
        Self(secret)
    }
}

#[async_trait]
impl Authenticator for InternalSecret {
    async fn authenticate(&self, request: &Parts) -> Result<Option<Principal>, AuthError> {
        let Some(given) = request.headers.get(HEADER) else { return Ok(None) };
        let expected = self.0.expose_secret().as_bytes();
        // Lengths are compared openly; of a secret of sufficient length that tells nothing.
        if !bool::from(given.as_bytes().ct_eq(expected)) {
            return Err(AuthError::Refused("the internal secret is wrong".to_owned()));
        }
        let mut principal = Principal::service("service");
        if let Some(owner) = request.headers.get(OWNER) {
            let name = owner.to_str().ok().filter(|name| (1..=MAX_OWNER).contains(&name.len()));
            let refused = || AuthError::Refused("X-AEF-Owner is no name of an owner".to_owned());
            principal.owner = Some(OwnerId::from(name.ok_or_else(refused)?));
        }
        Ok(Some(principal))
    }
}
