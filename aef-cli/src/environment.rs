//! What an engine needs on this machine: the database, the browser, secrets, and a directory for files.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;

use aef::browser::Browser;
use aef::cdp::{CdpBrowser, LaunchOptions};
use aef::engine::{Engine, EngineBuilder, Handle, HostPolicy, PrivateOrigins, Scoped};
use aef::ids::{DocumentId, OwnerId};
use aef::secrets::{EnvSecrets, FileSecrets, SecretError, SecretProvider, SecretRequest, SecretString};
use aef::sqlite::{SqliteOptions, SqliteStore};
use aef::store::{Scope, Store, StoreErrorKind};
use async_trait::async_trait;
use object_store::local::LocalFileSystem;
use serde_json::Value;

use crate::args::{DriveArgs, PersonArgs, StoreArgs, owner};
use crate::failure::Failure;

/// An engine that reads, and asks on behalf of a person, but performs nothing.
pub(crate) async fn desk(store: &StoreArgs) -> Result<Engine, Failure> {
    must_exist(store)?;
    Ok(base(store).await?.build())
}

/// The same, where something may be submitted: whether secrets have values is told at once.
pub(crate) async fn desk_with_secrets(store: &StoreArgs, secrets: Option<&Path>) -> Result<Engine, Failure> {
    let secrets = Secrets::open(secrets)?;
    must_exist(store)?;
    Ok(base(store).await?.secrets(secrets).build())
}

/// An engine that performs.
pub(crate) async fn workshop(args: &DriveArgs) -> Result<Engine, Failure> {
    let secrets = Secrets::open(args.secrets.as_deref())?;
    // The browser first: where there is none, nothing is left behind.
    let browser = browser(args).await?;
    let key = state_key(&args.store.artifacts())?;
    let policy = HostPolicy {
        // The operator's own documents: what they allow is allowed, this machine included.
        private_origins: PrivateOrigins::AsDocuments,
        allow_evaluate: args.allow_scripts,
    };
    Ok(base(&args.store).await?.browser(browser).secrets(secrets).state_key(key).policy(policy).build())
}

/// What the person who types may ask for.
pub(crate) fn scoped(engine: &Engine, person: &PersonArgs) -> Scoped {
    engine.scope(owner()).acting_as(person.person.as_str())
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

/// A mistyped name must not make a new database where one is to be read.
fn must_exist(args: &StoreArgs) -> Result<(), Failure> {
    if args.store.exists() {
        return Ok(());
    }
    let message = format!("there is no database {}", args.store.display());
    Err(Failure::environment(message).with_help("name it with --store or AEF_STORE"))
}

async fn base(args: &StoreArgs) -> Result<EngineBuilder, Failure> {
    let store = SqliteStore::open(&args.store, SqliteOptions::default()).await.map_err(|error| {
        Failure::environment(format!("cannot open the database {}", args.store.display())).with_source(error)
    })?;
    let directory = args.artifacts();
    make_directory(&directory)?;
    let artifacts = LocalFileSystem::new_with_prefix(&directory).map_err(|error| {
        Failure::environment(format!("cannot use the directory {}", directory.display())).with_source(error)
    })?;
    let store: Arc<dyn Store> = Arc::new(store);
    Ok(Engine::builder(store).artifacts(Arc::new(artifacts)))
}

/// Makes the directory of files; what is in it may be private, so others may not look.
fn make_directory(path: &Path) -> Result<(), Failure> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| {
        Failure::environment(format!("cannot make the directory {}", path.display())).with_source(error)
    })
}

async fn browser(args: &DriveArgs) -> Result<Arc<dyn Browser>, Failure> {
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

/// The key under which cookies and storage are kept while an execution is parked; made where there is none.
fn state_key(artifacts: &Path) -> Result<[u8; 32], Failure> {
    make_directory(artifacts)?;
    let path = artifacts.join("state.key");
    let failed = |error: io::Error| {
        Failure::environment(format!("cannot use the key {}", path.display())).with_source(error)
    };
    match read_key(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => make_key(&path).map_err(failed),
        other => other.map_err(failed),
    }
}

fn read_key(path: &Path) -> io::Result<[u8; 32]> {
    let mut key = [0; 32];
    fs::File::open(path)?.read_exact(&mut key)?;
    Ok(key)
}

fn make_key(path: &Path) -> io::Result<[u8; 32]> {
    let key = read_key(Path::new("/dev/urandom"))?;
    // Written beside it and then linked, so that another process sees all of it or nothing, and the first one wins.
    let draft = path.with_extension(format!("key.{}", std::process::id()));
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(&key)?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => read_key(path),
    }
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_for_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let first = state_key(directory.path()).unwrap();
        assert_eq!(state_key(directory.path()).unwrap(), first);
        let mode = fs::metadata(directory.path().join("state.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "the draft is gone");
    }
}
