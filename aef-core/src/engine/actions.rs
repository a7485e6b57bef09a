//! A host's own actions, and the resolver of `act`.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::browser::Session;
use crate::document::{Action, Risk};
use crate::ids::{DocumentId, ExecutionId, OwnerId, StepId};
use crate::recovery::Failure;

/// Performs an action that the host adds to the document's own, `NAMESPACE.NAME`.
#[async_trait]
pub trait ActionExecutor: std::fmt::Debug + Send + Sync + 'static {
    /// The JSON Schema of its arguments, where it has one.
    fn input(&self) -> Option<Value>;

    /// What it may change. A step that uses it must have this risk or a higher one.
    fn risk(&self) -> Risk;

    /// Whether it may be performed again when its outcome is not known. A document may say `repeatable: true` only
    /// where this is true.
    fn repeatable(&self) -> bool;

    /// Performs it. It is dropped where it takes longer than the action's timeout; its effect is in doubt then.
    ///
    /// # Errors
    /// What went wrong, and whether it may have had an effect all the same.
    async fn execute(&self, request: CustomRequest) -> Result<Value, CustomError>;
}

/// What a host's own action is given.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomRequest {
    /// The execution.
    pub execution: ExecutionId,
    /// Whose it is.
    pub owner: OwnerId,
    /// The document.
    pub document: DocumentId,
    /// The step.
    pub step: StepId,
    /// Which action this is in the execution. Together with the execution's id it makes a key for calls that must not
    /// be made twice.
    pub op: u64,
    /// The action's name.
    pub name: String,
    /// Its arguments, rendered.
    pub with: Map<String, Value>,
}

/// A host's own action that failed.
#[derive(Debug, thiserror::Error)]
#[error("{failure}")]
pub struct CustomError {
    /// Why.
    pub failure: Failure,
    /// Whether it may have had an effect all the same.
    pub effect: crate::browser::Effect,
}

/// Finds the action that words mean, on the page as it stands.
#[async_trait]
pub trait ActResolver: std::fmt::Debug + Send + Sync + 'static {
    /// Finds it.
    ///
    /// # Errors
    /// Where it could not be found.
    async fn resolve(&self, request: ActRequest) -> Result<ActResolution, Failure>;
}

/// What a resolver is given.
#[derive(Debug, Clone)]
pub struct ActRequest {
    /// The execution.
    pub execution: ExecutionId,
    /// The step.
    pub step: StepId,
    /// What to do, in words.
    pub instruction: String,
    /// The page, to look at. A resolver performs nothing itself.
    pub session: Arc<dyn Session>,
}

/// What a resolver found.
#[derive(Debug, Clone, PartialEq)]
pub struct ActResolution {
    /// The action.
    pub action: Action,
    /// How sure it is, from 0 to 1. Below [`ActResolution::SURE`] a person is asked.
    pub confidence: f64,
}

impl ActResolution {
    /// What a resolution needs to be performed without asking.
    pub const SURE: f64 = 0.8;
}
