//! A live view over a WebSocket.
//!
//! One task a socket, and no queue: what is sent next is made when the last message has left, so that a slow reader gets
//! fewer frames and a newer state, and costs no memory.

use std::sync::Arc;
use std::time::Duration;

use aef_core::engine::{EngineError, Live};
use aef_core::execution::ExecutionState;
use aef_core::live::{Frame, Frames, LiveError, LiveInput};
use aef_core::store::{KeyScope, Scope};
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::connections::Connection;
use super::feed::Feed;
use super::message::{LiveMessage, picture};
use super::pace::Pace;
use crate::app::App;
use crate::auth::Caller;
use crate::problem::{Code, Problem};
use crate::status::MessageType;
use crate::wire::ErrorView;

/// How often a frame is sent at most.
const FRAME_EVERY: Duration = Duration::from_millis(200);

/// How often the other end is asked whether it is there; two questions without an answer end the view.
const PING_EVERY: Duration = Duration::from_secs(20);
const UNANSWERED: u32 = 2;

/// How often it is looked whether the viewer may still watch.
const RECHECK_EVERY: Duration = Duration::from_secs(5);

/// How long the other end may take to take a message.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// How many inputs may wait for the browser.
const INPUTS: usize = 64;

/// How long the other end may take to agree that a socket is closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a socket is closed: RFC 6455, and one of our own.
const DONE: u16 = 1000;
const RESTARTS: u16 = 1012;
const FAILED: u16 = 1011;
const NO_ACCESS: u16 = 4401;

/// What a client sends.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Asked {
    /// Says whether frames are wanted.
    Subscribe {
        #[serde(default = "yes")]
        frames: bool,
    },
    /// Mouse or keyboard.
    Input { input: LiveInput },
    /// Asks for a sign of life.
    Ping {},
}

const fn yes() -> bool {
    true
}

/// Why a view ends.
enum End {
    /// The other end is gone.
    Gone,
    /// It is closed for a reason.
    Close(u16, &'static str),
}

/// Serves a live view until it ends.
pub(super) async fn serve(
    app: Arc<App>,
    caller: Caller,
    feed: Feed,
    mut socket: WebSocket,
    connection: Connection,
) {
    let Ok(mut view) = View::open(app, caller, feed).await else {
        return close(&mut socket, FAILED, "the execution cannot be read").await;
    };
    if let End::Close(code, reason) = view.run(&mut socket).await {
        close(&mut socket, code, reason).await;
    }
    drop(connection);
}

async fn close(socket: &mut WebSocket, code: u16, reason: &'static str) {
    let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
    // Whoever is gone need not be told.
    let Ok(Ok(())) = tokio::time::timeout(SEND_TIMEOUT, socket.send(Message::Close(Some(frame)))).await
    else {
        return;
    };
    // A connection that is dropped with something unread in it may take the reason with it.
    let agreed = async { while let Some(Ok(_)) = socket.recv().await {} };
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, agreed).await;
}

/// A live view.
struct View {
    app: Arc<App>,
    caller: Caller,
    feed: Feed,
    live: Live,
    states: BoxStream<'static, Result<ExecutionState, EngineError>>,
    frames: Option<Frames>,
    /// The newest frame that was not sent, and the last message, in which it is sent.
    frame: Option<Frame>,
    last: Option<LiveMessage>,
    next_frame: Instant,
    /// When what has happened is told.
    due: Option<Instant>,
    pace: Pace,
    inputs: Option<mpsc::Sender<LiveInput>>,
    refusals: (mpsc::Sender<LiveError>, mpsc::Receiver<LiveError>),
    unanswered: u32,
}

impl View {
    async fn open(app: Arc<App>, caller: Caller, feed: Feed) -> Result<Self, Problem> {
        let live = feed.live().await?;
        let (states, frames) = (feed.states(), Some(live.frames()));
        let now = Instant::now();
        Ok(Self {
            app,
            caller,
            feed,
            live,
            states,
            frames,
            frame: None,
            last: None,
            next_frame: now,
            due: Some(now),
            pace: Pace::default(),
            inputs: None,
            refusals: mpsc::channel(1),
            unanswered: 0,
        })
    }

    async fn run(&mut self, socket: &mut WebSocket) -> End {
        let mut ping = interval(PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.reset();
        let mut recheck = interval(RECHECK_EVERY);
        recheck.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let shutdown = self.app.options.shutdown.clone();
        loop {
            let (due, next_frame) = (self.due, self.next_frame);
            let happened = tokio::select! {
                () = shutdown.begun() => Err(End::Close(RESTARTS, "the server is shutting down")),
                received = socket.recv() => self.received(socket, received).await,
                state = self.states.next(), if due.is_none() => {
                    self.due = Some(self.pace.due(Instant::now()));
                    // The stream ends behind a final state, which is told like any other.
                    state.transpose().map(drop).map_err(|_| End::Close(FAILED, "the execution cannot be read"))
                }
                () = sleep_until(due.unwrap_or(next_frame)), if due.is_some() => self.tell(socket).await,
                frame = next(&mut self.frames) => {
                    self.frame = frame;
                    Ok(())
                }
                () = sleep_until(next_frame), if self.frame.is_some() => self.show(socket).await,
                Some(error) = self.refusals.1.recv() => self.refuse(socket, &error).await,
                _ = ping.tick() => self.ping(socket).await,
                _ = recheck.tick() => self.recheck().await,
            };
            if let Err(end) = happened {
                return end;
            }
        }
    }

    /// Tells how it stands, and what has happened.
    async fn tell(&mut self, socket: &mut WebSocket) -> Result<(), End> {
        let is_first = self.last.is_none();
        let next = self.feed.next().await.map_err(|_| End::Close(FAILED, "the execution cannot be read"))?;
        let mut message = next.message;
        if is_first || message.kind != MessageType::ExecutionUpdate {
            message.browser.screenshot = match self.frame.take() {
                Some(frame) => Some(picture(&frame.image)),
                None => self.feed.screenshot().await,
            };
        }
        send(socket, &message).await?;
        self.pace.told(Instant::now());
        self.due = next.more.then(Instant::now);
        message.logs.clear();
        message.browser.screenshot = None;
        self.last = Some(message);
        if next.is_final { Err(End::Close(DONE, "the execution is finished")) } else { Ok(()) }
    }

    /// Shows the newest frame.
    async fn show(&mut self, socket: &mut WebSocket) -> Result<(), End> {
        self.next_frame = Instant::now() + FRAME_EVERY;
        let (Some(frame), Some(last)) = (self.frame.take(), &self.last) else { return Ok(()) };
        let mut message = last.clone();
        message.kind = MessageType::ExecutionUpdate;
        message.timestamp = Timestamp::now();
        message.browser.screenshot = Some(picture(&frame.image));
        message.browser.current_url = frame.url;
        message.browser.is_ready = true;
        send(socket, &message).await
    }

    /// Tells why input was not taken.
    async fn refuse(&mut self, socket: &mut WebSocket, error: &LiveError) -> Result<(), End> {
        // The next input asks for mouse and keyboard anew.
        self.inputs = None;
        self.tell_error(socket, error.to_string(), error.kind().as_str()).await
    }

    async fn tell_error(&mut self, socket: &mut WebSocket, message: String, kind: &str) -> Result<(), End> {
        let Some(last) = &self.last else { return Ok(()) };
        let mut told = last.clone();
        told.kind = MessageType::Error;
        told.timestamp = Timestamp::now();
        let kind = kind.to_owned();
        told.error = Some(ErrorView { message, kind, recovery_options: Vec::new(), auto_retry_in: None });
        send(socket, &told).await
    }

    async fn received(
        &mut self,
        socket: &mut WebSocket,
        received: Option<Result<Message, axum::Error>>,
    ) -> Result<(), End> {
        let text = match received {
            None | Some(Err(_) | Ok(Message::Close(_))) => return Err(End::Gone),
            Some(Ok(Message::Ping(_) | Message::Binary(_))) => return Ok(()),
            Some(Ok(Message::Pong(_))) => {
                self.unanswered = 0;
                return Ok(());
            }
            Some(Ok(Message::Text(text))) => text,
        };
        match serde_json::from_str(&text) {
            Ok(Asked::Subscribe { frames }) => {
                self.frames = frames.then(|| self.live.frames());
                Ok(())
            }
            Ok(Asked::Ping {}) => {
                let pong = Message::Text(Utf8Bytes::from_static(r#"{"type":"pong"}"#));
                deliver(socket, pong).await
            }
            Ok(Asked::Input { input }) => self.input(socket, input).await,
            Err(error) => {
                self.tell_error(socket, format!("the message does not fit: {error}"), "malformed").await
            }
        }
    }

    async fn input(&mut self, socket: &mut WebSocket, input: LiveInput) -> Result<(), End> {
        let lacks = |key: &aef_core::store::ApiKey| !key.scopes.contains(&KeyScope::Control);
        if self.caller.reads_only.is_some() || self.caller.key.as_deref().is_some_and(lacks) {
            let message = "the credential lacks the scope `control`".to_owned();
            return self.tell_error(socket, message, "forbidden").await;
        }
        let inputs = self.inputs.get_or_insert_with(|| begin_control(&self.live, &self.refusals.0));
        match inputs.try_send(input) {
            // Where the hand is gone, why comes by the other way.
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.tell_error(socket, "the browser is behind with input".to_owned(), "unavailable").await
            }
        }
    }

    async fn ping(&mut self, socket: &mut WebSocket) -> Result<(), End> {
        if self.unanswered >= UNANSWERED {
            return Err(End::Gone);
        }
        self.unanswered += 1;
        deliver(socket, Message::Ping(bytes::Bytes::new())).await
    }

    /// Whether the viewer may still watch.
    async fn recheck(&mut self) -> Result<(), End> {
        let lost = Err(End::Close(NO_ACCESS, "the access has ended"));
        let now = Timestamp::now();
        if self.caller.until.is_some_and(|until| until <= now) {
            return lost;
        }
        let Some(id) = self.caller.key_id() else { return Ok(()) };
        match self.app.host().key(&Scope::System, id).await.map_err(Problem::from) {
            Ok(key) if key.is_good(now) => Ok(()),
            // A store that does not answer now says nothing of the key.
            Err(problem) if problem.code() == Code::Unavailable => Ok(()),
            Ok(_) | Err(_) => lost,
        }
    }
}

/// The next frame; forgets the stream where it has ended, and never ends without one.
async fn next(frames: &mut Option<Frames>) -> Option<Frame> {
    match frames {
        Some(stream) => {
            let frame = stream.next().await;
            if frame.is_none() {
                *frames = None;
            }
            frame
        }
        None => std::future::pending().await,
    }
}

/// Takes mouse and keyboard in a task of its own, for a takeover may take a while. It ends with the sender.
fn begin_control(live: &Live, refusals: &mpsc::Sender<LiveError>) -> mpsc::Sender<LiveInput> {
    let (inputs, mut waiting) = mpsc::channel(INPUTS);
    let (live, refusals) = (live.clone(), refusals.clone());
    tokio::spawn(async move {
        let controlling = async {
            let mut controller = live.control().await?;
            while let Some(input) = waiting.recv().await {
                controller.send(input).await?;
            }
            Ok::<(), LiveError>(())
        };
        if let Err(error) = controlling.await {
            // One that waits already says as much.
            let _ = refusals.try_send(error);
        }
    });
    inputs
}

async fn send(socket: &mut WebSocket, message: &LiveMessage) -> Result<(), End> {
    let text = serde_json::to_string(message).expect("a message is plain data");
    deliver(socket, Message::Text(text.into())).await
}

async fn deliver(socket: &mut WebSocket, message: Message) -> Result<(), End> {
    match tokio::time::timeout(SEND_TIMEOUT, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(End::Gone),
    }
}
