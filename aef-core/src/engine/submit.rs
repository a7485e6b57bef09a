//! Making executions.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Inner;
use super::changes::jittered;
use super::error::{EngineError, EngineErrorKind};
use super::scoped::new_document;
use crate::execution::{Actor, Execution, FORMAT, Queue};
use crate::ids::{ExecutionId, OwnerId, sha256_hex};
use crate::plan::Plan;
use crate::store::{Created, IdempotencyKey, NewExecution, StoreError};

const SUBMIT: &str = "submit";

/// How often a request that the store did not answer is sent.
const ATTEMPTS: u32 = 4;

/// How an execution is submitted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubmitOptions {
    /// Makes submitting twice safe: the same key gives the execution that was made first. Default none.
    pub idempotency_key: Option<String>,
    /// What tells a repeated request from another one under the same key. Default a hash of all that is submitted.
    pub fingerprint: Option<String>,
    /// Higher is served first. Default 0.
    pub priority: i32,
    /// Not before. Default at once.
    pub start_at: Option<Timestamp>,
    /// Whether it is only made, and waits for [`Handle::start`](super::Handle::start), for 24 hours: then it is stopped.
    /// Inputs that are null, and secrets, may be given until it is started. Default false.
    pub held: bool,
    /// Whether it is stopped before the first step that may change something, or that a person does. Its result then says
    /// which step that is, and what its actions would have been. Default false.
    pub dry_run: bool,
}

/// All that makes an execution.
#[derive(Debug)]
pub(super) struct Submission<'a> {
    pub(super) plan: &'a Plan,
    pub(super) inputs: Value,
    pub(super) options: SubmitOptions,
    pub(super) parent: Option<ExecutionId>,
    pub(super) seed: Option<Box<Value>>,
}

impl Submission<'_> {
    /// A hash of all that was asked, by which a second request under the same key is told from a repeated one.
    fn body_hash(&self) -> String {
        let mut body = json!({
            "document": self.plan.hash,
            "subset": self.plan.subset,
            "inputs": self.inputs,
            "priority": self.options.priority,
            "startAt": self.options.start_at,
            "held": self.options.held,
            "dryRun": self.options.dry_run,
            "parent": self.parent,
            "seed": self.seed,
        });
        body.sort_all_objects();
        sha256_hex(body.to_string().as_bytes())
    }

    fn idempotency(&self) -> Option<IdempotencyKey> {
        let key = self.options.idempotency_key.clone()?;
        let body_hash = self.options.fingerprint.clone().unwrap_or_else(|| self.body_hash());
        Some(IdempotencyKey { key, body_hash })
    }
}

impl Inner {
    /// Checks a submission, keeps its document, and makes the execution.
    pub(super) async fn submit(
        &self,
        owner: &OwnerId,
        actor: &Actor,
        submission: Submission<'_>,
    ) -> Result<Created, EngineError> {
        let plan = self.plans.share(submission.plan)?;
        let idempotency = submission.idempotency();
        let inputs = match check_inputs(SUBMIT, &plan, &submission.inputs) {
            Err(_) if submission.options.held && submission.inputs.is_null() => Value::Null,
            checked => checked?,
        };
        if !submission.options.held {
            self.check_secrets(SUBMIT, owner, &plan).await?;
        }
        let put = || self.store.put_document(owner, new_document(&plan.document));
        let (_, now) = futures::try_join!(repeated(put), self.store.now())
            .map_err(|error| EngineError::of_store(SUBMIT, error))?;

        let id = ExecutionId::generate();
        let mut machine = Execution::new(id, plan.clone());
        let Submission { options, parent, seed, .. } = submission;
        let SubmitOptions { held, dry_run, start_at, .. } = options;
        let queue = Queue { inputs, held, dry_run, start_at, parent, seed };
        let step = machine.queue(now, actor, queue);
        let request = NewExecution {
            id,
            owner: owner.clone(),
            document: plan.document.id.clone(),
            document_hash: plan.hash.clone(),
            subset: plan.subset.clone(),
            parent,
            priority: options.priority,
            events: step.events.iter().map(super::worker::event_bytes).collect(),
            format: FORMAT,
            summary: machine.summary(),
            wake_at: if machine.needs_worker() { Some(now) } else { step.wake_at },
            idempotency,
        };
        let create = || self.store.create(request.clone());
        let created = repeated(create).await.map_err(|error| EngineError::of_store(SUBMIT, error))?;
        if !created.existing {
            self.observers.tell(id, owner, crate::ids::Seq(0), &step.events);
        }
        tracing::info!(execution = %created.record.id, %owner, existing = created.existing, "submitted");
        Ok(created)
    }

    /// Tells at once which secrets have no value, rather than in the middle of the work.
    pub(super) async fn check_secrets(
        &self,
        operation: &'static str,
        owner: &OwnerId,
        plan: &Plan,
    ) -> Result<(), EngineError> {
        let mut missing = Vec::new();
        for secret in &plan.settings.secrets {
            let name = &secret.declaration.name;
            let available = match &self.secrets {
                Some(secrets) => secrets
                    .available(owner, &plan.document.id, name)
                    .await
                    .map_err(|error| EngineError::of_secret(operation, error))?,
                None => false,
            };
            if !available {
                missing.push(format!("`{name}`"));
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let message =
            format!("no value is known for the secrets that the document declares: {}", missing.join(", "));
        Err(EngineError::new(operation, EngineErrorKind::SecretMissing, message))
    }
}

/// The inputs with the defaults of the document filled in.
pub(super) fn check_inputs(
    operation: &'static str,
    plan: &Plan,
    inputs: &Value,
) -> Result<Value, EngineError> {
    plan.check_inputs(inputs).map_err(|diagnostics| {
        EngineError::new(operation, EngineErrorKind::Invalid, "the inputs do not fit")
            .with_source(diagnostics)
    })
}

/// Sends a request again while the store does not answer. For requests that have no second effect.
pub(super) async fn repeated<T, F>(request: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut wait = Duration::from_millis(50);
    for _ in 1..ATTEMPTS {
        match request().await {
            Err(error) if error.is_retryable() => tracing::debug!(%error, "sent again"),
            other => return other,
        }
        tokio::time::sleep(jittered(wait)).await;
        wait *= 4;
    }
    request().await
}
