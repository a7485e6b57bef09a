//! A browser that fails where a test says so.

use std::sync::Arc;
use std::time::Duration;

use aef_core::browser::{
    ActionError, ActionRequest, Browser, BrowserError, Capture, CaptureRequest, Effect, InputGate,
    Observation, ObserveRequest, Performed, Session, SessionOptions, StorageState,
};
use aef_core::live::{Frames, LiveInput};
use aef_core::recovery::{ErrorKind, Failure};
use async_trait::async_trait;

use super::schedule::Schedule;
use crate::scripted_browser::Life;

/// What goes wrong with a command to a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrowserFault {
    /// It fails with this kind and has had no effect.
    FailBefore(ErrorKind),
    /// It fails with this kind, but it has taken effect.
    FailAfter(ErrorKind),
    /// The session is lost with this kind before the command reaches it.
    LoseBefore(ErrorKind),
    /// The session is lost with this kind when the command has taken effect.
    LoseAfter(ErrorKind),
    /// The worker's process ends before the command is sent. The call never returns; see [`FaultyBrowser::crashed`].
    CrashBefore,
    /// The worker's process ends when the command has taken effect, before it learns of that.
    CrashAfter,
    /// It takes effect at once, but its answer comes so much later.
    Delay(Duration),
}

/// A browser around another one, with faults. Every call but [`Session::lost`] and those of the
/// live view counts as a command.
#[derive(Debug)]
pub struct FaultyBrowser {
    inner: Arc<dyn Browser>,
    schedule: Arc<Schedule<BrowserFault>>,
}

impl FaultyBrowser {
    /// A browser that does as `inner` does, so far without faults.
    #[must_use]
    pub fn new(inner: Arc<dyn Browser>) -> Self {
        Self { inner, schedule: Arc::new(Schedule::new()) }
    }

    /// The same with a fault at a command, counted from 1.
    #[must_use]
    pub fn at(self, command: u64, fault: BrowserFault) -> Self {
        self.schedule.add(command, fault);
        self
    }

    /// The commands that were given so far, in order.
    #[must_use]
    pub fn commands(&self) -> Vec<&'static str> {
        self.schedule.calls()
    }

    /// Waits until a crash is reached. The test then drops all that belongs to the process.
    pub async fn crashed(&self) {
        self.schedule.crashed().await;
    }
}

#[async_trait]
impl Browser for FaultyBrowser {
    async fn open(&self, options: SessionOptions) -> Result<Arc<dyn Session>, BrowserError> {
        let life = Life::new();
        let session = call(&self.schedule, &life, "open", self.inner.open(options)).await?;
        Ok(Arc::new(FaultySession { inner: session, schedule: Arc::clone(&self.schedule), life }))
    }
}

#[derive(Debug)]
struct FaultySession {
    inner: Arc<dyn Session>,
    schedule: Arc<Schedule<BrowserFault>>,
    life: Life,
}

#[async_trait]
impl Session for FaultySession {
    async fn perform(&self, request: ActionRequest) -> Result<Performed, ActionError> {
        self.life.check("perform").map_err(|error| ActionError::without_effect(error.failure()))?;
        let failed = |effect: Effect, kind: ErrorKind| {
            let failure = Failure::new(kind, "the browser failed as it was told to");
            Err(match effect {
                Effect::None => ActionError::without_effect(failure),
                Effect::Possible => ActionError::with_possible_effect(failure),
            })
        };
        match self.schedule.next("perform") {
            None => self.inner.perform(request).await,
            Some(BrowserFault::FailBefore(kind)) => failed(Effect::None, kind),
            Some(BrowserFault::FailAfter(kind)) => {
                self.inner.perform(request).await?;
                failed(Effect::Possible, kind)
            }
            Some(BrowserFault::LoseBefore(kind)) => {
                self.life.lose(kind);
                failed(Effect::None, kind)
            }
            Some(BrowserFault::LoseAfter(kind)) => {
                self.inner.perform(request).await?;
                self.life.lose(kind);
                failed(Effect::Possible, kind)
            }
            Some(BrowserFault::CrashBefore) => self.schedule.crash().await,
            Some(BrowserFault::CrashAfter) => {
                // Whatever it answers, nobody is left to hear it.
                let _ = self.inner.perform(request).await;
                self.schedule.crash().await
            }
            Some(BrowserFault::Delay(delay)) => {
                let performed = self.inner.perform(request).await;
                tokio::time::sleep(delay).await;
                performed
            }
        }
    }

    async fn observe(&self, request: ObserveRequest) -> Result<Observation, BrowserError> {
        call(&self.schedule, &self.life, "observe", self.inner.observe(request)).await
    }

    async fn capture(&self, request: CaptureRequest) -> Result<Capture, BrowserError> {
        call(&self.schedule, &self.life, "capture", self.inner.capture(request)).await
    }

    async fn storage_state(&self) -> Result<StorageState, BrowserError> {
        call(&self.schedule, &self.life, "storage_state", self.inner.storage_state()).await
    }

    async fn close(&self) -> Result<(), BrowserError> {
        let closed = match self.schedule.next("close") {
            Some(BrowserFault::CrashBefore) => self.schedule.crash().await,
            Some(BrowserFault::CrashAfter) => {
                // Whatever it answers, nobody is left to hear it.
                let _ = self.inner.close().await;
                self.schedule.crash().await
            }
            Some(BrowserFault::Delay(delay)) => {
                tokio::time::sleep(delay).await;
                self.inner.close().await
            }
            Some(BrowserFault::FailBefore(kind) | BrowserFault::FailAfter(kind)) => {
                self.inner.close().await?;
                Err(BrowserError::new("close", kind, "it is not known whether the context is gone"))
            }
            None | Some(BrowserFault::LoseBefore(_) | BrowserFault::LoseAfter(_)) => self.inner.close().await,
        };
        self.life.close();
        closed
    }

    async fn lost(&self) -> BrowserError {
        tokio::select! {
            error = self.inner.lost() => error,
            error = self.life.lost() => error,
        }
    }

    async fn frames(&self) -> Result<Frames, BrowserError> {
        self.life.check("frames")?;
        self.inner.frames().await
    }

    async fn dispatch(&self, input: LiveInput, gate: InputGate) -> Result<(), BrowserError> {
        self.life.check("dispatch")?;
        self.inner.dispatch(input, gate).await
    }

    async fn end_input(&self, gate: InputGate) -> Result<(), BrowserError> {
        self.life.check("end_input")?;
        self.inner.end_input(gate).await
    }
}

async fn call<T: Send>(
    schedule: &Schedule<BrowserFault>,
    life: &Life,
    operation: &'static str,
    call: impl Future<Output = Result<T, BrowserError>> + Send,
) -> Result<T, BrowserError> {
    life.check(operation)?;
    let failed = |kind| Err(BrowserError::new(operation, kind, "the browser failed as it was told to"));
    match schedule.next(operation) {
        None => call.await,
        Some(BrowserFault::FailBefore(kind)) => failed(kind),
        Some(BrowserFault::FailAfter(kind)) => {
            call.await?;
            failed(kind)
        }
        Some(BrowserFault::LoseBefore(kind)) => {
            life.lose(kind);
            failed(kind)
        }
        Some(BrowserFault::LoseAfter(kind)) => {
            call.await?;
            life.lose(kind);
            failed(kind)
        }
        Some(BrowserFault::CrashBefore) => schedule.crash().await,
        Some(BrowserFault::CrashAfter) => {
            // Whatever it answers, nobody is left to hear it.
            let _ = call.await;
            schedule.crash().await
        }
        Some(BrowserFault::Delay(delay)) => {
            let answer = call.await;
            tokio::time::sleep(delay).await;
            answer
        }
    }
}
