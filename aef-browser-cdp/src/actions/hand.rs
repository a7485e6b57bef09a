//! A person's hand: mouse and keyboard as they come, without looking for elements.

use std::time::Duration;

use aef_core::browser::InputGate;
use aef_core::document::{Modifier, MouseButton};
use aef_core::live::LiveInput;
use chromiumoxide_cdp::cdp::browser_protocol::input::{
    DispatchKeyEventParams, DispatchMouseEventParams, DispatchMouseEventType, InsertTextParams,
};
use serde_json::{Map, Value};

use super::keys::Key;
use super::pointer::{modifier_bits, protocol_button};
use crate::connection::{Batch, Reply};
use crate::error::CdpError;
use crate::session::Context;

/// How long the page may take to let go of what actions left in it.
const DISARM_LIMIT: Duration = Duration::from_millis(300);

/// How long the page may take to hear the last input of a person.
const LAST_LIMIT: Duration = Duration::from_secs(1);

impl Context {
    /// Sends a person's input to the current tab, and does not wait for what the page makes of it.
    pub(crate) async fn dispatch(&self, input: &LiveInput, gate: InputGate) -> Result<(), CdpError> {
        let link = self.page_link()?;
        if gate.is_shut() {
            return Err(CdpError::GateClosed);
        }
        let is_first = self.update(|state| {
            state.held.note(input);
            !std::mem::replace(&mut state.by_hand, true)
        });
        if is_first {
            self.disarm_all().await;
        }
        let mut batch = link.batch();
        self.push(&mut batch, input)?;
        batch.send(Some(gate))
    }

    /// Releases what a person holds down, and forgets what the person caused: it is no action's doing.
    pub(crate) async fn end_input(&self, gate: &InputGate) -> Result<(), CdpError> {
        let (by_hand, at, held) = self.update(|state| {
            let by_hand = std::mem::take(&mut state.by_hand);
            (by_hand, state.held.at(), state.held.release())
        });
        if !by_hand {
            return Ok(());
        }
        let link = self.page_link()?;
        let mut batch = link.batch();
        let mut last = None;
        for input in &held {
            last = Some(self.push(&mut batch, input)?);
        }
        // A move tells when all input before it has been heard.
        let fence = DispatchMouseEventParams::new(DispatchMouseEventType::MouseMoved, at.0, at.1);
        let reply: Reply<Value> = match last {
            Some(last) => last,
            None => batch.push_as(&fence)?,
        };
        batch.send(Some(gate.clone()))?;
        if let Err(error @ CdpError::Lost(_)) = reply.raw_within(LAST_LIMIT).await {
            return Err(error);
        }
        self.catch_up().await?;
        self.update(|state| {
            state.record = Default::default();
            state.take_writes();
        });
        Ok(())
    }

    /// Takes away the interceptors of actions that did not end well: they would stand in the person's way.
    async fn disarm_all(&self) {
        let worlds = self.read(|state| state.worlds_of(&state.current));
        let releasing =
            worlds.iter().map(|world| self.ask_world(world, "release", Map::new(), None, DISARM_LIMIT));
        // A frame that does not answer hears no input either.
        let _ = futures::future::join_all(releasing).await;
    }

    fn push(&self, batch: &mut Batch<'_>, input: &LiveInput) -> Result<Reply<Value>, CdpError> {
        match input {
            LiveInput::MouseMoved { x, y, modifiers } => {
                let mut event = mouse(DispatchMouseEventType::MouseMoved, *x, *y, modifiers);
                let held = self.read(|state| state.held.buttons().to_vec());
                event.buttons = Some(held.iter().fold(0, |bits, button| bits | button_bit(*button)));
                event.button = held.first().copied().map(protocol_button);
                batch.push_as(&event)
            }
            LiveInput::MousePressed { x, y, button, clicks, modifiers } => {
                let event = mouse(DispatchMouseEventType::MousePressed, *x, *y, modifiers);
                batch.push_as(&with_button(event, *button, *clicks))
            }
            LiveInput::MouseReleased { x, y, button, clicks, modifiers } => {
                let event = mouse(DispatchMouseEventType::MouseReleased, *x, *y, modifiers);
                batch.push_as(&with_button(event, *button, *clicks))
            }
            LiveInput::Scrolled { x, y, delta_x, delta_y, modifiers } => {
                let mut event = mouse(DispatchMouseEventType::MouseWheel, *x, *y, modifiers);
                event.delta_x = Some(*delta_x);
                event.delta_y = Some(*delta_y);
                batch.push_as(&event)
            }
            LiveInput::KeyPressed { key, code, modifiers } => {
                let [down, _] = stroke(key, code.as_deref(), modifiers);
                batch.push_as(&down)
            }
            LiveInput::KeyReleased { key, code, modifiers } => {
                let [_, up] = stroke(key, code.as_deref(), modifiers);
                batch.push_as(&up)
            }
            LiveInput::TextEntered { text } => batch.push_as(&InsertTextParams::new(text.clone())),
        }
    }
}

fn mouse(kind: DispatchMouseEventType, x: f64, y: f64, modifiers: &[Modifier]) -> DispatchMouseEventParams {
    let mut event = DispatchMouseEventParams::new(kind, x, y);
    event.modifiers = Some(modifier_bits(modifiers));
    event
}

fn with_button(
    mut event: DispatchMouseEventParams,
    button: MouseButton,
    clicks: u8,
) -> DispatchMouseEventParams {
    event.button = Some(protocol_button(button));
    event.click_count = Some(i64::from(clicks));
    event
}

/// A button in the protocol's field of those that are down.
const fn button_bit(button: MouseButton) -> i64 {
    match button {
        MouseButton::Left => 1,
        MouseButton::Right => 2,
        MouseButton::Middle => 4,
    }
}

/// A key going down and coming up. What it means already says whether shift is held.
fn stroke(key: &str, code: Option<&str>, modifiers: &[Modifier]) -> [DispatchKeyEventParams; 2] {
    Key::told(key, code).stroke(modifier_bits(modifiers))
}
