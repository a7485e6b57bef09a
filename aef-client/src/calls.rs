//! The calls, one line each: a method of the client, with the method and the path that the description has for it.

use bytes::Bytes;
use hyper::Method;
use serde_json::Value;

use crate::client::{Asked, Client, wrong};
#[cfg(test)]
use crate::content::Answer;
use crate::content::{Content as _, DocumentText, FileBytes};
use crate::error::ClientError;
use crate::types::*;

/// Reads a value as its type and writes it again; nothing where it has no type.
#[cfg(test)]
pub(crate) type Rewrite = fn(Value) -> Option<serde_json::Result<Value>>;

/// What the description is held against.
#[cfg(test)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) body: Option<Rewrite>,
    pub(crate) answer: Rewrite,
}

macro_rules! calls {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident($($segment:ident),*) $(query $query:ty;)? $(body $body:ty;)? => $answer:ty = $method:ident $path:literal
    )+) => {
        impl Client {$(
            $(#[doc = $doc])+
            ///
            /// # Errors
            /// Where the server cannot be reached, refuses, or answers something else.
            pub async fn $name(
                &self,
                $($segment: &str,)*
                $(query: &$query,)?
                $(body: &$body,)?
            ) -> Result<$answer, ClientError> {
                self.call(Asked {
                    method: Method::$method,
                    path: $path,
                    segments: &[$($segment),*],
                    query: calls!(@query $(query, $query)?),
                    body: calls!(@body $(body, $body)?),
                })
                .await
            }
        )+}

        /// All calls.
        #[cfg(test)]
        pub(crate) const CALLS: &[Call] = &[$(Call {
            method: stringify!($method),
            path: $path,
            body: calls!(@again $($body)?),
            answer: <$answer as Answer>::again,
        }),+];
    };
    (@query) => { None };
    (@query $query:ident, $type:ty) => {
        Some(serde_urlencoded::to_string($query).map_err(|error| {
            wrong("the parameters cannot be sent").with_source(error)
        })?)
    };
    (@body) => { None };
    (@body $body:ident, $type:ty) => {
        Some($body.content().map_err(|error| wrong("the body cannot be sent").with_source(error))?)
    };
    (@again) => { None };
    (@again $type:ty) => { Some(<$type as crate::content::Content>::again) };
}

calls! {
    /// Tells whether the process lives.
    health() => Health = GET "/healthz"
    /// Tells whether requests can be answered.
    ready() => Health = GET "/readyz"
    /// Gives figures in Prometheus' format.
    metrics() => String = GET "/metrics"

    /// Keeps an SOP, to the letter.
    create_sop() body Value; => SopRow = POST "/api/aef/sops"
    /// Lists SOPs.
    sops() query Page; => Sops = GET "/api/aef/sops"
    /// Reads an SOP.
    sop(id) query Version; => Sop = GET "/api/aef/sops/{id}"
    /// Keeps another version of an SOP.
    update_sop(id) body Value; => SopRow = PUT "/api/aef/sops/{id}"

    /// Makes a document of an SOP, and an execution of it that is held.
    transform() body Transform; => Transformed = POST "/api/aef/transform"
    /// Keeps a document.
    create_document() body DocumentText; => KeptDocument = POST "/api/aef/documents"
    /// Lists documents.
    documents() query Page; => Documents = GET "/api/aef/documents"
    /// Reads a document.
    document(id) query Version; => Document = GET "/api/aef/documents/{id}"
    /// Checks a document without keeping it.
    validate_document() body DocumentText; => ValidatedDocument = POST "/api/aef/documents/validate"

    /// Executes a document, or lets a held execution go.
    execute() body Execute; => Accepted = POST "/api/aef/execute"
    /// Lists executions, newest first.
    executions() query ExecutionFilter; => Executions = GET "/api/aef/executions"
    /// Reads an execution.
    execution(id) => Execution = GET "/api/aef/executions/{id}"
    /// Runs an execution again from one of its steps, as a new execution.
    fork(id) body Fork; => Forked = POST "/api/aef/executions/{id}/fork"
    /// Gives the latest picture of an execution, PNG or JPEG.
    screenshot(id) => Bytes = GET "/api/aef/executions/{id}/screenshot"
    /// Gives an execution with its document, journal, pictures and files, as a zip.
    trace(id) => Bytes = GET "/api/aef/executions/{id}/trace"
    /// Gives a picture or file of an execution.
    artifact(id, hash) => Bytes = GET "/api/aef/executions/{id}/artifacts/{hash}"
    /// Keeps a file that executions may be given as an input.
    put_file() query FileName; body FileBytes; => KeptFile = POST "/api/aef/artifacts"
    /// Lists the open checkpoints that the caller may answer, those that wait longest first.
    checkpoints() query Page; => Checkpoints = GET "/api/aef/checkpoints"
    /// Answers a checkpoint.
    respond(checkpoint) body Respond; => Answered = POST "/api/aef/checkpoint/{id}"
    /// Steers an execution.
    act(id) body Act; => Execution = POST "/api/aef/action/{executionId}"
    /// Stops an execution.
    stop(id) => Stopped = DELETE "/api/aef/stop/{executionId}"
    /// Reads the log of an execution.
    logs(id) query LogFilter; => Logs = GET "/api/aef/logs/{executionId}"
    /// Gives the message that a socket would send now, or the next one where it is asked to wait.
    live(id) query LiveFrom; => LiveMessage = GET "/api/aef/live/{executionId}"
    /// Gives a ticket for a live view.
    ticket(id) => Ticket = POST "/api/aef/live/{executionId}/ticket"

    /// Makes an API key.
    create_key() body NewKey; => MadeKey = POST "/api/aef/keys"
    /// Lists API keys.
    keys() query Page; => Keys = GET "/api/aef/keys"
    /// Revokes an API key.
    revoke_key(id) => Key = DELETE "/api/aef/keys/{id}"
    /// Lists secrets by name.
    secrets() => Secrets = GET "/api/aef/secrets"
    /// Sets a secret.
    set_secret(name) body NewSecret; => () = PUT "/api/aef/secrets/{name}"
    /// Removes a secret.
    remove_secret(name) => () = DELETE "/api/aef/secrets/{name}"
    /// Reads the audit log, oldest first.
    audit() query Page; => Audit = GET "/api/aef/audit"

    /// Lists what the key may run.
    engines() query Page; => Engines = GET "/engines-api/list"
    /// Reads what the key may run.
    engine(id) => Engine = GET "/engines-api/{id}"
    /// Gives the page with the form of an engine.
    form(id) query FormKey; => String = GET "/engines-api/{id}/form"
    /// Gives the script of forms.
    form_script() => String = GET "/engines-api/embed.js"
    /// Submits work.
    submit(engine) body Submit; => Submitted = POST "/engines-api/{id}/execute"
    /// Asks what became of work.
    progress(execution) => Progress = GET "/engines-api/executions/{executionId}"
    /// Lists work, newest first.
    work() query Page; => Work = GET "/engines-api/executions"
    /// Counts work.
    stats() => Stats = GET "/engines-api/stats"
    /// Stops work.
    halt(execution) => Halted = POST "/engines-api/stop/{executionId}"
    /// Lets paused work go on.
    resume(execution) body Resume; => Resumed = POST "/engines-api/{id}/resume"

    /// Performs what is due, for hosts that have a cron and no worker.
    process() body Process; => Performed = POST "/process-executions"
    /// Performs one execution.
    process_one() body ProcessOne; => Performed = POST "/internal-execute"
}
