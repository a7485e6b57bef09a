//! Who may: enumerated over all routes from the description, not by hand.

use aef_core::store::KeyScope;
use aef_http::KeyRequest;
use aef_testkit::Operation;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::contract::API;
use crate::stage::{ASKING, Client, Kept, READING, Sent, Stage, in_an_hour, key_of, on_each_store, token};

on_each_store!(
    no_route_answers_without_a_credential,
    no_route_answers_a_bad_credential,
    another_owners_things_are_not_found_anywhere,
    a_key_may_what_its_scopes_say,
    a_key_for_one_document_sees_no_other,
    a_publishable_key_works_from_its_origins,
    a_service_says_for_whom_it_asks,
    tokens_are_taken_while_they_are_good,
    what_is_changed_is_written_down,
);

/// A route of the description.
pub(crate) struct Route {
    pub(crate) method: Method,
    path: &'static str,
    pub(crate) is_open: bool,
    /// What the description says of it.
    pub(crate) told: &'static Value,
}

/// All routes of the description.
pub(crate) fn routes() -> Vec<Route> {
    let route = |operation: Operation<'static>| Route {
        method: operation.method.parse().unwrap(),
        path: operation.path,
        is_open: operation.told["security"] == json!([]),
        told: operation.told,
    };
    let routes: Vec<_> = API.operations().map(route).collect();
    assert!(routes.len() > 30, "the description names only {} routes", routes.len());
    routes
}

impl Route {
    /// The path with ids of the kinds that it asks for.
    pub(crate) fn filled(&self, ids: &Ids) -> String {
        let id = if self.path.contains("/sops/") {
            &ids.sop
        } else if self.path.contains("/documents/") || self.path.starts_with("/engines-api/{id}") {
            &ids.document
        } else if self.path.contains("/checkpoint/") {
            &ids.checkpoint
        } else if self.path.contains("/keys/") {
            &ids.key
        } else {
            &ids.execution
        };
        self.path
            .replace("{id}", id)
            .replace("{executionId}", &ids.execution)
            .replace("{hash}", &ids.picture)
            .replace("{name}", "crm_password")
    }

    fn has_id(&self) -> bool {
        ["{id}", "{executionId}", "{name}"].iter().any(|part| self.path.contains(part))
    }

    /// A body that the route takes.
    fn fitting(&self, ids: &Ids) -> Sent<'static> {
        let last = self.path.rsplit('/').next().unwrap();
        let body = match (last, self.path) {
            (_, "/api/aef/checkpoint/{id}") => json!({ "response": "approve" }),
            (_, "/api/aef/action/{executionId}") => json!({ "action": "pause" }),
            (_, "/api/aef/secrets/{name}") => json!({ "value": "x" }),
            (_, "/engines-api/{id}/execute") => json!({ "userInput": { "who": "you" } }),
            (_, "/engines-api/{id}/resume") => json!({ "executionId": ids.execution }),
            _ => json!({}),
        };
        match self.told.get("requestBody") {
            Some(_) => Sent::Json(body),
            None => Sent::Nothing,
        }
    }
}

/// Ids of things that there are.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    sop: String,
    document: String,
    execution: String,
    checkpoint: String,
    key: String,
    picture: String,
}

impl Ids {
    pub(crate) fn unknown() -> Self {
        Self {
            sop: "sop_00000000000000000000000000".into(),
            document: "nothing".into(),
            execution: "exec_00000000000000000000000000".into(),
            checkpoint: "chk_00000000000000000000000000".into(),
            key: "key_00000000000000000000000000".into(),
            picture: "0".repeat(64),
        }
    }

    /// Ada's things: one of each kind, with an execution that asks.
    async fn of(stage: &Stage, ada: &Client) -> Self {
        stage.keeps(ada, ASKING).await;
        let sop = ada.post("/api/aef/sops", json!({ "meta": { "title": "T" } })).await.text("sopId");
        let key = json!({ "name": "k", "scopes": ["read"] });
        let key = ada.post("/api/aef/keys", key).await.text("keyId");
        let secret = Sent::Json(json!({ "value": "hunter2" }));
        assert_eq!(
            ada.send(Method::PUT, "/api/aef/secrets/crm_password", secret).await.status,
            StatusCode::NO_CONTENT
        );
        let execution = ada.executes("save-record", json!({})).await;
        stage.reaches(&execution, aef_core::execution::Status::WaitingCheckpoint).await;
        let inbox = ada.get("/api/aef/checkpoints").await;
        let open = &inbox.body["checkpoints"][0];
        let checkpoint = open["id"].as_str().unwrap().to_owned();
        let picture = open["screenshot"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        Self { sop, document: "save-record".into(), execution, checkpoint, key, picture }
    }
}

async fn no_route_answers_without_a_credential(kept: Kept) {
    let stage = Stage::on(kept).await;
    let (nobody, ids) = (stage.nobody(), Ids::unknown());
    for route in routes() {
        let path = route.filled(&ids);
        let answer = nobody.send(route.method.clone(), &path, route.fitting(&ids)).await;
        if route.is_open {
            assert_ne!(answer.status, StatusCode::UNAUTHORIZED, "{} {path}", route.method);
        } else {
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{} {path}", route.method);
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
        }
        let kept = if path.ends_with("/embed.js") { "public, max-age=300" } else { "no-store" };
        assert_eq!(answer.headers["cache-control"], kept, "{path}");
        assert!(answer.headers.contains_key("x-request-id"), "{path}");
    }
    let mut open: Vec<_> =
        routes().into_iter().filter(|route| route.is_open).map(|route| route.path).collect();
    open.sort();
    assert_eq!(open, ["/engines-api/embed.js", "/healthz", "/metrics", "/readyz"]);
    for path in ["/api/docs", "/api/openapi.json"] {
        assert_eq!(nobody.get(path).await.status, StatusCode::OK, "{path}");
    }
}

async fn no_route_answers_a_bad_credential(kept: Kept) {
    let stage = Stage::on(kept).await;
    let key = stage.key(key_of("ada")).await;
    let wrong = format!("{}{}", &key[..key.len() - 1], if key.ends_with('0') { '1' } else { '0' });
    let ids = Ids::unknown();
    let bad = [
        stage.bearing(&wrong),
        stage.bearing("aef_unknown_key"),
        stage.bearing("LEKH-2-0123456789abcdef0123456789abcdef"),
        stage.bearing(&token(&json!({ "sub": "ada", "exp": 1 }))),
        stage.bearing("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ."),
        stage.client(&[("x-internal-auth", "wrong")]),
        stage.client(&[("x-api-key", &wrong)]),
    ];
    for route in routes().iter().filter(|route| !route.is_open) {
        for client in &bad {
            let answer = client.send(route.method.clone(), &route.filled(&ids), route.fitting(&ids)).await;
            answer.is_problem(StatusCode::UNAUTHORIZED, "unauthenticated");
        }
    }
}

async fn another_owners_things_are_not_found_anywhere(kept: Kept) {
    let stage = Stage::on(kept).await;
    let worker = stage.works();
    let (ada, bob) = (stage.person("ada"), stage.person("bob"));
    let ids = Ids::of(&stage, &ada).await;
    let mut asked = 0;
    for route in routes().iter().filter(|route| !route.is_open && route.has_id()) {
        // A secret that one sets is one's own.
        if route.path.contains("/secrets/") && route.method == Method::PUT {
            continue;
        }
        let path = route.filled(&ids);
        let answer = bob.send(route.method.clone(), &path, route.fitting(&ids)).await;
        answer.is_problem(StatusCode::NOT_FOUND, "not_found");
        asked += 1;
        if route.method == Method::GET {
            // So it is for bob alone, and not for want of such a thing, that nothing is found.
            assert_ne!(ada.get(&path).await.status, StatusCode::NOT_FOUND, "{path}");
        }
    }
    assert!(asked > 15, "only {asked} routes were asked");
    for (list, field) in [
        ("/api/aef/sops", "sops"),
        ("/api/aef/documents", "documents"),
        ("/api/aef/executions", "executions"),
        ("/api/aef/checkpoints", "checkpoints"),
        ("/api/aef/keys", "keys"),
        ("/api/aef/secrets", "secrets"),
        ("/engines-api/list", "engines"),
        ("/engines-api/executions", "executions"),
    ] {
        let seen = |answer: &Value| answer[field].as_array().map(Vec::len);
        assert_eq!(seen(&bob.get(list).await.body), Some(0), "{list}");
        assert_eq!(seen(&ada.get(list).await.body), Some(1), "{list}");
    }
    let state = ada.get(&format!("/api/aef/executions/{}", ids.execution)).await;
    assert_eq!(state.text("status"), "waiting_checkpoint", "nothing of it was done");
    stage.shutdown.begin();
    worker.await.unwrap();
}

async fn a_key_may_what_its_scopes_say(kept: Kept) {
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada");
    stage.keeps(&ada, READING).await;
    let reader = stage.program("ada", &[KeyScope::Read]).await;
    let runner = stage.program("ada", &[KeyScope::Execute]).await;
    let operator = stage.program("ada", &[KeyScope::Control]).await;
    let run = json!({ "aefDocumentId": "read-title", "inputs": { "who": "you" } });
    let id = runner.post("/api/aef/execute", run.clone()).await.text("executionId");
    let stop = format!("/api/aef/stop/{id}");
    reader.post("/api/aef/execute", run.clone()).await.is_problem(StatusCode::FORBIDDEN, "forbidden");
    operator.post("/api/aef/execute", run).await.is_problem(StatusCode::FORBIDDEN, "forbidden");
    assert_eq!(reader.get("/api/aef/executions").await.status, StatusCode::OK);
    runner.get("/api/aef/executions").await.is_problem(StatusCode::FORBIDDEN, "forbidden");
    reader.delete(&stop).await.is_problem(StatusCode::FORBIDDEN, "forbidden");
    runner.delete(&stop).await.is_problem(StatusCode::FORBIDDEN, "forbidden");
    assert_eq!(operator.delete(&stop).await.status, StatusCode::OK);
    let all = stage.program("ada", &KeyScope::ALL).await;
    for path in ["/api/aef/keys", "/api/aef/secrets", "/api/aef/audit"] {
        all.get(path).await.is_problem(StatusCode::FORBIDDEN, "forbidden");
    }
    for client in [&all, &ada] {
        client.post("/process-executions", json!({})).await.is_problem(StatusCode::FORBIDDEN, "forbidden");
    }
}

async fn a_key_for_one_document_sees_no_other(kept: Kept) {
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada");
    stage.keeps(&ada, READING).await;
    stage.keeps(&ada, ASKING).await;
    let request = KeyRequest { document: Some("read-title".into()), ..key_of("ada") };
    let bound = stage.bearing(&stage.key(request).await);
    let other = ada.executes("save-record", json!({})).await;
    let own = bound.executes("read-title", json!({ "who": "you" })).await;
    let listed = bound.get("/api/aef/executions").await;
    assert_eq!(listed.body["executions"].as_array().unwrap().len(), 1);
    assert_eq!(listed.body["executions"][0]["executionId"], own);
    for path in [
        format!("/api/aef/executions/{other}"),
        format!("/api/aef/logs/{other}"),
        format!("/engines-api/executions/{other}"),
        "/api/aef/documents/save-record".to_owned(),
        "/engines-api/save-record".to_owned(),
    ] {
        bound.get(&path).await.is_problem(StatusCode::NOT_FOUND, "not_found");
    }
    bound.delete(&format!("/api/aef/stop/{other}")).await.is_problem(StatusCode::NOT_FOUND, "not_found");
    let engines = bound.get("/engines-api/list").await;
    assert_eq!(engines.body["engines"][0]["id"], "read-title");
    assert_eq!(engines.body["engines"].as_array().unwrap().len(), 1);
    let asked = bound.send(Method::POST, "/api/aef/documents", Sent::Yaml(ASKING)).await;
    asked.is_problem(StatusCode::NOT_FOUND, "not_found");
}

async fn a_publishable_key_works_from_its_origins(kept: Kept) {
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada");
    stage.keeps(&ada, READING).await;
    let request = KeyRequest {
        document: Some("read-title".into()),
        scopes: [KeyScope::Execute].into(),
        origins: vec!["https://shop.example".into()],
        ..key_of("ada")
    };
    let key = stage.bearing(&stage.key(request).await);
    let run = json!({ "userInput": { "who": "you" } });
    let path = "/engines-api/read-title/execute";
    let shop = key.clone().with("origin", "https://shop.example");
    let answer = shop.post(path, run.clone()).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
    assert_eq!(answer.headers["access-control-allow-origin"], "https://shop.example");
    for origin in ["https://evil.example", "null", "https://shop.example.evil.example"] {
        let refused = key.clone().with("origin", origin).post(path, run.clone()).await;
        refused.is_problem(StatusCode::FORBIDDEN, "origin_refused");
    }
    key.post(path, run).await.is_problem(StatusCode::FORBIDDEN, "origin_refused");
    let preflight = stage
        .nobody()
        .with("origin", "https://shop.example")
        .with("access-control-request-method", "POST")
        .send(Method::OPTIONS, path, Sent::Nothing)
        .await;
    assert_eq!(preflight.status, StatusCode::NO_CONTENT);
    let allowed = preflight.headers["access-control-allow-headers"].to_str().unwrap();
    for header in ["authorization", "x-api-key", "apikey", "content-type"] {
        assert!(allowed.contains(header), "{allowed}");
    }
    let operators = stage
        .nobody()
        .with("origin", "https://shop.example")
        .with("access-control-request-method", "GET")
        .send(Method::OPTIONS, "/api/aef/executions", Sent::Nothing)
        .await;
    assert!(!operators.headers.contains_key("access-control-allow-origin"), "no origin was configured");
}

async fn a_service_says_for_whom_it_asks(kept: Kept) {
    let stage = Stage::on(kept).await;
    let (service, ada) = (stage.service(), stage.person("ada"));
    let refused = service.send(Method::POST, "/api/aef/documents", Sent::Yaml(READING)).await;
    refused.is_problem(StatusCode::BAD_REQUEST, "owner_required");
    let for_ada = service.clone().with("x-aef-owner", "ada");
    stage.keeps(&for_ada, READING).await;
    let id = for_ada.executes("read-title", json!({ "who": "you" })).await;
    assert_eq!(ada.get(&format!("/api/aef/executions/{id}")).await.status, StatusCode::OK);
    assert_eq!(service.get(&format!("/api/aef/executions/{id}")).await.status, StatusCode::OK, "it sees all");
    assert_eq!(service.get("/api/aef/executions").await.body["executions"][0]["executionId"], id);
}

async fn tokens_are_taken_while_they_are_good(kept: Kept) {
    let stage = Stage::on(kept).await;
    let status = async |claims: Value| stage.bearing(&token(&claims)).get("/api/aef/executions").await.status;
    assert_eq!(status(json!({ "sub": "ada", "exp": in_an_hour() })).await, StatusCode::OK);
    for bad in [
        json!({ "sub": "ada", "exp": in_an_hour() - 7200 }),
        json!({ "sub": "ada" }),
        json!({ "exp": in_an_hour() }),
        json!({ "sub": "", "exp": in_an_hour() }),
        json!({ "sub": "ada", "exp": in_an_hour(), "nbf": in_an_hour() }),
        json!({ "sub": "ada", "exp": in_an_hour(), "aud": "somebody else" }),
    ] {
        assert_eq!(status(bad.clone()).await, StatusCode::UNAUTHORIZED, "{bad}");
    }
}

async fn what_is_changed_is_written_down(kept: Kept) {
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada");
    stage.keeps(&ada, READING).await;
    let program = stage.program("ada", &[KeyScope::Read]).await.with("x-request-id", "my-request");
    program
        .delete("/api/aef/stop/exec_00000000000000000000000000")
        .await
        .is_problem(StatusCode::FORBIDDEN, "forbidden");
    ada.get("/api/aef/documents").await;
    let audit = ada.get("/api/aef/audit").await;
    let entries = audit.body["entries"].as_array().unwrap();
    let told: Vec<_> =
        entries.iter().map(|entry| (entry["action"].clone(), entry["status"].clone())).collect();
    assert_eq!(
        told,
        [
            (json!("POST /api/aef/documents"), json!(201)),
            (json!("DELETE /api/aef/stop/{executionId}"), json!(403)),
        ]
    );
    assert_eq!(entries[0]["actor"], "ada");
    assert!(entries[1]["actor"].as_str().unwrap().starts_with("ada by key_"));
    assert_eq!(entries[1]["requestId"], "my-request");
    assert!(stage.person("bob").get("/api/aef/audit").await.body["entries"].as_array().unwrap().is_empty());
}
