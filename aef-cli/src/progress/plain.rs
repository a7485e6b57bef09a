//! What happens, as lines for a log.

use aef::execution::Event;

use super::narrate::narrate;
use crate::outline::Outline;
use crate::output;

/// Prints a line for each thing that happens.
#[derive(Debug)]
pub(crate) struct Plain {
    outline: Outline,
}

impl Plain {
    pub(super) const fn new(outline: Outline) -> Self {
        Self { outline }
    }

    pub(super) fn event(&self, event: &Event) {
        if let Some(sentence) = narrate(event, &self.outline) {
            output::note(format_args!("{} {sentence}", event.at.strftime("%H:%M:%SZ")));
        }
    }
}
