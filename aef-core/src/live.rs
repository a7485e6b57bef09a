//! The live view: what a page looks like now, and the input of a person who took it over.
//!
//! Nothing here is journalled. Frames and input go between the browser and whoever watches, past the store, so neither
//! pictures nor typed passwords pass through a database. A [`LiveChannel`] finds the browser of an execution: in this
//! process, or through a connection to the worker that holds the lease.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use crate::document::{Modifier, MouseButton};
use crate::ids::ExecutionId;

/// The most text that one input may enter, in bytes.
pub const MAX_TEXT: usize = 64 * 1024;

/// The most modifiers that one input may name: each kind twice.
const MAX_MODIFIERS: usize = 8;

/// The longest name or code of a key, in bytes; those of the UI Events specification are shorter.
const MAX_KEY: usize = 32;

/// The most clicks that a press may be the last of.
const MAX_CLICKS: u8 = 3;

/// The farthest that a place or a scroll may be, in CSS pixels.
const MAX_DISTANCE: f64 = 100_000.0;

/// One picture of the tab in front.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Its number within the session. Numbers grow; those of frames that nobody got are left out.
    pub number: u64,
    /// The picture, a JPEG.
    pub image: Bytes,
    /// The width of what it shows in CSS pixels, in which the places of input are counted.
    pub width: f64,
    /// The height of what it shows in CSS pixels.
    pub height: f64,
    /// The tab's name.
    pub tab: String,
    /// The tab's address.
    pub url: String,
}

/// Frames as they come. The newest one there is comes first; a slow reader misses frames, never the last. Dropping it
/// ends the watching.
pub type Frames = BoxStream<'static, Frame>;

/// What a person does with mouse and keyboard. Places are counted in CSS pixels from the upper left corner of the frame.
///
/// Keys are named as in the UI Events specification, as `KeyboardEvent` has them in `key` and `code`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum LiveInput {
    /// The mouse is somewhere else.
    MouseMoved {
        /// From the left.
        x: f64,
        /// From the top.
        y: f64,
        /// Keys held meanwhile.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        modifiers: Vec<Modifier>,
    },
    /// A button goes down.
    MousePressed {
        /// From the left.
        x: f64,
        /// From the top.
        y: f64,
        /// The button. Default: the left one.
        #[serde(default)]
        button: MouseButton,
        /// Which click in a row it is, 1 to 3. Default 1.
        #[serde(default = "one")]
        clicks: u8,
        /// Keys held meanwhile.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        modifiers: Vec<Modifier>,
    },
    /// A button comes up.
    MouseReleased {
        /// From the left.
        x: f64,
        /// From the top.
        y: f64,
        /// The button. Default: the left one.
        #[serde(default)]
        button: MouseButton,
        /// Which click in a row it is, 1 to 3. Default 1.
        #[serde(default = "one")]
        clicks: u8,
        /// Keys held meanwhile.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        modifiers: Vec<Modifier>,
    },
    /// The wheel turns.
    Scrolled {
        /// From the left.
        x: f64,
        /// From the top.
        y: f64,
        /// How far to the right, in CSS pixels.
        #[serde(default)]
        delta_x: f64,
        /// How far down, in CSS pixels.
        #[serde(default)]
        delta_y: f64,
        /// Keys held meanwhile.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        modifiers: Vec<Modifier>,
    },
    /// A key goes down. One that stands for a character writes it.
    KeyPressed {
        /// What it means: `a`, `A`, `Enter`.
        key: String,
        /// Where it is: `KeyA`. Default: where it is on a US keyboard.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// Keys held meanwhile.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        modifiers: Vec<Modifier>,
    },
    /// A key comes up.
    KeyReleased {
        /// What it means.
        key: String,
        /// Where it is. Default: where it is on a US keyboard.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// Keys held meanwhile.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        modifiers: Vec<Modifier>,
    },
    /// Text is entered at once: what an input method composed, or what was pasted.
    TextEntered {
        /// The text, at most [`MAX_TEXT`] bytes.
        text: String,
    },
}

const fn one() -> u8 {
    1
}

impl LiveInput {
    /// Whether the next move makes this one superfluous.
    #[must_use]
    pub const fn is_move(&self) -> bool {
        matches!(self, Self::MouseMoved { .. })
    }

    /// Checks that it is within the bounds that its fields name.
    ///
    /// # Errors
    /// `Invalid`, with the field.
    pub fn check(&self) -> Result<(), LiveError> {
        let (places, modifiers): (&[f64], &[Modifier]) = match self {
            Self::MouseMoved { x, y, modifiers }
            | Self::MousePressed { x, y, modifiers, .. }
            | Self::MouseReleased { x, y, modifiers, .. } => (&[*x, *y], modifiers),
            Self::Scrolled { x, y, delta_x, delta_y, modifiers } => {
                (&[*x, *y, *delta_x, *delta_y], modifiers)
            }
            Self::KeyPressed { modifiers, .. } | Self::KeyReleased { modifiers, .. } => (&[], modifiers),
            Self::TextEntered { .. } => (&[], &[]),
        };
        let refused = |what: &str| Err(LiveError::new(LiveErrorKind::Invalid, what.to_owned()));
        if !places.iter().all(|place| place.abs() <= MAX_DISTANCE) {
            return refused("a place or a distance is beyond 100,000 px");
        }
        if modifiers.len() > MAX_MODIFIERS {
            return refused("there are more modifiers than keys for them");
        }
        match self {
            Self::MousePressed { clicks, .. } | Self::MouseReleased { clicks, .. }
                if !(1..=MAX_CLICKS).contains(clicks) =>
            {
                refused("clicks are counted from 1 to 3")
            }
            Self::KeyPressed { key, code, .. } | Self::KeyReleased { key, code, .. }
                if key.is_empty()
                    || key.len() > MAX_KEY
                    || code.as_ref().is_some_and(|code| code.len() > MAX_KEY) =>
            {
                refused("a key has a name of 1 to 32 bytes")
            }
            Self::TextEntered { text } if text.len() > MAX_TEXT => {
                refused("more than 64 KiB of text at once")
            }
            Self::MouseMoved { .. }
            | Self::MousePressed { .. }
            | Self::MouseReleased { .. }
            | Self::Scrolled { .. }
            | Self::KeyPressed { .. }
            | Self::KeyReleased { .. }
            | Self::TextEntered { .. } => Ok(()),
        }
    }
}

/// What is typed is not shown: it may be a password.
impl fmt::Debug for LiveInput {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MouseMoved { x, y, .. } => write!(out, "MouseMoved({x}, {y})"),
            Self::MousePressed { x, y, button, .. } => write!(out, "MousePressed({x}, {y}, {button:?})"),
            Self::MouseReleased { x, y, button, .. } => write!(out, "MouseReleased({x}, {y}, {button:?})"),
            Self::Scrolled { x, y, .. } => write!(out, "Scrolled({x}, {y})"),
            Self::KeyPressed { .. } => out.write_str("KeyPressed(…)"),
            Self::KeyReleased { .. } => out.write_str("KeyReleased(…)"),
            Self::TextEntered { .. } => out.write_str("TextEntered(…)"),
        }
    }
}

/// The keys and buttons that are down.
#[derive(Clone, Default)]
pub struct HeldInput {
    at: (f64, f64),
    buttons: Vec<MouseButton>,
    keys: Vec<(String, Option<String>)>,
}

impl HeldInput {
    /// Nothing is held.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes note of an input.
    pub fn note(&mut self, input: &LiveInput) {
        match input {
            LiveInput::MouseMoved { x, y, .. } | LiveInput::Scrolled { x, y, .. } => self.at = (*x, *y),
            LiveInput::MousePressed { x, y, button, .. } => {
                self.at = (*x, *y);
                if !self.buttons.contains(button) {
                    self.buttons.push(*button);
                }
            }
            LiveInput::MouseReleased { x, y, button, .. } => {
                self.at = (*x, *y);
                self.buttons.retain(|held| held != button);
            }
            LiveInput::KeyPressed { key, code, .. } => {
                if !self.keys.iter().any(|held| is_same_key(held, key, code.as_deref())) {
                    self.keys.push((key.clone(), code.clone()));
                }
            }
            LiveInput::KeyReleased { key, code, .. } => {
                self.keys.retain(|held| !is_same_key(held, key, code.as_deref()));
            }
            LiveInput::TextEntered { .. } => {}
        }
    }

    /// Where the mouse was last.
    #[must_use]
    pub const fn at(&self) -> (f64, f64) {
        self.at
    }

    /// The buttons that are down, in the order in which they were pressed.
    #[must_use]
    pub fn buttons(&self) -> &[MouseButton] {
        &self.buttons
    }

    /// The input that releases whatever is held, the last one first. Nothing is held then.
    #[must_use]
    pub fn release(&mut self) -> Vec<LiveInput> {
        let (x, y) = self.at;
        let keys = std::mem::take(&mut self.keys).into_iter().rev();
        let keys = keys.map(|(key, code)| LiveInput::KeyReleased { key, code, modifiers: Vec::new() });
        let buttons = std::mem::take(&mut self.buttons).into_iter().rev();
        let buttons = buttons.map(|button| {
            let modifiers = Vec::new();
            LiveInput::MouseReleased { x, y, button, clicks: 1, modifiers }
        });
        buttons.chain(keys).collect()
    }
}

/// The keys are not shown, as for [`LiveInput`].
impl fmt::Debug for HeldInput {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("HeldInput").field("buttons", &self.buttons).field("keys", &self.keys.len()).finish()
    }
}

/// One key has two names where shift changes between press and release; its place stays.
fn is_same_key(held: &(String, Option<String>), key: &str, code: Option<&str>) -> bool {
    match (held.1.as_deref(), code) {
        (Some(held), Some(code)) => held == code,
        _ => held.0 == key,
    }
}

/// Finds the browsers of executions, wherever they are.
#[async_trait]
pub trait LiveChannel: fmt::Debug + Send + Sync + 'static {
    /// Frames of the session that is open for an execution. They end with the session.
    ///
    /// **Guarantees.** The browser takes pictures only while somebody holds such a stream.
    ///
    /// # Errors
    /// `NotOpen` where no session is open in reach, `Unsupported` where the browser has no live view, `Unavailable` where
    /// it did not answer.
    async fn frames(&self, execution: ExecutionId) -> Result<Frames, LiveError>;

    /// Takes mouse and keyboard of an execution that is taken over.
    ///
    /// **Guarantees.** One has them at a time. What is held down when they are given up, or when automation goes on, is
    /// released before anything else is done.
    ///
    /// # Errors
    /// `NotOpen`; `NotTakenOver`; `Controlled` where somebody else has them; `Unavailable`.
    async fn control(&self, execution: ExecutionId) -> Result<Box<dyn LiveControl>, LiveError>;
}

/// Mouse and keyboard of one session. Dropping it gives them up.
#[async_trait]
pub trait LiveControl: fmt::Debug + Send + 'static {
    /// Sends one input on its way, and does not wait for what the page makes of it.
    ///
    /// **Guarantees.** Input arrives in the order in which it was sent. Of moves in a row some may be left out, never the
    /// last.
    ///
    /// # Errors
    /// `Invalid`; `NotTakenOver` where automation has gone on; `Controlled` where somebody else has taken over after a
    /// long silence; `NotOpen` where the session is gone; `Unsupported`; `Unavailable`. After any of them but `Invalid`
    /// nothing more is accepted.
    async fn send(&mut self, input: LiveInput) -> Result<(), LiveError>;
}

/// What kind of error a live view had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LiveErrorKind {
    /// No session of the execution is open in reach.
    NotOpen,
    /// Nobody has taken the execution over, so it takes no input.
    NotTakenOver,
    /// Somebody else has mouse and keyboard.
    Controlled,
    /// The input makes no sense.
    Invalid,
    /// The browser has no live view.
    Unsupported,
    /// The browser, or the worker that has it, did not answer.
    Unavailable,
}

impl LiveErrorKind {
    /// The kind's name in messages to clients.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotOpen => "not_open",
            Self::NotTakenOver => "not_taken_over",
            Self::Controlled => "controlled",
            Self::Invalid => "invalid",
            Self::Unsupported => "unsupported",
            Self::Unavailable => "unavailable",
        }
    }
}

/// An error of a live view.
#[derive(Debug)]
pub struct LiveError {
    kind: LiveErrorKind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl LiveError {
    /// An error of this kind.
    #[must_use]
    pub fn new(kind: LiveErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// The same with its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What kind of error it is.
    #[must_use]
    pub const fn kind(&self) -> LiveErrorKind {
        self.kind
    }
}

impl fmt::Display for LiveError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for LiveError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn input(json: serde_json::Value) -> LiveInput {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn input_reads_as_clients_write_it() {
        let press = input(json!({ "kind": "mouse_pressed", "x": 10, "y": 20.5 }));
        let expected = LiveInput::MousePressed {
            x: 10.0,
            y: 20.5,
            button: MouseButton::Left,
            clicks: 1,
            modifiers: vec![],
        };
        assert_eq!(press, expected);
        let scroll =
            input(json!({ "kind": "scrolled", "x": 0, "y": 0, "deltaY": 120, "modifiers": ["Control"] }));
        assert!(matches!(scroll, LiveInput::Scrolled { delta_y: 120.0, .. }));
        assert!(serde_json::from_value::<LiveInput>(json!({ "kind": "text_entered", "txt": "a" })).is_err());
    }

    #[test]
    fn what_is_typed_is_not_shown() {
        for typed in [
            json!({ "kind": "text_entered", "text": "hunter2" }),
            json!({ "kind": "key_pressed", "key": "hunter2" }),
            json!({ "kind": "key_released", "key": "hunter2", "code": "hunter2" }),
        ] {
            let mut held = HeldInput::new();
            held.note(&input(typed.clone()));
            let shown = format!("{:?} {held:?}", input(typed));
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        for refused in [
            json!({ "kind": "mouse_moved", "x": 1e6, "y": 0 }),
            json!({ "kind": "mouse_pressed", "x": 0, "y": 0, "clicks": 4 }),
            json!({ "kind": "mouse_released", "x": 0, "y": 0, "clicks": 0 }),
            json!({ "kind": "key_pressed", "key": "" }),
            json!({ "kind": "key_pressed", "key": "a", "code": "x".repeat(33) }),
            json!({ "kind": "text_entered", "text": "x".repeat(MAX_TEXT + 1) }),
            json!({ "kind": "key_pressed", "key": "a", "modifiers": vec!["Shift"; 9] }),
        ] {
            assert_eq!(input(refused).check().unwrap_err().kind(), LiveErrorKind::Invalid);
        }
        let nowhere = LiveInput::MouseMoved { x: f64::NAN, y: 0.0, modifiers: vec![] };
        assert_eq!(nowhere.check().unwrap_err().kind(), LiveErrorKind::Invalid);
        input(json!({ "kind": "key_pressed", "key": "Enter", "code": "Enter" })).check().unwrap();
    }

    #[test]
    fn what_is_held_is_released_where_the_mouse_was_last() {
        let mut held = HeldInput::new();
        for one in [
            json!({ "kind": "key_pressed", "key": "Shift", "code": "ShiftLeft" }),
            json!({ "kind": "key_pressed", "key": "A", "code": "KeyA" }),
            json!({ "kind": "key_released", "key": "a", "code": "KeyA" }),
            json!({ "kind": "mouse_pressed", "x": 1, "y": 2 }),
            json!({ "kind": "mouse_pressed", "x": 1, "y": 2, "button": "right" }),
            json!({ "kind": "mouse_released", "x": 1, "y": 2, "button": "right" }),
            json!({ "kind": "mouse_moved", "x": 30, "y": 40 }),
        ] {
            held.note(&input(one));
        }
        assert_eq!(held.buttons(), [MouseButton::Left]);
        let expected = [
            json!({ "kind": "mouse_released", "x": 30, "y": 40 }),
            json!({ "kind": "key_released", "key": "Shift", "code": "ShiftLeft" }),
        ];
        assert_eq!(held.release(), expected.map(input));
        assert_eq!(held.release(), []);
    }
}
