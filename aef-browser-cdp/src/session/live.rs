//! The screencast: on while somebody watches, of the tab that is the current one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aef_core::live::{Frame, Frames};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chromiumoxide_cdp::cdp::browser_protocol::page::{
    BringToFrontParams, ScreencastFrameAckParams, StartScreencastFormat, StartScreencastParams,
    StopScreencastParams,
};
use futures::{StreamExt as _, stream};
use tokio::sync::watch;

use super::Context;
use super::payloads::ScreencastFrame;
use crate::error::CdpError;

/// The quality of the pictures: text stays readable at half the size of evidence.
const QUALITY: i64 = 60;

/// How long a tab may take to begin its screencast. One that does not is left for the next change.
const START_LIMIT: Duration = Duration::from_secs(10);

/// What is shown to whoever watches.
#[derive(Debug)]
pub(super) struct Screen {
    shown: watch::Sender<Shown>,
    /// Whether the task runs that keeps the screencast on.
    running: Mutex<bool>,
}

#[derive(Debug, Default)]
struct Shown {
    frame: Option<Frame>,
    /// The number of the last frame there was.
    number: u64,
    over: bool,
}

impl Default for Screen {
    fn default() -> Self {
        Self { shown: watch::Sender::new(Shown::default()), running: Mutex::default() }
    }
}

impl Context {
    /// Frames until the session is over.
    pub(super) fn frames(self: &Arc<Self>) -> Result<Frames, CdpError> {
        if let Some(loss) = self.read(|state| state.lost.clone()) {
            return Err(CdpError::Lost(loss));
        }
        let mut running = self.screen.running.lock().unwrap_or_else(PoisonError::into_inner);
        let mut shown = self.screen.shown.subscribe();
        // Who comes late gets the last frame: a page that stands still gives no other.
        shown.mark_changed();
        if !std::mem::replace(&mut *running, true) {
            tokio::spawn(Arc::clone(self).keep_screencast());
        }
        let frames = stream::unfold(shown, async |mut shown| {
            loop {
                shown.changed().await.ok()?;
                let newest = shown.borrow_and_update();
                if newest.over {
                    return None;
                }
                let frame = newest.frame.clone();
                drop(newest);
                if let Some(frame) = frame {
                    return Some((frame, shown));
                }
            }
        });
        Ok(frames.boxed())
    }

    /// Keeps the current tab's screencast on until nobody watches any more, or the session is over.
    async fn keep_screencast(self: Arc<Self>) {
        loop {
            let on = self.read(|state| state.current_tab().map(|tab| Arc::clone(&tab.session)));
            if let Some(session) = &on {
                self.start_screencast(session).await;
            }
            let unwatched = tokio::select! {
                () = self.screen.shown.closed() => true,
                lost = self.tab_changed(on.as_deref()) => {
                    if lost {
                        self.screen.shown.send_modify(|shown| shown.over = true);
                        return;
                    }
                    false
                }
            };
            if let Some(session) = &on {
                self.link(session).post(&StopScreencastParams::default());
            }
            if unwatched && self.screen.rest() {
                return;
            }
        }
    }

    async fn start_screencast(&self, session: &str) {
        let link = self.link(session);
        // A full browser draws only the tab in front.
        link.post(&BringToFrontParams::default());
        let start = StartScreencastParams {
            format: Some(StartScreencastFormat::Jpeg),
            quality: Some(QUALITY),
            ..StartScreencastParams::default()
        };
        if let Err(error) = link.call_within(start, START_LIMIT).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "the tab is not shown");
        }
    }

    /// Waits until another tab is the current one; true where the session is over instead.
    async fn tab_changed(&self, from: Option<&str>) -> bool {
        let mut version = self.version.subscribe();
        loop {
            version.borrow_and_update();
            let (lost, current) = self.read(|state| {
                let current = state.current_tab().map(|tab| Arc::clone(&tab.session));
                (state.lost.is_some(), current)
            });
            if lost || current.as_deref() != from {
                return lost;
            }
            // The sender lives as long as the context.
            let _ = version.changed().await;
        }
    }

    /// Takes a frame, and asks for the next one at once: a slow viewer misses frames and holds up nobody.
    pub(super) fn on_frame(&self, session: &str, frame: ScreencastFrame) {
        self.link(session).post(&ScreencastFrameAckParams::new(frame.session_id));
        let tab = self.read(|state| {
            let tab = state.current_tab().filter(|tab| &*tab.session == session)?;
            Some((tab.name.clone(), tab.page.url.clone()))
        });
        let Some((tab, url)) = tab else { return };
        let image = match STANDARD.decode(frame.data) {
            Ok(image) => Bytes::from(image),
            Err(error) => {
                tracing::warn!(%error, "a frame is not base64");
                return;
            }
        };
        self.screen.shown.send_modify(|shown| {
            shown.number += 1;
            let (width, height) = (frame.metadata.device_width, frame.metadata.device_height);
            shown.frame = Some(Frame { number: shown.number, image, width, height, tab, url });
        });
    }
}

impl Screen {
    /// Rests where nobody watches; false where somebody came meanwhile.
    fn rest(&self) -> bool {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if self.shown.receiver_count() > 0 {
            return false;
        }
        // The next one to watch must not take this for the present.
        self.shown.send_if_modified(|shown| {
            shown.frame = None;
            false
        });
        *running = false;
        true
    }
}
