//! The form of an engine: a page of its own, and the script that other pages embed.

use std::borrow::Cow;
use std::sync::Arc;

use aef_core::ids::DocumentId;
use aef_core::store::ApiKey;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{Html, IntoResponse as _, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use super::engines::description;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Params, Segment};
use crate::problem::{Code, Problem};

/// The script, as `cargo xtask embed` makes it of `form/embed.js`.
const SCRIPT: &str = include_str!("../form/embed.min.js");

/// How long a browser may keep the script.
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// Lets pages that are isolated from other origins load the script.
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The key with which the form submits.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FormParams {
    /// A publishable key: for this engine alone, with the scope `execute` alone, and with origins.
    key: Option<String>,
}

/// Show the form of an engine
///
/// A page with a form for the engine's inputs, which submits, shows the progress and then the result. It may be framed by
/// pages of the key's origins.
#[utoipa::path(
    get, path = "/{id}/form", tag = "programs",
    params(("id" = String, Path, description = "The engine: a document's id"), FormParams),
    responses((status = 200, description = "The page", body = String, content_type = "text/html")),
)]
pub(super) async fn page(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(id): Segment<String>,
    Params(params): Params<FormParams>,
) -> Result<Response, Problem> {
    let id = DocumentId::from(id);
    let stored = app.document(&caller, &id, None).await?;
    let publishable = caller.key.as_deref().filter(|key| key.is_publishable()).zip(params.key);
    let (record, key) = publishable.ok_or_else(|| {
        let detail = "a form shows its key to everybody: give `?key=` one for this engine with the scope `execute` \
                      alone, and with origins";
        Problem::forbidden(detail)
    })?;
    let html = format!(
        include_str!("../form/page.html"),
        title = escaped(&stored.title),
        description = escaped(&description(&stored).unwrap_or_default()),
        engine = escaped(id.as_str()),
        key = escaped(&key),
    );
    let mut response = Html(html).into_response();
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy(record)?);
    Ok(response)
}

/// What the page may load, and who may frame it. It has no script or style of its own.
fn policy(key: &ApiKey) -> Result<HeaderValue, Problem> {
    let policy = format!(
        "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'self' {}",
        key.origins.join(" ")
    );
    HeaderValue::try_from(policy).map_err(|_| {
        tracing::error!(key = %key.id, "the origins of a key cannot stand in a header");
        Problem::new(Code::Internal, "the origins of the key cannot be used")
    })
}

/// A text as it stands in HTML, between tags or in an attribute.
fn escaped(text: &str) -> Cow<'_, str> {
    const SPECIAL: [char; 5] = ['&', '<', '>', '"', '\''];
    if !text.contains(SPECIAL) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if SPECIAL.contains(&letter) {
            safe.push_str(&format!("&#{};", u32::from(letter)));
        } else {
            safe.push(letter);
        }
    }
    Cow::Owned(safe)
}

/// The script of forms
///
/// A page of another origin loads it where the form is to stand, with the attributes `data-engine` and `data-key`.
#[utoipa::path(
    get, path = "/engines-api/embed.js", tag = "programs",
    responses((status = 200, description = "The script", body = String, content_type = "text/javascript")),
)]
pub(super) async fn script() -> Response {
    let mut response = SCRIPT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, KEPT);
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    response
}

#[cfg(test)]
mod tests {
    use aef_core::ids::sha256_hex;

    use super::*;

    #[test]
    fn the_script_is_small_and_made_of_its_source() {
        assert!(SCRIPT.len() < 10_000, "embed.js has {} bytes", SCRIPT.len());
        let source = sha256_hex(include_bytes!("../form/embed.js"));
        let (first, _) = SCRIPT.split_once('\n').unwrap();
        assert!(
            first.contains(&source),
            "form/embed.js has changed: cargo xtask embed makes the script anew"
        );
    }

    #[test]
    fn what_an_author_writes_is_text() {
        let written = r#"<script>alert("&'")</script>"#;
        assert_eq!(escaped(written), "&#60;script&#62;alert(&#34;&#38;&#39;&#34;)&#60;/script&#62;");
        assert!(matches!(escaped("Plain {title}"), Cow::Borrowed(_)));
    }
}
