//! A chat endpoint on loopback that answers what a test tells it to, and remembers what it was asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aef_enrich_openai::{ChatEnricher, ChatOptions};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use url::Url;

/// One answer.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// A chat completion with this content.
    Content(String),
    /// A body as it is.
    Raw(String),
    /// A status, with a header.
    Status(u16, Option<(&'static str, String)>),
    /// None, ever.
    Silence,
}

impl Answer {
    /// A completion that proposes these steps.
    pub(crate) fn steps(steps: &Value) -> Self {
        Self::Content(json!({ "steps": steps }).to_string())
    }
}

/// What the endpoint was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

#[derive(Debug)]
struct Script {
    answers: Vec<Answer>,
    asked: Mutex<Vec<Asked>>,
}

/// A running endpoint; it ends with the test's runtime.
#[derive(Debug)]
pub(crate) struct Endpoint {
    script: Arc<Script>,
    pub(crate) base_url: Url,
}

impl Endpoint {
    /// Starts an endpoint that gives these answers in turn, the last one for ever.
    pub(crate) async fn start(answers: Vec<Answer>) -> Self {
        let script = Arc::new(Script { answers, asked: Mutex::default() });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&script));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { script, base_url }
    }

    /// What it was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.script.asked.lock().unwrap().clone()
    }

    /// Options for it that wait for no longer than a test should.
    pub(crate) fn options(&self) -> ChatOptions {
        ChatOptions {
            retry_delay: Duration::from_millis(1),
            ..ChatOptions::new(self.base_url.clone(), "tester")
        }
    }

    /// An enricher that asks it.
    pub(crate) fn enricher(&self) -> ChatEnricher {
        ChatEnricher::new(self.options()).unwrap()
    }
}

async fn answer(State(script): State<Arc<Script>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let answer = {
        let mut asked = script.asked.lock().unwrap();
        let body = serde_json::from_slice(&body).unwrap_or_default();
        asked.push(Asked { path: uri.path().to_owned(), headers, body });
        script.answers[(asked.len() - 1).min(script.answers.len() - 1)].clone()
    };
    match answer {
        Answer::Content(content) => completion(&content).into_response(),
        Answer::Raw(text) => text.into_response(),
        Answer::Status(status, header) => {
            let mut response = Response::new(Body::from("{}"));
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            if let Some((name, value)) = header {
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            response
        }
        Answer::Silence => std::future::pending().await,
    }
}

/// The body of a completion.
pub(crate) fn completion(content: &str) -> String {
    let message = json!({ "role": "assistant", "content": content, "refusal": null });
    json!({ "id": "c1", "object": "chat.completion", "choices": [
        { "index": 0, "message": message, "finish_reason": "stop" }
    ] })
    .to_string()
}
