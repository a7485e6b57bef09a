//! What an engine needs on this machine: the database, the browser, secrets, and a directory for files.

use std::path::Path;
use std::sync::Arc;

use aef::browser::Browser;
use aef::cdp::{CdpBrowser, LaunchOptions};
use aef::engine::{Engine, EngineBuilder, Handle, HostPolicy, PrivateOrigins, Scoped};
use aef::ids::{DocumentId, OwnerId};
use aef::secrets::{EnvSecrets, FileSecrets, SecretError, SecretProvider, SecretRequest, SecretString};
use aef::store::{Scope, StoreErrorKind};
use async_trait::async_trait;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use serde_json::Value;

use crate::args::{DriveArgs, PerformArgs, PersonArgs, StoreArgs};
use crate::database::DatabaseArgs;
use crate::failure::Failure;
use crate::keys::{make_directory, state_keys};
use crate::metrics::Metrics;

/// An engine that reads, and asks on behalf of a person, but performs nothing.
pub(crate) async fn desk(store: &StoreArgs) -> Result<Engine, Failure> {
    store.database.database()?.must_exist()?;
    Ok(base(&store.database).await?.build())
}

/// The same, where something may be submitted: whether secrets have values is told at once.
pub(crate) async fn desk_with_secrets(store: &StoreArgs, secrets: Option<&Path>) -> Result<Engine, Failure> {
    let secrets = Secrets::open(secrets)?;
    store.database.database()?.must_exist()?;
    Ok(base(&store.database).await?.secrets(secrets).build())
}

/// An engine that submits, also to a database that is yet to be made. Without secrets, those who perform have them.
pub(crate) async fn counter(store: &StoreArgs, secrets: CheckedSecrets<'_>) -> Result<Engine, Failure> {
    let builder = match secrets {
        CheckedSecrets::Here(file) => {
            let secrets = Secrets::open(file)?;
            base(&store.database).await?.secrets(secrets)
        }
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

/// An engine that performs.
pub(crate) async fn workshop(
    database: &DatabaseArgs,
    args: &PerformArgs,
    private_origins: PrivateOrigins,
    metrics: Option<&Metrics>,
) -> Result<Engine, Failure> {
    let secrets = Secrets::open(args.secrets.as_deref())?;
    // The browser first: where there is none, nothing is left behind.
    let browser = browser(args).await?;
    let keys = state_keys(args.state_keys.as_deref(), &database.database()?, &database.artifacts())?;
    if keys.is_empty() {
        tracing::warn!("there are no keys: what waits for longer than a minute goes on in an empty browser");
    }
    let policy = HostPolicy { private_origins, allow_evaluate: args.allow_scripts };
    let files = artifacts(database)?;
    let store = database.open().await?;
    let builder = match metrics {
        Some(metrics) => {
            let browser = metrics.browser(browser);
            Engine::builder(metrics.store(store)).browser(browser).observer(metrics.observer())
        }
        None => Engine::builder(store).browser(browser),
    };
    Ok(builder.artifacts(files).secrets(secrets).state_keys(keys).policy(policy).build())
}

/// The same for an execution of the person who types.
pub(crate) async fn own_workshop(args: &DriveArgs) -> Result<Engine, Failure> {
    // The operator's own documents: what they allow is allowed, this machine included.
    workshop(&args.store.database, &args.perform, PrivateOrigins::AsDocuments, None).await
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
    let browser = CdpBrowser::launch(options).await.map_err(|error| {
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
        let file = path
            .map(FileSecrets::open)
            .transpose()
            .map_err(|error| Failure::environment("the secrets cannot be read").with_source(error))?;
        Ok(Self { file, environment: EnvSecrets::default() })
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
