//! A surface, a shop that embeds its forms, and a worker with Chromium that performs what is submitted, and fills the forms.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aef::cdp::{CdpBrowser, LaunchOptions};
use aef::document::Document;
use aef::engine::{Engine, Handle, HostPolicy, PrivateOrigins, Shutdown, SubmitOptions, WorkerOptions};
use aef::execution::ExecutionState;
use aef::http::{HttpOptions, IssuedKey, KeyRequest, router};
use aef::ids::DocumentId;
use aef::memory::MemoryStore;
use aef::plan::Plan;
use aef::secrets::ExposeSecret as _;
use aef::store::{ApiKeyStore as _, KeyScope, ListQuery, Scope};
use axum::Router;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use futures::StreamExt as _;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// Takes an order with an input of every kind, asks a person, and gives the order back.
pub(crate) const ORDER: &str = include_str!("order.aef.yaml");

/// Fails, whatever it is given.
pub(crate) const REFUSE: &str = "
aef: 1
id: refuse
title: Refuse
steps:
  - { id: nothing, type: end, outcome: failed }
";

/// Sends the order's form empty, wrong, and right, and reads what came of it.
pub(crate) const FILL: &str = include_str!("fill-order.aef.yaml");

/// Sends a form without entries, and reads what it says then.
pub(crate) const LOOK: &str = include_str!("look.aef.yaml");

/// What runs for one test.
pub(crate) struct Stage {
    engine: Engine,
    store: Arc<MemoryStore>,
    /// Where the surface is.
    surface: SocketAddr,
    /// Where the shop is, which embeds forms.
    shop: SocketAddr,
    shutdown: Shutdown,
    worker: JoinHandle<()>,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        // Where the tests run as root, the sandbox cannot start; the pages are our own.
        let no_sandbox = true;
        let browser =
            CdpBrowser::launch(LaunchOptions { no_sandbox, ..LaunchOptions::default() }).await.unwrap();
        let policy = HostPolicy { private_origins: PrivateOrigins::AsDocuments, ..HostPolicy::default() };
        let engine = Engine::builder(store.clone()).browser(Arc::new(browser)).policy(policy).build();
        let shutdown = Shutdown::new();
        let worker = tokio::spawn(engine.worker(WorkerOptions::default()).run(shutdown.clone()));
        let app = router(engine.clone(), HttpOptions::new(store.clone())).unwrap();
        let surface = serve(app).await;
        let shop = serve(Router::new().route("/", get(front)).with_state(surface)).await;
        Self { engine, store, surface, shop, shutdown, worker }
    }

    /// Keeps a document of the shop's.
    pub(crate) async fn keeps(&self, yaml: &str) {
        let document = Document::from_yaml(yaml).unwrap();
        let plan = Plan::compile(&document).unwrap();
        self.engine.scope("shop").put_document(&plan.document).await.unwrap();
    }

    /// A page of the shop that embeds the form of an engine, under one of the names of this machine. Its key is for the
    /// shop's name `localhost`.
    pub(crate) async fn shop(&self, engine: &str, name: &str) -> String {
        let key = self.key(engine).await;
        format!("http://{name}:{}/?engine={engine}&key={key}", self.shop.port())
    }

    /// The page that the surface itself has for an engine.
    pub(crate) async fn own_page(&self, engine: &str) -> String {
        format!("http://{}/engines-api/{engine}/form?key={}", self.surface, self.key(engine).await)
    }

    /// A publishable key.
    async fn key(&self, engine: &str) -> String {
        let issued = IssuedKey::issue(KeyRequest {
            owner: "shop".into(),
            name: "the form".to_owned(),
            scopes: [KeyScope::Execute].into(),
            document: Some(DocumentId::from(engine)),
            origins: vec![format!("http://localhost:{}", self.shop.port())],
            expires_at: None,
            idempotency: None,
        });
        let issued = issued.unwrap();
        self.store.create_key(issued.record).await.unwrap();
        issued.text.expose_secret().to_owned()
    }

    /// Begins to perform a document on a page.
    pub(crate) async fn drives(&self, yaml: &str, page: &str) -> Handle {
        let plan = Plan::compile(&Document::from_yaml(yaml).unwrap()).unwrap();
        let origin = page.split('/').take(3).collect::<Vec<_>>().join("/");
        let inputs = json!({ "page": page, "origin": origin, "surface": format!("http://{}", self.surface) });
        self.engine.scope("driver").submit(&plan, inputs, SubmitOptions::default()).await.unwrap()
    }

    /// The executions that the shop's forms have submitted, newest first.
    pub(crate) async fn orders(&self) -> Vec<Handle> {
        let query = ListQuery { limit: 100, ..ListQuery::default() };
        let page = self.engine.store().list(&Scope::Owner("shop".into()), query).await.unwrap();
        page.records.iter().map(|record| self.engine.execution(record.id)).collect()
    }

    /// Waits until an execution stands on a step, or has ended.
    pub(crate) async fn reaches_step(&self, handle: &Handle, step: &str) {
        let mut states = handle.watch();
        let reached = async {
            while let Some(state) = states.next().await {
                let state = state.unwrap();
                if state.status.is_final() || state.step.as_ref().is_some_and(|at| at.as_str() == step) {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("it never reached {step}"));
    }

    /// How an execution that nobody answers ends.
    pub(crate) async fn ends(&self, handle: &Handle) -> ExecutionState {
        let ended = tokio::time::timeout(PATIENCE, handle.finished()).await;
        match ended {
            Ok(state) => state.unwrap(),
            Err(_) => panic!("it does not end: {:#?}", handle.state().await),
        }
    }

    /// Lets the worker end, and its browser with it.
    pub(crate) async fn ends_all(self) {
        self.shutdown.begin();
        self.worker.await.unwrap();
    }
}

/// What the page of the shop is asked for.
#[derive(serde::Deserialize)]
struct Front {
    engine: String,
    key: String,
}

/// A page with a strict policy, which holds for what it embeds, too.
async fn front(State(surface): State<SocketAddr>, Query(front): Query<Front>) -> impl IntoResponse {
    let from = format!("http://{surface}");
    let policy = format!("default-src 'none'; script-src {from}; connect-src {from}; form-action 'none'");
    let page = format!(
        "<!doctype html><html lang=en><title>Shop</title><h1>Shop</h1>\
         <script src=\"{from}/engines-api/embed.js\" data-engine=\"{}\" data-key=\"{}\" data-submit=\"Order\" \
         data-target=main async></script><main></main>",
        front.engine, front.key
    );
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(page))
}

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}
