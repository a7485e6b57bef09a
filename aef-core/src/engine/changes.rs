//! Waiting for a journal to grow.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use uuid::Uuid;

use super::Inner;
use crate::execution::Status;
use crate::ids::{ExecutionId, Seq};
use crate::store::{Notice, Scope, StoreError};

/// How long the loss of a notification delays what it told of.
pub(super) const POLL: Duration = Duration::from_secs(1);

/// Tells when the journal of one execution grows: by notices, and by looking where they fail.
pub(super) struct Changes {
    engine: Arc<Inner>,
    scope: Scope,
    execution: ExecutionId,
    notices: Option<BoxStream<'static, Notice>>,
}

impl Changes {
    /// Begins to listen. What is loaded after this returns misses nothing.
    pub(super) async fn of(engine: Arc<Inner>, scope: Scope, execution: ExecutionId) -> Self {
        let notices = subscribe(&engine).await;
        Self { engine, scope, execution, notices }
    }

    /// Waits until there is an event behind `seen`. Notices of a status that is not `awaited` are passed over; where none
    /// come, any event will do.
    pub(super) async fn beyond(&mut self, seen: Seq, awaited: fn(Status) -> bool) -> Result<(), StoreError> {
        let concerns = |notice: &Notice| notice.head > seen && awaited(notice.status);
        loop {
            tokio::select! {
                notice = next(&mut self.notices) => {
                    if notice.is_some_and(|notice| notice.execution == self.execution && concerns(&notice)) {
                        return Ok(());
                    }
                }
                () = tokio::time::sleep(jittered(POLL)) => {
                    if self.notices.is_none() {
                        self.notices = subscribe(&self.engine).await;
                    }
                    match self.engine.grown(&self.scope, self.execution, seen).await {
                        Ok(true) => return Ok(()),
                        Ok(false) => {}
                        Err(error) if error.is_retryable() => {}
                        Err(error) => return Err(error),
                    }
                }
            }
        }
    }
}

/// Subscribes; `None` where the store does not answer now.
pub(super) async fn subscribe(engine: &Inner) -> Option<BoxStream<'static, Notice>> {
    match engine.store.subscribe().await {
        Ok(notices) => Some(notices),
        Err(error) => {
            tracing::warn!(%error, "no notices; looking once a second instead");
            None
        }
    }
}

/// The next notice. Gives `None` once, and forgets the stream, where it has ended; never ends without a stream.
pub(super) async fn next(notices: &mut Option<BoxStream<'static, Notice>>) -> Option<Notice> {
    match notices {
        Some(stream) => {
            let notice = stream.next().await;
            if notice.is_none() {
                *notices = None;
            }
            notice
        }
        None => std::future::pending().await,
    }
}

/// Between three quarters of `wait` and all of it, so that those who wait for the same do not come at once.
pub(super) fn jittered(wait: Duration) -> Duration {
    let random = (Uuid::now_v7().as_u128() & 0xffff) as f64 / 65_536.0;
    wait.mul_f64(0.75 + 0.25 * random)
}
