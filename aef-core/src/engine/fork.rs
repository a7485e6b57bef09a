//! Running an execution again from a step.

use serde_json::Value;

use super::Scoped;
use super::error::{EngineError, EngineErrorKind};
use super::handle::Handle;
use super::submit::{Submission, SubmitOptions};
use crate::ids::StepId;
use crate::plan::Plan;

/// How an execution is forked.
#[derive(Debug, Clone, Default)]
pub struct ForkOptions<'a> {
    /// Where the new execution begins. Default: where the old one failed, or its beginning.
    pub from: Option<StepId>,
    /// The plan of the new execution. Default: the old one's.
    pub plan: Option<&'a Plan>,
    /// The inputs of the new execution. Default: the old one's.
    pub inputs: Option<Value>,
    /// How the new execution is submitted.
    pub submit: SubmitOptions,
}

impl Handle {
    /// Makes a new execution that begins at a step of this one, with the variables as they stood there. This one is not
    /// changed.
    ///
    /// # Errors
    /// `Rejected` where it cannot begin there; else as for [`Scoped::submit`].
    pub async fn fork(&self, options: ForkOptions<'_>) -> Result<Self, EngineError> {
        const FORK: &str = "fork";
        let engine = &self.engine.inner;
        let folded = engine.fold(&self.scope, self.id).await?;
        let seed = folded.machine.fork_seed(options.from.as_ref()).map_err(|error| {
            EngineError::new(FORK, EngineErrorKind::Rejected, "it cannot begin there").with_source(error)
        })?;
        let inputs = match options.inputs {
            Some(inputs) => inputs,
            None => folded.machine.inputs().clone(),
        };
        let plan = folded.machine.plan().clone();
        let submission = Submission {
            plan: options.plan.unwrap_or(&plan),
            inputs,
            options: options.submit,
            parent: Some(self.id),
            seed: Some(seed),
        };
        let scoped = Scoped::new(self.engine.clone(), folded.record.owner).acting(self.actor.clone());
        scoped.create(submission).await
    }
}
