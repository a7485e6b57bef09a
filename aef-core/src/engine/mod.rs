//! The engine: submits executions, gives people a hold on them, and runs the workers that perform them.
//!
//! An [`Engine`] is a store with what workers need beside it: a browser, secrets, a place for artifacts. Every process
//! that has the store may have one. [`Engine::scope`] speaks for one owner; [`Engine::worker`] performs what is due,
//! whoever submitted it; [`Engine::run`] does both for a single execution, in place.

mod actions;
mod artifacts;
mod builder;
mod changes;
mod control;
mod error;
mod fork;
mod given;
mod handle;
mod live;
mod loading;
mod local;
mod observer;
mod plans;
mod policy;
mod process;
mod scoped;
mod sealed_secrets;
mod sealing;
mod shutdown;
mod submit;
mod sweep;
mod worker;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use self::actions::{ActRequest, ActResolution, ActResolver, ActionExecutor, CustomError, CustomRequest};
pub use self::builder::EngineBuilder;
pub use self::error::{EngineError, EngineErrorKind};
pub use self::fork::ForkOptions;
pub use self::handle::{Handle, Inspection, Outcome, Recorded, Stopping};
pub use self::live::{Controller, Live};
pub use self::observer::{Observed, Observer};
pub use self::policy::{HostPolicy, PrivateOrigins};
pub use self::process::{ProcessOptions, Processed};
pub use self::scoped::Scoped;
pub use self::sealed_secrets::{MAX_SECRET, MAX_SECRET_NAME, SealedSecrets, SealedSecretsError};
pub use self::shutdown::Shutdown;
pub use self::submit::SubmitOptions;
pub use self::sweep::Swept;
pub use self::worker::{Worker, WorkerOptions};

use self::artifacts::Artifacts;
use self::given::Given;
use self::live::LiveSessions;
use self::observer::Observers;
use self::plans::Plans;
use crate::browser::Browser;
use crate::document::{Diagnostics, Document};
use crate::execution::Actor;
use crate::ids::{ExecutionId, OwnerId, StepId};
use crate::live::LiveChannel;
use crate::plan::Plan;
use crate::secrets::SecretProvider;
use crate::store::{Scope, Store, StoredDocument};

/// Submits executions and performs them. Cheap to clone: clones share all they have.
#[derive(Debug, Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

/// What the clones of an engine share.
#[derive(Debug)]
struct Inner {
    store: Arc<dyn Store>,
    browser: Option<Arc<dyn Browser>>,
    secrets: Option<Arc<dyn SecretProvider>>,
    artifacts: Artifacts,
    policy: HostPolicy,
    actions: BTreeMap<String, Arc<dyn ActionExecutor>>,
    resolver: Option<Arc<dyn ActResolver>>,
    observers: Observers,
    plans: Plans,
    /// The browsers of this process.
    live: Arc<LiveSessions>,
    /// The way to those of others.
    channel: Option<Arc<dyn LiveChannel>>,
    given: Given,
}

impl Engine {
    /// Begins an engine on this store.
    #[must_use]
    pub fn builder(store: Arc<dyn Store>) -> EngineBuilder {
        EngineBuilder::new(store)
    }

    /// Compiles a document with the host's own actions and filters in reach.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn compile(&self, document: &Document) -> Result<Plan, Diagnostics> {
        Plan::compile_with(document, self.inner.plans.options())
    }

    /// Compiles some steps of a document, as a plan of their own.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn compile_subset(&self, document: &Document, steps: &[StepId]) -> Result<Plan, Diagnostics> {
        Plan::subset_with(document, steps, self.inner.plans.options())
    }

    /// The plan of a document that is kept. The plans used last are kept, too.
    ///
    /// # Errors
    /// `Unreadable` where the document is not valid for this engine.
    pub fn plan(&self, stored: &StoredDocument) -> Result<Arc<Plan>, EngineError> {
        self.inner.plans.of_document(stored)
    }

    /// Speaks for one owner: what belongs to others is not found.
    #[must_use]
    pub fn scope(&self, owner: impl Into<OwnerId>) -> Scoped {
        Scoped::new(self.clone(), owner.into())
    }

    /// A hold on any execution, whoever owns it. For hosts that decide themselves who may do what.
    #[must_use]
    pub fn execution(&self, id: ExecutionId) -> Handle {
        Handle::new(self.clone(), Scope::System, id, Actor::Engine)
    }

    /// A worker, to be [run](Worker::run).
    #[must_use]
    pub fn worker(&self, options: WorkerOptions) -> Worker {
        Worker::new(self.clone(), options)
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.store
    }
}
