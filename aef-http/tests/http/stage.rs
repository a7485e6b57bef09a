//! A host with a scripted site behind it, and a client that asks it without a socket.

use std::sync::Arc;

use aef_core::engine::{Engine, SealedSecrets, Shutdown, WorkerOptions};
use aef_core::execution::Status;
use aef_core::secrets::{ExposeSecret as _, SecretString};
use aef_core::store::{HostStore, KeyScope, Store};
use aef_http::{HttpOptions, IssuedKey, JwtAuthenticator, JwtOptions, KeyRequest, Limits, Rate, router};
use aef_store_memory::MemoryStore;
use aef_store_postgres::{PostgresOptions, PostgresStore};
use aef_store_sqlite::{SqliteOptions, SqliteStore};
use aef_testkit::ScriptedBrowser;
use aef_testkit::postgres::TestDatabase;
use aef_testkit::scripted_browser::{Element, Page, ScriptedSite};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

use crate::contract;

pub(crate) const ORIGIN: &str = "https://crm.test";
pub(crate) const INTERNAL: &str = "the services of the host share this";
const JWT_SECRET: &str = "a shared secret of at least thirty-two bytes";

/// Opens a record, asks, saves it.
pub(crate) const ASKING: &str = r#"
aef: 1
id: save-record
title: Save a record
steps:
  - id: open
    actions: [ { action: navigate, url: "https://crm.test/crm" } ]
  - id: save
    name: Save it
    risk: write
    checkpoint: { before: { title: "Save it?", timeout: 1h } }
    actions: [ { action: click, target: { role: button, name: Save } } ]
    verify: [ { visible: { testId: saved } } ]
  - { id: done, type: end, result: { saved: true } }
"#;

/// Opens a page and reads its title, without asking; says hello to whom its input names.
pub(crate) const READING: &str = r#"
aef: 1
id: read-title
title: Read the title
inputs: { type: object, required: [who], properties: { who: { type: string } } }
steps:
  - id: open
    actions: [ { action: navigate, url: "https://crm.test/crm" } ]
  - id: read
    actions: [ { action: extract, target: { testId: heading }, as: heading } ]
  - { id: done, type: end, result: { heading: "{{ heading }}", hello: "{{ inputs.who }}" } }
"#;

/// Looks for what is not there, and offers to recover.
pub(crate) const FAILING: &str = r#"
aef: 1
id: fail
steps:
  - id: open
    actions: [ { action: navigate, url: "https://crm.test/crm" } ]
  - id: press
    risk: write
    actions: [ { action: click, target: { role: button, name: Nowhere }, timeout: 1s } ]
"#;

fn site() -> ScriptedSite {
    let save = Element::button("Save")
        .posts("save", "record")
        .shows(Element::new("p").test_id("saved").text("Saved"));
    let page = Page::new("CRM").with(Element::new("h1").test_id("heading").text("Records")).with(save);
    ScriptedSite::new(ORIGIN).page("/crm", page)
}

/// Where a host keeps things.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kept {
    Memory,
    Sqlite,
    Postgres,
}

/// A host.
pub(crate) struct Stage {
    pub(crate) engine: Engine,
    pub(crate) host: Arc<dyn HostStore>,
    pub(crate) browser: ScriptedBrowser,
    pub(crate) app: Router,
    pub(crate) shutdown: Shutdown,
    _folder: TempDir,
    /// Dropped last, when nobody is connected any more.
    _database: Option<TestDatabase>,
}

impl Stage {
    pub(crate) async fn on(kept: Kept) -> Self {
        Self::with(kept, |options| options).await
    }

    /// One on which everybody may ask as often as they like.
    pub(crate) async fn unlimited(kept: Kept) -> Self {
        let any = Rate::new(u32::MAX, u32::MAX);
        let limits = Limits { per_address: any, reads: any, writes: any, starts: any, ..Limits::default() };
        Self::with(kept, |options| HttpOptions { limits, ..options }).await
    }

    pub(crate) async fn with(kept: Kept, change: impl FnOnce(HttpOptions) -> HttpOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut database = None;
        let (store, host): (Arc<dyn Store>, Arc<dyn HostStore>) = match kept {
            Kept::Memory => {
                let store = Arc::new(MemoryStore::new());
                (store.clone(), store)
            }
            Kept::Sqlite => {
                let path = folder.path().join("aef.db");
                let store = Arc::new(SqliteStore::open(path, SqliteOptions::default()).await.unwrap());
                (store.clone(), store)
            }
            Kept::Postgres => {
                let made = database.insert(TestDatabase::new().await);
                let options = PostgresOptions::new(made.url()).unwrap();
                let store = Arc::new(PostgresStore::connect(options).await.unwrap());
                (store.clone(), store)
            }
        };
        let browser = ScriptedBrowser::new(site());
        let secrets = SealedSecrets::new(host.clone(), vec![[5; 32]]);
        let engine =
            Engine::builder(store).browser(Arc::new(browser.clone())).secrets(secrets.clone()).build();
        let shutdown = Shutdown::new();
        let jwt = JwtAuthenticator::hs256(&SecretString::from(JWT_SECRET.to_owned()), JwtOptions::default());
        let options = HttpOptions {
            authenticators: vec![Arc::new(jwt)],
            internal_secret: Some(SecretString::from(INTERNAL.to_owned())),
            secrets: Some(secrets),
            shutdown: shutdown.clone(),
            ..HttpOptions::new(host.clone())
        };
        let app = router(engine.clone(), change(options)).unwrap();
        Self { engine, host, browser, app, shutdown, _folder: folder, _database: database }
    }

    /// A person with everything of `owner`'s.
    pub(crate) fn person(&self, owner: &str) -> Client {
        self.bearing(&token(&json!({ "sub": owner, "exp": in_an_hour() })))
    }

    /// Who shows this.
    pub(crate) fn bearing(&self, token: &str) -> Client {
        self.client(&[("authorization", &format!("Bearer {token}"))])
    }

    /// A service of the host.
    pub(crate) fn service(&self) -> Client {
        self.client(&[("x-internal-auth", INTERNAL)])
    }

    /// Who shows nothing.
    pub(crate) fn nobody(&self) -> Client {
        self.client(&[])
    }

    pub(crate) fn client(&self, headers: &[(&str, &str)]) -> Client {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Client { app: self.app.clone(), headers: headers.collect() }
    }

    /// A program with a key of `owner`'s.
    pub(crate) async fn program(&self, owner: &str, scopes: &[KeyScope]) -> Client {
        let key = self.key(KeyRequest { scopes: scopes.iter().copied().collect(), ..key_of(owner) }).await;
        self.bearing(&key)
    }

    /// The text of a key that was made so.
    pub(crate) async fn key(&self, request: KeyRequest) -> String {
        let issued = IssuedKey::issue(request).unwrap();
        self.host.create_key(issued.record).await.unwrap();
        issued.text.expose_secret().to_owned()
    }

    /// A worker, until the stage's shutdown begins.
    pub(crate) fn works(&self) -> JoinHandle<()> {
        tokio::spawn(self.engine.worker(WorkerOptions::default()).run(self.shutdown.clone()))
    }

    /// Keeps a document.
    pub(crate) async fn keeps(&self, client: &Client, yaml: &str) {
        let kept = client.send(Method::POST, "/api/aef/documents", Sent::Yaml(yaml)).await;
        assert_eq!(kept.status, StatusCode::CREATED, "{:?}", kept.body);
    }

    /// Waits until the execution has this status.
    pub(crate) async fn reaches(&self, id: &str, status: Status) {
        let handle = self.engine.execution(id.parse().unwrap());
        let mut states = handle.watch();
        let reached = async {
            while let Some(state) = futures::StreamExt::next(&mut states).await {
                if state.unwrap().status == status {
                    return true;
                }
            }
            false
        };
        let reached = tokio::time::timeout(std::time::Duration::from_secs(60), reached).await;
        assert!(matches!(reached, Ok(true)), "{id} never was {status}: {:#?}", handle.state().await);
    }
}

pub(crate) fn key_of(owner: &str) -> KeyRequest {
    KeyRequest {
        owner: owner.into(),
        name: "test".into(),
        scopes: KeyScope::ALL.into(),
        document: None,
        origins: Vec::new(),
        expires_at: None,
        idempotency: None,
    }
}

pub(crate) fn in_an_hour() -> i64 {
    jiff::Timestamp::now().as_second() + 3600
}

/// A token with these claims.
pub(crate) fn token(claims: &Value) -> String {
    let key = EncodingKey::from_secret(JWT_SECRET.as_bytes());
    jsonwebtoken::encode(&Header::default(), claims, &key).unwrap()
}

/// What is sent.
#[derive(Debug, Clone)]
pub(crate) enum Sent<'a> {
    Nothing,
    Json(Value),
    Yaml(&'a str),
    Raw(&'a str, Vec<u8>),
}

/// Who asks.
#[derive(Clone)]
pub(crate) struct Client {
    app: Router,
    headers: Vec<(String, String)>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    pub(crate) bytes: bytes::Bytes,
}

impl Client {
    /// The same with one header more.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same at another surface.
    pub(crate) fn at(mut self, app: Router) -> Self {
        self.app = app;
        self
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, Sent::Nothing).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Sent::Json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, Sent::Nothing).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, sent: Sent<'_>) -> Answer {
        let mut request = Request::builder().method(method.clone()).uri(path);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = match sent {
            Sent::Nothing => request.body(Body::empty()),
            Sent::Json(body) => {
                request.header("content-type", "application/json").body(body.to_string().into())
            }
            Sent::Yaml(text) => {
                request.header("content-type", "application/yaml").body(text.to_owned().into())
            }
            Sent::Raw(kind, bytes) => request.header("content-type", kind).body(bytes.into()),
        };
        let response = self.app.clone().oneshot(request.unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        contract::hold(&method, path, parts.status, &parts.headers, &body);
        Answer { status: parts.status, headers: parts.headers, body, bytes }
    }

    /// Executes a document, and gives the execution.
    pub(crate) async fn executes(&self, document: &str, inputs: Value) -> String {
        let body = json!({ "aefDocumentId": document, "inputs": inputs });
        let answer = self.post("/api/aef/execute", body).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{:?}", answer.body);
        answer.text("executionId")
    }
}

impl Answer {
    /// The text of a field.
    pub(crate) fn text(&self, field: &str) -> String {
        self.body[field].as_str().unwrap_or_else(|| panic!("no `{field}` in {:#}", self.body)).to_owned()
    }

    /// Asserts that it is a problem with this code, in the form that all have.
    pub(crate) fn is_problem(&self, status: StatusCode, code: &str) {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{:#}", self.body);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.body["status"], status.as_u16());
        assert_eq!(self.body["detail"], self.body["error"]);
        assert!(!self.text("detail").is_empty());
    }
}

/// Makes of each case a test on each store.
macro_rules! on_each_store {
    ($($case:ident),+ $(,)?) => {
        mod on_memory {
            $(#[tokio::test]
            async fn $case() {
                super::$case(crate::stage::Kept::Memory).await;
            })+
        }

        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(crate::stage::Kept::Sqlite).await;
            })+
        }

        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(crate::stage::Kept::Postgres).await;
            })+
        }
    };
}
pub(crate) use on_each_store;
