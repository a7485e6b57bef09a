//! The live view of an execution: frames of its page, and mouse and keyboard for the person who took it over.

mod control;
mod slot;

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use tokio::sync::watch;
use tokio::time::Instant;

pub(super) use self::slot::{LiveSessions, SessionSlot};

use super::changes::{POLL, jittered};
use super::error::EngineError;
use super::handle::Handle;
use super::{Engine, EngineErrorKind, Inner};
use crate::execution::Status;
use crate::ids::ExecutionId;
use crate::live::{Frame, Frames, LiveChannel, LiveControl, LiveError, LiveErrorKind, LiveInput};

/// How long a takeover that was asked for may take: the action in hand ends first, or a browser opens.
const TAKEOVER_WAIT: Duration = Duration::from_secs(120);

/// How long the worker may take to accept input once the takeover stands in the journal.
const ACCEPT_WAIT: Duration = Duration::from_secs(5);

/// How long somebody else may take to let go of mouse and keyboard.
const LET_GO_WAIT: Duration = Duration::from_secs(1);

/// How often input is told to the journal as a sign of the person.
const SIGN_EVERY: Duration = Duration::from_secs(60);

impl Engine {
    /// The live view of what the workers of this process perform, for a service that hands it on to other processes.
    ///
    /// It asks nobody who may see what: [`Handle::live`] does.
    #[must_use]
    pub fn live_sessions(&self) -> std::sync::Arc<dyn LiveChannel> {
        self.inner.live.clone()
    }
}

impl Handle {
    /// The live view of its page.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    pub async fn live(&self) -> Result<Live, EngineError> {
        // Whoever may not read it may not watch it.
        self.record().await?;
        Ok(Live { handle: self.clone() })
    }
}

/// The live view of one execution.
#[derive(Debug, Clone)]
pub struct Live {
    handle: Handle,
}

impl Live {
    /// Frames of the page, whichever session is open: they begin when one opens, go on when another takes its place, and
    /// end when the execution is finished or its browser has no live view.
    #[must_use]
    pub fn frames(&self) -> Frames {
        let sessions = self.handle.engine.inner.live.changes();
        let watching = Watching { handle: self.handle.clone(), sessions, frames: None, told: false };
        stream::unfold(watching, Watching::next).boxed()
    }

    /// Takes mouse and keyboard. Waits until a takeover that was [asked for](Handle::take_over) has taken effect.
    ///
    /// # Errors
    /// As for [`LiveChannel::control`].
    pub async fn control(&self) -> Result<Controller, LiveError> {
        self.taken_over().await?;
        let inner = &self.handle.engine.inner;
        let mut sessions = inner.live.changes();
        let begun = Instant::now();
        loop {
            let error = match inner.control(self.handle.id).await {
                Ok(control) => {
                    let handle = self.handle.clone();
                    return Ok(Controller { control, handle, signed: Instant::now() });
                }
                Err(error) => error,
            };
            let until = match error.kind() {
                // The worker hears of its own event a moment after everybody else.
                LiveErrorKind::NotTakenOver | LiveErrorKind::NotOpen => begun + ACCEPT_WAIT,
                // Who gave them up a moment ago may still be letting go.
                LiveErrorKind::Controlled => begun + LET_GO_WAIT,
                LiveErrorKind::Invalid | LiveErrorKind::Unsupported | LiveErrorKind::Unavailable => begun,
            };
            if Instant::now() >= until {
                return Err(error);
            }
            changed(&mut sessions, until.min(Instant::now() + jittered(POLL))).await;
        }
    }

    async fn taken_over(&self) -> Result<(), LiveError> {
        let waiting = async {
            let mut states = self.handle.watch();
            while let Some(state) = states.next().await {
                let state = state.map_err(unavailable)?;
                if state.status == Status::TakenOver {
                    return Ok(());
                }
                if !state.taking_over {
                    return Err(not_taken_over());
                }
            }
            Err(not_taken_over())
        };
        match tokio::time::timeout(TAKEOVER_WAIT, waiting).await {
            Ok(taken_over) => taken_over,
            Err(_) => {
                Err(LiveError::new(LiveErrorKind::Unavailable, "no worker has let it be taken over in time"))
            }
        }
    }
}

/// Mouse and keyboard of an execution that is taken over. Dropping it gives them up, and releases what is held down; the
/// execution stays taken over until it is [handed back](Handle::hand_back).
#[derive(Debug)]
pub struct Controller {
    control: Box<dyn LiveControl>,
    handle: Handle,
    signed: Instant,
}

impl Controller {
    /// Sends one input on its way.
    ///
    /// # Errors
    /// As for [`LiveControl::send`].
    pub async fn send(&mut self, input: LiveInput) -> Result<(), LiveError> {
        self.control.send(input).await?;
        if self.signed.elapsed() >= SIGN_EVERY {
            self.signed = Instant::now();
            match self.handle.extend_takeover().await {
                // Handed back meanwhile: the next input tells.
                Ok(_) => {}
                Err(error) if error.kind() == EngineErrorKind::Rejected => {}
                Err(error) => tracing::warn!(%error, "the takeover could not be extended"),
            }
        }
        Ok(())
    }
}

/// Where a stream of frames stands.
struct Watching {
    handle: Handle,
    sessions: watch::Receiver<u64>,
    frames: Option<Frames>,
    /// Whether it was told that the frames cannot be had.
    told: bool,
}

impl Watching {
    async fn next(mut self) -> Option<(Frame, Self)> {
        loop {
            if let Some(frames) = &mut self.frames {
                if let Some(frame) = frames.next().await {
                    return Some((frame, self));
                }
                self.frames = None;
            }
            self.sessions.borrow_and_update();
            match self.handle.engine.inner.frames(self.handle.id).await {
                Ok(frames) => {
                    self.frames = Some(frames);
                    self.told = false;
                    continue;
                }
                Err(error) if error.kind() == LiveErrorKind::Unsupported => return None,
                Err(error) => self.tell(&error),
            }
            match self.handle.record().await {
                Ok(record) if record.summary.status.is_final() => return None,
                Ok(_) => {}
                Err(error) if error.is_retryable() => {}
                Err(_) => return None,
            }
            changed(&mut self.sessions, Instant::now() + jittered(POLL)).await;
        }
    }
}

impl Watching {
    /// Tells once, until there are frames again, why there are none. That nothing is open is no fault.
    fn tell(&mut self, error: &LiveError) {
        if error.kind() == LiveErrorKind::Unavailable && !std::mem::replace(&mut self.told, true) {
            let source = std::error::Error::source(error).map(ToString::to_string);
            tracing::warn!(execution = %self.handle.id, %error, source, "there is no live view");
        }
    }
}

impl Inner {
    /// Frames from this process, or else from wherever the host's channel finds them.
    async fn frames(&self, execution: ExecutionId) -> Result<Frames, LiveError> {
        match (self.live.frames(execution).await, &self.channel) {
            (Err(error), Some(channel)) if error.kind() == LiveErrorKind::NotOpen => {
                channel.frames(execution).await
            }
            (frames, _) => frames,
        }
    }

    async fn control(&self, execution: ExecutionId) -> Result<Box<dyn LiveControl>, LiveError> {
        match (self.live.control(execution).await, &self.channel) {
            (Err(error), Some(channel)) if error.kind() == LiveErrorKind::NotOpen => {
                channel.control(execution).await
            }
            (control, _) => control,
        }
    }
}

/// Waits until a session of this process opens, closes or changes hands, at most until then.
async fn changed(sessions: &mut watch::Receiver<u64>, until: Instant) {
    // Where the sender is gone, so is the engine; the time ends the wait.
    let change = async {
        if sessions.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let _ = tokio::time::timeout_at(until, change).await;
}

fn not_taken_over() -> LiveError {
    LiveError::new(LiveErrorKind::NotTakenOver, "nobody has taken it over")
}

fn unavailable(error: EngineError) -> LiveError {
    let is_missing = error.kind() == EngineErrorKind::NotFound;
    let kind = if is_missing { LiveErrorKind::NotOpen } else { LiveErrorKind::Unavailable };
    LiveError::new(kind, "the execution cannot be read").with_source(error)
}
