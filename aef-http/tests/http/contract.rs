//! Every answer that a test gets is held against the description: its status is told there, and its body has the form.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use aef_http::openapi;
use axum::http::{HeaderMap, Method, StatusCode, header};
use jsonschema::Validator;
use serde_json::{Value, json};

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

static API: LazyLock<Value> = LazyLock::new(openapi);

/// Validators by the pointer of what they validate; making one takes longer than most tests.
static VALIDATORS: Mutex<BTreeMap<String, Arc<Validator>>> = Mutex::new(BTreeMap::new());

#[test]
fn the_committed_description_is_the_one_of_the_routes() {
    let text = format!("{:#}\n", *API);
    if std::env::var_os("AEF_UPDATE_SCHEMA").is_some() {
        std::fs::write(COMMITTED, &text).unwrap();
    }
    let committed = std::fs::read_to_string(COMMITTED).unwrap();
    assert!(committed == text, "run `cargo xtask schema` and commit aef-http/openapi.json");
}

#[test]
fn the_description_is_of_this_version_and_whole() {
    assert_eq!(
        (&API["openapi"], &API["info"]["version"]),
        (&json!("3.1.0"), &json!(env!("CARGO_PKG_VERSION")))
    );
    let text = API.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(API.pointer(pointer).is_some(), "nothing stands at {pointer}");
    }
    let mut names: Vec<&str> = Vec::new();
    for (method, path, operation) in operations() {
        assert!(operation["summary"].is_string(), "{method} {path} says not what it does");
        names.push(operation["operationId"].as_str().unwrap());
        let named: Vec<_> = path.split(['{', '}']).skip(1).step_by(2).collect();
        let parameters = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
        let declared: Vec<_> = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        assert_eq!(declared, named, "{method} {path}");
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "two operations have one name");
}

/// All operations of the description, with their methods and paths.
pub(crate) fn operations() -> impl Iterator<Item = (Method, &'static str, &'static Value)> {
    let paths = API["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(move |(method, operation)| {
            (method.to_uppercase().parse().unwrap(), path.as_str(), operation)
        })
    })
}

/// Holds that an answer is one that the description tells of. Of what it does not describe, an unknown path or method,
/// nothing is told.
pub(crate) fn hold(method: &Method, path: &str, status: StatusCode, headers: &HeaderMap, body: &Value) {
    let path = path.split('?').next().unwrap();
    let Some((route, operation)) = described(method, path) else { return };
    let told = &operation["responses"][status.as_str()];
    assert!(told.is_object(), "{method} {route} answers {status}, which is not described: {body:#}");
    let told = match told["$ref"].as_str() {
        Some(reference) => API.pointer(&reference[1..]).unwrap(),
        None => told,
    };
    let Some(forms) = told["content"].as_object() else { return };
    let kind = headers.get(header::CONTENT_TYPE).unwrap_or_else(|| panic!("{method} {route}: no type"));
    let kind = kind.to_str().unwrap().split(';').next().unwrap();
    let form = forms.get(kind).unwrap_or_else(|| panic!("{method} {route} answers {status} as {kind}"));
    if kind.ends_with("json") {
        let found: Vec<_> = validator(&form["schema"])
            .iter_errors(body)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(found.is_empty(), "{method} {route} answers {status} in another form: {found:#?}\n{body:#}");
    }
}

/// The operation that a request is for; one whose path has fewer variable parts goes before.
fn described(method: &Method, path: &str) -> Option<(&'static str, &'static Value)> {
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
    operations()
        .filter(|(of, route, _)| of == method && fits(route))
        .min_by_key(|(_, route, _)| route.matches('{').count())
        .map(|(_, route, operation)| (route, operation))
}

fn validator(schema: &Value) -> Arc<Validator> {
    let mut validators = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let made = validators.entry(schema.to_string()).or_insert_with(|| {
        let whole = json!({ "components": API["components"], "allOf": [schema] });
        Arc::new(jsonschema::validator_for(&whole).unwrap())
    });
    made.clone()
}
