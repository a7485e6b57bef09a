//! A session on a scripted site.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aef_core::browser::{
    ActionError, ActionRequest, BrowserError, Capture, CaptureRequest, InputGate, Observation,
    ObserveRequest, Performed, Session, SessionOptions, StorageState,
};
use aef_core::document::{ActionKind, Templated, Text, TextPart};
use aef_core::live::{Frames, LiveInput};
use aef_core::recovery::{ErrorKind, Failure};
use aef_core::secrets::ExposeSecret;
use async_trait::async_trait;
use tokio::time::Instant;

use super::life::Life;
use super::perform::{Entered, Refused};
use super::permissive::picture;
use super::screen::Screen;
use super::site::Server;
use super::tabs::Tabs;
use super::trace::Trace;

/// How long to wait until a page is looked at again.
const POLL: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(super) struct SiteSession {
    pub(super) life: Arc<Life>,
    trace: Trace,
    latency: Duration,
    tabs: Mutex<Tabs>,
    screen: Screen,
}

impl SiteSession {
    /// Opens a session: restored, and at its address where one is given.
    pub(super) fn open(
        server: &Arc<Server>,
        trace: Trace,
        options: SessionOptions,
    ) -> Result<Self, BrowserError> {
        let mut tabs = Tabs::new(Arc::clone(server), options.policy);
        let failed = |failure: Failure| BrowserError::new("open", failure.kind, failure.message);
        if let Some(state) = &options.restore {
            tabs.restore(state).map_err(failed)?;
        }
        if let Some(url) = &options.url {
            tabs.open(url, &[]).map_err(failed)?;
        }
        let life = Arc::new(Life::new());
        let latency = server.site.latency;
        let session = Self { life, trace, latency, tabs: Mutex::new(tabs), screen: Screen::new() };
        session.show();
        Ok(session)
    }

    fn tabs(&self) -> MutexGuard<'_, Tabs> {
        self.tabs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows what stands there now.
    fn show(&self) {
        let tabs = self.tabs();
        let tab = tabs.current();
        self.screen.show(&tab.name, tab.dom.url.as_str());
    }

    /// The text that an action enters, secrets asked for at the last moment.
    async fn entered(&self, request: &ActionRequest) -> Result<Option<Entered>, Failure> {
        let Some(text) = request.action.kind.entered() else { return Ok(None) };
        let Text::Sealed { parts } = text else {
            return Ok(Some(Entered { text: text.to_string(), secret: false }));
        };
        let origin = self.tabs().current().dom.url.origin().ascii_serialization();
        let mut entered = Entered { text: String::new(), secret: false };
        for part in parts {
            match part {
                TextPart::Plain { text } => entered.text.push_str(text),
                TextPart::Secret { secret } => {
                    let value =
                        request.secrets.reveal(secret, &origin).await.map_err(|error| error.failure())?;
                    entered.text.push_str(value.expose_secret());
                    entered.secret = true;
                }
            }
        }
        Ok(Some(entered))
    }

    /// Makes attempts until one succeeds, none can succeed any more, or the time is over.
    async fn until_done(
        &self,
        request: &ActionRequest,
        entered: Option<&Entered>,
        deadline: Instant,
    ) -> Result<Performed, ActionError> {
        loop {
            self.life.check("perform").map_err(|error| ActionError::without_effect(error.failure()))?;
            if request.gate.is_shut() {
                let failure = Failure::new(ErrorKind::Timeout, "the time in which input may be sent is over");
                return Err(ActionError::without_effect(failure.with_reason("gate_shut")));
            }
            let Refused { failure, again } = match self.tabs().attempt(&request.action, entered) {
                Ok(performed) => return Ok(performed),
                Err(refused) => refused,
            };
            if self.tabs().crashed {
                self.life.lose(ErrorKind::Crashed);
                return Err(ActionError::with_possible_effect(failure));
            }
            if !again || Instant::now() >= deadline {
                return Err(self.failed(&request.action.kind, failure));
            }
            tokio::time::sleep_until(deadline.min(Instant::now() + POLL)).await;
        }
    }

    /// Says whether a failed action may have had an effect: a click that was sent and then went wrong may.
    fn failed(&self, kind: &ActionKind, failure: Failure) -> ActionError {
        let never_sent = matches!(
            failure.kind,
            ErrorKind::ElementNotFound
                | ErrorKind::Ambiguous
                | ErrorKind::NotActionable
                | ErrorKind::TargetChanged
                | ErrorKind::Policy
                | ErrorKind::SecretMissing
                | ErrorKind::Internal
        );
        if never_sent || kind.repeatable() {
            ActionError::without_effect(failure)
        } else {
            ActionError::with_possible_effect(failure)
        }
    }
}

#[async_trait]
impl Session for SiteSession {
    async fn perform(&self, request: ActionRequest) -> Result<Performed, ActionError> {
        let begun = Instant::now();
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
        if let ActionKind::WaitFor(wait) = &request.action.kind
            && let Some(Templated::Value(span)) = &wait.duration
        {
            tokio::time::sleep(span.0).await;
        }
        let entered = self.entered(&request).await.map_err(ActionError::without_effect)?;
        self.trace.record(&request.action);
        let mut performed = self.until_done(&request, entered.as_ref(), begun + request.timeout).await?;
        self.show();
        performed.outcome.duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(performed)
    }

    async fn observe(&self, request: ObserveRequest) -> Result<Observation, BrowserError> {
        let deadline = Instant::now() + request.timeout;
        loop {
            self.life.check("observe")?;
            let observation = {
                let tabs = self.tabs();
                let dom = &tabs.current().dom;
                Observation {
                    results: request.conditions.iter().map(|condition| dom.answer(condition)).collect(),
                    url: dom.url.to_string(),
                    title: dom.title.clone(),
                }
            };
            if observation.results.iter().all(|result| result.holds) || Instant::now() >= deadline {
                return Ok(observation);
            }
            tokio::time::sleep_until(deadline.min(Instant::now() + POLL)).await;
        }
    }

    async fn capture(&self, request: CaptureRequest) -> Result<Capture, BrowserError> {
        self.life.check("capture")?;
        let tabs = self.tabs();
        let dom = &tabs.current().dom;
        let fingerprint = |target| dom.one(target, None).ok().map(|(ix, _)| dom.fingerprint(ix));
        Ok(Capture {
            url: dom.url.to_string(),
            title: dom.title.clone(),
            screenshot: request.screenshot.map(|_| picture()),
            fingerprints: request.fingerprints.iter().map(fingerprint).collect(),
        })
    }

    async fn storage_state(&self) -> Result<StorageState, BrowserError> {
        self.life.check("storage_state")?;
        Ok(self.tabs().state())
    }

    async fn close(&self) -> Result<(), BrowserError> {
        self.life.close();
        Ok(())
    }

    async fn lost(&self) -> BrowserError {
        self.life.lost().await
    }

    async fn frames(&self) -> Result<Frames, BrowserError> {
        self.life.check("frames")?;
        Ok(self.screen.frames(&self.life))
    }

    async fn dispatch(&self, input: LiveInput, gate: InputGate) -> Result<(), BrowserError> {
        self.life.check("dispatch")?;
        if gate.is_shut() {
            let late = BrowserError::new(
                "dispatch",
                ErrorKind::Timeout,
                "the time in which input may be sent is over",
            );
            return Err(late.with_reason("lease_ended"));
        }
        self.trace.record_input(&input);
        self.tabs().input(&input);
        if self.tabs().crashed {
            self.life.lose(ErrorKind::Crashed);
        }
        self.show();
        Ok(())
    }

    async fn end_input(&self, gate: InputGate) -> Result<(), BrowserError> {
        let held = self.tabs().hands.held.release();
        for input in held {
            self.dispatch(input, gate.clone()).await?;
        }
        Ok(())
    }
}
