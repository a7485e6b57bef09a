//! What an engine needs on this machine: the database, the browser, secrets, and a directory for files.

use std::path::Path;
use std::sync::Arc;

use aef::browser::Browser;
use aef::cdp::{BrowserPool, LaunchOptions, PoolOptions};
use aef::engine::{Engine, EngineBuilder, Handle, HostPolicy, PrivateOrigins, Scoped, SealedSecrets};
use aef::http::LiveRelay;
use aef::ids::{DocumentId, OwnerId, WorkerId};
use aef::secrets::{EnvSecrets, FileSecrets, SecretError, SecretProvider, SecretRequest, SecretString};
use aef::store::{HostStore, Scope, Store, StoreErrorKind};
use async_trait::async_trait;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use serde_json::Value;

use crate::args::{DriveArgs, PerformArgs, PersonArgs, StoreArgs};
use crate::database::DatabaseArgs;
use crate::failure::Failure;
use crate::keys::{Key, make_directory, state_keys};
use crate::metrics::Metrics;

/// How many executions one browser may serve at a time.
const MAX_SESSIONS: usize = 64;

/// An engine that reads, and asks on behalf of a person, but performs nothing.
pub(crate) async fn desk(store: &StoreArgs) -> Result<Engine, Failure> {
    store.database.database()?.must_exist()?;
    Ok(base(&store.database).await?.build())
}

/// The same, where something may be submitted: whether secrets have values is told at once.
pub(crate) async fn desk_with_secrets(store: &StoreArgs, secrets: Option<&Path>) -> Result<Engine, Failure> {
    let secrets = Secrets::open(secrets)?;
    store.database.database()?.must_exist()?;
    Ok(with_secrets(&store.database, secrets).await?.build())
}

/// An engine that submits, also to a database that is yet to be made. Without secrets, those who perform have them.
pub(crate) async fn counter(store: &StoreArgs, secrets: CheckedSecrets<'_>) -> Result<Engine, Failure> {
    let builder = match secrets {
        CheckedSecrets::Here(file) => with_secrets(&store.database, Secrets::open(file)?).await?,
        CheckedSecrets::Elsewhere => base(&store.database).await?.secrets(ElsewhereSecrets),
    };
    Ok(builder.build())
}

/// Where a submission looks whether its secrets have values.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CheckedSecrets<'a> {
    /// In this file and in the environment.
    Here(Option<&'a Path>),
    /// Nowhere: the workers have them.
    Elsewhere,
}

/// An engine that performs, and what is kept beside its executions.
pub(crate) async fn workshop(
    database: &DatabaseArgs,
    args: &PerformArgs,
    private_origins: PrivateOrigins,
    metrics: Option<&Metrics>,
) -> Result<(Engine, Arc<dyn HostStore>), Failure> {
    let rest = Secrets::open(args.secrets.as_deref())?;
    // The browser first: where there is none, nothing is left behind.
    let browser = browser(args).await?;
    let keys = state_keys(args.state_keys.as_deref(), &database.database()?, &database.artifacts())?;
    if keys.is_empty() {
        tracing::warn!("there are no keys: what waits for longer than a minute goes on in an empty browser");
    }
    let policy = HostPolicy { private_origins, allow_evaluate: args.allow_scripts };
    let files = artifacts(database)?;
    let (store, host) = database.open_host().await?;
    let secrets = OwnersSecrets { sealed: SealedSecrets::new(host.clone(), keys.clone()), rest: Some(rest) };
    let builder = measured(store, browser, metrics);
    Ok((builder.artifacts(files).secrets(secrets).state_keys(keys).policy(policy).build(), host))
}

/// An engine on this store and browser, measured where somebody wants to know.
fn measured(store: Arc<dyn Store>, browser: Arc<dyn Browser>, metrics: Option<&Metrics>) -> EngineBuilder {
    match metrics {
        Some(metrics) => {
            let browser = metrics.browser(browser);
            Engine::builder(metrics.store(store)).browser(browser).observer(metrics.observer())
        }
        None => Engine::builder(store).browser(browser),
    }
}

/// What a server needs.
pub(crate) struct Shop {
    /// Performs, for many owners.
    pub(crate) engine: Engine,
    /// What is kept beside executions.
    pub(crate) host: Arc<dyn HostStore>,
    /// What owners have given.
    pub(crate) secrets: SealedSecrets,
    /// The keys of cookies, storage and secrets.
    pub(crate) keys: Vec<Key>,
}

/// An engine that performs for many owners: each has the secrets that it has given, and all have those of the file, if one
/// is named. The environment's are the operator's own and are given to nobody. `neighbours` are a secret that the workers of
/// other processes share, and the name of this one's: what those perform can be watched and taken in hand from here.
pub(crate) async fn shop(
    database: &DatabaseArgs,
    args: &PerformArgs,
    private_origins: PrivateOrigins,
    neighbours: Option<(SecretString, WorkerId)>,
    metrics: Option<&Metrics>,
) -> Result<Shop, Failure> {
    let file = secrets_file(args.secrets.as_deref())?;
    let browser = browser(args).await?;
    let keys = state_keys(args.state_keys.as_deref(), &database.database()?, &database.artifacts())?;
    let policy = HostPolicy { private_origins, allow_evaluate: args.allow_scripts };
    let (store, host) = database.open_host().await?;
    let secrets = SealedSecrets::new(host.clone(), keys.clone());
    let builder = measured(store, browser, metrics)
        .artifacts(artifacts(database)?)
        .secrets(OwnersSecrets { sealed: secrets.clone(), rest: file })
        .state_keys(keys.clone())
        .policy(policy);
    let builder = match neighbours {
        Some((secret, own)) => {
            builder.live_channel(Arc::new(LiveRelay::new(host.clone(), secret).beside(own)))
        }
        None => builder,
    };
    Ok(Shop { engine: builder.build(), host, secrets, keys })
}

/// The secrets that owners have given.
pub(crate) async fn sealed_secrets(
    database: &DatabaseArgs,
    state_keys_file: Option<&Path>,
) -> Result<SealedSecrets, Failure> {
    let named = database.database()?;
    let keys = state_keys(state_keys_file, &named, &database.artifacts())?;
    let (_, host) = database.open_host().await?;
    Ok(SealedSecrets::new(host, keys))
}

/// The same for an execution of the person who types.
pub(crate) async fn own_workshop(args: &DriveArgs) -> Result<Engine, Failure> {
    // The operator's own documents: what they allow is allowed, this machine included.
    Ok(workshop(&args.store.database, &args.perform, PrivateOrigins::AsDocuments, None).await?.0)
}

/// What the person who types may ask for.
pub(crate) fn scoped(engine: &Engine, store: &StoreArgs, person: &PersonArgs) -> Scoped {
    engine.scope(store.owner()).acting_as(person.person.as_str())
}

/// The document that an execution is pinned to; `None` where it is gone.
pub(crate) async fn document(engine: &Engine, handle: &Handle) -> Result<Option<Arc<Value>>, Failure> {
    let record = handle.record().await?;
    match engine.store().document_by_hash(&Scope::System, &record.owner, &record.document_hash).await {
        Ok(stored) => Ok(Some(stored.content)),
        Err(error) if error.kind() == StoreErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::environment("cannot read the document").with_source(error)),
    }
}

/// An engine on the database, with the directory of its files.
async fn base(args: &DatabaseArgs) -> Result<EngineBuilder, Failure> {
    let store = args.open().await?;
    Ok(Engine::builder(store).artifacts(artifacts(args)?))
}

/// The same, with the secrets that owners have given and these.
async fn with_secrets(args: &DatabaseArgs, rest: Secrets) -> Result<EngineBuilder, Failure> {
    let keys = state_keys(None, &args.database()?, &args.artifacts())?;
    let (store, host) = args.open_host().await?;
    let secrets = OwnersSecrets { sealed: SealedSecrets::new(host, keys), rest: Some(rest) };
    Ok(Engine::builder(store).artifacts(artifacts(args)?).secrets(secrets))
}

/// The directory of files; made where there is none.
fn artifacts(args: &DatabaseArgs) -> Result<Arc<dyn ObjectStore>, Failure> {
    let directory = args.artifacts();
    make_directory(&directory)?;
    let artifacts = LocalFileSystem::new_with_prefix(&directory).map_err(|error| {
        Failure::environment(format!("cannot use the directory {}", directory.display())).with_source(error)
    })?;
    Ok(Arc::new(artifacts))
}

async fn browser(args: &PerformArgs) -> Result<Arc<dyn Browser>, Failure> {
    let options =
        LaunchOptions { headless: !args.headed, no_sandbox: args.no_sandbox, ..LaunchOptions::default() };
    // A worker bounds how many executions it has; the pool sees to it that browsers do not grow old.
    let mut places = PoolOptions::default();
    places.max_sessions = MAX_SESSIONS;
    let browser = BrowserPool::launch(options, places).await.map_err(|error| {
        let help = "install Chromium (Debian and Ubuntu: `apt install chromium`; Fedora: `dnf install chromium`; \
                    macOS: `brew install --cask chromium`), or name a browser with AEF_CHROMIUM; as root it needs \
                    --no-sandbox";
        Failure::environment("the browser cannot be started").with_source(error).with_help(help)
    })?;
    Ok(Arc::new(browser))
}

/// Secrets from a file where one is named, and from the environment.
#[derive(Debug)]
struct Secrets {
    file: Option<FileSecrets>,
    environment: EnvSecrets,
}

impl Secrets {
    fn open(path: Option<&Path>) -> Result<Self, Failure> {
        Ok(Self { file: secrets_file(path)?, environment: EnvSecrets::default() })
    }
}

#[async_trait]
impl SecretProvider for Secrets {
    async fn resolve(&self, request: SecretRequest) -> Result<SecretString, SecretError> {
        match &self.file {
            Some(file) if file.available(&request.owner, &request.document, &request.name).await? => {
                file.resolve(request).await
            }
            _ => self.environment.resolve(request).await,
        }
    }

    async fn available(
        &self,
        owner: &OwnerId,
        document: &DocumentId,
        name: &str,
    ) -> Result<bool, SecretError> {
        let in_file = match &self.file {
            Some(file) => file.available(owner, document, name).await?,
            None => false,
        };
        Ok(in_file || self.environment.available(owner, document, name).await?)
    }
}

fn secrets_file(path: Option<&Path>) -> Result<Option<FileSecrets>, Failure> {
    let file = path.map(FileSecrets::open).transpose();
    file.map_err(|error| Failure::environment("the secrets cannot be read").with_source(error))
}

/// Secrets that owners have given, and those that all of them share.
#[derive(Debug)]
struct OwnersSecrets<P> {
    sealed: SealedSecrets,
    rest: Option<P>,
}

#[async_trait]
impl<P: SecretProvider> SecretProvider for OwnersSecrets<P> {
    async fn resolve(&self, request: SecretRequest) -> Result<SecretString, SecretError> {
        match (self.sealed.resolve(request.clone()).await, &self.rest) {
            (Err(SecretError::Missing { .. }), Some(rest)) => rest.resolve(request).await,
            (other, _) => other,
        }
    }

    async fn available(
        &self,
        owner: &OwnerId,
        document: &DocumentId,
        name: &str,
    ) -> Result<bool, SecretError> {
        if self.sealed.available(owner, document, name).await? {
            return Ok(true);
        }
        match &self.rest {
            Some(rest) => rest.available(owner, document, name).await,
            None => Ok(false),
        }
    }
}

/// Secrets that are known to those who perform, and not here.
#[derive(Debug)]
struct ElsewhereSecrets;

#[async_trait]
impl SecretProvider for ElsewhereSecrets {
    async fn resolve(&self, request: SecretRequest) -> Result<SecretString, SecretError> {
        Err(SecretError::Missing { name: request.name, help: "only the workers know it".to_owned() })
    }

    async fn available(&self, _: &OwnerId, _: &DocumentId, _: &str) -> Result<bool, SecretError> {
        Ok(true)
    }
}
