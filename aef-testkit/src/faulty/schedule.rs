//! Which call fails, and how.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Counts calls and says which of them fail.
#[derive(Debug)]
pub(super) struct Schedule<F> {
    state: Mutex<State<F>>,
    crashed: watch::Sender<bool>,
}

#[derive(Debug)]
struct State<F> {
    calls: Vec<&'static str>,
    faults: BTreeMap<u64, F>,
}

impl<F> Schedule<F> {
    pub(super) fn new() -> Self {
        let state = State { calls: Vec::new(), faults: BTreeMap::new() };
        Self { state: Mutex::new(state), crashed: watch::Sender::new(false) }
    }

    pub(super) fn add(&self, call: u64, fault: F) {
        self.state().faults.insert(call, fault);
    }

    /// Counts a call; gives its fault, if it has one.
    pub(super) fn next(&self, operation: &'static str) -> Option<F> {
        let mut state = self.state();
        state.calls.push(operation);
        let number = state.calls.len() as u64;
        state.faults.remove(&number)
    }

    /// Counts the next call only if its fault is one that `wanted` accepts, and takes the fault then.
    pub(super) fn take_if(&self, operation: &'static str, wanted: impl FnOnce(&F) -> bool) -> bool {
        let mut state = self.state();
        let number = state.calls.len() as u64 + 1;
        if !state.faults.get(&number).is_some_and(wanted) {
            return false;
        }
        state.faults.remove(&number);
        state.calls.push(operation);
        true
    }

    pub(super) fn calls(&self) -> Vec<&'static str> {
        self.state().calls.clone()
    }

    /// Says that the process ends here. Whoever waits for that drops everything, this future with it.
    pub(super) async fn crash<T>(&self) -> T {
        self.crashed.send_replace(true);
        pending().await
    }

    pub(super) async fn crashed(&self) {
        // The sender lives as long as `self`, so waiting can only end by the crash.
        let _ = self.crashed.subscribe().wait_for(|crashed| *crashed).await;
    }

    fn state(&self) -> MutexGuard<'_, State<F>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
