//! A hand on mouse and keyboard of a browser elsewhere.

use aef_core::live::{LiveControl, LiveError, LiveErrorKind, LiveInput};
use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use super::channel::{Line, Received};
use super::wire::{Asked, Told};

/// Inputs that may wait for the connection; whoever sends more waits, too.
const WAITING: usize = 64;

/// An input, and who waits until it is on its way. Nobody waits for moves.
type Sent = (LiveInput, Option<oneshot::Sender<Result<(), LiveError>>>);

/// The hand. Its task, which keeps the connection alive while nothing is sent, ends with it.
#[derive(Debug)]
struct Hand {
    inputs: mpsc::Sender<Sent>,
    /// What the task ended with.
    ended: Option<oneshot::Receiver<LiveError>>,
}

/// A hand that sends its input over a connection.
pub(super) fn hand(mut line: Line) -> Box<dyn LiveControl> {
    let (inputs, mut waiting) = mpsc::channel(WAITING);
    let (end, ended) = oneshot::channel();
    tokio::spawn(async move {
        if let Err(error) = carry(&mut line, &mut waiting).await {
            tracing::debug!(%error, "input is no longer accepted");
            // The hand may have been dropped meanwhile.
            let _ = end.send(error);
        }
        drop(waiting);
        line.close().await;
    });
    Box::new(Hand { inputs, ended: Some(ended) })
}

#[async_trait]
impl LiveControl for Hand {
    async fn send(&mut self, input: LiveInput) -> Result<(), LiveError> {
        input.check()?;
        let (waits, answer) = if input.is_move() {
            (None, None)
        } else {
            let (waits, answer) = oneshot::channel();
            (Some(waits), Some(answer))
        };
        if self.inputs.send((input, waits)).await.is_ok() {
            match answer {
                None => return Ok(()),
                Some(answer) => {
                    if let Ok(taken) = answer.await {
                        return taken;
                    }
                }
            }
        }
        let ended = || LiveError::new(LiveErrorKind::NotOpen, "the connection to the worker has ended");
        match self.ended.take() {
            Some(error) => Err(error.await.unwrap_or_else(|_| ended())),
            None => Err(ended()),
        }
    }
}

/// Carries input until the hand is dropped, or the worker takes no more. One that was answered for goes before the next.
async fn carry(line: &mut Line, inputs: &mut mpsc::Receiver<Sent>) -> Result<(), LiveError> {
    let mut waits = None;
    loop {
        let told = tokio::select! {
            sent = inputs.recv(), if waits.is_none() => {
                let Some((input, waiting)) = sent else { return Ok(()) };
                waits = waiting;
                line.say(&Asked::Input { input }).await?;
                continue;
            }
            received = line.receive() => match received? {
                Received::Told(told) => told,
                Received::Frame(_) => return Err(line.unexpected()),
            },
        };
        let answer = match told {
            Told::Taken {} => Ok(()),
            Told::Refused { kind, message } => Err(LiveError::new(kind, message)),
            Told::Challenge { .. } | Told::Ready {} => return Err(line.unexpected()),
        };
        if let Some(waits) = waits.take() {
            // Nobody waits any more where the hand was dropped.
            let _ = waits.send(answer);
        }
    }
}
