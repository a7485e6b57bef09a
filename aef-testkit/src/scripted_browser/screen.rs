//! What a scripted session shows: a picture that is always the same, of a tab that changes.

use aef_core::live::{Frame, Frames};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use tokio::sync::watch;

use super::life::{Life, ended};

/// The least that reads as a JPEG: one grey pixel.
const PIXEL: &[u8] = &[
    0xff, 0xd8, 0xff, 0xdb, 0, 0x43, 0, 3, 2, 2, 2, 2, 2, 3, 2, 2, 2, 3, 3, 3, 3, 4, 6, 4, 4, 4, 4, 4, 8, 6,
    6, 5, 6, 9, 8, 0x0a, 0x0a, 9, 8, 9, 9, 0x0a, 0x0c, 0x0f, 0x0c, 0x0a, 0x0b, 0x0e, 0x0b, 9, 9, 0x0d, 0x11,
    0x0d, 0x0e, 0x0f, 0x10, 0x10, 0x11, 0x10, 0x0a, 0x0c, 0x12, 0x13, 0x12, 0x10, 0x13, 0x0f, 0x10, 0x10,
    0x10, 0xff, 0xc9, 0, 0x0b, 8, 0, 1, 0, 1, 1, 1, 0x11, 0, 0xff, 0xcc, 0, 6, 0, 0x10, 0x10, 5, 0xff, 0xda,
    0, 8, 1, 1, 0, 0, 0x3f, 0, 0xd2, 0xcf, 0x20, 0xff, 0xd9,
];

/// The size of a scripted viewport.
const SIZE: (f64, f64) = (1280.0, 720.0);

/// The screen of one session.
#[derive(Debug)]
pub(super) struct Screen(watch::Sender<Shown>);

#[derive(Debug, Clone, Default, PartialEq)]
struct Shown {
    number: u64,
    tab: String,
    url: String,
}

impl Screen {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(Shown::default()))
    }

    /// Something was done to this tab.
    pub(super) fn show(&self, tab: &str, url: &str) {
        self.0.send_modify(|shown| {
            *shown = Shown { number: shown.number + 1, tab: tab.to_owned(), url: url.to_owned() };
        });
    }

    /// Frames until the session is no longer open.
    pub(super) fn frames(&self, life: &Life) -> Frames {
        let mut shown = self.0.subscribe();
        // The present state is the first frame.
        shown.mark_changed();
        let frames = stream::unfold(shown, async |mut shown| {
            shown.changed().await.ok()?;
            let frame = shown.borrow_and_update().clone().frame();
            Some((frame, shown))
        });
        frames.take_until(ended(life.follow())).boxed()
    }
}

impl Shown {
    fn frame(self) -> Frame {
        Frame {
            number: self.number,
            image: Bytes::from_static(PIXEL),
            width: SIZE.0,
            height: SIZE.1,
            tab: self.tab,
            url: self.url,
        }
    }
}
