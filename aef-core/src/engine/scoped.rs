//! What one owner may ask for.

use std::sync::Arc;

use serde_json::Value;

use super::Engine;
use super::error::{EngineError, EngineErrorKind};
use super::handle::Handle;
use super::submit::{Submission, SubmitOptions};
use crate::browser::FileContent;
use crate::document::Document;
use crate::execution::{Actor, Artifact};
use crate::ids::{DocumentId, ExecutionId, OwnerId};
use crate::plan::Plan;
use crate::store::{ListQuery, NewDocument, Page, Scope, StoreError, StoredDocument};

/// An engine as one owner sees it.
#[derive(Debug, Clone)]
pub struct Scoped {
    engine: Engine,
    owner: OwnerId,
    actor: Actor,
}

impl Scoped {
    pub(super) fn new(engine: Engine, owner: OwnerId) -> Self {
        let actor = Actor::Person(Arc::from(owner.as_str()));
        Self { engine, owner, actor }
    }

    /// The same, with what is asked journalled under this name instead of the owner's.
    #[must_use]
    pub fn acting_as(mut self, person: impl Into<Arc<str>>) -> Self {
        self.actor = Actor::Person(person.into());
        self
    }

    pub(super) fn acting(mut self, actor: Actor) -> Self {
        self.actor = actor;
        self
    }

    /// Whose executions these are.
    #[must_use]
    pub const fn owner(&self) -> &OwnerId {
        &self.owner
    }

    /// Submits an execution of a plan. It is durable when this returns; a worker takes it up.
    ///
    /// # Errors
    /// `Invalid` where the inputs do not fit, `SecretMissing` where a declared secret has no value,
    /// `IdempotencyConflict`, `Unavailable`.
    pub async fn submit(
        &self,
        plan: &Plan,
        inputs: Value,
        options: SubmitOptions,
    ) -> Result<Handle, EngineError> {
        self.create(Submission { plan, inputs, options, parent: None, seed: None }).await
    }

    pub(super) async fn create(&self, submission: Submission<'_>) -> Result<Handle, EngineError> {
        let created = self.engine.inner.submit(&self.owner, &self.actor, submission).await?;
        Ok(self.execution(created.record.id).found(created.existing))
    }

    /// A hold on one execution. Whether there is such a one shows when something is asked of it.
    #[must_use]
    pub fn execution(&self, id: ExecutionId) -> Handle {
        Handle::new(self.engine.clone(), Scope::Owner(self.owner.clone()), id, self.actor.clone())
    }

    /// The owner's executions, as rows.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn list(&self, query: ListQuery) -> Result<Page, EngineError> {
        let listed = self.engine.inner.store.list(&self.scope(), query).await;
        listed.map_err(|error| EngineError::of_store("list executions", error))
    }

    /// Keeps a document; the same content again gives the version that is there.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn put_document(&self, document: &Document) -> Result<StoredDocument, EngineError> {
        let kept = put(&self.engine, &self.owner, document).await;
        kept.map_err(|error| EngineError::of_store("keep the document", error))
    }

    /// A document of the owner: this version, or the newest.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    pub async fn document(
        &self,
        id: &DocumentId,
        version: Option<u32>,
    ) -> Result<StoredDocument, EngineError> {
        let found = self.engine.inner.store.document(&self.scope(), &self.owner, id, version).await;
        found.map_err(|error| EngineError::of_store("find the document", error))
    }

    /// The newest version of each of the owner's documents, by id.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn documents(
        &self,
        after: Option<DocumentId>,
        limit: u32,
    ) -> Result<Vec<StoredDocument>, EngineError> {
        let listed = self.engine.inner.store.documents(&self.scope(), after, limit).await;
        listed.map_err(|error| EngineError::of_store("list documents", error))
    }

    /// Removes all versions of a document.
    ///
    /// # Errors
    /// `Rejected` where an execution refers to one, `NotFound`, `Unavailable`.
    pub async fn remove_document(&self, id: &DocumentId) -> Result<(), EngineError> {
        let removed = self.engine.inner.store.remove_document(&self.owner, id).await;
        removed.map_err(|error| EngineError::of_store("remove the document", error))
    }

    /// Keeps a file that executions of this owner may be given as an input.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn put_file(&self, file: FileContent) -> Result<Artifact, EngineError> {
        let kept = self.engine.inner.artifacts.keep_input(&self.owner, file).await;
        kept.map_err(|error| {
            let message = "the file could not be kept";
            EngineError::new("keep a file", EngineErrorKind::Unavailable, message).with_source(error)
        })
    }

    fn scope(&self) -> Scope {
        Scope::Owner(self.owner.clone())
    }
}

/// Keeps a document of an owner.
pub(super) async fn put(
    engine: &Engine,
    owner: &OwnerId,
    document: &Document,
) -> Result<StoredDocument, StoreError> {
    engine.inner.store.put_document(owner, new_document(document)).await
}

/// A document as stores keep it.
pub(super) fn new_document(document: &Document) -> NewDocument {
    let content: Value =
        serde_json::from_str(&document.canonical_json()).expect("a document's canonical JSON is JSON");
    NewDocument {
        id: document.id.clone(),
        hash: document.hash(),
        title: document.title.clone().unwrap_or_else(|| document.id.as_str().to_owned()),
        content: Arc::new(content),
    }
}
