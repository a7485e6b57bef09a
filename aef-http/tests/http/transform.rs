//! From an SOP to an execution that can be watched before it begins.

use std::sync::Arc;

use aef_core::enrich::PhraseEnricher;
use aef_core::execution::Status;
use aef_core::store::KeyScope;
use aef_http::KeyRequest;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::live::{next, open, served, until};
use crate::stage::{Answer, Client, Kept, ORIGIN, Sent, Stage, key_of, on_each_store, token};

on_each_store!(
    an_sop_becomes_an_execution_that_is_watched_from_before_its_start,
    a_transform_is_made_once_under_a_key,
    what_is_wrong_with_an_sop_is_told_with_its_place,
    an_sop_is_transformed_by_those_who_may_reach_it,
);

/// Opens the records of whatever site its variable names.
fn looking() -> Value {
    json!({
        "meta": { "id": "look", "title": "Look at the records" },
        "public": {
            "nodes": [
                { "id": "open", "type": "task", "label": "Go to {{baseUrl}}/crm" },
                { "id": "done", "type": "end", "label": "Done" },
            ],
            "edges": [{ "source": "open", "target": "done", "condition": "next" }],
            "variables": { "baseUrl": { "type": "string" } },
        },
    })
}

async fn reading_words(kept: Kept) -> Stage {
    let enricher = Arc::new(PhraseEnricher);
    Stage::with(kept, |options| aef_http::HttpOptions { enricher: Some(enricher), ..options }).await
}

/// Keeps an SOP.
async fn keeps(client: &Client, sop: Value) -> String {
    client.post("/api/aef/sops", sop).await.text("sopId")
}

fn unasked(sop: &str) -> Value {
    json!({ "sopId": sop, "config": { "checkpoints": { "mode": "none" }, "stepTimeout": 20 } })
}

async fn an_sop_becomes_an_execution_that_is_watched_from_before_its_start(kept: Kept) {
    let stage = reading_words(kept).await;
    let worker = stage.works();
    let ada = stage.person("ada");
    let sop = keeps(&ada, looking()).await;
    let made = ada.post("/api/aef/transform", unasked(&sop)).await;
    assert_eq!(made.status, StatusCode::OK, "{:#}", made.body);
    assert_eq!((made.text("aefDocumentId"), &made.body["estimatedDuration"]), ("look".into(), &json!(5)));
    assert_eq!(made.body["report"]["counts"]["nodes"], 2);
    assert_eq!(made.body["enrichment"]["steps"][0]["outcome"], "enriched");
    assert_eq!(made.body["aefDocument"]["config"]["stepTimeout"], "20s");
    let kept = ada.get("/api/aef/documents/look").await;
    assert_eq!(kept.body["document"], made.body["aefDocument"]);

    let id = made.text("executionId");
    let state = ada.get(&format!("/api/aef/executions/{id}")).await;
    assert_eq!(
        (state.text("status"), &state.body["waitingFor"]["waitsFor"]),
        ("created".into(), &json!("start"))
    );
    let polled = ada.get(&format!("/api/aef/live/{id}")).await;
    assert_eq!(
        (polled.text("type"), &polled.body["execution"]["status"]),
        ("execution_update".into(), &json!("created"))
    );
    let address = served(&stage).await;
    let bearer = format!("Bearer {}", stage.key(key_of("ada")).await);
    let mut socket =
        open(address, &format!("/api/aef/live/{id}"), &[("authorization", &bearer)]).await.unwrap();
    assert_eq!(next(&mut socket).await.unwrap()["execution"]["status"], "created");

    let start = |inputs: Value| json!({ "aefDocumentId": "look", "executionId": id, "inputs": inputs });
    let refused = ada.post("/api/aef/execute", start(json!({ "baseUrl": 7 }))).await;
    refused.is_problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid_input");
    assert_eq!(refused.body["errors"][0]["pointer"], "/baseUrl");
    let without = json!({ "aefDocumentId": "look", "executionId": id });
    let refused = ada.post("/api/aef/execute", without).await;
    refused.is_problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid_input");
    let started = ada.post("/api/aef/execute", start(json!({ "baseUrl": ORIGIN }))).await;
    assert_eq!((started.status, started.text("status")), (StatusCode::ACCEPTED, "queued".to_owned()));
    assert!(started.text("websocketUrl").ends_with(&format!("/api/aef/live/{id}")));
    let ended = until(&mut socket, |message| message["type"] == "execution_complete").await;
    assert_eq!(ended["browser"]["currentUrl"], format!("{ORIGIN}/crm"));
    stage.reaches(&id, Status::Completed).await;
    stage.shutdown.begin();
    worker.await.unwrap();
}

async fn a_transform_is_made_once_under_a_key(kept: Kept) {
    let stage = reading_words(kept).await;
    let ada = stage.person("ada").with("idempotency-key", "monday");
    let sop = keeps(&ada, looking()).await;
    let first = ada.post("/api/aef/transform", unasked(&sop)).await;
    let again = ada.post("/api/aef/transform", unasked(&sop)).await;
    assert_eq!(again.text("executionId"), first.text("executionId"));
    assert_eq!(again.body["aefDocument"], first.body["aefDocument"]);
    let other = ada.post("/api/aef/transform", json!({ "sopId": sop })).await;
    other.is_problem(StatusCode::CONFLICT, "idempotency_conflict");
    let executions = ada.get("/api/aef/executions?status=created").await;
    assert_eq!(executions.body["executions"].as_array().unwrap().len(), 1);
}

async fn what_is_wrong_with_an_sop_is_told_with_its_place(kept: Kept) {
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada");
    let mut wrong = looking();
    wrong["public"]["nodes"][1]["id"] = json!("open");
    wrong["public"]["edges"][0]["target"] = json!("nowhere");
    let sop = keeps(&ada, wrong).await;
    let refused = ada.post("/api/aef/transform", json!({ "sopId": sop })).await;
    refused.is_problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid_document");
    let codes: Vec<_> =
        refused.body["errors"].as_array().unwrap().iter().map(|error| error["code"].clone()).collect();
    assert!(codes.contains(&json!("duplicate_id")) && codes.contains(&json!("unknown_node")), "{codes:?}");
    let sop = keeps(&ada, looking()).await;
    let config = |config: Value| json!({ "sopId": sop, "config": config });
    for (wrong, pointer) in [
        (json!({ "checkpoints": { "mode": "sometimes" } }), "/config/checkpoints/mode"),
        (json!({ "stepTimeout": "soon" }), "/config/stepTimeout"),
    ] {
        let refused = ada.post("/api/aef/transform", config(wrong)).await;
        refused.is_problem(StatusCode::BAD_REQUEST, "malformed");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer);
    }
    let made: Answer = ada.post("/api/aef/transform", config(json!({}))).await;
    assert_eq!(made.body["report"]["counts"]["manualSteps"], 1, "nobody reads the words here");
    assert!(made.body.get("enrichment").is_none());
    let next = ada.send(Method::PUT, &format!("/api/aef/sops/{sop}"), Sent::Json(json!({ "meta": 7 }))).await;
    assert_eq!(next.body["version"], 2);
    let newest = ada.post("/api/aef/transform", json!({ "sopId": sop })).await;
    newest.is_problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid_document");
    let first = ada.post("/api/aef/transform", json!({ "sopId": sop, "version": 1 })).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.body);
}

async fn an_sop_is_transformed_by_those_who_may_reach_it(kept: Kept) {
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada");
    let asked = json!({ "sopId": keeps(&ada, looking()).await });
    let bob = stage.person("bob");
    bob.post("/api/aef/transform", asked.clone()).await.is_problem(StatusCode::NOT_FOUND, "not_found");
    let service = stage.service().post("/api/aef/transform", asked.clone()).await;
    service.is_problem(StatusCode::BAD_REQUEST, "owner_required");
    let reader = stage.program("ada", &[KeyScope::Read, KeyScope::Control]).await;
    reader.post("/api/aef/transform", asked.clone()).await.is_problem(StatusCode::FORBIDDEN, "forbidden");
    let request = KeyRequest { document: Some("look".into()), ..key_of("ada") };
    let bound = stage.bearing(&stage.key(request).await);
    bound.post("/api/aef/transform", asked.clone()).await.is_problem(StatusCode::FORBIDDEN, "forbidden");
    bound.get("/api/aef/sops").await.is_problem(StatusCode::FORBIDDEN, "forbidden");
    let made = ada.post("/api/aef/transform", asked).await;
    let submitted =
        ada.post("/engines-api/look/execute", json!({ "userInput": { "baseUrl": ORIGIN } })).await;
    let tokened = stage.bearing(&submitted.text("statusToken"));
    for path in [
        "/api/aef/documents".to_owned(),
        "/api/aef/sops".to_owned(),
        "/api/aef/checkpoints".to_owned(),
        "/engines-api/list".to_owned(),
    ] {
        tokened.get(&path).await.is_problem(StatusCode::FORBIDDEN, "forbidden");
    }
    let other = format!("/api/aef/executions/{}", made.text("executionId"));
    tokened.get(&other).await.is_problem(StatusCode::NOT_FOUND, "not_found");
    let expired = stage.bearing(&token(&json!({ "sub": "ada", "exp": 1 })));
    expired.get(&other).await.is_problem(StatusCode::UNAUTHORIZED, "unauthenticated");
}
