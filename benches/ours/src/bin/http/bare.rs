//! The bare framework: axum with handlers that answer constants, of about the size that ours answers.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::routing::{get, post};
use tokio::sync::broadcast;

use crate::EXECUTIONS;

/// About as long as the answers of ours, in bytes.
const SUBMITTED: usize = 300;
const STATUS: usize = 1_500;
const LIST: usize = 8_000;

/// What is sent to those who watch.
type Watched = Arc<[broadcast::Sender<String>]>;

/// All that is served.
pub(crate) fn router() -> Router {
    let watched: Watched = (0..EXECUTIONS).map(|_| broadcast::channel(16).0).collect();
    Router::new()
        .route("/execute", post(|_: Bytes| std::future::ready((StatusCode::ACCEPTED, constant(SUBMITTED)))))
        .route("/status", get(|| std::future::ready(constant(STATUS))))
        .route("/list", get(|| std::future::ready(constant(LIST))))
        .route("/live/{at}", get(watch))
        .route("/act/{at}", post(act))
        .with_state(watched)
}

fn constant(length: usize) -> impl axum::response::IntoResponse {
    let body = format!("{{\"constant\":\"{}\"}}", "x".repeat(length));
    ([(header::CONTENT_TYPE, "application/json")], body)
}

async fn watch(
    State(watched): State<Watched>,
    Path(at): Path<usize>,
    upgrade: WebSocketUpgrade,
) -> axum::response::Response {
    let receiver = watched[at].subscribe();
    upgrade.on_upgrade(|socket| tell(socket, receiver))
}

async fn tell(mut socket: WebSocket, mut receiver: broadcast::Receiver<String>) {
    while let Ok(message) = receiver.recv().await {
        if socket.send(Message::text(message)).await.is_err() {
            return;
        }
    }
}

/// Sends the body to those who watch.
async fn act(State(watched): State<Watched>, Path(at): Path<usize>, body: String) -> StatusCode {
    // Nobody watching is nothing wrong.
    let _ = watched[at].send(body);
    StatusCode::OK
}
