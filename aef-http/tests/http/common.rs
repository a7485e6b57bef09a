//! What is the same everywhere: problems, bodies, pages, idempotency, limits, and the description.

use aef_http::{HttpOptions, Limits, Rate};
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::stage::{Kept, READING, Sent, Stage, on_each_store};

on_each_store!(
    unknown_paths_methods_and_fields_are_told,
    bodies_are_held_to_their_kind_and_size,
    lists_are_read_in_pages,
    asking_twice_makes_one,
    requests_are_counted,
    nothing_is_answered_while_shutting_down,
    odd_paths_and_ids_are_not_found,
);

async fn unknown_paths_methods_and_fields_are_told(kept: Kept) {
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada");
    ada.get("/api/aef/nowhere").await.is_problem(StatusCode::NOT_FOUND, "not_found");
    ada.get("/").await.is_problem(StatusCode::NOT_FOUND, "not_found");
    ada.delete("/api/aef/sops").await.is_problem(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed");
    let unknown = json!({ "aefDocumentId": "d", "surprise": 1 });
    let answer = ada.post("/api/aef/execute", unknown).await;
    answer.is_problem(StatusCode::BAD_REQUEST, "malformed");
    assert_eq!(answer.body["errors"][0]["pointer"], "/surprise");
    ada.get("/api/aef/executions?surprise=1").await.is_problem(StatusCode::BAD_REQUEST, "malformed");
    ada.get("/api/aef/executions?status=odd").await.is_problem(StatusCode::BAD_REQUEST, "malformed");
    ada.get("/api/aef/executions?limit=101").await.is_problem(StatusCode::BAD_REQUEST, "malformed");
    ada.get("/api/aef/executions?cursor=%25").await.is_problem(StatusCode::BAD_REQUEST, "malformed");
    ada.get("/api/aef/executions?since=yesterday").await.is_problem(StatusCode::BAD_REQUEST, "malformed");
    let answer = stage.person("ada").with("x-request-id", "abc-1").get("/api/aef/documents").await;
    assert_eq!(answer.headers["x-request-id"], "abc-1");
}

async fn bodies_are_held_to_their_kind_and_size(kept: Kept) {
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada");
    let post = async |path: &str, sent: Sent<'_>| ada.send(Method::POST, path, sent).await;
    let text = Sent::Raw("text/plain", b"{}".to_vec());
    post("/api/aef/execute", text)
        .await
        .is_problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type");
    post("/api/aef/execute", Sent::Nothing)
        .await
        .is_problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type");
    let broken = Sent::Raw("application/json", b"{\"a\":".to_vec());
    post("/api/aef/execute", broken).await.is_problem(StatusCode::BAD_REQUEST, "malformed");
    let bomb = Sent::Raw("application/json", "[".repeat(500_000).into_bytes());
    post("/api/aef/execute", bomb).await.is_problem(StatusCode::BAD_REQUEST, "malformed");
    let large = format!("{{\"aefDocumentId\": \"{}\"}}", "a".repeat(1024 * 1024));
    let large = Sent::Raw("application/json", large.into_bytes());
    post("/api/aef/execute", large).await.is_problem(StatusCode::PAYLOAD_TOO_LARGE, "too_large");
    // A document may be larger than other bodies.
    let padded = format!("{READING}\nx-padding: \"{}\"\n", "a".repeat(2 * 1024 * 1024));
    assert_eq!(post("/api/aef/documents", Sent::Yaml(&padded)).await.status, StatusCode::CREATED);
    let huge = Sent::Raw("application/yaml", vec![b' '; 8 * 1024 * 1024 + 1]);
    post("/api/aef/documents", huge).await.is_problem(StatusCode::PAYLOAD_TOO_LARGE, "too_large");
    let binary = Sent::Raw("application/yaml", vec![0xff, 0xfe]);
    post("/api/aef/documents", binary).await.is_problem(StatusCode::BAD_REQUEST, "malformed");
}

async fn lists_are_read_in_pages(kept: Kept) {
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada");
    stage.keeps(&ada, READING).await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(ada.executes("read-title", json!({ "who": "you" })).await);
    }
    made.reverse();
    for path in ["/api/aef/executions", "/engines-api/executions"] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = ada.get(&format!("{path}?limit=2{cursor}")).await;
            let rows = page.body["executions"].as_array().unwrap();
            assert!(rows.len() <= 2);
            seen.extend(rows.iter().map(|row| row["executionId"].as_str().unwrap().to_owned()));
            match page.body["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen, made, "{path}: newest first, each once");
    }
    let of_status = ada.get("/api/aef/executions?status=queued,paused&document=read-title").await;
    assert_eq!(of_status.body["executions"].as_array().unwrap().len(), 5);
    let none = ada.get("/api/aef/executions?status=completed").await;
    assert_eq!(none.body["executions"], json!([]));
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(60);
    let none = ada.get(&format!("/api/aef/executions?since={later}")).await;
    assert_eq!(none.body["executions"], json!([]));
}

async fn asking_twice_makes_one(kept: Kept) {
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada");
    stage.keeps(&ada, READING).await;
    let keyed = ada.clone().with("idempotency-key", "k-1");
    let run = |who: &str| json!({ "aefDocumentId": "read-title", "inputs": { "who": who } });
    let first = keyed.post("/api/aef/execute", run("you")).await.text("executionId");
    assert_eq!(keyed.post("/api/aef/execute", run("you")).await.text("executionId"), first);
    let other = keyed.post("/api/aef/execute", run("me")).await;
    other.is_problem(StatusCode::CONFLICT, "idempotency_conflict");
    let submit = |who: &str| json!({ "userInput": { "who": who } });
    let keyed = ada.clone().with("idempotency-key", "k-2");
    let first = keyed.post("/engines-api/read-title/execute", submit("you")).await.text("executionId");
    let again = keyed.post("/engines-api/read-title/execute", submit("you")).await;
    assert_eq!(again.text("executionId"), first);
    let sop = json!({ "meta": { "title": "T" } });
    let made = keyed.post("/api/aef/sops", sop.clone()).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let again = keyed.post("/api/aef/sops", sop).await;
    assert_eq!((again.status, again.text("sopId")), (StatusCode::OK, made.text("sopId")));
    let other = keyed.post("/api/aef/sops", json!({ "meta": { "title": "U" } })).await;
    other.is_problem(StatusCode::CONFLICT, "idempotency_conflict");
    let bad = ada.clone().with("idempotency-key", "").post("/api/aef/execute", run("you")).await;
    bad.is_problem(StatusCode::BAD_REQUEST, "malformed");
    assert_eq!(ada.get("/api/aef/executions").await.body["executions"].as_array().unwrap().len(), 2);
}

async fn requests_are_counted(kept: Kept) {
    let change = |options: HttpOptions| HttpOptions {
        limits: Limits { reads: Rate::new(1, 2), open_executions: 1, ..Limits::default() },
        ..options
    };
    let stage = Stage::with(kept, change).await;
    let (ada, bob) = (stage.person("ada"), stage.person("bob"));
    for left in ["1", "0"] {
        let answer = ada.get("/api/aef/documents").await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.headers["ratelimit"], format!("\"reads\";r={left}"));
        assert_eq!(answer.headers["ratelimit-policy"], "\"reads\";q=1;w=60");
    }
    let refused = ada.get("/api/aef/documents").await;
    refused.is_problem(StatusCode::TOO_MANY_REQUESTS, "rate_limited");
    let wait: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(bob.get("/api/aef/documents").await.status, StatusCode::OK, "another's budget");
    stage.keeps(&ada, READING).await;
    ada.executes("read-title", json!({ "who": "you" })).await;
    let run = json!({ "aefDocumentId": "read-title", "inputs": { "who": "you" } });
    let refused = ada.post("/api/aef/execute", run).await;
    refused.is_problem(StatusCode::TOO_MANY_REQUESTS, "quota_exceeded");
    assert!(refused.headers.contains_key("retry-after"));
}

async fn nothing_is_answered_while_shutting_down(kept: Kept) {
    let stage = Stage::on(kept).await;
    assert_eq!(stage.nobody().get("/readyz").await.status, StatusCode::OK);
    stage.shutdown.begin();
    let refused = stage.person("ada").get("/api/aef/documents").await;
    refused.is_problem(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
    assert!(refused.headers.contains_key("retry-after"));
    stage.nobody().get("/readyz").await.is_problem(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
    assert_eq!(stage.nobody().get("/healthz").await.status, StatusCode::OK);
}

/// Whatever stands in a path, the answer is one that the description knows.
async fn odd_paths_and_ids_are_not_found(kept: Kept) {
    let stage = Stage::on(kept).await;
    let ada = stage.person("ada");
    let odd = [
        "exec_",
        "exec_8zzzzzzzzzzzzzzzzzzzzzzzzz",
        "chk_00000000000000000000000000",
        "%00",
        "%ff",
        "..%2f..%2fetc%2fpasswd",
        "%F0%9F%98%80",
        "'%20OR%201=1--",
        "%7B%7B",
        &"a".repeat(5000),
    ];
    for id in odd {
        for route in [
            "/api/aef/executions/",
            "/api/aef/sops/",
            "/api/aef/logs/",
            "/api/aef/documents/",
            "/engines-api/",
        ] {
            let answer = ada.get(&format!("{route}{id}")).await;
            answer.is_problem(StatusCode::NOT_FOUND, "not_found");
        }
        let answer = ada.post(&format!("/api/aef/checkpoint/{id}"), json!({ "response": "approve" })).await;
        answer.is_problem(StatusCode::NOT_FOUND, "not_found");
    }
    let artifact = "/api/aef/executions/exec_00000000000000000000000000/artifacts/..%2f..%2fstate.key";
    ada.get(artifact).await.is_problem(StatusCode::NOT_FOUND, "not_found");
    assert_eq!(Value::Null, ada.get("/api/aef/documents").await.body["nextCursor"]);
}
