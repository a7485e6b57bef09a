//! Ctrl-C and SIGTERM, counted from the beginning.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::failure::Failure;

/// Counts the interruptions of the process.
///
/// One listener for the whole run: a signal that comes while nobody waits for it would be lost on a listener that is
/// made anew for each wait.
#[derive(Debug, Clone)]
pub(crate) struct Interrupts {
    count: watch::Receiver<u32>,
}

impl Interrupts {
    /// Begins to count. From here on, Ctrl-C no longer ends the process by itself.
    ///
    /// # Errors
    /// Where signals cannot be listened to.
    pub(crate) fn listen() -> Result<Self, Failure> {
        Self::start().map_err(|error| Failure::environment("cannot listen to signals").with_source(error))
    }

    fn start() -> io::Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let (sender, count) = watch::channel(0);
        tokio::spawn(async move {
            loop {
                let more = tokio::select! {
                    more = interrupt.recv() => more,
                    more = terminate.recv() => more,
                };
                if more.is_none() {
                    break;
                }
                sender.send_modify(|count| *count += 1);
            }
        });
        Ok(Self { count })
    }

    /// Waits for the first interruption.
    pub(crate) async fn first(&self) {
        self.reach(1).await;
    }

    /// Waits for the second one.
    pub(crate) async fn second(&self) {
        self.reach(2).await;
    }

    async fn reach(&self, number: u32) {
        if self.count.clone().wait_for(|count| *count >= number).await.is_err() {
            // Nobody counts any more, so it never comes.
            std::future::pending::<()>().await;
        }
    }
}
