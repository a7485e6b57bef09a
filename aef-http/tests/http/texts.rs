//! Texts that not every store can keep: whatever stands in them, they are refused in the same words on each.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::access::{Ids, Route, routes};
use crate::contract::API;
use crate::stage::{Client, Kept, READING, Sent, Stage, in_an_hour, on_each_store, token};

on_each_store!(a_nul_is_refused_where_it_stands, names_with_a_nul_are_nobodys);

/// How many fields and bodies were tried.
#[derive(Default)]
struct Tried {
    routes: usize,
    fields: usize,
}

/// Sends a NUL in each field of the JSON that a route takes, in a list of it, and as the name of a field.
async fn try_fields(client: &Client, route: &Route, tried: &mut Tried) {
    let Some(schema) = API.json_body(route.told) else { return };
    let path = route.filled(&Ids::unknown());
    let mut fields: Vec<_> =
        schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name).collect();
    let any = "title".to_owned();
    if fields.is_empty() {
        fields.push(&any);
    }
    for field in fields {
        for (value, behind) in [
            (json!("a\0b"), String::new()),
            (json!([1, { "deep": ["\0"] }]), "/1/deep/0".to_owned()),
            (json!({ "\0": 1 }), String::new()),
        ] {
            let mut body = json!({});
            body[field.as_str()] = value;
            let answer = client.send(route.method.clone(), &path, Sent::Json(body)).await;
            let is_document = path.starts_with("/api/aef/documents");
            let code = if is_document { "invalid_document" } else { "invalid_input" };
            answer.is_problem(StatusCode::UNPROCESSABLE_ENTITY, code);
            let pointers: Vec<_> =
                answer.body["errors"].as_array().unwrap().iter().map(|one| one["pointer"].clone()).collect();
            assert!(pointers.contains(&json!(format!("/{field}{behind}"))), "{path}: {:#}", answer.body);
        }
        tried.fields += 1;
    }
    tried.routes += 1;
}

async fn a_nul_is_refused_where_it_stands(kept: Kept) {
    let stage = Stage::unlimited(kept).await;
    let client = stage.service().with("x-aef-owner", "ada");
    let mut tried = Tried::default();
    for route in routes() {
        try_fields(&client, &route, &mut tried).await;
        if route.told.pointer("/requestBody/content/application~1yaml").is_some() {
            let yaml = Sent::Yaml("aef: 1\nid: a\ntitle: \"b\\0\"\nsteps: [ { id: done, type: end } ]\n");
            let answer = client.send(route.method.clone(), &route.filled(&Ids::unknown()), yaml).await;
            answer.is_problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid_document");
            assert_eq!(answer.body["errors"][0]["pointer"], "/title");
        }
    }
    assert!(tried.routes > 12 && tried.fields > 30, "{} routes, {} fields", tried.routes, tried.fields);
    // A file is bytes, and any may stand in it.
    let file = Sent::Raw("application/octet-stream", vec![0; 16]);
    let kept_file = client.send(Method::POST, "/api/aef/artifacts?name=zeros", file).await;
    assert_eq!(kept_file.status, StatusCode::CREATED);
    for list in ["documents", "sops", "executions", "checkpoints", "keys", "secrets"] {
        let page = client.get(&format!("/api/aef/{list}")).await;
        assert_eq!(page.body[list], json!([]), "nothing was kept");
    }
}

async fn names_with_a_nul_are_nobodys(kept: Kept) {
    let stage = Stage::unlimited(kept).await;
    let ada = stage.person("ada");
    stage.keeps(&ada, READING).await;
    let claims: Value = json!({ "sub": "ada\0", "exp": in_an_hour() });
    for route in routes().iter().filter(|route| route.method == Method::GET && !route.is_open) {
        let path = route.filled(&Ids::unknown());
        let answer = stage.bearing(&token(&claims)).get(&path).await;
        answer.is_problem(StatusCode::UNAUTHORIZED, "unauthenticated");
    }
    // "\0" as cursors are written.
    for list in ["documents", "sops", "executions", "checkpoints", "keys", "audit"] {
        let answer = ada.get(&format!("/api/aef/{list}?cursor=AA")).await;
        answer.is_problem(StatusCode::BAD_REQUEST, "malformed");
        let answer = ada.get(&format!("/api/aef/{list}?cursor=%00")).await;
        answer.is_problem(StatusCode::BAD_REQUEST, "malformed");
    }
    let named =
        ada.send(Method::POST, "/api/aef/artifacts?name=a%00b", Sent::Raw("text/plain", vec![1])).await;
    named.is_problem(StatusCode::BAD_REQUEST, "malformed");
}
