//! Pictures and files.

use std::sync::Arc;

use aef_core::browser::FileContent;
use aef_core::engine::Handle;
use aef_core::execution::EventKind;
use aef_core::ids::{ArtifactHash, ExecutionId, Seq};
use axum::Json;
use axum::body::{Body as HttpBody, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Params, Segment, Segments, parsed};
use crate::problem::{Code, Problem};

/// How large a file may be that executions are given, in bytes.
const MAX_FILE: usize = 32 * 1024 * 1024;

/// How many events are read at a time in search of a picture.
const PAGE: u32 = 500;

/// What a file is called.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FileParams {
    /// Its name, without directories.
    #[param(min_length = 1, max_length = 255)]
    name: String,
}

/// A file that was kept.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeptFile {
    /// SHA-256 of its bytes: what an input of `format: artifact` names.
    artifact: String,
    /// Its name.
    name: String,
    /// Its media type.
    media_type: String,
    /// Its size in bytes.
    size: u64,
}

/// The latest picture of an execution
#[utoipa::path(
    get, path = "/executions/{id}/screenshot", tag = "operators",
    params(("id" = String, Path, description = "The execution")),
    responses((status = 200, description = "The picture", content((Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png")))),
)]
pub(super) async fn screenshot(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(id): Segment<ExecutionId>,
) -> Result<Response, Problem> {
    let handle = app.execution(&caller, id).await?;
    let latest = latest_picture(&handle).await?;
    let hash = latest.ok_or_else(|| Problem::not_found("picture of this execution yet"))?;
    Ok(file(handle.artifact(&hash).await?))
}

/// The hash of the newest picture that the journal names.
pub(crate) async fn latest_picture(handle: &Handle) -> Result<Option<ArtifactHash>, Problem> {
    let head = handle.record().await?.head;
    let mut end = head.0;
    // From the end backwards: the newest picture most often stands among the last events.
    while end > 0 {
        let begin = end.saturating_sub(u64::from(PAGE));
        let limit = u32::try_from(end - begin).unwrap_or(PAGE);
        let page = handle.journal(Seq(begin), limit).await?;
        let found = page.iter().rev().find_map(|recorded| picture(&recorded.event.kind));
        if found.is_some() {
            return Ok(found);
        }
        end = begin;
    }
    Ok(None)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the others hold no picture of the page")]
fn picture(kind: &EventKind) -> Option<ArtifactHash> {
    let artifact = match kind {
        EventKind::EvidenceCaptured { evidence, .. } => evidence.screenshot.as_ref(),
        EventKind::CheckpointRaised { checkpoint } => {
            checkpoint.evidence.as_ref().and_then(|evidence| evidence.screenshot.as_ref())
        }
        EventKind::ActionSucceeded { artifact, .. } => {
            artifact.as_ref().filter(|artifact| artifact.media_type.starts_with("image/"))
        }
        _ => None,
    };
    artifact.map(|artifact| artifact.artifact.clone())
}

/// A picture or file of an execution
#[utoipa::path(
    get, path = "/executions/{id}/artifacts/{hash}", tag = "operators",
    params(
        ("id" = String, Path, description = "The execution"),
        ("hash" = String, Path, description = "SHA-256 of the file, as the execution names it"),
    ),
    responses((status = 200, description = "The file", content((Vec<u8> = "application/octet-stream"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png")))),
)]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments((id, hash)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    let id: ExecutionId = parsed(&id)?;
    let handle = app.execution(&caller, id).await?;
    let found = handle.artifact(&ArtifactHash::from(hash)).await;
    let bytes = found.map_err(|error| match Problem::from(error) {
        problem if problem.code() == Code::NotFound => Problem::not_found("such file"),
        problem => problem,
    })?;
    Ok(file(bytes))
}

/// A file as an answer. Only pictures are shown; what a page has given for download must not run in our origin.
fn file(bytes: Bytes) -> Response {
    let picture = match bytes.get(..4) {
        Some([0x89, b'P', b'N', b'G']) => Some("image/png"),
        Some([0xff, 0xd8, 0xff, _]) => Some("image/jpeg"),
        _ => None,
    };
    let mut response = HttpBody::from(bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(picture.unwrap_or("application/octet-stream")),
    );
    if picture.is_none() {
        headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    response
}

/// Keep a file that executions may be given as an input
#[utoipa::path(
    post, path = "/artifacts", tag = "operators", params(FileParams),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The file's bytes"),
    responses((status = 201, body = KeptFile)),
)]
pub(super) async fn put(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<FileParams>,
    headers: HeaderMap,
    request: Request,
) -> Result<(StatusCode, Json<KeptFile>), Problem> {
    let name = params.name;
    if name.is_empty() || name.len() > 255 || name.contains(['/', '\\', '\0']) || name == ".." {
        return Err(Problem::malformed("`name` has from 1 to 255 bytes and no directory"));
    }
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.unwrap_or("application/octet-stream").to_owned();
    let bytes = crate::extract::read(request, MAX_FILE).await?;
    let kept = app.scoped(&caller)?.put_file(FileContent { name, media_type, bytes }).await?;
    let answer = KeptFile {
        artifact: kept.artifact.to_string(),
        name: kept.name,
        media_type: kept.media_type,
        size: kept.size,
    };
    Ok((StatusCode::CREATED, Json(answer)))
}
