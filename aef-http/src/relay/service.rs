//! The worker's end.

use std::sync::Arc;

use aef_core::live::{Frames, LiveChannel, LiveControl, LiveError, LiveErrorKind};
use aef_core::secrets::SecretString;
use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;
use futures::StreamExt as _;
use tokio::sync::Semaphore;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, timeout};

use super::LiveWorkers;
use super::proof::{Side, holds, nonce, proof};
use super::wire::{Asked, MAX_ASKED, Opening, Told, View, pack};
use super::{HANDSHAKE, PATH, PING_EVERY, SEND_TIMEOUT, SILENCE};

/// How many connections there may be at a time: a server has one for each execution that is watched, and one for each
/// that is taken over.
const PLACES: usize = 1024;

/// What is kept of a connection for reading, in bytes: what servers say is short.
const READ_BUFFER: usize = 4 * 1024;

/// Serves the browsers that workers drive to servers that know the secret, for [`LiveRelay`](super::LiveRelay) to find
/// them. `sessions` are [those of the workers' engine](aef_core::engine::Engine::live_sessions), `workers` the name in a
/// worker's options, or those of a [place](super::LivePlace).
///
/// Listen where servers reach it and nobody else does: frames and input are not encrypted.
pub fn live_router(
    sessions: Arc<dyn LiveChannel>,
    workers: impl Into<LiveWorkers>,
    secret: SecretString,
) -> Router {
    let workers = workers.into();
    let service = Service { sessions, workers, secret, places: Arc::new(Semaphore::new(PLACES)) };
    Router::new().route(PATH, get(live)).with_state(Arc::new(service))
}

/// Whose browsers are served, and to whom.
#[derive(Debug)]
struct Service {
    sessions: Arc<dyn LiveChannel>,
    workers: LiveWorkers,
    secret: SecretString,
    places: Arc<Semaphore>,
}

/// Why a connection ends.
enum End {
    /// The other end is gone, or has ended it.
    Gone,
    /// There is nothing more for it.
    Refused(LiveError),
}

impl From<LiveError> for End {
    fn from(error: LiveError) -> Self {
        Self::Refused(error)
    }
}

async fn live(State(service): State<Arc<Service>>, upgrade: WebSocketUpgrade) -> Response {
    let Ok(place) = service.places.clone().try_acquire_owned() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let upgrade = upgrade.max_message_size(MAX_ASKED).max_frame_size(MAX_ASKED).read_buffer_size(READ_BUFFER);
    upgrade.on_upgrade(move |socket| async move {
        let mut line = Line::new(socket);
        if let Err(End::Refused(error)) = serve(&service, &mut line).await {
            tracing::debug!(%error, "a live view ends");
            let message = error.to_string();
            // Whoever is gone need not be told.
            let _ = line.tell(&Told::Refused { kind: error.kind(), message }).await;
        }
        let _ = line.send(Message::Close(None)).await;
        drop(place);
    })
}

async fn serve(service: &Service, line: &mut Line) -> Result<(), End> {
    let Ok(opening) = timeout(HANDSHAKE, service.admit(line)).await else { return Err(End::Gone) };
    let opening = opening?;
    match opening.view {
        View::Frames => {
            let frames = service.sessions.frames(opening.execution).await?;
            line.tell(&Told::Ready {}).await?;
            show(line, frames).await
        }
        View::Control => {
            let control = service.sessions.control(opening.execution).await?;
            line.tell(&Told::Ready {}).await?;
            steer(line, control).await
        }
    }
}

impl Service {
    /// Lets in who knows the secret, and shows that this end knows it, too.
    async fn admit(&self, line: &mut Line) -> Result<Opening, End> {
        let Asked::Open(opening) = line.asked().await? else { return Err(unexpected().into()) };
        let nonce = nonce().map_err(|error| {
            LiveError::new(LiveErrorKind::Unavailable, "the worker cannot make a challenge")
                .with_source(error)
        })?;
        let own = proof(&self.secret, Side::Worker, &opening, &nonce);
        let expected = proof(&self.secret, Side::Server, &opening, &nonce);
        line.tell(&Told::Challenge { nonce, proof: own }).await?;
        let Asked::Proof { proof } = line.asked().await? else { return Err(unexpected().into()) };
        if !holds(&expected, &proof) {
            tracing::warn!("somebody asked for a live view without knowing the internal secret");
            let message = "the worker has another internal secret";
            return Err(LiveError::new(LiveErrorKind::Unavailable, message).into());
        }
        if !self.workers.contains(&opening.worker) {
            let message = format!("the worker there is {}", self.workers);
            return Err(LiveError::new(LiveErrorKind::NotOpen, message).into());
        }
        Ok(opening)
    }
}

/// Sends a frame for each that is asked for.
async fn show(line: &mut Line, mut frames: Frames) -> Result<(), End> {
    let mut wanted = false;
    loop {
        let asked = tokio::select! {
            frame = frames.next(), if wanted => {
                let frame = frame.ok_or_else(|| {
                    LiveError::new(LiveErrorKind::NotOpen, "the worker has closed the browser")
                })?;
                wanted = false;
                line.send(Message::Binary(pack(frame))).await?;
                continue;
            }
            asked = line.asked() => asked?,
        };
        match asked {
            Asked::Next {} => wanted = true,
            Asked::Open(_) | Asked::Proof { .. } | Asked::Input { .. } => return Err(unexpected().into()),
        }
    }
}

/// Hands input to the browser.
async fn steer(line: &mut Line, mut control: Box<dyn LiveControl>) -> Result<(), End> {
    loop {
        let Asked::Input { input } = line.asked().await? else { return Err(unexpected().into()) };
        let is_move = input.is_move();
        match control.send(input).await {
            Ok(()) if is_move => {}
            Ok(()) => line.tell(&Told::Taken {}).await?,
            Err(error) if error.kind() == LiveErrorKind::Invalid => {
                line.tell(&Told::Refused { kind: error.kind(), message: error.to_string() }).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn unexpected() -> LiveError {
    LiveError::new(LiveErrorKind::Unavailable, "the worker did not expect this message")
}

/// A connection that shows and expects signs of life.
struct Line {
    socket: WebSocket,
    ping: Interval,
    heard: Instant,
}

impl Line {
    fn new(socket: WebSocket) -> Self {
        let mut ping = interval(PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { socket, ping, heard: Instant::now() }
    }

    /// What the other end says next. What was not received yet stays, where this is dropped.
    async fn asked(&mut self) -> Result<Asked, End> {
        loop {
            let received = tokio::select! {
                received = self.socket.recv() => received,
                _ = self.ping.tick() => {
                    if self.heard.elapsed() > SILENCE {
                        return Err(End::Gone);
                    }
                    self.send(Message::Ping(Bytes::new())).await?;
                    continue;
                }
            };
            self.heard = Instant::now();
            match received {
                None | Some(Err(_) | Ok(Message::Close(_))) => return Err(End::Gone),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_))) => {}
                Some(Ok(Message::Text(text))) => {
                    return serde_json::from_str(&text).map_err(|_| unexpected().into());
                }
            }
        }
    }

    async fn tell(&mut self, told: &Told) -> Result<(), End> {
        let text = serde_json::to_string(told).expect("what is told is plain data");
        self.send(Message::Text(text.into())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        match timeout(SEND_TIMEOUT, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }
}
