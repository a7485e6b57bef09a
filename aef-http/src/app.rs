//! What handlers share, and what a caller may reach through it.

use std::sync::Arc;
use std::time::Duration;

use aef_core::engine::{Engine, Handle, Inspection, Scoped};
use aef_core::ids::{DocumentId, ExecutionId, OwnerId};
use aef_core::plan::Plan;
use aef_core::store::{HostStore, IdempotencyKey, Scope, StoredDocument};
use axum::http::{HeaderMap, header};

use crate::auth::{ApiKeys, Authenticator, Caller, InternalSecret, Principal, StatusTokens};
use crate::cors::Cors;
use crate::limits::Budgets;
use crate::live::LiveTickets;
use crate::options::HttpOptions;
use crate::problem::{Code, Problem};
use crate::random::{self, RandomError};

/// How soon an owner with too many unfinished executions may try again.
const ROOM: Duration = Duration::from_secs(30);

/// What handlers share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) engine: Engine,
    pub(crate) options: HttpOptions,
    pub(crate) authenticators: Vec<Arc<dyn Authenticator>>,
    pub(crate) tokens: Arc<StatusTokens>,
    pub(crate) budgets: Budgets,
    pub(crate) cors: Cors,
}

impl App {
    pub(crate) fn new(engine: Engine, options: HttpOptions) -> Result<Self, RandomError> {
        let signing_key = match options.signing_key {
            Some(key) => key,
            None => random::bytes()?,
        };
        let tokens = Arc::new(StatusTokens::new(signing_key));
        let mut authenticators: Vec<Arc<dyn Authenticator>> = Vec::new();
        if let Some(secret) = &options.internal_secret {
            authenticators.push(Arc::new(InternalSecret::new(secret.clone())));
        }
        authenticators.push(Arc::new(LiveTickets::new(options.host.clone())));
        authenticators.push(tokens.clone());
        authenticators.push(Arc::new(ApiKeys::new(options.host.clone())));
        authenticators.extend(options.authenticators.iter().cloned());
        let own = options.public_base_url.as_ref().map(|url| url.origin().ascii_serialization());
        Ok(Self {
            budgets: Budgets::new(&options.limits),
            cors: Cors::new(options.origins.clone(), own),
            engine,
            options,
            authenticators,
            tokens,
        })
    }

    pub(crate) fn host(&self) -> &dyn HostStore {
        &*self.options.host
    }

    /// What a caller sees.
    pub(crate) fn scope(&self, caller: &Caller) -> Scope {
        caller.owner.clone().map_or(Scope::System, Scope::Owner)
    }

    /// For which owner a caller asks.
    pub(crate) fn owner<'a>(&self, caller: &'a Caller) -> Result<&'a OwnerId, Problem> {
        caller.owner.as_ref().ok_or_else(|| {
            Problem::new(Code::OwnerRequired, "a service says in X-AEF-Owner for which owner it asks")
        })
    }

    /// What a caller may ask of the engine.
    pub(crate) fn scoped(&self, caller: &Caller) -> Result<Scoped, Problem> {
        Ok(self.engine.scope(self.owner(caller)?.clone()).acting_as(caller.actor.clone()))
    }

    /// A hold on an execution that the caller may reach. Whether there is such a one shows when something is asked of it,
    /// unless the caller's credential is for one document or one execution.
    pub(crate) async fn execution(&self, caller: &Caller, id: ExecutionId) -> Result<Handle, Problem> {
        let handle = match &caller.owner {
            Some(owner) => self.engine.scope(owner.clone()).execution(id),
            None => self.engine.execution(id),
        };
        let not_found = || Problem::not_found(format_args!("execution {id}"));
        if caller.reads_only.is_some_and(|only| only != id) {
            return Err(not_found());
        }
        if let Some(document) = bound_document(caller)
            && handle.record().await?.document != *document
        {
            return Err(not_found());
        }
        Ok(handle.acting_as(caller.actor.clone()))
    }

    /// All of an execution that the caller may see.
    pub(crate) async fn inspect(
        &self,
        caller: &Caller,
        id: ExecutionId,
    ) -> Result<(Handle, Inspection), Problem> {
        let handle = self.execution(caller, id).await?;
        let inspection = handle.inspect().await?;
        Ok((handle, inspection))
    }

    /// A document of the caller's owner.
    pub(crate) async fn document(
        &self,
        caller: &Caller,
        id: &DocumentId,
        version: Option<u32>,
    ) -> Result<StoredDocument, Problem> {
        let not_found = || Problem::not_found(format_args!("document `{id}`"));
        may_see_document(caller, id)?;
        let found = self.scoped(caller)?.document(id, version).await;
        found.map_err(|error| match Problem::from(error) {
            problem if problem.code() == Code::NotFound => not_found(),
            problem => problem,
        })
    }

    /// The plan of a document, or of some of its steps.
    pub(crate) fn plan(
        &self,
        stored: &StoredDocument,
        steps: Option<&[aef_core::ids::StepId]>,
    ) -> Result<Arc<Plan>, Problem> {
        match steps {
            None => Ok(self.engine.plan(stored)?),
            Some(steps) => {
                let whole = self.engine.plan(stored)?;
                let subset = self.engine.compile_subset(&whole.document, steps);
                subset.map(Arc::new).map_err(|found| Problem::of_diagnostics("document", &found))
            }
        }
    }

    /// Whether the owner may have one more unfinished execution.
    pub(crate) async fn has_room(&self, owner: &OwnerId) -> Result<(), Problem> {
        let limit = self.options.limits.open_executions;
        if limit == u32::MAX {
            return Ok(());
        }
        let census = self.engine.store().census(&Scope::Owner(owner.clone())).await?;
        if census.statuses.values().sum::<u64>() < u64::from(limit) {
            return Ok(());
        }
        let detail = format!("{limit} executions are not finished; wait for some to finish, or stop them");
        Err(Problem::new(Code::QuotaExceeded, detail).retry_after(ROOM))
    }

    /// Where clients reach the surface, without a slash at the end.
    pub(crate) fn base(&self, headers: &HeaderMap) -> String {
        match &self.options.public_base_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => {
                let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
                format!("http://{}", host.unwrap_or("localhost"))
            }
        }
    }

    /// The same for WebSockets.
    pub(crate) fn socket_base(&self, headers: &HeaderMap) -> String {
        self.base(headers).replacen("http", "ws", 1)
    }
}

/// Does what takes a while away from the threads that answer requests.
pub(crate) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "work for a request panicked");
        Problem::new(Code::Internal, "this is not your fault; the server's log says more")
    })
}

/// The document that a caller's key is bound to.
pub(crate) fn bound_document(caller: &Principal) -> Option<&DocumentId> {
    caller.key.as_ref().and_then(|key| key.document.as_ref())
}

/// Whether the caller's credential reaches a document.
pub(crate) fn may_see_document(caller: &Caller, id: &DocumentId) -> Result<(), Problem> {
    let elsewhere = bound_document(caller).is_some_and(|bound| bound != id);
    if elsewhere || caller.reads_only.is_some() {
        return Err(Problem::not_found(format_args!("document `{id}`")));
    }
    Ok(())
}

/// An idempotency key for something else than an execution.
pub(crate) fn idempotency(key: Option<String>, body: &str) -> Option<IdempotencyKey> {
    let body_hash = aef_core::ids::sha256_hex(body.as_bytes());
    key.map(|key| IdempotencyKey { key, body_hash })
}
