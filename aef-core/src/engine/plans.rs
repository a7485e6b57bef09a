//! Compiled plans, by what they were compiled from.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::error::{EngineError, EngineErrorKind};
use crate::document::Document;
use crate::ids::{DocumentHash, StepId};
use crate::plan::{CompileOptions, Plan};
use crate::store::{ExecutionRecord, Scope, Store, StoredDocument};

/// How many plans are kept compiled.
const KEPT: usize = 64;

/// A document's hash, and the steps of a subset.
type Key = (DocumentHash, Option<Vec<StepId>>);

/// Compiled plans. A plan is immutable and named by its document's hash, so one serves every owner.
#[derive(Debug, Default)]
pub(super) struct Plans {
    options: CompileOptions,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    plans: BTreeMap<Key, (u64, Arc<Plan>)>,
    uses: u64,
}

impl Plans {
    pub(super) fn new(options: CompileOptions) -> Self {
        Self { options, kept: Mutex::default() }
    }

    /// What the host adds to the format.
    pub(super) const fn options(&self) -> &CompileOptions {
        &self.options
    }

    /// The plan that an execution is pinned to.
    pub(super) async fn of(
        &self,
        store: &dyn Store,
        record: &ExecutionRecord,
    ) -> Result<Arc<Plan>, EngineError> {
        let key = (record.document_hash.clone(), record.subset.clone());
        if let Some(plan) = self.get(&key) {
            return Ok(plan);
        }
        let scope = Scope::Owner(record.owner.clone());
        let stored = store
            .document_by_hash(&scope, &record.owner, &record.document_hash)
            .await
            .map_err(|error| EngineError::of_store("load the document", error))?;
        let document = read(&stored.content)?;
        self.compile(key, &document)
    }

    /// The plan of a document that is kept.
    pub(super) fn of_document(&self, stored: &StoredDocument) -> Result<Arc<Plan>, EngineError> {
        let key = (stored.hash.clone(), None);
        match self.get(&key) {
            Some(plan) => Ok(plan),
            None => self.compile(key, &read(&stored.content)?),
        }
    }

    /// The same plan as `plan`, shared.
    pub(super) fn share(&self, plan: &Plan) -> Result<Arc<Plan>, EngineError> {
        let key = (plan.hash.clone(), plan.subset.clone());
        match self.get(&key) {
            Some(shared) => Ok(shared),
            None => self.compile(key, &plan.document).map_err(|error| {
                // A plan that was compiled with other actions of the host than this engine has.
                let message = "the plan is not valid for this engine";
                EngineError::new("submit", EngineErrorKind::Invalid, message).with_source(error)
            }),
        }
    }

    fn compile(&self, key: Key, document: &Document) -> Result<Arc<Plan>, EngineError> {
        let compiled = match &key.1 {
            Some(steps) => Plan::subset_with(document, steps, &self.options),
            None => Plan::compile_with(document, &self.options),
        };
        let plan = Arc::new(compiled.map_err(|diagnostics| unreadable().with_source(diagnostics))?);
        self.keep(key, &plan);
        Ok(plan)
    }

    fn get(&self, key: &Key) -> Option<Arc<Plan>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.uses += 1;
        let uses = kept.uses;
        let (used, plan) = kept.plans.get_mut(key)?;
        *used = uses;
        Some(plan.clone())
    }

    fn keep(&self, key: Key, plan: &Arc<Plan>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.plans.len() >= KEPT {
            let oldest = kept.plans.iter().min_by_key(|(_, (used, _))| *used).map(|(key, _)| key.clone());
            oldest.and_then(|key| kept.plans.remove(&key));
        }
        let uses = kept.uses;
        kept.plans.insert(key, (uses, plan.clone()));
    }
}

fn read(content: &Value) -> Result<Document, EngineError> {
    Document::from_value(content.clone()).map_err(|diagnostics| unreadable().with_source(diagnostics))
}

fn unreadable() -> EngineError {
    let message = "the document that is kept is not valid for this version";
    EngineError::new("compile the document", EngineErrorKind::Unreadable, message)
}
