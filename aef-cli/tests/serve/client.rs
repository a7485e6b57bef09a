//! A client of a server.

use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::process::PATIENCE;

/// A client of a server. Clones share their connections.
#[derive(Clone)]
pub(crate) struct Client {
    server: String,
    headers: Vec<(String, String)>,
    http: hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
    pub(crate) bytes: Bytes,
}

impl Client {
    /// A client of the server at this address, who shows this.
    pub(crate) fn new(server: &str, headers: &[(&str, &str)]) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http();
        Self { server: server.to_owned(), headers: headers.collect(), http }
    }

    /// Where the server listens.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// What is shown.
    pub(crate) fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let asked = format!("{method} {path}");
        let answer = tokio::time::timeout(PATIENCE, self.try_send(method, path, body)).await;
        let answer = answer.unwrap_or_else(|_| panic!("{asked} is not answered"));
        answer.unwrap_or_else(|error| panic!("{asked}: {error}"))
    }

    /// The same, where the server may be gone.
    pub(crate) async fn try_send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.server));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let bytes = body.map_or_else(Bytes::new, |body| body.to_string().into());
        let response = self.http.request(request.body(Full::new(bytes))?).await?;
        let status = response.status();
        let bytes = response.into_body().collect().await?.to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Ok(Answer { status, body, bytes })
    }

    /// What an execution does: pause, take over, recover …
    pub(crate) async fn acts(&self, id: &str, action: Value) -> Answer {
        self.post(&format!("/api/aef/action/{id}"), action).await.ok()
    }

    /// Submits work to a document as programs do; gives the execution.
    pub(crate) async fn submits(&self, document: &str, input: Value) -> String {
        let path = format!("/engines-api/{document}/execute");
        let submitted = self.post(&path, json!({ "userInput": input })).await;
        assert_eq!(submitted.status, StatusCode::ACCEPTED, "{:#}", submitted.body);
        assert_eq!(submitted.body["status"], "queued");
        submitted.text("executionId")
    }

    /// Looks again and again until an execution is so.
    pub(crate) async fn until(&self, id: &str, is: impl Fn(&Value) -> bool) -> Value {
        let path = format!("/api/aef/executions/{id}");
        let looking = async {
            loop {
                let found = self.get(&path).await.ok().body;
                if is(&found) {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, looking).await {
            Ok(found) => found,
            Err(_) => panic!("it never was so: {:#}", self.get(&path).await.body),
        }
    }
}

impl Answer {
    /// Holds that it was done.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert!(self.status.is_success(), "{} {:#}", self.status, self.body);
        self
    }

    /// The text of a field.
    #[track_caller]
    pub(crate) fn text(&self, field: &str) -> String {
        self.body[field].as_str().unwrap_or_else(|| panic!("no `{field}` in {:#}", self.body)).to_owned()
    }
}
