//! Whether a session is open, and why not.

use aef_core::browser::BrowserError;
use aef_core::recovery::ErrorKind;
use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    Closed,
    Lost(ErrorKind),
}

/// The life of one session.
#[derive(Debug)]
pub(crate) struct Life(watch::Sender<State>);

impl Life {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(State::Open))
    }

    /// Fails where the session is no longer open.
    pub(crate) fn check(&self, operation: &'static str) -> Result<(), BrowserError> {
        match *self.0.borrow() {
            State::Open => Ok(()),
            State::Closed => {
                Err(BrowserError::new(operation, ErrorKind::Disconnected, "the session is closed"))
            }
            State::Lost(kind) => Err(loss(operation, kind)),
        }
    }

    /// Follows the life without being part of it.
    pub(crate) fn follow(&self) -> watch::Receiver<State> {
        self.0.subscribe()
    }

    pub(crate) fn close(&self) {
        self.0.send_if_modified(|state| {
            let open = *state == State::Open;
            if open {
                *state = State::Closed;
            }
            open
        });
    }

    pub(crate) fn lose(&self, kind: ErrorKind) {
        self.0.send_if_modified(|state| {
            let open = *state == State::Open;
            if open {
                *state = State::Lost(kind);
            }
            open
        });
    }

    /// Waits until the session is lost; for ever where it is closed before.
    pub(crate) async fn lost(&self) -> BrowserError {
        let mut states = self.0.subscribe();
        loop {
            if let State::Lost(kind) = *states.borrow_and_update() {
                return loss("lost", kind);
            }
            if states.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Waits until a session is no longer open.
pub(crate) async fn ended(mut states: watch::Receiver<State>) {
    // Where the sender is gone, the session is, too.
    let _ = states.wait_for(|state| *state != State::Open).await;
}

fn loss(operation: &'static str, kind: ErrorKind) -> BrowserError {
    let message =
        if kind == ErrorKind::Crashed { "the page crashed" } else { "the connection to the browser ended" };
    BrowserError::new(operation, kind, message)
}
