//! Removing the files that nothing names.
//!
//! A file is kept before the event that names it. Where a worker dies in between, nothing ever does, and where an
//! execution is purged, its files stay behind.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::TryStreamExt as _;
use jiff::{SignedDuration, Timestamp};

use super::artifacts::ArtifactError;
use super::error::{EngineError, EngineErrorKind};
use super::{Engine, Inner};
use crate::ids::{ArtifactHash, ExecutionId, Seq};
use crate::store::{ListQuery, Scope, StoreError, StoreErrorKind};

const SWEEP: &str = "sweep the artifacts";

/// How many events are read at a time.
const EVENTS: u32 = 1_000;

/// How many rows are read at a time.
const ROWS: u32 = 1_000;

/// What a sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// How many files of executions there are, the removed ones included.
    pub files: u64,
    /// How many were removed.
    pub removed: u64,
    /// How many bytes those had.
    pub bytes: u64,
}

/// What a sweep knows of the execution whose files it looks at. Object stores list the files of one together, so that
/// one is known at a time.
struct Known {
    execution: ExecutionId,
    /// The hashes that are named; `None` where more may be named yet.
    named: Option<BTreeSet<ArtifactHash>>,
}

/// Executions by the one that they were forked from.
type Forks = BTreeMap<ExecutionId, Vec<ExecutionId>>;

impl Engine {
    /// Removes files of executions that are older than `age` and that no event names; a day is a good age. To be called
    /// now and then, by any process: it reads the journal of each finished execution that has files of that age.
    ///
    /// **Guarantees.** What an event names stays: of the execution itself, and where that was purged, of those that were
    /// forked from it. The files of an execution that is not finished stay, too, because its worker may be about to name
    /// one. Input files are their owner's and are not looked at.
    ///
    /// The engine's store must be the one of all executions that keep files in its artifact store: a file of an execution
    /// that the store does not know counts as that of a purged one.
    ///
    /// # Errors
    /// `Unavailable`; what was removed until then stays removed.
    pub async fn sweep_artifacts(&self, age: Duration) -> Result<Swept, EngineError> {
        let engine = &self.inner;
        let now = engine.store.now().await.map_err(|error| EngineError::of_store(SWEEP, error))?;
        let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
        let newest = now.saturating_sub(age).unwrap_or(Timestamp::MIN);
        let mut files = engine.artifacts.of_executions();
        let (mut swept, mut known, mut forks) = (Swept::default(), None::<Known>, None);
        while let Some(file) = files.try_next().await.map_err(unavailable)? {
            swept.files += 1;
            if file.kept_at >= newest {
                continue;
            }
            let about = match known.take().filter(|known| known.execution == file.execution) {
                Some(known) => known,
                None => engine.named(file.execution, &mut forks).await?,
            };
            if about.named.as_ref().is_some_and(|named| !named.contains(&file.hash)) {
                engine.artifacts.remove(&file).await.map_err(unavailable)?;
                tracing::debug!(execution = %file.execution, hash = %file.hash, "nothing named it");
                swept.removed += 1;
                swept.bytes += file.size;
            }
            known = Some(about);
        }
        tracing::info!(files = swept.files, removed = swept.removed, bytes = swept.bytes, "swept");
        Ok(swept)
    }
}

impl Inner {
    /// What is named of the files that are kept under this execution.
    async fn named(&self, execution: ExecutionId, forks: &mut Option<Forks>) -> Result<Known, EngineError> {
        let of_store = |error| EngineError::of_store(SWEEP, error);
        let named = match self.store.load(&Scope::System, execution).await {
            // A finished journal does not grow any more, so what is read now is all that there will be.
            Ok(loaded) if loaded.record.summary.status.is_final() => {
                let mut named = BTreeSet::new();
                self.read_names(execution, &mut named).await.map_err(of_store)?;
                Some(named)
            }
            Ok(_) => None,
            Err(error) if error.kind() == StoreErrorKind::NotFound => {
                let forks = match forks {
                    Some(forks) => forks,
                    None => forks.insert(self.forks().await.map_err(of_store)?),
                };
                Some(self.named_by_forks(execution, forks).await.map_err(of_store)?)
            }
            Err(error) => return Err(of_store(error)),
        };
        Ok(Known { execution, named })
    }

    /// What those name that were forked from an execution, at whatever remove: they look for files in it.
    async fn named_by_forks(
        &self,
        execution: ExecutionId,
        forks: &Forks,
    ) -> Result<BTreeSet<ArtifactHash>, StoreError> {
        let mut named = BTreeSet::new();
        let mut from = vec![execution];
        while let Some(parent) = from.pop() {
            for fork in forks.get(&parent).into_iter().flatten() {
                self.read_names(*fork, &mut named).await?;
                from.push(*fork);
            }
        }
        Ok(named)
    }

    async fn forks(&self) -> Result<Forks, StoreError> {
        let mut forks = Forks::new();
        let mut query = ListQuery { limit: ROWS, ..ListQuery::default() };
        loop {
            let page = self.store.list(&Scope::System, query.clone()).await?;
            for record in page.records {
                if let Some(parent) = record.parent {
                    forks.entry(parent).or_default().push(record.id);
                }
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(forks),
            }
        }
    }

    /// Adds the hashes that stand in a journal. One that is purged meanwhile names nothing any more.
    async fn read_names(
        &self,
        execution: ExecutionId,
        named: &mut BTreeSet<ArtifactHash>,
    ) -> Result<(), StoreError> {
        let mut after = Seq(0);
        loop {
            let entries = match self.store.journal(&Scope::System, execution, after, EVENTS).await {
                Err(error) if error.kind() == StoreErrorKind::NotFound => return Ok(()),
                entries => entries?,
            };
            let Some(last) = entries.last() else { return Ok(()) };
            after = last.seq;
            for entry in &entries {
                named.extend(hashes_in(&entry.event));
            }
        }
    }
}

/// Everything in an event that may be the hash of a file, in whatever field it stands: in a variable, an input, a
/// picture of a checkpoint.
fn hashes_in(event: &[u8]) -> impl Iterator<Item = ArtifactHash> {
    event
        .split(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        .filter(|run| run.len() == ArtifactHash::LENGTH)
        .map(|run| ArtifactHash::new(String::from_utf8_lossy(run).into_owned()))
}

fn unavailable(error: ArtifactError) -> EngineError {
    let message = "the artifact store did not answer";
    EngineError::new(SWEEP, EngineErrorKind::Unavailable, message).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_seen_wherever_it_stands() {
        let hash = "0123456789abcdef".repeat(4);
        let event = format!(r#"{{"sets":{{"a":{{"artifact":"{hash}"}},"n":"12ab"}},"longer":"{hash}0"}}"#);
        let found: Vec<_> = hashes_in(event.as_bytes()).collect();
        assert_eq!(found, [ArtifactHash::new(hash)]);
    }
}
