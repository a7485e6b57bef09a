//! The methods and types, held against the description of the surface, and against the surface itself.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use aef_core::engine::Engine;
use aef_core::execution::Status;
use aef_http::{HttpOptions, router};
use aef_store_memory::MemoryStore;
use aef_testkit::ApiDescription;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

use crate::calls::CALLS;
use crate::*;

/// How many examples are made of each schema: as many as the longest list of names has.
const EXAMPLES: usize = 24;

/// What the surface takes and a program need not send: other names for the same, for clients of an earlier system.
const NOT_SENT: [&str; 2] = ["input", "options"];

fn description() -> ApiDescription {
    ApiDescription::new(aef_http::openapi())
}

/// An example of a schema. The `turn` chooses among names, and every other one has only what must be there.
fn example(api: &ApiDescription, schema: &Value, turn: usize) -> Value {
    let schema = api.resolved(schema);
    if let Some(only) = schema.get("const") {
        return only.clone();
    }
    if let Some(names) = schema["enum"].as_array() {
        return names[turn % names.len()].clone();
    }
    for (kind, is_all) in [("allOf", true), ("oneOf", false), ("anyOf", false)] {
        let Some(parts) = schema[kind].as_array() else { continue };
        let parts: Vec<_> = parts.iter().filter(|part| part["type"] != "null").collect();
        let parts = if is_all { parts } else { vec![parts[turn % parts.len()]] };
        // What each of the alternatives has stands beside them.
        let common = schema.get("properties").map(|_| object(api, schema, turn));
        if let (None, [only]) = (&common, &parts[..]) {
            return example(api, only, turn);
        }
        let mut whole: Map<_, _> =
            common.into_iter().flat_map(|common| common.as_object().unwrap().clone()).collect();
        for part in parts {
            whole.extend(example(api, part, turn).as_object().unwrap().clone());
        }
        return Value::Object(whole);
    }
    let kinds = schema["type"].as_array();
    let kind = kinds.map_or(&schema["type"], |kinds| kinds.iter().find(|kind| *kind != "null").unwrap());
    let kind = kind.as_str().unwrap_or("any");
    match kind {
        "string" if schema["format"] == "date-time" => json!("2026-01-02T03:04:05Z"),
        "string" => json!("text"),
        "integer" => json!(schema["minimum"].as_i64().unwrap_or(0).max(7)),
        "number" => json!(0.5),
        "boolean" => json!(turn.is_multiple_of(3)),
        "array" => json!([example(api, &schema["items"], turn)]),
        "object" => object(api, schema, turn),
        _ => json!({ "anything": turn }),
    }
}

fn object(api: &ApiDescription, schema: &Value, turn: usize) -> Value {
    let Some(properties) = schema["properties"].as_object() else {
        // A map by names, or whatever a document holds.
        let values = &schema["additionalProperties"];
        return json!({ "name": if values.is_object() { example(api, values, turn) } else { json!(turn) } });
    };
    let required = schema["required"].as_array();
    let must = |name: &String| required.is_some_and(|names| names.iter().any(|one| one == name));
    let shown = properties.iter().filter(|(name, _)| turn.is_multiple_of(2) || must(name));
    shown.map(|(name, schema)| (name.clone(), example(api, schema, turn))).collect::<Map<_, _>>().into()
}

/// The JSON of the first answer with success, without the envelope where there is one.
fn answered<'a>(api: &'a ApiDescription, operation: &'a Value) -> Option<&'a Value> {
    let responses = operation["responses"].as_object().unwrap();
    let good = responses.iter().find(|(status, _)| status.starts_with('2')).unwrap().1;
    let schema = good.pointer("/content/application~1json/schema")?;
    let named = api.resolved(schema);
    let parts = named["allOf"].as_array().map_or_else(|| vec![named], |parts| parts.iter().collect());
    let envelope = parts.into_iter().find(|part| part.pointer("/properties/success").is_some());
    Some(envelope.map_or(schema, |envelope| &envelope["properties"]["data"]))
}

/// The operation of a call.
fn operation<'a>(api: &'a ApiDescription, call: &crate::calls::Call) -> &'a Value {
    &api.document()["paths"][call.path][call.method.to_lowercase()]
}

#[test]
fn each_call_of_the_description_has_a_method() {
    let api = description();
    let described: BTreeSet<_> = api.operations().map(|operation| operation.to_string()).collect();
    let ours: BTreeSet<_> = CALLS.iter().map(|call| format!("{} {}", call.method, call.path)).collect();
    assert_eq!(ours, described);
    assert_eq!(ours.len(), CALLS.len(), "two methods make the same call");
}

#[test]
fn answers_are_read_without_loss() {
    let api = description();
    let mut read = 0;
    for call in CALLS {
        let Some(schema) = answered(&api, operation(&api, call)) else { continue };
        for turn in 0..EXAMPLES {
            let answer = example(&api, schema, turn);
            let again = (call.answer)(answer.clone()).unwrap_or_else(|| panic!("{} is JSON", call.path));
            let again =
                again.unwrap_or_else(|error| panic!("{} {}: {error}\n{answer:#}", call.method, call.path));
            assert_eq!(again, answer, "{} {}", call.method, call.path);
        }
        read += 1;
    }
    assert!(read > 30, "only {read} answers are JSON");
}

#[test]
fn bodies_are_what_the_description_asks_for() {
    let api = description();
    let mut sent = 0;
    for call in CALLS {
        let described = &operation(&api, call)["requestBody"];
        assert_eq!(described.is_null(), call.body.is_none(), "{} {}", call.method, call.path);
        let (Some(again), Some(schema)) = (call.body, api.json_body(operation(&api, call))) else {
            continue;
        };
        for turn in 0..EXAMPLES {
            let mut body = example(&api, schema, turn);
            if call.path.ends_with("/execute") && call.path.starts_with("/engines-api") {
                body.as_object_mut().unwrap().retain(|name, _| !NOT_SENT.contains(&name.as_str()));
            }
            let Some(written) = again(body.clone()) else { break };
            assert_eq!(written.unwrap(), body, "{} {}", call.method, call.path);
            sent += 1;
        }
    }
    assert!(sent >= 10 * EXAMPLES, "only {sent} bodies were compared");
}

#[test]
fn a_credential_does_not_leave_the_machine_in_the_open() {
    let to = |url: &str| ClientOptions::new(url.parse().unwrap()).bearer("aef_key");
    assert_eq!(Client::new(to("http://aef.example")).unwrap_err().kind(), ErrorKind::Configuration);
    let local = Client::new(to("http://127.0.0.1:1/prefix/")).unwrap();
    assert_eq!(local.once("two words").unwrap_err().kind(), ErrorKind::Configuration);
    Client::new(ClientOptions { plain_http: true, ..to("http://aef.example") }).unwrap();
    let shown = format!("{:?} {:?}", to("http://localhost"), Client::new(to("http://localhost")));
    assert!(!shown.contains("aef_key"), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_asked() {
    let store = Arc::new(MemoryStore::new());
    let secret = "the services of the host share this";
    let options = HttpOptions { internal_secret: Some(secret.into()), ..HttpOptions::new(store.clone()) };
    let app = axum::Router::new().nest("/prefix", router(Engine::builder(store).build(), options).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/prefix/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await
    });
    let credential = Credential::Internal { secret: secret.into(), owner: Some("ada".to_owned()) };
    let client =
        Client::new(ClientOptions { credential, ..ClientOptions::new(base.parse().unwrap()) }).unwrap();
    assert_eq!(client.health().await.unwrap().status, "ok");
    let text = "aef: 1\nid: tiny\nsteps: [ { id: done, type: odd } ]\n".to_owned();
    let wrong = client.create_document(&DocumentText { text, is_yaml: true }).await.unwrap_err();
    assert!(wrong.has_code("invalid_document"), "{wrong:?}");
    assert!(!wrong.problem().unwrap().errors.is_empty());
    let text = "aef: 1\nid: tiny\nsteps: [ { id: done, type: end } ]\n".to_owned();
    let kept = client.create_document(&DocumentText { text, is_yaml: true }).await.unwrap();
    assert_eq!((kept.row.aef_document_id.as_str(), kept.row.version), ("tiny", 1));
    let execute = Execute { aef_document_id: "tiny".to_owned(), ..Execute::default() };
    let first = client.once("once").unwrap().execute(&execute).await.unwrap();
    let again = client.once("once").unwrap().execute(&execute).await.unwrap();
    assert_eq!(first.execution_id, again.execution_id);
    let filter = ExecutionFilter { status: Some("queued".to_owned()), ..ExecutionFilter::default() };
    assert_eq!(client.executions(&filter).await.unwrap().executions.len(), 1);
    assert_eq!(client.execution(&first.execution_id).await.unwrap().status, Status::Queued);
    assert_eq!(client.stop(&first.execution_id).await.unwrap().status, "stopped");
    let text = r#"{ "aef": 1, "id": "a/b ?", "steps": [ { "id": "done", "type": "end" } ] }"#.to_owned();
    client.create_document(&DocumentText { text, is_yaml: false }).await.unwrap();
    let odd = client.document("a/b ?", &Version { version: Some(1) }).await.unwrap();
    assert_eq!(odd.document["id"], "a/b ?");
    let missing = client.document("a/../b ?", &Version::default()).await.unwrap_err();
    assert_eq!(missing.problem().unwrap().status, 404, "{missing:?}");
}
