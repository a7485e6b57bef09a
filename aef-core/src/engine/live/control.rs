//! One person's hand on mouse and keyboard.

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::not_taken_over;
use super::slot::{SessionSlot, WeakSlot};
use crate::live::{LiveControl, LiveError, LiveInput};

/// Moves that may wait for the browser; whoever sends more waits, too.
const WAITING: usize = 64;

/// How often a move is sent on: the pages draw no faster.
const MOVE_EVERY: Duration = Duration::from_millis(16);

/// An input, and who waits until it is on its way. Nobody waits for moves.
type Sent = (LiveInput, Option<oneshot::Sender<Result<(), LiveError>>>);

/// A hand on mouse and keyboard. Its task ends with it.
#[derive(Debug)]
struct Hand {
    inputs: mpsc::Sender<Sent>,
    /// What the task ended with.
    ended: Option<oneshot::Receiver<LiveError>>,
}

/// Gives a hand to the holder of a slot's seat.
pub(super) fn control(slot: &SessionSlot, holder: u64) -> Box<dyn LiveControl> {
    let (inputs, waiting) = mpsc::channel(WAITING);
    let (end, ended) = oneshot::channel();
    let pump = Pump {
        slot: slot.downgrade(),
        opened: slot.opened(),
        holder,
        waiting,
        last_move: None,
        next_move: Instant::now(),
    };
    tokio::spawn(pump.run(end));
    Box::new(Hand { inputs, ended: Some(ended) })
}

#[async_trait]
impl LiveControl for Hand {
    async fn send(&mut self, input: LiveInput) -> Result<(), LiveError> {
        input.check()?;
        let (sender, receiver) = oneshot::channel();
        let (sender, receiver) = if input.is_move() { (None, None) } else { (Some(sender), Some(receiver)) };
        if self.inputs.send((input, sender)).await.is_ok() {
            match receiver {
                None => return Ok(()),
                Some(receiver) => {
                    if let Ok(sent) = receiver.await {
                        return sent;
                    }
                }
            }
        }
        match self.ended.take() {
            Some(ended) => Err(ended.await.unwrap_or_else(|_| not_taken_over())),
            None => Err(not_taken_over()),
        }
    }
}

/// Takes input from one hand to the browser.
struct Pump {
    slot: WeakSlot,
    opened: watch::Receiver<bool>,
    holder: u64,
    waiting: mpsc::Receiver<Sent>,
    /// A move that the next one replaces.
    last_move: Option<LiveInput>,
    next_move: Instant,
}

impl Pump {
    async fn run(mut self, end: oneshot::Sender<LiveError>) {
        if let Err(error) = self.deliver_all().await {
            tracing::debug!(%error, "input is no longer accepted");
            // The hand may have been dropped meanwhile.
            let _ = end.send(error);
        }
        self.slot.leave(self.holder).await;
    }

    /// Delivers until the hand is taken away or gives up.
    async fn deliver_all(&mut self) -> Result<(), LiveError> {
        loop {
            tokio::select! {
                biased;
                () = shut(&mut self.opened) => return Err(not_taken_over()),
                sent = self.waiting.recv() => match sent {
                    Some((input, Some(waits))) => {
                        let delivered = self.deliver(input).await;
                        let failed = delivered.is_err();
                        // Nobody waits any more where the hand was dropped.
                        let _ = waits.send(delivered);
                        if failed {
                            return Ok(());
                        }
                    }
                    Some((input, None)) => {
                        self.last_move = Some(input);
                        if Instant::now() >= self.next_move {
                            self.move_on().await?;
                        }
                    }
                    None => return self.move_on().await,
                },
                () = sleep_until(self.next_move), if self.last_move.is_some() => self.move_on().await?,
            }
        }
    }

    async fn deliver(&mut self, input: LiveInput) -> Result<(), LiveError> {
        self.move_on().await?;
        self.slot.deliver(self.holder, input).await
    }

    /// Sends the last move, so that what comes next happens at its place.
    async fn move_on(&mut self) -> Result<(), LiveError> {
        let Some(last) = self.last_move.take() else { return Ok(()) };
        self.next_move = Instant::now() + MOVE_EVERY;
        self.slot.deliver(self.holder, last).await
    }
}

/// Waits until automation goes on, or its driver is gone.
async fn shut(opened: &mut watch::Receiver<bool>) {
    let _ = opened.wait_for(|open| !open).await;
}
