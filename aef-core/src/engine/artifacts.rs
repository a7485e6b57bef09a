//! Files beside the journal: pictures, downloads, input files, and the browser's state, which is encrypted.

use std::sync::Arc;

use bytes::Bytes;
use futures::future;
use futures::stream::{BoxStream, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _, PutPayload};

use super::sealing::{self, Sealed};
use crate::browser::{FileContent, StorageState};
use crate::execution::Artifact;
use crate::ids::{ArtifactHash, ExecutionId, OwnerId, sha256_hex};

/// Where the files of executions lie.
const EXECUTIONS: &str = "executions";

/// Keeps artifacts in an object store, by execution and hash.
#[derive(Clone)]
pub(crate) struct Artifacts {
    store: Arc<dyn ObjectStore>,
    /// The first encrypts, each of them decrypts.
    state_keys: Vec<[u8; 32]>,
}

/// A file of an execution, as it lies in the store.
#[derive(Debug, Clone)]
pub(crate) struct KeptFile {
    pub(crate) execution: ExecutionId,
    pub(crate) hash: ArtifactHash,
    /// When it was kept last, by the artifact store's clock.
    pub(crate) kept_at: Timestamp,
    pub(crate) size: u64,
}

/// Why an artifact could not be kept or had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArtifactError {
    #[error("the artifact store failed")]
    Store(#[from] object_store::Error),
    #[error("`{0}` is not the hash of an artifact")]
    Hash(ArtifactHash),
    #[error("the artifact has other contents than its hash says")]
    Damaged,
    #[error("no key is set under which browser state is kept")]
    NoKey,
    #[error("the browser state cannot be decrypted")]
    Sealed(#[from] Sealed),
    #[error("the browser state cannot be read")]
    State(#[from] serde_json::Error),
}

impl Artifacts {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, state_keys: Vec<[u8; 32]>) -> Self {
        Self { store, state_keys }
    }

    /// Keeps a file of an execution.
    pub(crate) async fn keep(
        &self,
        execution: ExecutionId,
        file: FileContent,
    ) -> Result<Artifact, ArtifactError> {
        let artifact = describe(&file);
        self.store.put(&of_execution(execution, &artifact.artifact)?, PutPayload::from(file.bytes)).await?;
        Ok(artifact)
    }

    /// Keeps a file of an owner, to be given to executions as an input.
    pub(crate) async fn keep_input(
        &self,
        owner: &OwnerId,
        file: FileContent,
    ) -> Result<Artifact, ArtifactError> {
        let artifact = describe(&file);
        self.store.put(&of_owner(owner, &artifact.artifact)?, PutPayload::from(file.bytes)).await?;
        Ok(artifact)
    }

    /// Gives an artifact of one of the executions, or else of the owner's input files.
    pub(crate) async fn find(
        &self,
        executions: &[ExecutionId],
        owner: &OwnerId,
        hash: &ArtifactHash,
    ) -> Result<Bytes, ArtifactError> {
        for execution in executions {
            match self.read(&of_execution(*execution, hash)?, hash).await {
                Err(ArtifactError::Store(object_store::Error::NotFound { .. })) => {}
                other => return other,
            }
        }
        self.read(&of_owner(owner, hash)?, hash).await
    }

    /// All files of executions. What else lies beside them is passed over.
    pub(crate) fn of_executions(&self) -> BoxStream<'static, Result<KeptFile, ArtifactError>> {
        let listed = self.store.list(Some(&Path::from(EXECUTIONS)));
        let files = listed.map(|object| Ok(object.map(|object| kept_file(&object))?));
        files.try_filter_map(|file| future::ready(Ok(file))).boxed()
    }

    /// Removes a file of an execution; one that is gone already is no error.
    pub(crate) async fn remove(&self, file: &KeptFile) -> Result<(), ArtifactError> {
        match self.store.delete(&of_execution(file.execution, &file.hash)?).await {
            Err(object_store::Error::NotFound { .. }) => Ok(()),
            removed => Ok(removed?),
        }
    }

    async fn read(&self, path: &Path, hash: &ArtifactHash) -> Result<Bytes, ArtifactError> {
        let bytes = self.store.get(path).await?.bytes().await?;
        if sha256_hex(&bytes) == hash.as_str() { Ok(bytes) } else { Err(ArtifactError::Damaged) }
    }

    /// Whether browser state can be kept at all.
    pub(crate) const fn keeps_state(&self) -> bool {
        !self.state_keys.is_empty()
    }

    /// Keeps cookies and storage, encrypted and bound to the execution.
    pub(crate) async fn keep_state(
        &self,
        execution: ExecutionId,
        state: &StorageState,
    ) -> Result<Artifact, ArtifactError> {
        let key = self.state_keys.first().ok_or(ArtifactError::NoKey)?;
        let plain = serde_json::to_vec(state)?;
        let bytes = sealing::seal(key, &plain, &execution.to_string())?;
        let file = FileContent {
            name: "browser-state".to_owned(),
            media_type: "application/octet-stream".to_owned(),
            bytes: Bytes::from(bytes),
        };
        self.keep(execution, file).await
    }

    /// Gives cookies and storage back.
    pub(crate) async fn state(
        &self,
        execution: ExecutionId,
        artifact: &Artifact,
    ) -> Result<StorageState, ArtifactError> {
        if !self.keeps_state() {
            return Err(ArtifactError::NoKey);
        }
        let bytes = self.read(&of_execution(execution, &artifact.artifact)?, &artifact.artifact).await?;
        let plain = sealing::open(&self.state_keys, &bytes, &execution.to_string())?;
        Ok(serde_json::from_slice(&plain)?)
    }
}

impl std::fmt::Debug for Artifacts {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Artifacts")
            .field("store", &self.store)
            .field("keeps_state", &self.keeps_state())
            .finish()
    }
}

fn describe(file: &FileContent) -> Artifact {
    Artifact {
        artifact: ArtifactHash::new(sha256_hex(&file.bytes)),
        name: file.name.clone(),
        media_type: file.media_type.clone(),
        size: file.bytes.len() as u64,
    }
}

fn kept_file(object: &ObjectMeta) -> Option<KeptFile> {
    let parts: Vec<_> = object.location.parts().collect();
    let [_, execution, hash] = parts.as_slice() else { return None };
    let hash = ArtifactHash::new(hash.as_ref());
    checked(&hash).ok()?;
    Some(KeptFile {
        execution: execution.as_ref().parse().ok()?,
        hash,
        kept_at: Timestamp::from_millisecond(object.last_modified.timestamp_millis()).ok()?,
        size: object.size,
    })
}

fn of_execution(execution: ExecutionId, hash: &ArtifactHash) -> Result<Path, ArtifactError> {
    Ok(Path::from_iter([EXECUTIONS, &execution.to_string(), checked(hash)?]))
}

/// Owners are named by the host in any letters; their hash is a path on every object store.
fn of_owner(owner: &OwnerId, hash: &ArtifactHash) -> Result<Path, ArtifactError> {
    Ok(Path::from_iter(["owners", &sha256_hex(owner.as_str().as_bytes()), checked(hash)?]))
}

/// A hash may come from a variable of the document, so it is not trusted to be one.
fn checked(hash: &ArtifactHash) -> Result<&str, ArtifactError> {
    let text = hash.as_str();
    let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if text.len() == ArtifactHash::LENGTH && digits {
        Ok(text)
    } else {
        Err(ArtifactError::Hash(hash.clone()))
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    fn artifacts(keys: &[[u8; 32]]) -> (Arc<InMemory>, Artifacts) {
        let store = Arc::new(InMemory::new());
        (store.clone(), Artifacts::new(store, keys.to_vec()))
    }

    fn text(text: &str) -> FileContent {
        FileContent {
            name: "a.txt".to_owned(),
            media_type: "text/plain".to_owned(),
            bytes: Bytes::copy_from_slice(text.as_bytes()),
        }
    }

    #[tokio::test]
    async fn a_fork_finds_the_files_of_its_parent_and_of_its_owner() {
        let (_, artifacts) = artifacts(&[]);
        let (parent, child) = (ExecutionId::generate(), ExecutionId::generate());
        let owner = OwnerId::from("a/b ü");
        let kept = artifacts.keep(parent, text("of the parent")).await.unwrap();
        let input = artifacts.keep_input(&owner, text("of the owner")).await.unwrap();
        let lineage = [child, parent];
        let find = |hash| artifacts.find(&lineage, &owner, hash);
        assert_eq!(find(&kept.artifact).await.unwrap(), "of the parent");
        assert_eq!(find(&input.artifact).await.unwrap(), "of the owner");
        assert!(artifacts.find(&[child], &"other".into(), &input.artifact).await.is_err());
    }

    #[tokio::test]
    async fn what_is_no_hash_reaches_no_path() {
        let (_, artifacts) = artifacts(&[]);
        let error = artifacts.find(&[], &"me".into(), &"../secret".into()).await.unwrap_err();
        assert!(matches!(error, ArtifactError::Hash(_)), "{error}");
    }

    #[tokio::test]
    async fn browser_state_is_kept_encrypted_and_for_its_execution_only() {
        let (store, artifacts) = artifacts(&[[7; 32]]);
        let execution = ExecutionId::generate();
        let state = StorageState { cookies: vec!["session=hunter2".into()], ..StorageState::default() };
        let kept = artifacts.keep_state(execution, &state).await.unwrap();
        assert_eq!(artifacts.state(execution, &kept).await.unwrap(), state);

        let path = of_execution(execution, &kept.artifact).unwrap();
        let bytes = store.get(&path).await.unwrap().bytes().await.unwrap();
        assert!(!bytes.windows(7).any(|window| window == b"hunter2"), "stored in the clear");

        let other = ExecutionId::generate();
        store.put(&of_execution(other, &kept.artifact).unwrap(), PutPayload::from(bytes)).await.unwrap();
        assert!(matches!(artifacts.state(other, &kept).await, Err(ArtifactError::Sealed(_))));
        let stranger = Artifacts::new(store, vec![[8; 32]]);
        assert!(matches!(stranger.state(execution, &kept).await, Err(ArtifactError::Sealed(_))));
    }

    #[tokio::test]
    async fn the_first_key_encrypts_and_an_older_one_still_decrypts() {
        let (store, before) = artifacts(&[[7; 32]]);
        let execution = ExecutionId::generate();
        let state = StorageState { cookies: vec!["session=hunter2".into()], ..StorageState::default() };
        let old = before.keep_state(execution, &state).await.unwrap();

        let during = Artifacts::new(store.clone(), vec![[8; 32], [7; 32]]);
        assert_eq!(during.state(execution, &old).await.unwrap(), state);
        let new = during.keep_state(execution, &state).await.unwrap();

        let after = Artifacts::new(store, vec![[8; 32]]);
        assert_eq!(after.state(execution, &new).await.unwrap(), state);
        assert!(matches!(after.state(execution, &old).await, Err(ArtifactError::Sealed(_))));
        assert!(matches!(before.state(execution, &new).await, Err(ArtifactError::Sealed(_))));
    }

    #[tokio::test]
    async fn without_a_key_no_state_is_kept() {
        let (_, artifacts) = artifacts(&[]);
        let error =
            artifacts.keep_state(ExecutionId::generate(), &StorageState::default()).await.unwrap_err();
        assert!(matches!(error, ArtifactError::NoKey));
    }
}
