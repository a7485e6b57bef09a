//! The envelope that existing clients of `/engines-api` read: the fields at top level, and again under `data`.

use axum::Json;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::problem::Problem;
use crate::wire;

/// An answer to a program: its fields at top level, and the envelope beside them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Enveloped<T> {
    /// The fields.
    #[serde(flatten)]
    fields: T,
    /// That it was done.
    success: bool,
    /// The fields again.
    data: T,
    /// No error.
    error: Option<String>,
    /// When it was answered.
    timestamp: Timestamp,
}

/// Wraps an answer.
pub(crate) fn wrap<T: Clone>(fields: T) -> Json<Enveloped<T>> {
    let data = fields.clone();
    Json(Enveloped { fields, success: true, data, error: None, timestamp: Timestamp::now() })
}

/// The same with a status.
pub(crate) fn wrap_as<T: Clone>(status: StatusCode, fields: T) -> (StatusCode, Json<Enveloped<T>>) {
    (status, wrap(fields))
}

/// Adds to problems what existing clients read of an error.
pub(crate) async fn errors(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let Some(problem) = response.extensions().get::<Problem>() else { return response };
    let Value::Object(mut body) = wire::json(&problem.body()) else { return response };
    let envelope: [(&str, Value); 3] =
        [("success", json!(false)), ("data", Value::Null), ("timestamp", json!(Timestamp::now()))];
    body.extend(envelope.map(|(name, value)| (name.to_owned(), value)));
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    (parts, Value::Object(body as Map<String, Value>).to_string()).into_response()
}
