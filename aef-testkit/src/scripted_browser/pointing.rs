//! A person's mouse and keyboard on a page whose elements have places.

use aef_core::document::{Modifier, MouseButton};
use aef_core::live::{HeldInput, LiveInput};

use super::dom::Ix;
use super::perform::{Done, Refused};
use super::tabs::Tabs;

/// What a person does to the page.
#[derive(Debug, Default)]
pub(super) struct Hands {
    pub(super) held: HeldInput,
    /// The element on which the main button went down.
    pressed: Option<Ix>,
}

impl Tabs {
    /// Does what an input does. What the page refuses, it refuses in silence, as pages do.
    pub(super) fn input(&mut self, input: &LiveInput) {
        self.hands.held.note(input);
        match input {
            LiveInput::MousePressed { x, y, button: MouseButton::Left, .. } => {
                let met = self.current().dom.at(*x, *y);
                self.hands.pressed = met;
                self.current_mut().dom.focus = met;
            }
            LiveInput::MouseReleased { x, y, button: MouseButton::Left, .. } => {
                let met = self.current().dom.at(*x, *y);
                if let Some(ix) = self.hands.pressed.take().filter(|pressed| met == Some(*pressed)) {
                    self.settle(|tabs, done| tabs.click_on(ix, done));
                }
            }
            LiveInput::KeyPressed { key, modifiers, .. } => {
                if key == "Enter" {
                    self.settle(Self::press_enter);
                } else if key.chars().count() == 1 && modifiers.iter().all(|held| *held == Modifier::Shift) {
                    self.write(key);
                }
            }
            LiveInput::TextEntered { text } => self.write(text),
            LiveInput::MouseMoved { .. }
            | LiveInput::MousePressed { .. }
            | LiveInput::MouseReleased { .. }
            | LiveInput::Scrolled { .. }
            | LiveInput::KeyReleased { .. } => {}
        }
    }

    /// What comes of it belongs to no action.
    fn settle(&mut self, act: impl FnOnce(&mut Self, &mut Done) -> Result<(), Refused>) {
        // A person sees what the page refuses, and nobody is told.
        let _ = act(self, &mut Done::default());
    }

    fn write(&mut self, text: &str) {
        let dom = &mut self.current_mut().dom;
        let Some(ix) = dom.focus.filter(|ix| dom.enabled(*ix) && !dom.nodes[*ix].element.read_only) else {
            return;
        };
        if let Some(value) = &mut dom.nodes[ix].element.value {
            value.push_str(text);
        }
    }
}
