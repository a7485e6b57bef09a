//! JSON Web Tokens: of a shared secret, or of keys that an issuer publishes.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use aef_core::ids::OwnerId;
use aef_core::secrets::{ExposeSecret as _, SecretString};
use async_trait::async_trait;
use axum::http::request::Parts;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, TokenData, Validation, decode, decode_header};
use serde::Deserialize;
use url::Url;

use super::jwks::{JwksError, Key, RemoteKeys};
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
#[derive(Debug)]
pub struct JwtAuthenticator {
    keys: Keys,
    service_role: Option<String>,
}

/// Where the keys come from.
enum Keys {
    Given(Arc<[Key]>),
    Published(Box<RemoteKeys>),
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
        Self { keys: Keys::Given([key].into()), service_role: options.service_role }
    }

    /// Tokens that are signed with a private key of this set of public ones. Keys for encryption and shared secrets in it
    /// are left out.
    ///
    /// # Errors
    /// Where it holds no key that can be used.
    pub fn jwks(json: &str, options: JwtOptions) -> Result<Self, JwksError> {
        let keys = Keys::Given(super::jwks::read(json.as_bytes(), &options)?);
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

    /// As [`JwtAuthenticator::jwks`], from the address where the issuer publishes its set: https, or http on this machine.
    /// It is asked when the first token comes, again after ten minutes, and when a token names a key that is not in the
    /// set, twice a minute at most; each time for at most 5 s. A set whose address does not answer any more is good for an
    /// hour.
    ///
    /// # Errors
    /// Where the address is none of these, or this machine has no certificates.
    pub fn jwks_url(url: &Url, options: JwtOptions) -> Result<Self, JwksError> {
        let service_role = options.service_role.clone();
        Ok(Self { keys: Keys::Published(Box::new(RemoteKeys::new(url, options)?)), service_role })
    }

    async fn claims(&self, token: &str) -> Result<Claims, AuthError> {
        let not_good = |error: jsonwebtoken::errors::Error| {
            AuthError::Refused(format!("the token is not good: {error}"))
        };
        let id = decode_header(token).map_err(not_good)?.kid;
        let keys = match &self.keys {
            Keys::Given(keys) => keys.clone(),
            Keys::Published(keys) => {
                let keys = keys.for_token(id.as_deref()).await;
                keys.map_err(|error| AuthError::Unavailable(error.into()))?
            }
        };
        let mut last = jsonwebtoken::errors::ErrorKind::InvalidSignature.into();
        for key in keys.iter().filter(|key| key.fits(id.as_deref())) {
            match decode::<Claims>(token, &key.decoding, &key.validation) {
                Ok(TokenData { claims, .. }) => return Ok(claims),
                Err(error) => last = error,
            }
        }
        Err(not_good(last))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(keys) => write!(out, "{} keys", keys.len()),
            Self::Published(keys) => keys.fmt(out),
        }
    }
}

/// The algorithm is the key's; what a token says of it counts for nothing.
pub(super) fn validation(algorithm: Algorithm, options: &JwtOptions) -> Validation {
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

#[async_trait]
impl Authenticator for JwtAuthenticator {
    async fn authenticate(&self, request: &Parts) -> Result<Option<Principal>, AuthError> {
        // Three parts make a token; anything else is another kind of credential.
        let Some(token) =
            bearer(request).filter(|text| text.split('.').count() == 3 && text.starts_with("ey"))
        else {
            return Ok(None);
        };
        let claims = self.claims(token).await?;
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
