//! What a browser was asked to do.

use std::sync::{Arc, Mutex, PoisonError};

use aef_core::document::Action;

/// The actions that were performed, in order. Clones write to the same one.
#[derive(Debug, Clone, Default)]
pub(super) struct Trace(Arc<Mutex<Vec<Action>>>);

impl Trace {
    pub(super) fn record(&self, action: &Action) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(action.clone());
    }

    pub(super) fn actions(&self) -> Vec<Action> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
