//! One connection's frames, for all who watch an execution.

use std::sync::Arc;

use aef_core::live::{Frame, Frames, LiveError};
use futures::{StreamExt as _, stream};
use tokio::sync::watch;

use super::channel::{Line, Received};
use super::wire::{Asked, unpack};

/// The frames that are shown, the newest first. Whoever is slow misses some; the last one is never missed.
pub(super) fn frames_of(mut shown: watch::Receiver<Option<Frame>>) -> Frames {
    if shown.borrow().is_some() {
        // Who joins late sees at once what the others see.
        shown.mark_changed();
    }
    let next = |mut shown: watch::Receiver<Option<Frame>>| async move {
        loop {
            shown.changed().await.ok()?;
            let frame = shown.borrow_and_update().clone();
            if let Some(frame) = frame {
                return Some((frame, shown));
            }
        }
    };
    stream::unfold(shown, next).boxed()
}

/// Shows the frames of a connection, as long as somebody watches. Their streams end when it does.
pub(super) async fn follow(mut line: Line, shown: Arc<watch::Sender<Option<Frame>>>) {
    if let Err(error) = show(&mut line, &shown).await {
        tracing::debug!(%error, "the live view of a worker ends");
    }
    // First the watchers, who look for the next worker.
    drop(shown);
    line.close().await;
}

/// Ends well when nobody watches any more.
async fn show(line: &mut Line, shown: &watch::Sender<Option<Frame>>) -> Result<(), LiveError> {
    loop {
        line.say(&Asked::Next {}).await?;
        let received = tokio::select! {
            () = shown.closed() => return Ok(()),
            received = line.receive() => received?,
        };
        let Received::Frame(packed) = received else { return Err(line.unexpected()) };
        let frame = unpack(&packed).ok_or_else(|| line.unexpected())?;
        shown.send_replace(Some(frame));
    }
}
