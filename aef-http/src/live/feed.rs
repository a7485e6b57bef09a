//! What a live view shows next: the state, and what was added to the journal since.

use std::time::Duration;

use aef_core::engine::{Handle, Inspection, Live, Recorded, Shutdown};
use aef_core::execution::ExecutionState;
use aef_core::ids::Seq;
use futures::StreamExt as _;
use futures::stream::BoxStream;

use super::message::{LiveMessage, message, picture};
use crate::narrate::entry;
use crate::operators::latest_picture;
use crate::problem::{Code, Problem};

/// How many entries a message holds at most.
pub(super) const BATCH: u32 = 50;

/// How many steps a message is behind at most before it is sent without waiting.
const EAGER: usize = BATCH as usize;

/// What one viewer has seen.
pub(super) struct Feed {
    handle: Handle,
    /// Where it goes on; `None` before its first message, where it was not said.
    after: Option<Seq>,
    last_action: Option<String>,
}

/// A message, and whether more waits behind it.
pub(super) struct Next {
    pub(super) message: LiveMessage,
    pub(super) more: bool,
    pub(super) is_final: bool,
}

impl Feed {
    pub(super) const fn new(handle: Handle, after: Option<Seq>) -> Self {
        Self { handle, after, last_action: None }
    }

    /// The states as they come.
    pub(super) fn states(&self) -> BoxStream<'static, Result<ExecutionState, aef_core::engine::EngineError>> {
        self.handle.watch()
    }

    /// The page itself.
    pub(super) async fn live(&self) -> Result<Live, Problem> {
        Ok(self.handle.live().await?)
    }

    /// The message that a socket would send now; waits so long for something behind what was seen, unless the server ends.
    pub(super) async fn poll(mut self, wait: Duration, shutdown: &Shutdown) -> Result<LiveMessage, Problem> {
        if let Some(after) = self.after.filter(|_| !wait.is_zero()) {
            let mut states = self.states();
            let grown = async {
                while let Some(state) = states.next().await {
                    if state?.seq > after {
                        break;
                    }
                }
                Ok::<(), Problem>(())
            };
            // Where nothing is new, how it stands is told all the same.
            tokio::select! {
                grown = grown => grown?,
                () = tokio::time::sleep(wait) => {}
                () = shutdown.begun() => {}
            }
        }
        let mut next = self.next().await?;
        next.message.browser.screenshot = self.screenshot().await;
        Ok(next.message)
    }

    /// The next message: how it stands, with the entries behind those that were told.
    pub(super) async fn next(&mut self) -> Result<Next, Problem> {
        let inspection = self.handle.inspect().await?;
        let head = inspection.record.head;
        let newest = Seq(head.0.saturating_sub(u64::from(BATCH)));
        let after = self.after.unwrap_or(newest);
        let page = self.handle.journal(after, BATCH).await?;
        let seen = page.last().map_or(after, |last| last.seq);
        self.after = Some(seen);
        let message = self.message(&inspection, &page, seen);
        let more = page.len() >= EAGER && seen < head;
        Ok(Next { message, more, is_final: inspection.state.status.is_final() && !more })
    }

    fn message(&mut self, inspection: &Inspection, page: &[Recorded], seen: Seq) -> LiveMessage {
        let logs = page.iter().map(|recorded| entry(recorded, &inspection.plan)).collect();
        let mut message = message(inspection, logs, seen.0);
        // What was done last stays known until something else is done.
        if message.browser.last_action.is_some() {
            self.last_action.clone_from(&message.browser.last_action);
        } else {
            message.browser.last_action.clone_from(&self.last_action);
        }
        message
    }

    /// The newest picture that stands beside the journal, for those who cannot have frames.
    pub(super) async fn screenshot(&self) -> Option<String> {
        let found = async {
            match latest_picture(&self.handle).await? {
                Some(hash) => Ok(Some(self.handle.artifact(&hash).await?)),
                None => Ok::<_, Problem>(None),
            }
        };
        match found.await {
            Ok(bytes) => bytes.map(|bytes| picture(&bytes)),
            Err(problem) => {
                if problem.code() != Code::NotFound {
                    tracing::debug!(?problem, "no picture for the live view");
                }
                None
            }
        }
    }
}
