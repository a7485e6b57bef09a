//! From which pages the surface may be called.
//!
//! `/api/aef` is open to the origins that the host names. `/engines-api` is open to the origins of each key: a preflight
//! has no key and is answered for every origin, and the request itself is then held against the key's own.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::app::App;
use crate::auth::Principal;
use crate::problem::{Code, Problem};

const ALLOWED_HEADERS: &str = "authorization, x-api-key, apikey, content-type, idempotency-key, x-request-id";
const ALLOWED_METHODS: &str = "GET, POST, PUT, DELETE";
const EXPOSED_HEADERS: &str = "retry-after, ratelimit, ratelimit-policy, x-request-id, location";

/// How long a browser may remember what a preflight said, in seconds.
const REMEMBERED: &str = "600";

/// Which origins may call.
#[derive(Debug)]
pub(crate) struct Cors {
    /// Of `/api/aef`.
    operators: Vec<String>,
    /// The surface's own, from which the form is served.
    own: Option<String>,
}

impl Cors {
    pub(crate) const fn new(operators: Vec<String>, own: Option<String>) -> Self {
        Self { operators, own }
    }

    /// Whether an origin may open `/api/aef` and its live views.
    pub(crate) fn operator_may(&self, origin: &str) -> bool {
        self.own.as_deref() == Some(origin) || self.operators.iter().any(|allowed| allowed == origin)
    }

    /// Whether a key may be used from where the request comes: a key with origins is for pages, and for those alone.
    pub(crate) fn key_may(&self, caller: &Principal, request: &Parts) -> Result<(), Problem> {
        let Some(key) = caller.key.as_ref().filter(|key| !key.origins.is_empty()) else { return Ok(()) };
        match origin(&request.headers) {
            Some(origin) if key.origins.iter().any(|allowed| allowed == origin) => Ok(()),
            Some(origin) if self.own.as_deref() == Some(origin) || is_same(origin, &request.headers) => {
                Ok(())
            }
            // Browsers leave the origin out of simple reads of the same site.
            None if request.method == Method::GET => Ok(()),
            _ => {
                let detail = "the key may be used only from the origins that its owner has named";
                Err(Problem::new(Code::OriginRefused, detail))
            }
        }
    }
}

/// The page's origin.
pub(crate) fn origin(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::ORIGIN)?.to_str().ok()
}

/// Whether a page is served by the same host as the request goes to.
pub(crate) fn is_same(origin: &str, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let of = origin.split_once("://").map(|(_, host)| host);
    of.is_some() && of == host
}

/// Answers preflights, and tells browsers which pages may read the answers.
pub(crate) async fn cors(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let Some(origin) = origin(request.headers()).map(str::to_owned) else { return next.run(request).await };
    let for_programs = !request.uri().path().contains("/api/aef");
    let may_read = for_programs || app.cors.operator_may(&origin);
    let preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response =
        if preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if !may_read {
        return response;
    }
    let Ok(origin) = HeaderValue::try_from(origin) else { return response };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
    if preflight {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(ALLOWED_METHODS));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(ALLOWED_HEADERS));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(REMEMBERED));
    }
    response
}
