//! What every request passes: it gets an id, its caller is recognised and counted, and changes are written down.

use std::net::SocketAddr;
use std::sync::Arc;

use aef_core::ids::OwnerId;
use aef_core::store::{AuditEntry, KeyScope};
use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tracing::Instrument as _;
use uuid::Uuid;

use super::policy::{self, Need, Reach};
use super::{Principal, Role};
use crate::app::{App, bound_document};
use crate::problem::{Code, Problem};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id of a request that is taken over from the caller.
const MAX_REQUEST_ID: usize = 128;

/// Who asks, as handlers see it.
#[derive(Debug, Clone)]
pub(crate) struct Caller(Arc<Principal>);

impl std::ops::Deref for Caller {
    type Target = Principal;
    fn deref(&self) -> &Principal {
        &self.0
    }
}

impl From<Principal> for Caller {
    fn from(principal: Principal) -> Self {
        Self(Arc::new(principal))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // A handler behind no gate asks in vain.
        parts.extensions.get::<Self>().cloned().ok_or_else(unauthenticated)
    }
}

/// The id of a request.
#[derive(Debug, Clone)]
struct RequestId(String);

/// Gives the request an id and the answer its common headers. Outermost, so that whatever is answered has them.
pub(crate) async fn stamp(mut request: Request, next: Next) -> Response {
    let given = request.headers().get(&REQUEST_ID).and_then(|value| value.to_str().ok());
    let fits =
        |id: &&str| (1..=MAX_REQUEST_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
    let id = given.filter(fits).map_or_else(|| Uuid::now_v7().to_string(), str::to_owned);
    request.extensions_mut().insert(RequestId(id.clone()));
    let span = tracing::info_span!("request", %id, method = %request.method(), path = request.uri().path());
    let mut response = next.run(request).instrument(span).await;
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::try_from(id) {
        headers.insert(REQUEST_ID, value);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// Recognises the caller, holds it to its limits, and writes down what it changes.
pub(crate) async fn gate(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let asked = Asked::of(&app, &parts);
    let mut actor = None;
    let mut response = match admit(&app, &parts, &asked).await {
        Ok((caller, left)) => {
            actor = Some(caller.clone());
            parts.extensions.insert(caller);
            let mut response = next.run(Request::from_parts(parts, body)).await;
            left.tell(response.headers_mut());
            response
        }
        Err((caller, problem)) => {
            actor = caller.or(actor);
            problem.into_response()
        }
    };
    if let Some(caller) = actor.filter(|_| asked.changes) {
        let status = response.status().as_u16();
        if let Err(error) = app.host().record_audit(asked.entry(&caller, status)).await {
            tracing::error!(%error, "a change was not written into the audit log");
        }
        // What the wrapper of errors reads is kept; nothing else is of interest outside.
        response.extensions_mut().remove::<Caller>();
    }
    response
}

type Refusal = (Option<Caller>, Problem);

async fn admit(app: &App, parts: &Parts, asked: &Asked) -> Result<(Caller, crate::limits::Left), Refusal> {
    let anonymous = |problem| (None, problem);
    if app.options.shutdown.has_begun() {
        let problem = Problem::new(Code::Unavailable, "the server is shutting down; ask again");
        return Err(anonymous(problem.retry_after(std::time::Duration::from_secs(5))));
    }
    app.budgets.address(asked.address.as_deref().unwrap_or("unknown")).map_err(anonymous)?;
    let caller = recognise(app, parts).await.map_err(anonymous)?;
    let refused = |problem| (Some(caller.clone()), problem);
    let (need, budget) = policy::of(&parts.method, &asked.route);
    let left = app.budgets.principal(budget, &caller.counted_as()).map_err(refused)?;
    may(&caller, need, policy::reach(&asked.route)).map_err(refused)?;
    app.cors.key_may(&caller, parts).map_err(refused)?;
    Ok((caller, left))
}

/// Asks each authenticator in turn.
async fn recognise(app: &App, parts: &Parts) -> Result<Caller, Problem> {
    for authenticator in &app.authenticators {
        if let Some(principal) = authenticator.authenticate(parts).await? {
            let names = [principal.owner.as_ref().map(OwnerId::as_str), Some(&*principal.actor)];
            if names.into_iter().flatten().any(|name| name.contains('\0')) {
                // Not every store can be asked for such an owner.
                return Err(Problem::new(Code::Unauthenticated, "the credential names somebody with a NUL"));
            }
            return Ok(Caller::from(principal));
        }
    }
    Err(unauthenticated())
}

fn unauthenticated() -> Problem {
    let detail =
        "send an API key as `Authorization: Bearer` or `X-API-Key`, or a token that this host accepts";
    Problem::new(Code::Unauthenticated, detail)
}

/// Whether a caller may do what a route asks for.
fn may(caller: &Principal, need: Need, reach: Reach) -> Result<(), Problem> {
    let reads = matches!(need, Need::Scope(scopes) if scopes.contains(&KeyScope::Read));
    if caller.reads_only.is_some() && !(reads && reach == Reach::Execution) {
        return Err(Problem::forbidden("this token only reads its execution"));
    }
    if reach == Reach::Owner && bound_document(caller).is_some() {
        return Err(Problem::forbidden("the key is for one document; this takes one for all of its owner's"));
    }
    match need {
        Need::Service if caller.role != Role::Service => {
            Err(Problem::forbidden("only services of the host may ask for this"))
        }
        Need::Person if caller.key.is_some() => {
            Err(Problem::forbidden("an API key may not do this; sign in as its owner"))
        }
        Need::Scope(scopes) => match &caller.key {
            Some(key) if !scopes.iter().any(|scope| key.scopes.contains(scope)) => {
                let names: Vec<_> = scopes.iter().map(|scope| format!("`{}`", scope.as_str())).collect();
                Err(Problem::forbidden(format!("the key lacks the scope {}", names.join(" or "))))
            }
            Some(_) | None => Ok(()),
        },
        Need::Service | Need::Person => Ok(()),
    }
}

/// What is asked, for limits and the audit log.
#[derive(Debug)]
struct Asked {
    method: Method,
    /// The route as it was registered.
    route: String,
    path: String,
    address: Option<String>,
    request: String,
    /// Whether it may change something.
    changes: bool,
}

impl Asked {
    fn of(app: &App, parts: &Parts) -> Self {
        let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let request = parts.extensions.get::<RequestId>().map(|id| id.0.clone());
        Self {
            method: parts.method.clone(),
            route: route.to_owned(),
            path: parts.uri.path().to_owned(),
            address: address(app, parts),
            request: request.unwrap_or_default(),
            changes: !matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS),
        }
    }

    fn entry(&self, caller: &Caller, status: u16) -> AuditEntry {
        AuditEntry {
            owner: caller.owner.clone(),
            actor: caller.actor.to_string(),
            action: format!("{} {}", self.method, self.route),
            target: self.path.clone(),
            status,
            address: self.address.clone(),
            request: self.request.clone(),
        }
    }
}

/// Where the caller is: the peer of the connection, or what a trusted proxy says of it.
fn address(app: &App, parts: &Parts) -> Option<String> {
    if app.options.trust_forwarded {
        let forwarded = parts.headers.get_all("x-forwarded-for").iter().next_back();
        let last = forwarded.and_then(|value| value.to_str().ok()?.rsplit(',').next().map(str::trim));
        if let Some(address) = last.filter(|address| !address.is_empty()) {
            return Some(address.chars().take(64).collect());
        }
    }
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_string())
}
