//! Keys and secrets: made once, never read again.

use aef_core::secrets::SecretString;
use aef_core::store::{KeyScope, Scope};
use aef_http::{HttpOptions, IssuedKey, Limits};
use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::stage::{Kept, Sent, Stage, key_of, on_each_store};

on_each_store!(
    a_key_is_shown_once_and_works_until_it_is_revoked,
    an_expired_key_is_refused,
    an_imported_key_keeps_working,
    both_headers_may_hold_the_same_key,
    what_makes_no_sense_as_a_key_is_refused,
    secrets_are_set_and_never_read,
);

async fn a_key_is_shown_once_and_works_until_it_is_revoked(kept: Kept) {
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada").with("idempotency-key", "k");
    let new = json!({ "name": "Zapier", "scopes": ["read", "execute"] });
    let made = ada.post("/api/aef/keys", new.clone()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let (key, id) = (made.text("key"), made.text("keyId"));
    assert!(key.starts_with(&made.text("prefix")));
    ada.post("/api/aef/keys", new).await.is_problem(StatusCode::CONFLICT, "idempotency_conflict");
    let program = stage.bearing(&key);
    assert_eq!(program.get("/api/aef/documents").await.status, StatusCode::OK);
    let listed = ada.get("/api/aef/keys").await;
    let row = &listed.body["keys"][0];
    assert_eq!(
        (&row["keyId"], &row["name"], &row["publishable"]),
        (&json!(id), &json!("Zapier"), &json!(false))
    );
    assert!(row["lastUsedAt"].is_string());
    assert!(!listed.body.to_string().contains(&key[20..]), "a key is shown once");
    let revoked = ada.delete(&format!("/api/aef/keys/{id}")).await;
    assert_eq!(revoked.status, StatusCode::OK);
    assert_eq!(ada.delete(&format!("/api/aef/keys/{id}")).await.body, revoked.body, "twice is once");
    program.get("/api/aef/documents").await.is_problem(StatusCode::UNAUTHORIZED, "unauthenticated");
}

async fn an_expired_key_is_refused(kept: Kept) {
    let stage = Stage::on(kept).await;
    let past = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(1);
    let key = stage.key(aef_http::KeyRequest { expires_at: Some(past), ..key_of("ada") }).await;
    stage
        .bearing(&key)
        .get("/api/aef/documents")
        .await
        .is_problem(StatusCode::UNAUTHORIZED, "unauthenticated");
}

async fn an_imported_key_keeps_working(kept: Kept) {
    let stage = Stage::on(kept).await;
    let text = "LEKH-2-3f9c1d7a5b8e4f20a1c6d9e8b7f6a5c4";
    let issued = IssuedKey::import(key_of("ada"), &SecretString::from(text.to_owned())).unwrap();
    stage.host.create_key(issued.record).await.unwrap();
    assert_eq!(stage.client(&[("x-api-key", text)]).get("/engines-api/list").await.status, StatusCode::OK);
    assert_eq!(stage.bearing(text).get("/engines-api/list").await.status, StatusCode::OK);
    let near = "LEKH-2-3f9c1d7a5b8e4f20a1c6d9e8b7f6a5c5";
    stage
        .bearing(near)
        .get("/engines-api/list")
        .await
        .is_problem(StatusCode::UNAUTHORIZED, "unauthenticated");
}

async fn both_headers_may_hold_the_same_key(kept: Kept) {
    let stage = Stage::on(kept).await;
    let (one, other) = (stage.key(key_of("ada")).await, stage.key(key_of("ada")).await);
    let both = |second: &str| stage.bearing(&one).with("x-api-key", second);
    assert_eq!(both(&one).get("/engines-api/list").await.status, StatusCode::OK);
    both(&other).get("/engines-api/list").await.is_problem(StatusCode::UNAUTHORIZED, "unauthenticated");
    // A gateway's own token in the first header, ours in the second.
    let gateway = stage.client(&[("authorization", "Bearer sb-publishable"), ("apikey", &one)]);
    assert_eq!(gateway.get("/engines-api/list").await.status, StatusCode::OK);
}

async fn what_makes_no_sense_as_a_key_is_refused(kept: Kept) {
    let few =
        |options: HttpOptions| HttpOptions { limits: Limits { keys: 1, ..Limits::default() }, ..options };
    let stage = Stage::with(kept, few).await;
    let ada = stage.person("ada");
    for (key, pointer) in [
        (json!({ "name": " ", "scopes": ["read"] }), "/name"),
        (json!({ "name": "k", "scopes": [] }), "/scopes"),
        (json!({ "name": "k", "scopes": ["read"], "origins": ["https://a.example/path"] }), "/origins/0"),
        (json!({ "name": "k", "scopes": ["read"], "origins": ["*"] }), "/origins/0"),
    ] {
        let answer = ada.post("/api/aef/keys", key).await;
        answer.is_problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid_input");
        assert_eq!(answer.body["errors"][0]["pointer"], pointer);
    }
    let odd = json!({ "name": "k", "scopes": ["everything"] });
    ada.post("/api/aef/keys", odd).await.is_problem(StatusCode::BAD_REQUEST, "malformed");
    let key = json!({ "name": "k", "scopes": ["read"] });
    assert_eq!(ada.post("/api/aef/keys", key.clone()).await.status, StatusCode::CREATED);
    ada.post("/api/aef/keys", key).await.is_problem(StatusCode::TOO_MANY_REQUESTS, "quota_exceeded");
    assert_eq!(stage.host.keys(&Scope::System, None, 0).await.unwrap()[0].scopes, [KeyScope::Read].into());
}

async fn secrets_are_set_and_never_read(kept: Kept) {
    let few =
        |options: HttpOptions| HttpOptions { limits: Limits { secrets: 1, ..Limits::default() }, ..options };
    let stage = Stage::with(kept, few).await;
    let ada = stage.person("ada");
    let put = async |name: &str, value: &str| {
        let body = Sent::Json(json!({ "value": value }));
        ada.send(Method::PUT, &format!("/api/aef/secrets/{name}"), body).await
    };
    assert_eq!(put("crm", "hunter2").await.status, StatusCode::NO_CONTENT);
    assert_eq!(put("crm", "hunter3").await.status, StatusCode::NO_CONTENT, "one that is there is replaced");
    let listed = ada.get("/api/aef/secrets").await;
    assert_eq!(listed.body["secrets"][0]["name"], "crm");
    assert!(!listed.body.to_string().contains("hunter"));
    put("other", "x").await.is_problem(StatusCode::TOO_MANY_REQUESTS, "quota_exceeded");
    put("crm", "").await.is_problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid_input");
    let declared = "aef: 1\nid: d\nsecrets: [ { name: crm, kind: password, origins: [\"https://crm.test\"] } ]\n\
                    steps: [ { id: s, actions: [ { action: navigate, url: \"https://crm.test/crm\" } ] } ]\n";
    stage.keeps(&ada, declared).await;
    ada.executes("d", json!({})).await;
    assert_eq!(ada.delete("/api/aef/secrets/crm").await.status, StatusCode::NO_CONTENT);
    ada.delete("/api/aef/secrets/crm").await.is_problem(StatusCode::NOT_FOUND, "not_found");
    let missing = ada.post("/api/aef/execute", json!({ "aefDocumentId": "d" })).await;
    missing.is_problem(StatusCode::UNPROCESSABLE_ENTITY, "secret_missing");
    let without = Stage::with(kept, |options| HttpOptions { secrets: None, ..options }).await;
    let answer = without.person("ada").get("/api/aef/secrets").await;
    answer.is_problem(StatusCode::NOT_IMPLEMENTED, "not_configured");
}
