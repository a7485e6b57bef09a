//! The description of the surface: made from the handlers, completed with what is the same everywhere.

use serde_json::{Value, json};
use utoipa::openapi::OpenApi;

use crate::problem::{Code, ProblemBody};

/// The answers that any route may give.
const COMMON: [u16; 10] = [400, 401, 403, 404, 409, 422, 429, 500, 501, 503];

/// The answers that a route with a body may give, too.
const OF_BODIES: [u16; 3] = [408, 413, 415];

/// The routes that ask for no credential, by their last part.
const OPEN: [&str; 6] =
    ["/healthz", "/readyz", "/metrics", "/api/openapi.json", "/api/docs", "/engines-api/embed.js"];

/// Completes what the handlers say: credentials, problems, the licence.
pub(crate) fn complete(api: OpenApi) -> Value {
    let mut api = serde_json::to_value(api).expect("a description is plain data");
    api["info"] = json!({
        "title": "AEF",
        "description": "Operators steer executions of browser procedures; programs and forms submit work and poll.",
        "version": env!("CARGO_PKG_VERSION"),
        "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
    });
    api["components"]["securitySchemes"] = json!({
        "bearer": { "type": "http", "scheme": "bearer", "description": "An API key, a token that the host accepts, or a status token" },
        "apiKey": { "type": "apiKey", "in": "header", "name": "X-API-Key" },
        "formKey": { "type": "apiKey", "in": "query", "name": "key", "description": "A publishable API key" },
        "internal": { "type": "apiKey", "in": "header", "name": "X-Internal-Auth", "description": "The secret of the host's services" },
    });
    if let Some(schemas) = api["components"]["schemas"].as_object_mut() {
        schemas.insert("Problem".to_owned(), schema_of_problems());
        schemas.extend(crate::operators::schemas_of_core());
    }
    api["components"]["responses"] = json!({ "Problem": {
        "description": "What is wrong, and what to do",
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
    } });
    let Some(paths) = api["paths"].as_object_mut() else { return api };
    for (path, item) in paths {
        let is_open = OPEN.contains(&path.as_str());
        let Some(operations) = item.as_object_mut() else { continue };
        for (method, operation) in operations.iter_mut() {
            operation["operationId"] = json!(operation_id(method, path));
            let takes_body = operation.get("requestBody").is_some();
            operation["security"] = if is_open {
                json!([])
            } else if path.ends_with("/form") {
                json!([{ "formKey": [] }])
            } else {
                json!([{ "bearer": [] }, { "apiKey": [] }, { "internal": [] }])
            };
            let Some(responses) = operation["responses"].as_object_mut() else { continue };
            let bodies = if takes_body { &OF_BODIES[..] } else { &[] };
            for status in COMMON.iter().chain(bodies) {
                responses
                    .entry(status.to_string())
                    .or_insert_with(|| json!({ "$ref": "#/components/responses/Problem" }));
            }
        }
    }
    api
}

/// A name that no other operation has; those of the handlers are theirs in their modules alone.
fn operation_id(method: &str, path: &str) -> String {
    let parts = path.trim_start_matches("/api/aef").split(['/', '{', '}', '-', '.']);
    let words = parts.filter(|part| !part.is_empty());
    std::iter::once(method).chain(words).collect::<Vec<_>>().join("_")
}

fn schema_of_problems() -> Value {
    let mut schema = serde_json::to_value(<ProblemBody as utoipa::PartialSchema>::schema())
        .expect("a schema is plain data");
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    schema["properties"]["code"]["enum"] = json!(codes);
    schema
}
