//! Every answer that a test gets is held against the description: its status is told there, and its body has the form.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use aef_http::openapi;
use aef_testkit::{ApiDescription, Operation};
use axum::http::{HeaderMap, Method, StatusCode, header};
use jsonschema::Validator;
use serde_json::{Value, json};

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

/// The description of the surface.
pub(crate) static API: LazyLock<ApiDescription> = LazyLock::new(|| ApiDescription::new(openapi()));

/// Validators by the pointer of what they validate; making one takes longer than most tests.
static VALIDATORS: Mutex<BTreeMap<String, Arc<Validator>>> = Mutex::new(BTreeMap::new());

#[test]
fn the_committed_description_is_the_one_of_the_routes() {
    let text = format!("{:#}\n", API.document());
    if std::env::var_os("AEF_UPDATE_SCHEMA").is_some() {
        std::fs::write(COMMITTED, &text).unwrap();
    }
    let committed = std::fs::read_to_string(COMMITTED).unwrap();
    assert!(committed == text, "run `cargo xtask schema` and commit aef-http/openapi.json");
}

#[test]
fn the_description_is_of_this_version_and_whole() {
    assert_eq!(
        (&API.document()["openapi"], &API.document()["info"]["version"]),
        (&json!("3.1.0"), &json!(env!("CARGO_PKG_VERSION")))
    );
    let text = API.document().to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(API.document().pointer(pointer).is_some(), "nothing stands at {pointer}");
    }
    let mut names: Vec<&str> = Vec::new();
    for operation @ Operation { path, told, .. } in API.operations() {
        assert!(told["summary"].is_string(), "{operation} says not what it does");
        names.push(told["operationId"].as_str().unwrap());
        let named: Vec<_> = path.split(['{', '}']).skip(1).step_by(2).collect();
        let parameters = told["parameters"].as_array().map_or(&[][..], Vec::as_slice);
        let declared: Vec<_> = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        assert_eq!(declared, named, "{operation}");
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "two operations have one name");
}

/// Holds that an answer is one that the description tells of. Of what it does not describe, an unknown path or method,
/// nothing is told.
pub(crate) fn hold(method: &Method, path: &str, status: StatusCode, headers: &HeaderMap, body: &Value) {
    let path = path.split('?').next().unwrap();
    let Some(operation) = described(method, path) else { return };
    let told = &operation.told["responses"][status.as_str()];
    assert!(told.is_object(), "{operation} answers {status}, which is not described: {body:#}");
    let told = API.resolved(told);
    let Some(forms) = told["content"].as_object() else { return };
    let kind = headers.get(header::CONTENT_TYPE).unwrap_or_else(|| panic!("{operation}: no type"));
    let kind = kind.to_str().unwrap().split(';').next().unwrap();
    let form = forms.get(kind).unwrap_or_else(|| panic!("{operation} answers {status} as {kind}"));
    if kind.ends_with("json") {
        let found: Vec<_> = validator(&form["schema"])
            .iter_errors(body)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(found.is_empty(), "{operation} answers {status} in another form: {found:#?}\n{body:#}");
    }
}

/// The operation that a request is for; one whose path has fewer variable parts goes before.
fn described(method: &Method, path: &str) -> Option<Operation<'static>> {
    let fits = |route: &str| {
        let (mut route, mut path) = (route.split('/'), path.split('/'));
        loop {
            match (route.next(), path.next()) {
                (None, None) => return true,
                (Some(part), Some(given))
                    if part == given || (part.starts_with('{') && !given.is_empty()) => {}
                _ => return false,
            }
        }
    };
    API.operations()
        .filter(|operation| operation.method == method.as_str() && fits(operation.path))
        .min_by_key(|operation| operation.path.matches('{').count())
}

fn validator(schema: &Value) -> Arc<Validator> {
    let mut validators = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let made = validators.entry(schema.to_string()).or_insert_with(|| {
        let whole = json!({ "components": API.document()["components"], "allOf": [schema] });
        Arc::new(jsonschema::validator_for(&whole).unwrap())
    });
    made.clone()
}
