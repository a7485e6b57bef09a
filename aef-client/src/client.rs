//! Sending a request, and reading the answer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use secrecy::{ExposeSecret as _, SecretString};
use url::{Host, Url};

use crate::content::Answer;
use crate::error::{ClientError, ErrorKind, Problem};
use crate::options::{ClientOptions, Credential};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const INTERNAL: HeaderName = HeaderName::from_static("x-internal-auth");
const OWNER: HeaderName = HeaderName::from_static("x-aef-owner");

/// A client of one server. Cloning it is cheap, and clones share their connections.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    /// The key under which the next calls may be repeated.
    once: Option<HeaderValue>,
}

struct Shared {
    pool: Connections,
    base: Url,
    headers: HeaderMap,
    timeout: Duration,
    max_answer: usize,
}

/// The machine's certificates are read only where they are needed.
enum Connections {
    Plain(Pool<HttpConnector, Full<Bytes>>),
    Tls(Pool<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

/// What is asked.
pub(crate) struct Asked<'a> {
    pub(crate) method: Method,
    /// The path as the description has it.
    pub(crate) path: &'a str,
    /// What stands in its variable parts, in order.
    pub(crate) segments: &'a [&'a str],
    /// What stands behind the question mark, encoded.
    pub(crate) query: Option<String>,
    /// The media type and the bytes of the body.
    pub(crate) body: Option<(&'a str, Bytes)>,
}

impl fmt::Debug for Client {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Client").field("base", &self.shared.base.as_str()).finish_non_exhaustive()
    }
}

impl Client {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// `Configuration` where the address is not one of http or https, the credential cannot stand in a header or would go
    /// over plain http to another machine, or the machine has no certificates to trust.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        let base = options.base_url;
        let has_credential = !matches!(options.credential, Credential::None);
        let builder = Pool::builder(TokioExecutor::new());
        let pool = match base.scheme() {
            "http" if has_credential && !options.plain_http && !is_local(&base) => {
                return Err(wrong("the credential would be sent over plain http to another machine"));
            }
            "http" => Connections::Plain(builder.build_http()),
            "https" => {
                let roots = HttpsConnectorBuilder::new().with_native_roots();
                let roots = roots.map_err(|error| wrong("no certificates to trust").with_source(error))?;
                Connections::Tls(builder.build(roots.https_only().enable_http1().build()))
            }
            _ => return Err(wrong("the server's address is neither http nor https")),
        };
        let headers = credentials(&options.credential)?;
        let shared = Shared { pool, base, headers, timeout: options.timeout, max_answer: options.max_answer };
        Ok(Self { shared: Arc::new(shared), once: None })
    }

    /// The same client, whose calls that make something make it once: the same key again gives what was made first.
    ///
    /// # Errors
    /// `Configuration` where the key is empty, longer than 255 characters, or has others than visible ASCII ones.
    pub fn once(&self, key: &str) -> Result<Self, ClientError> {
        let fits = (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
        let value = HeaderValue::from_str(key).ok().filter(|_| fits);
        let once =
            value.ok_or_else(|| wrong("an idempotency key has from 1 to 255 visible ASCII characters"))?;
        Ok(Self { shared: self.shared.clone(), once: Some(once) })
    }

    /// Asks, and reads the answer.
    pub(crate) async fn call<T: Answer>(&self, asked: Asked<'_>) -> Result<T, ClientError> {
        let request = self.request(asked)?;
        let answered = tokio::time::timeout(self.shared.timeout, self.send(request)).await;
        let (status, headers, bytes) = answered.map_err(|elapsed| {
            let message = format!("no answer within {} s", self.shared.timeout.as_secs_f64());
            ClientError::new(ErrorKind::Timeout, message).with_source(elapsed)
        })??;
        if !status.is_success() {
            return Err(ClientError::refused(problem(status, &headers, &bytes)));
        }
        T::read(bytes).map_err(|error| {
            ClientError::new(ErrorKind::Unreadable, "the answer is none that is known").with_source(error)
        })
    }

    fn request(&self, asked: Asked<'_>) -> Result<Request<Full<Bytes>>, ClientError> {
        let address = self.address(&asked);
        let mut request = Request::builder().method(asked.method).uri(address.as_str());
        if let Some(headers) = request.headers_mut() {
            headers.extend(self.shared.headers.clone());
            if let Some(key) = &self.once {
                headers.insert(IDEMPOTENCY_KEY, key.clone());
            }
        }
        let body = match asked.body {
            Some((media_type, bytes)) => {
                request = request.header(CONTENT_TYPE, media_type);
                bytes
            }
            None => Bytes::new(),
        };
        request.body(Full::new(body)).map_err(|error| wrong("cannot make the request").with_source(error))
    }

    /// The address of a call, under the prefix of the server's.
    fn address(&self, asked: &Asked<'_>) -> Url {
        let mut address = self.shared.base.clone();
        let mut values = asked.segments.iter();
        let parts = asked.path.trim_start_matches('/').split('/').map(|part| {
            let value = part.starts_with('{').then(|| values.next()).flatten();
            value.copied().unwrap_or(part)
        });
        // An address of http or https has a path.
        if let Ok(mut path) = address.path_segments_mut() {
            path.pop_if_empty().extend(parts);
        }
        address.set_query(asked.query.as_deref().filter(|query| !query.is_empty()));
        address
    }

    async fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, HeaderMap, Bytes), ClientError> {
        let sent = match &self.shared.pool {
            Connections::Plain(pool) => pool.request(request).await,
            Connections::Tls(pool) => pool.request(request).await,
        };
        let response = sent.map_err(|error| {
            ClientError::new(ErrorKind::Unreachable, "cannot reach the server").with_source(error)
        })?;
        let (parts, body) = response.into_parts();
        let limit = self.shared.max_answer;
        let collected = Limited::new(body, limit).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                let message = format!("the answer is longer than {limit} bytes");
                ClientError::new(ErrorKind::Unreadable, message)
            } else {
                ClientError::new(ErrorKind::Unreachable, "the answer broke off").with_source(error)
            }
        })?;
        Ok((parts.status, parts.headers, collected.to_bytes()))
    }
}

/// The headers that say who asks.
fn credentials(credential: &Credential) -> Result<HeaderMap, ClientError> {
    let sensitive = |prefix: &str, secret: &SecretString| {
        let value = HeaderValue::try_from(format!("{prefix}{}", secret.expose_secret()));
        // The error would not tell the secret, and neither must we.
        let mut value = value.map_err(|_| wrong("the credential has characters that no header can have"))?;
        value.set_sensitive(true);
        Ok(value)
    };
    let mut headers = HeaderMap::new();
    match credential {
        Credential::None => {}
        Credential::Bearer(key) => {
            headers.insert(AUTHORIZATION, sensitive("Bearer ", key)?);
        }
        Credential::Internal { secret, owner } => {
            headers.insert(INTERNAL, sensitive("", secret)?);
            if let Some(owner) = owner {
                let value = HeaderValue::try_from(owner);
                let value = value.map_err(|error| wrong("the owner's name is none").with_source(error))?;
                headers.insert(OWNER, value);
            }
        }
    }
    Ok(headers)
}

/// What an answer without success says. Something between client and surface may have answered instead.
fn problem(status: StatusCode, headers: &HeaderMap, bytes: &[u8]) -> Problem {
    let read = serde_json::from_slice::<Problem>(bytes);
    let mut problem = read.unwrap_or_else(|_| Problem {
        status: status.as_u16(),
        code: String::new(),
        detail: String::new(),
        errors: Vec::new(),
        answer: None,
        retry_after: None,
    });
    problem.status = status.as_u16();
    let wait = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    problem.retry_after = wait.map(Duration::from_secs);
    problem
}

pub(crate) fn wrong(message: &str) -> ClientError {
    ClientError::new(ErrorKind::Configuration, message)
}

fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
