//! The server's end: the way to the worker that holds an execution.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use aef_core::ids::{ExecutionId, WorkerId};
use aef_core::live::{Frame, Frames, LiveChannel, LiveControl, LiveError, LiveErrorKind};
use aef_core::secrets::SecretString;
use aef_core::store::{HostStore, LiveHolder, Scope, StoreErrorKind};
use async_trait::async_trait;
use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::hand::hand;
use super::proof::{Side, holds, nonce, proof};
use super::watching::{follow, frames_of};
use super::wire::{Asked, MAX_TOLD, Opening, Told, View};
use super::{HANDSHAKE, PATH, SEND_TIMEOUT, SILENCE};

/// What is kept of a connection for reading and for writing, in bytes.
const BUFFER: usize = 16 * 1024;

/// The way from a server to the browsers of other processes, for
/// [`EngineBuilder::live_channel`](aef_core::engine::EngineBuilder::live_channel). It finds the worker that holds an
/// execution, where that [advertises](super::Advertisement) an address; it keeps one connection for all who watch one
/// execution, as long as somebody does.
///
/// A connection ends with the lease, or with the worker; the engine asks again then, and the worker that has the lease by
/// that time is found.
#[derive(Debug)]
pub struct LiveRelay {
    host: Arc<dyn HostStore>,
    secret: SecretString,
    own: Option<WorkerId>,
    watched: Mutex<BTreeMap<ExecutionId, Weak<watch::Sender<Option<Frame>>>>>,
}

impl LiveRelay {
    /// Finds workers in this store; they share this secret.
    #[must_use]
    pub fn new(host: Arc<dyn HostStore>, secret: SecretString) -> Self {
        Self { host, secret, own: None, watched: Mutex::default() }
    }

    /// Does not ask this worker, which is of the same process: what it has open has been found before.
    #[must_use]
    pub fn beside(mut self, worker: WorkerId) -> Self {
        self.own = Some(worker);
        self
    }

    /// Who has the execution, and where.
    async fn holder(&self, execution: ExecutionId) -> Result<(WorkerId, String), LiveError> {
        let found = self.host.live_holder(&Scope::System, execution).await;
        let holder = found.map_err(|error| {
            let is_missing = error.kind() == StoreErrorKind::NotFound;
            let kind = if is_missing { LiveErrorKind::NotOpen } else { LiveErrorKind::Unavailable };
            LiveError::new(kind, "who holds the execution cannot be found out").with_source(error)
        })?;
        match holder {
            None => Err(LiveError::new(LiveErrorKind::NotOpen, "no worker holds the execution now")),
            Some(LiveHolder { worker, .. }) if self.own.as_ref() == Some(&worker) => {
                Err(LiveError::new(LiveErrorKind::NotOpen, "no browser of it is open here"))
            }
            Some(LiveHolder { worker, address: None }) => {
                let message = format!("the worker {worker} has the execution and serves no live view");
                Err(LiveError::new(LiveErrorKind::Unavailable, message))
            }
            Some(LiveHolder { worker, address: Some(address) }) => Ok((worker, address)),
        }
    }

    /// A connection to the worker that has the execution, which is ready.
    async fn connect(&self, execution: ExecutionId, view: View) -> Result<Line, LiveError> {
        let (worker, address) = self.holder(execution).await?;
        let place = format!("the worker {worker} at {address}");
        let mut line = match timeout(HANDSHAKE, reach(&address, &place)).await {
            Ok(line) => line?,
            Err(_) => return Err(unavailable(format!("{place} does not answer"))),
        };
        let nonce = nonce().map_err(|error| unavailable("no connection can be opened").with_source(error))?;
        let opening = Opening { worker, execution, view, nonce };
        line.say(&Asked::Open(opening.clone())).await?;
        let Told::Challenge { nonce, proof: given } = line.told().await? else {
            return Err(line.unexpected());
        };
        if !holds(&proof(&self.secret, Side::Worker, &opening, &nonce), &given) {
            return Err(unavailable(format!("{place} has another internal secret, or is none")));
        }
        let proof = proof(&self.secret, Side::Server, &opening, &nonce);
        line.say(&Asked::Proof { proof }).await?;
        match line.told().await? {
            Told::Ready {} => Ok(line),
            Told::Challenge { .. } | Told::Taken {} | Told::Refused { .. } => Err(line.unexpected()),
        }
    }

    /// Joins those who watch an execution already.
    fn join(&self, execution: ExecutionId) -> Option<watch::Receiver<Option<Frame>>> {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.get(&execution)?.upgrade().map(|shown| shown.subscribe())
    }
}

#[async_trait]
impl LiveChannel for LiveRelay {
    async fn frames(&self, execution: ExecutionId) -> Result<Frames, LiveError> {
        if let Some(shown) = self.join(execution) {
            return Ok(frames_of(shown));
        }
        let line = self.connect(execution, View::Frames).await?;
        // Where two connect at once, the later one is joined from then on, and the other ends with its watchers.
        let (shown, receiver) = watch::channel(None);
        let shown = Arc::new(shown);
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.retain(|_, shown| shown.strong_count() > 0);
        watched.insert(execution, Arc::downgrade(&shown));
        tokio::spawn(follow(line, shown));
        Ok(frames_of(receiver))
    }

    async fn control(&self, execution: ExecutionId) -> Result<Box<dyn LiveControl>, LiveError> {
        Ok(hand(self.connect(execution, View::Control).await?))
    }
}

async fn reach(address: &str, place: &str) -> Result<Line, LiveError> {
    let failed = || unavailable(format!("{place} cannot be reached"));
    let stream = TcpStream::connect(address).await.map_err(|error| failed().with_source(error))?;
    // What is typed is a few bytes at a time, each waited for.
    stream.set_nodelay(true).map_err(|error| failed().with_source(error))?;
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_message_size(Some(MAX_TOLD))
        .max_frame_size(Some(MAX_TOLD));
    let opened = client_async_with_config(format!("ws://{address}{PATH}"), stream, Some(config)).await;
    let (socket, _) = opened.map_err(|error| failed().with_source(error))?;
    Ok(Line { socket, place: place.to_owned() })
}

pub(super) fn unavailable(message: impl Into<String>) -> LiveError {
    LiveError::new(LiveErrorKind::Unavailable, message)
}

/// What a worker sends.
pub(super) enum Received {
    /// A message.
    Told(Told),
    /// A message that holds a frame.
    Frame(Bytes),
}

/// A connection to a worker.
pub(super) struct Line {
    socket: WebSocketStream<TcpStream>,
    place: String,
}

impl Line {
    pub(super) async fn say(&mut self, asked: &Asked) -> Result<(), LiveError> {
        let text = serde_json::to_string(asked).expect("what is asked is plain data");
        match timeout(SEND_TIMEOUT, self.socket.send(Message::Text(text.into()))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.gone().with_source(error)),
            Err(_) => Err(unavailable(format!("{} does not answer", self.place))),
        }
    }

    /// What comes next. What was not received yet stays, where this is dropped.
    ///
    /// # Errors
    /// What the worker gives as the reason for refusing; `NotOpen` where the connection has ended; `Unavailable` where
    /// nothing comes for too long, or something that makes no sense.
    pub(super) async fn receive(&mut self) -> Result<Received, LiveError> {
        loop {
            let Ok(received) = timeout(SILENCE, self.socket.next()).await else {
                return Err(unavailable(format!("{} does not answer", self.place)));
            };
            match received {
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Binary(frame))) => return Ok(Received::Frame(frame)),
                Some(Ok(Message::Text(text))) => {
                    let told = serde_json::from_str(&text);
                    let told: Told = told.map_err(|error| self.unexpected().with_source(error))?;
                    if let Told::Refused { kind, message } = &told
                        && *kind != LiveErrorKind::Invalid
                    {
                        return Err(LiveError::new(*kind, message.clone()));
                    }
                    return Ok(Received::Told(told));
                }
                Some(Err(error)) => return Err(self.gone().with_source(error)),
                Some(Ok(Message::Close(_))) | None => return Err(self.gone()),
            }
        }
    }

    /// What is told next.
    async fn told(&mut self) -> Result<Told, LiveError> {
        match timeout(HANDSHAKE, self.receive()).await {
            Ok(Ok(Received::Told(told))) => Ok(told),
            Ok(Ok(Received::Frame(_))) => Err(self.unexpected()),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(unavailable(format!("{} does not answer", self.place))),
        }
    }

    /// Ends the connection; the worker gives up at once what it was for.
    pub(super) async fn close(mut self) {
        // Whoever is gone need not be told.
        let _ = timeout(SEND_TIMEOUT, self.socket.close(None)).await;
    }

    fn gone(&self) -> LiveError {
        let message = format!("the connection to {} has ended", self.place);
        LiveError::new(LiveErrorKind::NotOpen, message)
    }

    /// The error that what was received makes no sense.
    pub(super) fn unexpected(&self) -> LiveError {
        unavailable(format!("{} sent what was not expected", self.place))
    }
}
