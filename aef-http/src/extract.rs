//! What handlers take from requests. What does not fit is answered with a problem.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use aef_core::document::nul_in;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;

use crate::problem::{Code, Fault, Problem};

/// How large the body of a request may be, in bytes.
pub(crate) const MAX_BODY: usize = 1024 * 1024;

/// How large a document may be, in bytes.
pub(crate) const MAX_DOCUMENT: usize = 8 * 1024 * 1024;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// A body of JSON, of at most `MAX` bytes. Fields that the type does not know are refused by the type.
#[derive(Debug)]
pub(crate) struct Body<T, const MAX: usize = MAX_BODY>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned, const MAX: usize> FromRequest<S> for Body<T, MAX> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let kind = media_type(request.headers());
        if !kind.as_deref().is_some_and(is_json) {
            return Err(Problem::new(Code::UnsupportedMediaType, "send the body as application/json"));
        }
        from_json(&read(request, MAX).await?).map(Self)
    }
}

/// A body of JSON that may be left out.
#[derive(Debug)]
pub(crate) struct OptionalBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let kind = media_type(request.headers());
        let bytes = read(request, MAX_BODY).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        if !kind.as_deref().is_some_and(is_json) {
            return Err(Problem::new(Code::UnsupportedMediaType, "send the body as application/json"));
        }
        from_json(&bytes).map(Self)
    }
}

/// A document as it was sent: JSON, or YAML where the type says so.
#[derive(Debug)]
pub(crate) struct DocumentText {
    pub(crate) text: String,
    pub(crate) is_yaml: bool,
}

impl<S: Send + Sync> FromRequest<S> for DocumentText {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let kind = media_type(request.headers());
        let is_yaml =
            matches!(kind.as_deref(), Some("application/yaml" | "application/x-yaml" | "text/yaml"));
        if !is_yaml && !kind.as_deref().is_some_and(is_json) {
            let detail = "send the document as application/json or application/yaml";
            return Err(Problem::new(Code::UnsupportedMediaType, detail));
        }
        let bytes = read(request, MAX_DOCUMENT).await?;
        let text =
            String::from_utf8(bytes.into()).map_err(|_| Problem::malformed("the body is not UTF-8"))?;
        Ok(Self { text, is_yaml })
    }
}

/// A NUL as it stands in an address, and in JSON.
const NUL: &str = "%00";
const ESCAPED_NUL: &[u8] = b"\\u0000";

/// The parameters behind the question mark.
#[derive(Debug)]
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        if parts.uri.query().is_some_and(|query| query.contains(NUL)) {
            return Err(Problem::malformed("a parameter holds a NUL"));
        }
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(rejection) => {
                Err(Problem::malformed(format!("the parameters do not fit: {}", rejection.body_text())))
            }
        }
    }
}

/// The one variable part of the path. What is no id of its kind is not found, as an unknown one is.
#[derive(Debug)]
pub(crate) struct Segment<T>(pub(crate) T);

impl<S: Send + Sync, T> FromRequestParts<S> for Segment<T>
where
    T: FromStr<Err: Display> + Send,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Segments((text,)) = Segments::<(String,)>::from_request_parts(parts, state).await?;
        parsed(&text).map(Self)
    }
}

/// Several variable parts of the path.
#[derive(Debug)]
pub(crate) struct Segments<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // Nothing has a name with a NUL in it, and not every store can be asked for one.
        if parts.uri.path().contains(NUL) {
            return Err(Problem::not_found("such path"));
        }
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(values)) => Ok(Self(values)),
            Err(_) => Err(Problem::not_found("such path")),
        }
    }
}

/// An id in a path.
pub(crate) fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error: T::Err| Problem::new(Code::NotFound, error.to_string()))
}

/// The key under which the request may be repeated.
#[derive(Debug, Clone)]
pub(crate) struct Idempotency(pub(crate) Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for Idempotency {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        let key = value.to_str().ok().map(str::trim).filter(|key| (1..=255).contains(&key.len()));
        match key {
            Some(key) => Ok(Self(Some(key.to_owned()))),
            None => Err(Problem::malformed("Idempotency-Key has from 1 to 255 visible ASCII characters")),
        }
    }
}

fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next()?.trim().to_ascii_lowercase())
}

fn is_json(kind: &str) -> bool {
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

pub(crate) async fn read(request: Request, limit: usize) -> Result<Bytes, Problem> {
    let too_large = || {
        let detail = format!("the body may have {limit} bytes here");
        Problem::new(Code::TooLarge, detail)
    };
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if declared.and_then(|length| length.parse::<usize>().ok()).is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let body = axum::body::to_bytes(request.into_body(), limit);
    match tokio::time::timeout(BODY_TIMEOUT, body).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_limit(&error) => Err(too_large()),
        Ok(Err(_)) => Err(Problem::malformed("the body ended early")),
        Err(_) => {
            let detail = format!("the body did not arrive within {} s", BODY_TIMEOUT.as_secs());
            Err(Problem::new(Code::Timeout, detail))
        }
    }
}

/// Whether a body could not be read because it is too long.
fn is_limit(error: &axum::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.to_string().contains("length limit"))
}

pub(crate) fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    check_texts(bytes)?;
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut reader);
    let value = read.map_err(|error| {
        let pointer = pointer(error.path());
        let message = error.inner().to_string();
        let detail = if pointer.is_empty() { message.clone() } else { format!("{pointer}: {message}") };
        Problem::malformed(format!("the body does not fit: {detail}")).with_faults(vec![Fault {
            pointer,
            code: "malformed".to_owned(),
            severity: "error".to_owned(),
            message,
            help: None,
        }])
    })?;
    match reader.end() {
        Ok(()) => Ok(value),
        Err(error) => Err(Problem::malformed(format!("there is more behind the JSON: {error}"))),
    }
}

/// Refuses texts that not every store can keep.
fn check_texts(json: &[u8]) -> Result<(), Problem> {
    // Unescaped it is no JSON, so that most bodies need not be read twice.
    if !json.windows(ESCAPED_NUL.len()).any(|part| part == ESCAPED_NUL) {
        return Ok(());
    }
    // What cannot be read is told by whoever reads it.
    let Ok(value) = serde_json::from_slice(json) else { return Ok(()) };
    match nul_in(&value) {
        Some(pointer) => {
            let place = if pointer.is_empty() { "the body" } else { &pointer };
            Err(Problem::invalid(&pointer, format!("{place} holds a NUL (U+0000); leave it out")))
        }
        None => Ok(()),
    }
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment as Part;
    let part = |part: &Part| match part {
        Part::Seq { index } => format!("/{index}"),
        Part::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Part::Enum { variant } => format!("/{variant}"),
        Part::Unknown => String::new(),
    };
    path.iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Shape {
        #[expect(dead_code, reason = "only whether it reads is asked")]
        list: Vec<u8>,
    }

    #[test]
    fn a_fault_in_a_body_names_its_place() {
        let pointer = |json: &str| {
            let problem = from_json::<Shape>(json.as_bytes()).unwrap_err();
            problem.body();
            serde_json::to_value(problem.body()).unwrap()["errors"][0]["pointer"].clone()
        };
        assert_eq!(pointer(r#"{"list": [1, "x"]}"#), "/list/1");
        assert_eq!(pointer(r#"{"list": [], "more": 1}"#), "/more");
        assert_eq!(pointer("{"), "");
        assert!(from_json::<Shape>(br#"{"list": []} {}"#).is_err(), "something stands behind it");
    }

    #[test]
    fn a_nul_in_a_text_names_its_place() {
        let problem = from_json::<serde_json::Value>(br#"{"a": [{"b": "x\u0000"}]}"#).unwrap_err();
        assert_eq!(problem.code(), Code::InvalidInput);
        assert_eq!(serde_json::to_value(problem.body()).unwrap()["errors"][0]["pointer"], "/a/0/b");
        let text: String = from_json(br#""\\u0000""#).unwrap();
        assert_eq!(text, r"\u0000", "a backslash and five characters");
    }

    #[test]
    fn a_bomb_of_brackets_is_refused() {
        let bomb = "[".repeat(100_000);
        assert!(from_json::<serde_json::Value>(bomb.as_bytes()).is_err());
    }
}
