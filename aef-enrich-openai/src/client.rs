//! One POST of JSON: bounded in time, in size and in how often it is tried.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use secrecy::ExposeSecret;
use tracing::debug;
use url::{Host, Url};

use crate::config::ChatOptions;
use crate::error::{ChatError, ChatErrorKind};

/// An endpoint that is asked.
pub(crate) struct ChatClient {
    http: Http,
    address: Uri,
    authorization: Option<HeaderValue>,
    options: ChatOptions,
}

/// The machine's certificates are read only where they are needed.
enum Http {
    Plain(Client<HttpConnector, Full<Bytes>>),
    Tls(Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

/// The endpoint without its key.
impl fmt::Debug for ChatClient {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ChatClient").field("address", &self.address).finish_non_exhaustive()
    }
}

impl ChatClient {
    pub(crate) fn new(options: ChatOptions) -> Result<Self, ChatError> {
        let wrong = |message: &str| ChatError::new(ChatErrorKind::Configuration, message);
        let base = &options.base_url;
        if !base.username().is_empty() || base.password().is_some() {
            return Err(wrong("the endpoint's address holds a password"));
        }
        let builder = Client::builder(TokioExecutor::new());
        let http = match base.scheme() {
            "http" if options.key.is_some() && !is_local(base) => {
                return Err(wrong("the key would be sent over plain http to another machine"));
            }
            "http" => Http::Plain(builder.build_http()),
            "https" => {
                let roots = HttpsConnectorBuilder::new().with_native_roots();
                let roots = roots.map_err(|error| wrong("no certificates to trust").with_source(error))?;
                Http::Tls(builder.build(roots.https_only().enable_http1().build()))
            }
            _ => return Err(wrong("the endpoint's address is neither http nor https")),
        };
        let address = format!("{}/chat/completions", base.as_str().trim_end_matches('/'));
        let address =
            address.parse().map_err(|error| wrong("the endpoint's address is none").with_source(error))?;
        let authorization = options.key.as_ref().map(|key| {
            let value = HeaderValue::try_from(format!("Bearer {}", key.expose_secret()));
            // The error would not tell the key, and neither must we.
            let mut value = value.map_err(|_| wrong("the key has characters that no header can have"))?;
            value.set_sensitive(true);
            Ok(value)
        });
        Ok(Self { http, address, authorization: authorization.transpose()?, options })
    }

    /// Sends a request, again while the endpoint is busy, and gives the body of its reply.
    pub(crate) async fn post(&self, body: &str) -> Result<Bytes, ChatError> {
        let body = Bytes::copy_from_slice(body.as_bytes());
        let mut delay = self.options.retry_delay;
        let mut attempt = 1;
        loop {
            let timeout = self.options.timeout;
            let answered = tokio::time::timeout(timeout, self.attempt(body.clone())).await;
            let (error, asked) = match answered {
                Ok(Ok(reply)) => return Ok(reply),
                Ok(Err(failed)) => failed,
                Err(elapsed) => {
                    let message = format!("no reply within {} s", timeout.as_secs_f64());
                    (ChatError::new(ChatErrorKind::Timeout, message).with_source(elapsed), None)
                }
            };
            if !error.kind().is_passing() || attempt >= self.options.attempts {
                return Err(error);
            }
            let wait = asked.unwrap_or(delay).max(delay).min(self.options.longest_delay);
            debug!(attempt, ?wait, %error, "the chat endpoint is asked again");
            tokio::time::sleep(wait).await;
            delay = delay.saturating_mul(2);
            attempt += 1;
        }
    }

    async fn attempt(&self, body: Bytes) -> Result<Bytes, (ChatError, Option<Duration>)> {
        let failed = |error: ChatError| (error, None);
        let mut request = Request::post(self.address.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json");
        if let Some(value) = &self.authorization {
            request = request.header(AUTHORIZATION, value);
        }
        let request = request.body(Full::new(body)).map_err(|error| {
            failed(ChatError::new(ChatErrorKind::Configuration, "cannot make a request").with_source(error))
        })?;
        let sent = match &self.http {
            Http::Plain(client) => client.request(request).await,
            Http::Tls(client) => client.request(request).await,
        };
        let response = sent.map_err(|error| {
            failed(ChatError::new(ChatErrorKind::Unreachable, "cannot reach the endpoint").with_source(error))
        })?;
        if let Some(kind) = fault(response.status()) {
            let message = format!("the endpoint answered {}", response.status());
            return Err((ChatError::new(kind, message), retry_after(&response)));
        }
        self.read(response).await.map_err(failed)
    }

    async fn read(&self, response: Response<hyper::body::Incoming>) -> Result<Bytes, ChatError> {
        let limit = self.options.max_reply;
        let collected = Limited::new(response.into_body(), limit).collect().await;
        collected.map(http_body_util::Collected::to_bytes).map_err(|error| {
            if error.is::<LengthLimitError>() {
                ChatError::new(ChatErrorKind::TooLong, format!("the reply is longer than {limit} bytes"))
            } else {
                ChatError::new(ChatErrorKind::Unreachable, "the reply broke off").with_source(error)
            }
        })
    }
}

/// What a status other than success means.
fn fault(status: StatusCode) -> Option<ChatErrorKind> {
    Some(match status.as_u16() {
        200..=299 => return None,
        300..=399 => ChatErrorKind::Redirected,
        401 | 403 => ChatErrorKind::Unauthorised,
        429 | 500..=599 => ChatErrorKind::Busy,
        _ => ChatErrorKind::Refused,
    })
}

/// How long the endpoint asks to wait, in seconds; dates are not read.
fn retry_after(response: &Response<hyper::body::Incoming>) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
