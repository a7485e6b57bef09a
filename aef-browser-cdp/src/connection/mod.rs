//! The connection: one WebSocket, a router of answers and events, and the task that writes.
//!
//! Chromium never answers a pending evaluation on a page that closes or crashes, so the router fails the
//! pending calls of a session itself as soon as an event says that the session is over.

mod call;
mod envelope;
mod router;
mod socket;

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chromiumoxide_types::Command;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use url::Url;

pub(crate) use self::{
    call::{Batch, Reply},
    envelope::{Event, MARK},
};
use self::{
    router::Router,
    socket::{Outgoing, spawn_socket_tasks},
};
use crate::error::{CdpError, Loss};

/// How long a call waits for its answer where the caller names no limit.
pub(crate) const DEFAULT_CALL_LIMIT: Duration = Duration::from_secs(30);

/// Batches that may wait for the socket; a peer that stops reading is met by an error, not by memory.
const OUTGOING_LIMIT: usize = 4096;

/// A live connection to one browser. Clones share the socket, which closes with the last of them.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    router: Arc<Router>,
    outgoing: mpsc::Sender<Outgoing>,
    next_id: AtomicU64,
}

/// A [`Connection`] that closes although this is held.
#[derive(Debug, Clone)]
pub(crate) struct WeakConnection(Weak<Shared>);

impl WeakConnection {
    /// The connection, while it is open.
    pub(crate) fn upgrade(&self) -> Option<Connection> {
        self.0.upgrade().map(|shared| Connection { shared })
    }
}

impl Connection {
    /// Connects to the browser's WebSocket endpoint.
    pub(crate) async fn open(url: &Url, limit: Duration) -> Result<Self, CdpError> {
        let stream = socket::dial(url, limit).await?;
        let (outgoing, queue) = mpsc::channel(OUTGOING_LIMIT);
        let router = Arc::new(Router::default());
        spawn_socket_tasks(stream, queue, &router);
        Ok(Self { shared: Arc::new(Shared { router, outgoing, next_id: AtomicU64::new(1) }) })
    }

    /// A handle that does not keep the connection open.
    pub(crate) fn downgrade(&self) -> WeakConnection {
        WeakConnection(Arc::downgrade(&self.shared))
    }

    /// The target of commands that concern the browser as a whole.
    pub(crate) fn browser(&self) -> Link {
        Link { connection: self.clone(), session: None }
    }

    /// The target of commands of one attached session.
    pub(crate) fn session(&self, id: &str) -> Link {
        Link { connection: self.clone(), session: Some(id.into()) }
    }

    /// Events that carry no session and belong to no registered context. The last caller gets them.
    pub(crate) fn browser_events(&self) -> mpsc::Receiver<Event> {
        self.shared.router.take_browser_events()
    }

    /// Events of every session of a browser context from now on, in the order of the socket.
    ///
    /// Sessions attached on the browser are assigned by the context of their target, sessions attached by a
    /// session go where their parent's events go. Nothing can be missed between attachment and subscription.
    pub(crate) fn context_events(&self, context: &str) -> mpsc::Receiver<Event> {
        self.shared.router.register_context(context)
    }

    /// Sends a mark through a context's queue: whoever reads it has read everything before it.
    ///
    /// An answer may overtake the events that stood before it on the socket, as they take different ways from
    /// there; after the mark they are level again.
    pub(crate) fn mark(&self, context: &str) -> u64 {
        let mark = self.shared.next_id.fetch_add(1, Ordering::Relaxed);
        self.shared.router.mark(context, mark);
        mark
    }

    /// Stops the delivery of a context's events and fails whatever its sessions still wait for.
    pub(crate) fn forget_context(&self, context: &str) {
        self.shared.router.forget_context(context);
    }

    /// Why the connection is over, once it is.
    pub(crate) fn ended(&self) -> Option<Loss> {
        self.shared.router.ended()
    }

    fn enqueue(&self, outgoing: Outgoing) -> Result<(), CdpError> {
        self.shared.outgoing.try_send(outgoing).map_err(|refusal| match refusal {
            mpsc::error::TrySendError::Full(_) => CdpError::Backlog,
            mpsc::error::TrySendError::Closed(_) => {
                CdpError::Lost(self.ended().unwrap_or(Loss::Disconnected { source: None }))
            }
        })
    }
}

/// Where commands go: the browser, or one session of it.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    connection: Connection,
    session: Option<Arc<str>>,
}

impl Link {
    /// The connection that this link writes to.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Performs a command within [`DEFAULT_CALL_LIMIT`].
    pub(crate) async fn call<C: Command>(&self, command: C) -> Result<C::Response, CdpError> {
        self.call_within(command, DEFAULT_CALL_LIMIT).await
    }

    /// Performs a command within a limit.
    pub(crate) async fn call_within<C: Command>(
        &self,
        command: C,
        limit: Duration,
    ) -> Result<C::Response, CdpError> {
        let mut batch = self.batch();
        let reply = batch.push(&command)?;
        batch.send(None)?;
        reply.within(limit).await
    }

    /// Performs a command and reads of its answer only what `R` needs, whatever else stands in it.
    pub(crate) async fn call_as<R: DeserializeOwned>(
        &self,
        command: &impl Command,
        limit: Duration,
    ) -> Result<R, CdpError> {
        let method = command.identifier();
        let mut batch = self.batch();
        let reply = batch.push_as::<_, R>(command)?;
        batch.send(None)?;
        let answer = reply.raw_within(limit).await?;
        serde_json::from_str(answer.get()).map_err(|source| CdpError::malformed(&method, source))
    }

    /// Performs a command that the generated types lack, or whose answer is read leniently.
    pub(crate) async fn call_raw<P: Serialize>(
        &self,
        method: &'static str,
        params: &P,
        limit: Duration,
    ) -> Result<Box<RawValue>, CdpError> {
        let mut batch = self.batch();
        let reply = batch.push_raw(method, params)?;
        batch.send(None)?;
        reply.raw_within(limit).await
    }

    /// Sends a command without waiting for its answer, for tasks that must keep reading events.
    pub(crate) fn post<C: Command>(&self, command: &C) {
        let method = command.identifier();
        let sent = self
            .encode(self.next_id(), &method, command)
            .and_then(|message| self.connection.enqueue(Outgoing::ungated(message)));
        if let Err(error) = sent {
            tracing::debug!(%method, error = &error as &dyn std::error::Error, "command not sent");
        }
    }

    /// Starts a batch: commands written together, in order, with one flush.
    pub(crate) fn batch(&self) -> Batch<'_> {
        Batch::new(self)
    }

    fn next_id(&self) -> u64 {
        self.connection.shared.next_id.fetch_add(1, Ordering::Relaxed)
    }

    fn router(&self) -> &Arc<Router> {
        &self.connection.shared.router
    }

    fn encode<P: Serialize>(&self, id: u64, method: &str, params: &P) -> Result<String, CdpError> {
        envelope::encode(id, self.session.as_deref(), method, params)
    }
}

#[cfg(test)]
mod tests;
