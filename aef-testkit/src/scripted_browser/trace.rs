//! What a browser was asked to do.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aef_core::document::Action;
use aef_core::live::LiveInput;

/// The actions that were performed and the input that people sent, each in order. Clones write to the same one.
#[derive(Debug, Clone, Default)]
pub(super) struct Trace(Arc<Mutex<Asked>>);

#[derive(Debug, Default)]
struct Asked {
    actions: Vec<Action>,
    inputs: Vec<LiveInput>,
}

impl Trace {
    pub(super) fn record(&self, action: &Action) {
        self.asked().actions.push(action.clone());
    }

    pub(super) fn record_input(&self, input: &LiveInput) {
        self.asked().inputs.push(input.clone());
    }

    pub(super) fn actions(&self) -> Vec<Action> {
        self.asked().actions.clone()
    }

    pub(super) fn inputs(&self) -> Vec<LiveInput> {
        self.asked().inputs.clone()
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
