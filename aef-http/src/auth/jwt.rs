//! JSON Web Tokens: of a shared secret, or of keys that an issuer publishes.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use aef_core::ids::OwnerId;
use aef_core::secrets::{ExposeSecret as _, SecretString};
use async_trait::async_trait;
use axum::http::request::Parts;
use jiff::Timestamp;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, TokenData, Validation, decode, decode_header};
use serde::Deserialize;

use super::{AuthError, Authenticator, Principal, Role, bearer};

/// What a token must say beside being signed and not expired.
#[derive(Debug, Clone, Default)]
pub struct JwtOptions {
    /// The issuer that `iss` must name. Default any.
    pub issuer: Option<String>,
    /// The audience that `aud` must name. Default: tokens with an audience are refused unless one is set here.
    pub audience: Option<String>,
    /// The value of the claim `role` that makes the bearer a service of the host, such as `service_role`. Default none.
    pub service_role: Option<String>,
}

/// Recognises JSON Web Tokens in `Authorization: Bearer`; `sub` names the owner.
pub struct JwtAuthenticator {
    keys: Vec<Key>,
    service_role: Option<String>,
}

/// A key with what a token signed by it must be.
struct Key {
    id: Option<String>,
    decoding: DecodingKey,
    validation: Validation,
}

/// Why a set of keys is not usable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JwksError {
    /// The file cannot be read.
    #[error("the file of keys cannot be read")]
    File(#[source] std::io::Error),
    /// It is no set of keys.
    #[error("it is no JSON Web Key Set")]
    Syntax(#[source] serde_json::Error),
    /// A key of it cannot be used.
    #[error("a key of the set cannot be used")]
    Key(#[source] jsonwebtoken::errors::Error),
    /// It has no public key to sign with.
    #[error("the set holds no key that verifies signatures")]
    Empty,
}

/// What is read of a token.
#[derive(Debug, Deserialize)]
struct Claims {
    sub: String,
    exp: i64,
    #[serde(default)]
    role: Option<String>,
}

impl JwtAuthenticator {
    /// Tokens that are signed with a shared secret (HS256), as Supabase signs them.
    #[must_use]
    pub fn hs256(secret: &SecretString, options: JwtOptions) -> Self {
        let key = Key {
            id: None,
            decoding: DecodingKey::from_secret(secret.expose_secret().as_bytes()),
            validation: validation(Algorithm::HS256, &options),
        };
        Self { keys: vec![key], service_role: options.service_role }
    }

    /// Tokens that are signed with a private key of this set of public ones. Keys for encryption and shared secrets in it
    /// are left out: a public set proves nothing by a secret.
    ///
    /// # Errors
    /// Where it holds no key that can be used.
    pub fn jwks(json: &str, options: JwtOptions) -> Result<Self, JwksError> {
        let set: JwkSet = serde_json::from_str(json).map_err(JwksError::Syntax)?;
        let mut keys = Vec::new();
        for jwk in &set.keys {
            let algorithm =
                jwk.common.key_algorithm.and_then(|algorithm| Algorithm::try_from(algorithm).ok());
            let Some(algorithm) = algorithm.filter(|algorithm| is_asymmetric(*algorithm)) else { continue };
            keys.push(Key {
                id: jwk.common.key_id.clone(),
                decoding: DecodingKey::from_jwk(jwk).map_err(JwksError::Key)?,
                validation: validation(algorithm, &options),
            });
        }
        if keys.is_empty() {
            return Err(JwksError::Empty);
        }
        Ok(Self { keys, service_role: options.service_role })
    }

    /// As [`JwtAuthenticator::jwks`], from a file.
    ///
    /// # Errors
    /// Where the file cannot be read, or holds no key that can be used.
    pub fn jwks_file(path: impl AsRef<Path>, options: JwtOptions) -> Result<Self, JwksError> {
        let json = std::fs::read_to_string(path).map_err(JwksError::File)?;
        Self::jwks(&json, options)
    }

    fn claims(&self, token: &str) -> Result<Claims, jsonwebtoken::errors::Error> {
        let header = decode_header(token)?;
        let fits = |key: &&Key| key.id.is_none() || header.kid.is_none() || key.id == header.kid;
        let mut last = jsonwebtoken::errors::ErrorKind::InvalidSignature.into();
        for key in self.keys.iter().filter(fits) {
            match decode::<Claims>(token, &key.decoding, &key.validation) {
                Ok(TokenData { claims, .. }) => return Ok(claims),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

impl fmt::Debug for JwtAuthenticator {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("JwtAuthenticator").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

/// The algorithm is the key's; what a token says of it counts for nothing.
fn validation(algorithm: Algorithm, options: &JwtOptions) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.validate_nbf = true;
    let mut required = vec!["exp", "sub"];
    if let Some(issuer) = &options.issuer {
        validation.set_issuer(&[issuer]);
        required.push("iss");
    }
    if let Some(audience) = &options.audience {
        validation.set_audience(&[audience]);
        required.push("aud");
    }
    validation.set_required_spec_claims(&required);
    validation
}

const fn is_asymmetric(algorithm: Algorithm) -> bool {
    !matches!(algorithm, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512)
}

#[async_trait]
impl Authenticator for JwtAuthenticator {
    async fn authenticate(&self, request: &Parts) -> Result<Option<Principal>, AuthError> {
        // Three parts make a token; anything else is another kind of credential.
        let Some(token) =
            bearer(request).filter(|text| text.split('.').count() == 3 && text.starts_with("ey"))
        else {
            return Ok(None);
        };
        let claims = self
            .claims(token)
            .map_err(|error| AuthError::Refused(format!("the token is not good: {error}")))?;
        if claims.sub.is_empty() {
            return Err(AuthError::Refused("the token names no owner".to_owned()));
        }
        let until = Timestamp::from_second(claims.exp).ok();
        if claims.role.is_some() && claims.role == self.service_role {
            return Ok(Some(Principal { until, ..Principal::service(claims.sub) }));
        }
        Ok(Some(Principal {
            actor: Arc::from(claims.sub.as_str()),
            owner: Some(OwnerId::from(claims.sub)),
            role: Role::User,
            key: None,
            reads_only: None,
            until,
        }))
    }
}
