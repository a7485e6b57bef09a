//! The public keys of an issuer: from a set that is given, or from an address where the issuer publishes it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{Request, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use tokio::time::Instant;
use url::Url;

use super::jwt::{JwtOptions, validation};

/// How long a set is taken as it is.
const FRESH: Duration = Duration::from_secs(600);

/// How long a set is good whose address does not answer any more.
const STALE: Duration = Duration::from_secs(3_600);

/// How often an address is asked at most, whatever keys tokens name.
const PAUSE: Duration = Duration::from_secs(30);

/// How long an address may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How large a set may be, in bytes.
const MAX_SET: usize = 256 * 1024;

/// Why a set of keys is not usable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JwksError {
    /// The file cannot be read.
    #[error("the file of keys cannot be read")]
    File(#[source] std::io::Error),
    /// The address is none from which keys are taken: `https`, or `http` on this machine.
    #[error("keys are taken from https addresses, and from http on this machine")]
    Address,
    /// There are no certificates by which an address could be trusted.
    #[error("there are no certificates to trust")]
    Certificates(#[source] std::io::Error),
    /// The address does not answer, or with something else.
    #[error("the address of the keys cannot be read")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The address answers with this status.
    #[error("the address of the keys answers {0}")]
    Status(u16),
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

/// A key with what a token signed by it must be.
pub(super) struct Key {
    pub(super) id: Option<String>,
    pub(super) decoding: DecodingKey,
    pub(super) validation: Validation,
}

impl Key {
    /// Whether a token that names this key, or none, may be signed by it.
    pub(super) fn fits(&self, id: Option<&str>) -> bool {
        self.id.is_none() || id.is_none() || self.id.as_deref() == id
    }
}

/// Reads a set. Keys for encryption and shared secrets in it are left out: a public set proves nothing by a secret.
pub(super) fn read(json: &[u8], options: &JwtOptions) -> Result<Arc<[Key]>, JwksError> {
    let set: JwkSet = serde_json::from_slice(json).map_err(JwksError::Syntax)?;
    let mut keys = Vec::new();
    for jwk in &set.keys {
        let Some(algorithm) = algorithm(jwk) else { continue };
        keys.push(Key {
            id: jwk.common.key_id.clone(),
            decoding: DecodingKey::from_jwk(jwk).map_err(JwksError::Key)?,
            validation: validation(algorithm, options),
        });
    }
    if keys.is_empty() { Err(JwksError::Empty) } else { Ok(keys.into()) }
}

/// With what a key verifies signatures: as it says, or as its kind is used where it says nothing.
#[expect(clippy::wildcard_enum_match_arm, reason = "kinds that are not named here verify nothing")]
fn algorithm(jwk: &Jwk) -> Option<Algorithm> {
    if let Some(named) = jwk.common.key_algorithm {
        return Algorithm::try_from(named).ok().filter(|algorithm| is_asymmetric(*algorithm));
    }
    match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Some(Algorithm::RS256),
        AlgorithmParameters::OctetKeyPair(_) => Some(Algorithm::EdDSA),
        AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
            EllipticCurve::P256 => Some(Algorithm::ES256),
            EllipticCurve::P384 => Some(Algorithm::ES384),
            _ => None,
        },
        _ => None,
    }
}

const fn is_asymmetric(algorithm: Algorithm) -> bool {
    !matches!(algorithm, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512)
}

/// Keys that an issuer publishes: asked for when the first token comes, again when they are ten minutes old, and when a
/// token names one that is not among them, twice a minute at most.
pub(super) struct RemoteKeys {
    address: Uri,
    http: Http,
    options: JwtOptions,
    held: Mutex<Option<HeldKeys>>,
    /// When the address was last asked. Whoever holds it asks; the others wait for the answer.
    asked: tokio::sync::Mutex<Option<Instant>>,
}

#[derive(Clone)]
struct HeldKeys {
    keys: Arc<[Key]>,
    since: Instant,
}

/// The machine's certificates are read only where they are needed.
enum Http {
    Plain(Client<HttpConnector, Empty<Bytes>>),
    Tls(Client<HttpsConnector<HttpConnector>, Empty<Bytes>>),
}

impl RemoteKeys {
    pub(super) fn new(url: &Url, options: JwtOptions) -> Result<Self, JwksError> {
        let builder = Client::builder(TokioExecutor::new());
        let http = match url.scheme() {
            "https" => {
                let roots = HttpsConnectorBuilder::new().with_native_roots();
                let roots = roots.map_err(JwksError::Certificates)?;
                Http::Tls(builder.build(roots.https_only().enable_http1().build()))
            }
            "http" if is_local(url) => Http::Plain(builder.build_http()),
            _ => return Err(JwksError::Address),
        };
        let address = url.as_str().parse().map_err(|_| JwksError::Address)?;
        Ok(Self { address, http, options, held: Mutex::default(), asked: tokio::sync::Mutex::default() })
    }

    /// The keys among which that of a token is looked for.
    pub(super) async fn for_token(&self, id: Option<&str>) -> Result<Arc<[Key]>, JwksError> {
        let held = self.held();
        if let Some(held) = held.as_ref().filter(|held| held.satisfies(id)) {
            return Ok(held.keys.clone());
        }
        let wanted = Instant::now();
        let mut asked = self.asked.lock().await;
        // Somebody else may have asked while we waited, or a moment ago.
        if let Some(newer) = self.held().filter(|newer| newer.since >= wanted || newer.satisfies(id)) {
            return Ok(newer.keys);
        }
        if asked.is_some_and(|last| last.elapsed() < PAUSE) {
            return self.held().map(|held| held.keys).ok_or_else(unanswered);
        }
        *asked = Some(Instant::now());
        match self.fetch().await {
            Ok(keys) => {
                *self.lock() = Some(HeldKeys { keys: keys.clone(), since: Instant::now() });
                Ok(keys)
            }
            Err(error) => {
                tracing::warn!(error = %error, address = %self.address, "the keys of an issuer cannot be read");
                self.held().map(|held| held.keys).ok_or(error)
            }
        }
    }

    async fn fetch(&self) -> Result<Arc<[Key]>, JwksError> {
        let fetching = tokio::time::timeout(PATIENCE, self.get()).await;
        let body = fetching.map_err(|late| JwksError::Unreachable(late.into()))??;
        read(&body, &self.options)
    }

    async fn get(&self) -> Result<Bytes, JwksError> {
        let request = Request::get(self.address.clone())
            .header(hyper::header::ACCEPT, "application/json")
            .body(Empty::new())
            .map_err(|error| JwksError::Unreachable(error.into()))?;
        let sent = match &self.http {
            Http::Plain(client) => client.request(request).await,
            Http::Tls(client) => client.request(request).await,
        };
        let response = sent.map_err(|error| JwksError::Unreachable(error.into()))?;
        if response.status() != StatusCode::OK {
            return Err(JwksError::Status(response.status().as_u16()));
        }
        let body = Limited::new(response.into_body(), MAX_SET).collect().await;
        Ok(body.map_err(JwksError::Unreachable)?.to_bytes())
    }

    /// What is held and not too old to be used at all.
    fn held(&self) -> Option<HeldKeys> {
        self.lock().clone().filter(|held| held.since.elapsed() < STALE)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<HeldKeys>> {
        // Nothing panics between two changes that belong together.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HeldKeys {
    /// Whether nothing newer is needed for a token that names this key.
    fn satisfies(&self, id: Option<&str>) -> bool {
        self.since.elapsed() < FRESH && self.keys.iter().any(|key| key.fits(id))
    }
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("RemoteKeys").field("address", &self.address).finish_non_exhaustive()
    }
}

fn unanswered() -> JwksError {
    JwksError::Unreachable("it did not answer a moment ago".into())
}

fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
