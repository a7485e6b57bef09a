//! Mounts the HTTP surface in a service of one's own, which knows its callers already.
//!
//! `cargo run --example serve_http --features http`, and then
//! `curl -H 'X-Session: ada' http://127.0.0.1:8080/api/aef/executions`.

use std::net::SocketAddr;
use std::sync::Arc;

use aef::engine::{Engine, Shutdown, WorkerOptions};
use aef::http::{AuthError, Authenticator, HttpOptions, Principal, router};
use aef::ids::OwnerId;
use aef::memory::MemoryStore;
use async_trait::async_trait;
use axum::http::request::Parts;
use axum::routing::get;

/// Recognises callers by the session that a gateway in front of this service has checked.
#[derive(Debug)]
struct Sessions;

#[async_trait]
impl Authenticator for Sessions {
    async fn authenticate(&self, request: &Parts) -> Result<Option<Principal>, AuthError> {
        let Some(session) = request.headers.get("x-session") else { return Ok(None) };
        match session.to_str() {
            Ok(name) if !name.is_empty() => Ok(Some(Principal::user(OwnerId::from(name)))),
            _ => Err(AuthError::Refused("the session is none".to_owned())),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = Arc::new(MemoryStore::new());
    let engine = Engine::builder(store.clone()).build();
    let shutdown = Shutdown::new();
    let options = HttpOptions {
        authenticators: vec![Arc::new(Sessions)],
        shutdown: shutdown.clone(),
        ..HttpOptions::new(store)
    };
    let worker = tokio::spawn(engine.worker(WorkerOptions::default()).run(shutdown.clone()));
    let app = router(engine, options)?.route("/", get(async || "a service of one's own\n"));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    let ending = shutdown.clone();
    let end = async move {
        // Where the signal cannot be listened to, nothing ends the service but its end.
        if tokio::signal::ctrl_c().await.is_ok() {
            ending.begin();
        } else {
            std::future::pending::<()>().await;
        }
    };
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(end).await?;
    worker.await?;
    Ok(())
}
