//! Performing commands. Each becomes a task that ends in a fact for the machine.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::super::Inner;
use super::super::actions::{ActRequest, ActResolution, CustomRequest};
use super::secret_source::{BoundSecrets, DeclaredSecret};
use crate::browser::{
    ActionError, ActionOutcome, ActionRequest, Capture, CaptureRequest, Effect, FileContent, InputGate,
    ObserveRequest, Performed, Session, SessionOptions,
};
use crate::document::{Action, ActionKind, BrowserConfig, Condition, CustomAction, ImageFormat, Target};
use crate::execution::{Artifact, Command, Evidence, Input, OpenSession};
use crate::ids::{Seq, StepId};
use crate::recovery::{ErrorKind, Failure};
use crate::store::ExecutionRecord;

/// How long evidence may take.
const CAPTURE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long closing a browser, or reading its state, may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a command failed whose task panicked.
pub(super) const PANICKED: &str = "a bug in the worker ended it; the log says more";

/// What came of a command.
#[derive(Debug)]
pub(super) enum Done {
    /// A browser is open.
    Opened { session: Arc<dyn Session>, restored: bool },
    /// A fact for the machine.
    Fact(Box<Input>),
}

impl Done {
    fn fact(input: Input) -> Self {
        Self::Fact(Box::new(input))
    }

    /// A command that failed by a fault of the worker.
    pub(super) fn failed(command: &Command, why: &str) -> Self {
        let failure = Failure::new(ErrorKind::Internal, why);
        Self::fact(match command {
            Command::OpenSession(_) => Input::SessionFailed { failure },
            Command::Observe { token, .. } => Input::ObservationFailed { token: *token, failure },
            Command::PerformAction { op, .. } | Command::CancelAction { op } => {
                Input::ActionFailed { op: *op, failure, effect: Effect::Possible, outcome: None }
            }
            Command::CaptureEvidence { token, .. } => Input::EvidenceFailed { token: *token, failure },
            Command::SaveBrowserState => Input::BrowserStateSaved { state: None },
            Command::CloseSession => Input::SessionClosed,
        })
    }
}

/// What all commands of one execution are performed with.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub(super) engine: Arc<Inner>,
    pub(super) record: Arc<ExecutionRecord>,
    pub(super) gate: InputGate,
    pub(super) declared: Arc<[DeclaredSecret]>,
    pub(super) grace: Duration,
    pub(super) open_timeout: Duration,
}

/// One action to perform.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) op: u64,
    pub(super) step: StepId,
    pub(super) action: Arc<Action>,
    pub(super) timeout: Duration,
}

impl Context {
    /// Secrets without origins of their own may be entered wherever the browser may go.
    pub(super) fn note_origins(&mut self, config: &BrowserConfig) {
        let noted = self.declared.iter().map(|secret| DeclaredSecret {
            name: secret.name.clone(),
            origins: secret.origins.clone().or_else(|| Some(config.allowed_origins.clone())),
        });
        self.declared = noted.collect();
    }

    pub(super) async fn open(self, open: OpenSession) -> Done {
        match self.try_open(open).await {
            Ok((session, restored)) => Done::Opened { session, restored },
            Err(failure) => Done::fact(Input::SessionFailed { failure }),
        }
    }

    async fn try_open(&self, open: OpenSession) -> Result<(Arc<dyn Session>, bool), Failure> {
        let browser = self.engine.browser.as_ref().ok_or_else(|| {
            let message =
                "this worker has no browser; give the engine one with `Engine::builder(…).browser(…)`";
            Failure::new(ErrorKind::Internal, message)
        })?;
        let restore = match &open.restore {
            Some(artifact) => match self.engine.artifacts.state(self.record.id, artifact).await {
                Ok(state) => Some(state),
                Err(error) => {
                    tracing::warn!(%error, "the browser begins empty: its state cannot be had");
                    None
                }
            },
            None => None,
        };
        let restored = restore.is_some();
        let options = SessionOptions {
            execution: self.record.id,
            policy: self.engine.policy.navigation(&open.config),
            config: open.config,
            timezone: Some(open.timezone).filter(|name| !name.is_empty()),
            restore,
            url: open.url,
        };
        match timeout(self.open_timeout, browser.open(options)).await {
            Ok(Ok(session)) => Ok((session, restored)),
            Ok(Err(error)) => Err(error.failure()),
            Err(_) => {
                let message = format!("the browser did not open within {:?}", self.open_timeout);
                Err(Failure::new(ErrorKind::Disconnected, message))
            }
        }
    }

    pub(super) async fn perform(self, session: Option<Arc<dyn Session>>, task: Task) -> Done {
        let op = task.op;
        let performed = match timeout(task.timeout + self.grace, self.attempt(session, &task)).await {
            Ok(performed) => performed,
            Err(_) => {
                let message = format!("no answer within {:?}", task.timeout + self.grace);
                let failure = Failure::new(ErrorKind::Timeout, message).with_reason("unresponsive");
                Err(ActionError::with_possible_effect(failure))
            }
        };
        let settled = match performed {
            Ok(performed) => self.settle(op, performed).await,
            Err(error) => Err(error),
        };
        Done::fact(settled.unwrap_or_else(|error| {
            tracing::debug!(op, failure = %error.failure, effect = ?error.effect, "the action failed");
            let outcome = (*error.outcome != ActionOutcome::default()).then(|| Arc::new(*error.outcome));
            Input::ActionFailed { op, failure: error.failure, effect: error.effect, outcome }
        }))
    }

    async fn attempt(
        &self,
        session: Option<Arc<dyn Session>>,
        task: &Task,
    ) -> Result<Performed, ActionError> {
        if let ActionKind::Custom(custom) = &task.action.kind {
            return self.execute(custom, task).await;
        }
        let session = session.ok_or_else(|| {
            ActionError::without_effect(Failure::new(ErrorKind::Disconnected, "no browser is open"))
        })?;
        let action = if let ActionKind::Act(act) = &task.action.kind {
            self.resolve(&session, &act.instruction, task).await?
        } else {
            Action::clone(&task.action)
        };
        let files = self.files(&action).await?;
        let secrets = Arc::new(BoundSecrets {
            provider: self.engine.secrets.clone(),
            owner: self.record.owner.clone(),
            document: self.record.document.clone(),
            step: task.step.clone(),
            declared: self.declared.clone(),
        });
        let gate = self.gate.clone();
        session.perform(ActionRequest { action, timeout: task.timeout, gate, secrets, files }).await
    }

    /// An action of the host's own. It has an effect wherever it is, so the lease is looked at first.
    async fn execute(&self, custom: &CustomAction, task: &Task) -> Result<Performed, ActionError> {
        let refused =
            |message: String| ActionError::without_effect(Failure::new(ErrorKind::Internal, message));
        let executor = self.engine.actions.get(&custom.name).ok_or_else(|| {
            refused(format!(
                "this worker has no action `{}`; add it with `Engine::builder(…).action(…)`",
                custom.name
            ))
        })?;
        if self.gate.is_shut() {
            return Err(refused("the lease of this worker has run out".to_owned()));
        }
        let request = CustomRequest {
            execution: self.record.id,
            owner: self.record.owner.clone(),
            document: self.record.document.clone(),
            step: task.step.clone(),
            op: task.op,
            name: custom.name.clone(),
            with: custom.with.clone(),
        };
        match executor.execute(request).await {
            Ok(value) => Ok(Performed { outcome: ActionOutcome::default(), value: Some(value), file: None }),
            Err(error) if error.effect == Effect::None => Err(ActionError::without_effect(error.failure)),
            Err(error) => Err(ActionError::with_possible_effect(error.failure)),
        }
    }

    /// The action that the host's resolver finds for words.
    async fn resolve(
        &self,
        session: &Arc<dyn Session>,
        instruction: &str,
        task: &Task,
    ) -> Result<Action, ActionError> {
        let resolver = self.engine.resolver.as_ref().ok_or_else(|| {
            let message =
                "this worker has no resolver for `act`; add one with `Engine::builder(…).resolver(…)`";
            ActionError::without_effect(Failure::new(ErrorKind::Internal, message))
        })?;
        let request = ActRequest {
            execution: self.record.id,
            step: task.step.clone(),
            instruction: instruction.to_owned(),
            session: session.clone(),
        };
        let found = resolver.resolve(request).await.map_err(ActionError::without_effect)?;
        let unsure = |message: String| {
            let failure = Failure::new(ErrorKind::NotActionable, message).with_reason("unsure");
            ActionError::without_effect(failure)
        };
        if found.confidence < ActResolution::SURE {
            return Err(unsure(format!(
                "not sure enough what is meant ({:.2}): {instruction}",
                found.confidence
            )));
        }
        // A resolver reads pages that others write; it may point at elements, and reach nothing behind them.
        let plain = found.action.kind.needs_page()
            && !matches!(
                found.action.kind,
                ActionKind::Act(_) | ActionKind::Evaluate(_) | ActionKind::Upload(_)
            );
        if plain {
            Ok(found.action)
        } else {
            Err(unsure(format!("`{}` may not be used", found.action.kind.name())))
        }
    }

    /// The files that an upload names.
    async fn files(&self, action: &Action) -> Result<Vec<FileContent>, ActionError> {
        let ActionKind::Upload(upload) = &action.kind else { return Ok(Vec::new()) };
        let lineage = self.engine.lineage(&self.record).await;
        let mut files = Vec::new();
        for value in upload.files.as_slice() {
            let refused = |kind, message: String| ActionError::without_effect(Failure::new(kind, message));
            let artifact: Artifact = serde_json::from_value(value.clone()).map_err(|error| {
                refused(ErrorKind::Data, format!("a file to upload is no artifact: {error}"))
            })?;
            let found = self.engine.artifacts.find(&lineage, &self.record.owner, &artifact.artifact).await;
            let bytes = found.map_err(|error| {
                let mut failed = refused(ErrorKind::Data, format!("`{}` cannot be had", artifact.name));
                failed.source = Some(Box::new(error));
                failed
            })?;
            files.push(FileContent { name: artifact.name, media_type: artifact.media_type, bytes });
        }
        Ok(files)
    }

    /// What is told of an action that was performed: its file is kept first, so that nothing names a file that is not
    /// there.
    async fn settle(&self, op: u64, performed: Performed) -> Result<Input, ActionError> {
        let Performed { outcome, value, file } = performed;
        let artifact = match file {
            Some(file) => match self.keep(file).await {
                Ok(artifact) => Some(artifact),
                Err(failure) => {
                    let outcome = Box::new(outcome);
                    return Err(ActionError { outcome, ..ActionError::with_possible_effect(failure) });
                }
            },
            None => None,
        };
        Ok(Input::ActionSucceeded { op, outcome: Arc::new(outcome), value, artifact })
    }

    async fn keep(&self, file: FileContent) -> Result<Artifact, Failure> {
        let name = file.name.clone();
        self.engine.artifacts.keep(self.record.id, file).await.map_err(|error| {
            tracing::error!(%error, name, "an artifact could not be kept");
            let failure = Failure::new(ErrorKind::Network, format!("`{name}` could not be kept: {error}"));
            failure.with_reason("artifact_store")
        })
    }

    pub(super) async fn observe(
        self,
        session: Option<Arc<dyn Session>>,
        token: Seq,
        conditions: Vec<Condition>,
        wait: Duration,
    ) -> Done {
        let failed = |failure| Done::fact(Input::ObservationFailed { token, failure });
        let Some(session) = session else { return failed(no_browser()) };
        let request = ObserveRequest { conditions, timeout: wait };
        // Reading once has no timeout of its own.
        let limit = wait.max(Duration::from_secs(5)) + self.grace;
        match timeout(limit, session.observe(request)).await {
            Ok(Ok(observation)) => Done::fact(Input::Observed { token, observation }),
            Ok(Err(error)) => failed(error.failure()),
            Err(_) => failed(unresponsive(limit)),
        }
    }

    pub(super) async fn capture(
        self,
        session: Option<Arc<dyn Session>>,
        token: Seq,
        screenshot: bool,
        fingerprints: Vec<Target>,
    ) -> Done {
        let failed = |failure| Done::fact(Input::EvidenceFailed { token, failure });
        let Some(session) = session else { return failed(no_browser()) };
        let screenshot = screenshot.then_some(ImageFormat::Png);
        let capture = match timeout(
            CAPTURE_TIMEOUT,
            session.capture(CaptureRequest { screenshot, fingerprints }),
        )
        .await
        {
            Ok(Ok(capture)) => capture,
            Ok(Err(error)) => return failed(error.failure()),
            Err(_) => return failed(unresponsive(CAPTURE_TIMEOUT)),
        };
        let Capture { url, title, screenshot, fingerprints } = capture;
        // A picture that cannot be kept is no reason not to ask the person.
        let screenshot = match screenshot {
            Some(file) => self.keep(file).await.ok(),
            None => None,
        };
        let evidence = Evidence { url, title, screenshot, fingerprints };
        Done::fact(Input::EvidenceCaptured { token, evidence })
    }

    pub(super) async fn save_state(self, session: Option<Arc<dyn Session>>) -> Done {
        let state = match session {
            Some(session) => self.kept_state(&*session).await,
            None => None,
        };
        Done::fact(Input::BrowserStateSaved { state })
    }

    /// Keeps cookies and storage, where there is a key to keep them under.
    pub(super) async fn kept_state(&self, session: &dyn Session) -> Option<Artifact> {
        if !self.engine.artifacts.keeps_state() {
            return None;
        }
        let state = match timeout(CLOSE_TIMEOUT, session.storage_state()).await {
            Ok(Ok(state)) => state,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the browser's state cannot be read");
                return None;
            }
            Err(_) => {
                tracing::warn!("the browser's state was not told in time");
                return None;
            }
        };
        match self.engine.artifacts.keep_state(self.record.id, &state).await {
            Ok(artifact) => Some(artifact),
            Err(error) => {
                tracing::warn!(%error, "the browser's state cannot be kept");
                None
            }
        }
    }

    pub(super) async fn close(session: Option<Arc<dyn Session>>) -> Done {
        if let Some(session) = session {
            close(&*session).await;
        }
        Done::fact(Input::SessionClosed)
    }
}

/// Closes a browser; what goes wrong is only logged, since the context is given up either way.
pub(super) async fn close(session: &dyn Session) {
    match timeout(CLOSE_TIMEOUT, session.close()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the browser could not be closed"),
        Err(_) => tracing::warn!("the browser did not close in time"),
    }
}

fn no_browser() -> Failure {
    Failure::new(ErrorKind::Disconnected, "no browser is open")
}

fn unresponsive(limit: Duration) -> Failure {
    Failure::new(ErrorKind::Timeout, format!("the browser did not answer within {limit:?}"))
        .with_reason("unresponsive")
}
