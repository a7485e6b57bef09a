//! An execution as one file: what it ran, what happened, and what was seen.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::time::Duration;

use aef_core::engine::{EngineErrorKind, Handle, Inspection};
use aef_core::execution::{Artifact, EventKind};
use aef_core::ids::{ArtifactHash, ExecutionId, Seq};
use axum::body::{Body as HttpBody, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use tokio::runtime;
use tokio::sync::mpsc;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use crate::app::App;
use crate::auth::Caller;
use crate::extract::Segment;
use crate::problem::Problem;
use crate::wire::execution_view;

/// How many events are read at a time.
const PAGE: u32 = 500;

/// How much is written before it is sent, in bytes.
const CHUNK: usize = 64 * 1024;

/// How many chunks wait for a slow reader, and how long.
const WAITING: usize = 4;
const PATIENCE: Duration = Duration::from_secs(60);

/// An execution with its journal, pictures and document
///
/// One zip: `execution.json`, `document.json`, `journal.jsonl` with an event a line, and `artifacts/` with the pictures and
/// files that the journal names.
#[utoipa::path(
    get, path = "/executions/{id}/trace", tag = "operators",
    params(("id" = String, Path, description = "The execution")),
    responses((status = 200, description = "The archive", body = Vec<u8>, content_type = "application/zip")),
)]
pub(super) async fn trace(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(id): Segment<ExecutionId>,
) -> Result<Response, Problem> {
    let (handle, inspection) = app.inspect(&caller, id).await?;
    // A trace that is read slowly keeps a thread, so it counts as a view.
    let owner = inspection.record.owner.as_str();
    let connection = app.options.live_views.open(owner, app.options.limits.live_connections)?;
    let (chunks, mut sent) = mpsc::channel(WAITING);
    let runtime = runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        write(&handle, &inspection, &runtime, &chunks);
        drop(connection);
    });
    let chunks = stream::poll_fn(move |context| sent.poll_recv(context));
    let disposition = format!("attachment; filename=\"{id}.zip\"");
    let headers =
        [(header::CONTENT_TYPE, "application/zip"), (header::CONTENT_DISPOSITION, disposition.as_str())];
    Ok((headers, HttpBody::from_stream(chunks)).into_response())
}

type Chunk = io::Result<Bytes>;

/// Writes the archive. Where that fails, the answer ends in the middle, so that no half is taken for a whole.
fn write(handle: &Handle, inspection: &Inspection, runtime: &runtime::Handle, chunks: &mpsc::Sender<Chunk>) {
    let out = Outgoing { runtime: runtime.clone(), chunks: chunks.clone() };
    let zip = ZipWriter::new_stream(BufWriter::with_capacity(CHUNK, out));
    let mut archive = Archive { zip, runtime: runtime.clone() };
    let give_up = |error: TraceError| {
        tracing::warn!(%error, execution = %inspection.record.id, "a trace was not written to its end");
        let broken = io::Error::other("the trace could not be read");
        drop(runtime.block_on(async { tokio::time::timeout(PATIENCE, chunks.send(Err(broken))).await }));
    };
    match archive.fill(handle, inspection) {
        Ok(()) => archive.finish().unwrap_or_else(give_up),
        // Before the archive is dropped, which would write its end.
        Err(error) => give_up(error),
    }
}

/// Why an archive was not written.
#[derive(Debug, thiserror::Error)]
enum TraceError {
    #[error("the execution cannot be read")]
    Engine(#[from] aef_core::engine::EngineError),
    #[error("the archive cannot be made")]
    Zip(#[from] zip::result::ZipError),
    #[error("the reader has gone, or does not read")]
    Sent(#[from] io::Error),
    #[error("what the engine shows is no JSON")]
    Json(#[from] serde_json::Error),
}

/// The archive that is written.
struct Archive {
    zip: ZipWriter<StreamWriter<BufWriter<Outgoing>>>,
    runtime: runtime::Handle,
}

impl Archive {
    fn fill(&mut self, handle: &Handle, inspection: &Inspection) -> Result<(), TraceError> {
        let text = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        self.zip.start_file("execution.json", text)?;
        serde_json::to_writer_pretty(&mut self.zip, &execution_view(inspection, None))?;
        self.zip.start_file("document.json", text)?;
        serde_json::to_writer_pretty(&mut self.zip, &*inspection.plan.document)?;
        self.zip.start_file("journal.jsonl", text)?;
        let named = self.journal(handle, inspection.record.head)?;
        // Pictures and most files are compressed as they are.
        let file = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        for (hash, name) in named {
            match self.runtime.block_on(handle.artifact(&hash)) {
                Ok(bytes) => {
                    self.zip.start_file(format!("artifacts/{name}"), file)?;
                    self.zip.write_all(&bytes)?;
                }
                // What was swept is no reason to give nothing of the rest.
                Err(error) if error.kind() == EngineErrorKind::NotFound => {
                    tracing::debug!(%hash, "a file that the journal names is gone");
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<(), TraceError> {
        Ok(self.zip.finish()?.get_mut().flush()?)
    }

    /// Writes the journal up to `head`; gives the files that it names, with their names in the archive.
    fn journal(&mut self, handle: &Handle, head: Seq) -> Result<BTreeMap<ArtifactHash, String>, TraceError> {
        let mut named = BTreeMap::new();
        let mut after = Seq(0);
        while after < head {
            let limit = u32::try_from(head.0 - after.0).unwrap_or(PAGE).min(PAGE);
            let page = self.runtime.block_on(handle.journal(after, limit))?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            for recorded in &page {
                serde_json::to_writer(&mut self.zip, recorded)?;
                self.zip.write_all(b"\n")?;
                named.extend(artifact(&recorded.event.kind).map(|file| (file.artifact.clone(), name(file))));
            }
        }
        Ok(named)
    }
}

/// The file that an event names, but for cookies and storage, which are nobody's to read.
#[expect(clippy::wildcard_enum_match_arm, reason = "the others name no file of their own")]
fn artifact(kind: &EventKind) -> Option<&Artifact> {
    match kind {
        EventKind::EvidenceCaptured { evidence, .. } => evidence.screenshot.as_ref(),
        EventKind::CheckpointRaised { checkpoint } => checkpoint.evidence.as_ref()?.screenshot.as_ref(),
        EventKind::ActionSucceeded { artifact, .. } => artifact.as_ref(),
        _ => None,
    }
}

/// Its hash, with the end that its type asks for: what a page calls a file may be anything.
fn name(artifact: &Artifact) -> String {
    let end = match artifact.media_type.as_str() {
        "image/jpeg" => ".jpg",
        "image/png" => ".png",
        "application/pdf" => ".pdf",
        "text/csv" => ".csv",
        "application/json" => ".json",
        _ => "",
    };
    format!("{}{end}", artifact.artifact)
}

/// Sends what is written to whoever reads the answer, no faster than it is read.
struct Outgoing {
    runtime: runtime::Handle,
    chunks: mpsc::Sender<Chunk>,
}

impl Write for Outgoing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let chunk = Bytes::copy_from_slice(bytes);
        // The timeout is made where there is a runtime.
        let sending = async { tokio::time::timeout(PATIENCE, self.chunks.send(Ok(chunk))).await };
        match self.runtime.block_on(sending) {
            Ok(Ok(())) => Ok(bytes.len()),
            Ok(Err(_)) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
