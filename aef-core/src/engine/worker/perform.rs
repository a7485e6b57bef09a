//! Performing commands. Each becomes a task that ends in a fact for the machine.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::super::Inner;
use super::super::actions::{ActRequest, ActResolution, CustomRequest};
use super::secret_source::{BoundSecrets, DeclaredSecret};
use crate::browser::{
    ActionError, ActionOutcome, ActionRequest, Effect, FileContent, InputGate, Performed, Session,
};
use crate::document::{Action, ActionKind, BrowserConfig, CustomAction};
use crate::execution::{Artifact, Command, Input};
use crate::ids::StepId;
use crate::recovery::{ErrorKind, Failure};
use crate::store::ExecutionRecord;

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
    pub(super) fn fact(input: Input) -> Self {
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
            given: secret.given,
        });
        self.declared = noted.collect();
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
            given: self.engine.given.clone(),
            execution: self.record.id,
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
        for value in upload.named() {
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

    pub(super) async fn keep(&self, file: FileContent) -> Result<Artifact, Failure> {
        let name = file.name.clone();
        self.engine.artifacts.keep(self.record.id, file).await.map_err(|error| {
            tracing::error!(%error, name, "an artifact could not be kept");
            let failure = Failure::new(ErrorKind::Network, format!("`{name}` could not be kept: {error}"));
            failure.with_reason("artifact_store")
        })
    }
}
