//! The HTTP surface of AEF: operators steer live executions, programs submit and poll.
//!
//! [`router`] gives an axum `Router` that a host mounts in its own service. It knows an [`Engine`] and what a host keeps
//! beside executions ([`HostStore`](aef_core::store::HostStore)), and no store or browser in particular.
//!
//! ```
//! use std::sync::Arc;
//!
//! use aef_core::engine::Engine;
//! use aef_http::{HttpOptions, router};
//! use aef_store_memory::MemoryStore;
//!
//! let store = Arc::new(MemoryStore::new());
//! let engine = Engine::builder(store.clone()).build();
//! let app: axum::Router = router(engine, HttpOptions::new(store))?;
//! # Ok::<(), aef_http::RandomError>(())
//! ```

mod app;
mod auth;
mod cors;
mod envelope;
mod extract;
mod limits;
mod live;
mod narrate;
mod openapi;
mod operators;
mod options;
mod page;
mod problem;
mod programs;
mod public;
mod random;
mod relay;
mod status;
mod wire;

use std::sync::Arc;

use aef_core::engine::Engine;
use axum::http::{HeaderValue, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::Value;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

pub use crate::auth::{
    AuthError, Authenticator, ImportError, IssuedKey, JwksError, JwtAuthenticator, JwtOptions, KeyRequest,
    Principal, Role,
};
pub use crate::limits::{Limits, Rate};
pub use crate::live::LiveViews;
pub use crate::options::{HttpOptions, MetricsSource, OPEN_METRICS};
pub use crate::problem::{Code, Problem};
pub use crate::random::RandomError;
pub use crate::relay::{Advertisement, LivePlace, LiveRelay, LiveWorkers, live_router};

/// The page that shows the description; it loads nothing from elsewhere.
const DOCS: &str = include_str!("docs.html");

/// The surface over an engine, to be mounted or served. The engine's workers may run here or elsewhere.
///
/// Serve it with `into_make_service_with_connect_info::<SocketAddr>()`, so that callers are limited by their address.
///
/// # Errors
/// Where the system gives no random bytes for a key to sign with, and none is set.
pub fn router(engine: Engine, options: HttpOptions) -> Result<Router, RandomError> {
    let aliases = options.aliases.clone();
    let app = Arc::new(App::new(engine, options)?);
    let (routes, api) = assembled(&app).split_for_parts();
    let description = openapi::complete(api);
    let routes = routes
        .route("/api/openapi.json", get(|| std::future::ready(Json(description))))
        .route("/api/docs", get(docs))
        .with_state(app.clone());
    let mut whole = routes.clone();
    for alias in aliases {
        whole = whole.nest(&alias, routes.clone());
    }
    Ok(whole
        .fallback(|| std::future::ready(Problem::not_found("such path")))
        .method_not_allowed_fallback(|| {
            std::future::ready(Problem::new(
                Code::MethodNotAllowed,
                "the path is there and takes other methods",
            ))
        })
        .layer(from_fn_with_state(app, cors::cors))
        .layer(from_fn(auth::stamp)))
}

/// The description of the surface in OpenAPI 3.1: what `/api/openapi.json` answers.
#[must_use]
pub fn openapi() -> Value {
    openapi::complete(documented().into_openapi())
}

/// All routes as they are documented, without what stands in front of them.
fn documented() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(OpenApi::default())
        .merge(public::router())
        .merge(programs::script())
        .nest("/api/aef", operators::router().merge(live::router()))
        .nest("/engines-api", programs::router())
        .merge(programs::processing())
}

/// All routes, those that need a caller behind the gate.
fn assembled(app: &Arc<App>) -> OpenApiRouter<Arc<App>> {
    let programs =
        OpenApiRouter::new().nest("/engines-api", programs::router()).merge(programs::processing());
    let guarded = OpenApiRouter::new()
        .nest("/api/aef", operators::router().merge(live::router()))
        .route_layer(from_fn_with_state(app.clone(), auth::gate));
    let programs = programs
        .route_layer(from_fn_with_state(app.clone(), auth::gate))
        .route_layer(from_fn(envelope::errors));
    OpenApiRouter::with_openapi(OpenApi::default())
        .merge(public::router())
        .merge(programs::script())
        .merge(guarded)
        .merge(programs)
}

async fn docs() -> Response {
    let mut response = Html(DOCS).into_response();
    let policy = "default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                  base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}
