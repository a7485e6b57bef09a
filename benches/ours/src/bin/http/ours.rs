//! The surface over an engine that has no worker.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use aef::document::Document;
use aef::engine::{Engine, SubmitOptions};
use aef::http::{AuthError, Authenticator, HttpOptions, Limits, Principal, Rate, router};
use aef::ids::{DocumentId, ExecutionId, OwnerId};
use aef::plan::Plan;
use aef::postgres::{PostgresOptions, PostgresStore};
use aef::sqlite::{SqliteOptions, SqliteStore};
use aef::store::{HostStore, Store};
use aef_bench_protocol::{Failure, micros};
use async_trait::async_trait;
use axum::Router;
use axum::http::request::Parts;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;

use crate::EXECUTIONS;
use crate::load::Call;

/// Whose all is.
const OWNER: &str = "bench";

/// How many submissions are under way while the store grows.
const GROWING: usize = 128;

/// Takes every caller for the owner: who is asked is not what is measured.
#[derive(Debug)]
struct Everybody;

#[async_trait]
impl Authenticator for Everybody {
    async fn authenticate(&self, _: &Parts) -> Result<Option<Principal>, AuthError> {
        Ok(Some(Principal::user(OwnerId::from(OWNER))))
    }
}

/// What is served, and what is asked for.
pub(crate) struct Ours {
    engine: Engine,
    plan: Plan,
    document: DocumentId,
    /// The first executions: of these the status is asked, and they are watched.
    first: Vec<ExecutionId>,
    /// How many there are; those that were submitted in measures do not count.
    grown: usize,
}

impl Ours {
    pub(crate) async fn open(kind: &str, place: &str) -> Result<(Self, Router), Failure> {
        let (store, host): (Arc<dyn Store>, Arc<dyn HostStore>) = match kind {
            "postgres" => {
                let store = Arc::new(PostgresStore::connect(PostgresOptions::new(place)?).await?);
                (store.clone(), store)
            }
            "sqlite" => {
                let file = Path::new(place).join("http.db");
                let store = Arc::new(SqliteStore::open(file, SqliteOptions::default()).await?);
                (store.clone(), store)
            }
            other => return Err(format!("no store is called {other}").into()),
        };
        let engine = Engine::builder(store).build();
        let often = Rate::new(u32::MAX, u32::MAX);
        let limits = Limits {
            per_address: often,
            reads: often,
            writes: often,
            starts: often,
            open_executions: u32::MAX,
            live_connections: usize::MAX,
            ..Limits::default()
        };
        let options =
            HttpOptions { authenticators: vec![Arc::new(Everybody)], limits, ..HttpOptions::new(host) };
        let router = router(engine.clone(), options)?;
        let document = json!({
            "aef": 1,
            "id": "bench",
            "inputs": { "type": "object", "properties": { "name": { "type": "string" } } },
            "vars": { "greeting": "" },
            "steps": [{
                "id": "greet",
                "actions": [{ "action": "set", "values": { "greeting": "{{ inputs.name }}" } }],
            }],
        });
        let document = Document::from_yaml(&document.to_string())?;
        let plan = engine.compile(&document)?;
        let stored = engine.scope(OWNER).put_document(&document).await?;
        let mut ours = Self { engine, plan, document: stored.id, first: Vec::new(), grown: 0 };
        ours.grow(EXECUTIONS).await?;
        Ok((ours, router))
    }

    /// Has so many executions be there, and gives what each that was added took.
    pub(crate) async fn grow(&mut self, to: usize) -> Result<f64, Failure> {
        let missing = to.saturating_sub(self.grown);
        let scope = self.engine.scope(OWNER);
        let start = Instant::now();
        let added: Vec<ExecutionId> = stream::iter(0..missing)
            .map(|_| async {
                let inputs = json!({ "name": "Ada" });
                let run = scope.submit(&self.plan, inputs, SubmitOptions::default()).await?;
                Ok::<_, Failure>(run.id())
            })
            .buffer_unordered(GROWING)
            .try_collect()
            .await?;
        if self.first.is_empty() {
            self.first = added;
        }
        self.grown += missing;
        Ok(micros(start, Instant::now()) / missing.max(1) as f64)
    }

    pub(crate) fn submit(&self) -> Call {
        let body = json!({ "aefDocumentId": self.document, "inputs": { "name": "Ada" } });
        Call::post("/api/aef/execute".to_owned(), body.to_string())
    }

    pub(crate) fn status(&self) -> Call {
        Call::get(self.first.iter().map(|id| format!("/api/aef/executions/{id}")))
    }

    pub(crate) fn list() -> Call {
        Call::get(["/api/aef/executions?limit=20".to_owned()])
    }

    pub(crate) fn socket(&self, execution: usize) -> String {
        format!("/api/aef/live/{}", self.first[execution])
    }

    pub(crate) fn act(&self, execution: usize, pauses: bool) -> (Call, &'static str) {
        let (action, word) =
            if pauses { ("pause", r#""status":"paused""#) } else { ("resume", r#""status":"queued""#) };
        let path = format!("/api/aef/action/{}", self.first[execution]);
        (Call::post(path, json!({ "action": action }).to_string()), word)
    }
}
