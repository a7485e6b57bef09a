//! Making executions, and removing them.

use std::collections::BTreeMap;
use std::time::Duration;

use aef_core::ids::{Epoch, OwnerId, Seq};
use aef_core::store::{
    Created, ExecutionRecord, IdempotencyKey, NewExecution, Scope, StoreError, StoreErrorKind, next_micros,
};
use jiff::Timestamp;

use crate::state::{Entry, Key, State, later};

/// How long an idempotency key is kept past the purge of its execution.
const KEY_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl State {
    pub(crate) fn create(&mut self, request: NewExecution, now: Timestamp) -> Result<Created, StoreError> {
        if let Some(key) = &request.idempotency
            && let Some(created) = self.made_under(&request.owner, key, now)?
        {
            return Ok(created);
        }
        let made_from = request.digest();
        if let Some(entry) = self.executions.get(&request.id) {
            if entry.made_from == made_from {
                return Ok(Created { record: entry.record.clone(), existing: true });
            }
            let message = format!("the id {} belongs to another execution", request.id);
            return Err(StoreError::new("create", StoreErrorKind::BatchMismatch, message));
        }
        if let Some(IdempotencyKey { key, body_hash }) = &request.idempotency {
            let key = (request.owner.clone(), key.clone());
            let used = Key { body_hash: body_hash.clone(), execution: request.id, purged: None };
            self.keys.insert(key, used);
        }
        let entry = new_entry(request, made_from, now);
        let record = entry.record.clone();
        self.served.entry(record.owner.clone()).or_default();
        self.index_checkpoint(record.id, &record.summary);
        self.executions.insert(record.id, entry);
        Ok(Created { record, existing: false })
    }

    /// What was made under the owner's key, if it is still known.
    fn made_under(
        &self,
        owner: &OwnerId,
        key: &IdempotencyKey,
        now: Timestamp,
    ) -> Result<Option<Created>, StoreError> {
        let Some(used) = self.keys.get(&(owner.clone(), key.key.clone())) else { return Ok(None) };
        if used.purged.as_ref().is_some_and(|(_, until)| *until <= now) {
            return Ok(None);
        }
        if used.body_hash != key.body_hash {
            let message = format!("the key `{}` came with another body before", key.key);
            return Err(StoreError::new("create", StoreErrorKind::IdempotencyConflict, message));
        }
        let record = match &used.purged {
            Some((record, _)) => record.clone(),
            None => self.executions[&used.execution].record.clone(),
        };
        Ok(Some(Created { record, existing: true }))
    }

    pub(crate) fn purge(
        &mut self,
        scope: &Scope,
        finished_before: Timestamp,
        limit: u32,
        now: Timestamp,
    ) -> u64 {
        self.keys.retain(|_, key| key.purged.as_ref().is_none_or(|(_, until)| *until > now));
        let mut finished: Vec<_> = self
            .executions
            .values()
            .filter(|entry| scope.covers(&entry.record.owner))
            .filter_map(|entry| Some((entry.record.finished_at?, entry.record.id)))
            .filter(|(at, _)| *at < finished_before)
            .collect();
        finished.sort_unstable();
        finished.truncate(limit as usize);
        for (_, id) in &finished {
            let entry = self.executions.remove(id).expect("it was found in the map just now");
            for key in self.keys.values_mut().filter(|key| key.execution == *id && key.purged.is_none()) {
                key.purged = Some((entry.record.clone(), later(now, KEY_KEPT)));
            }
        }
        self.checkpoints.retain(|_, execution| self.executions.contains_key(execution));
        finished.len() as u64
    }
}

fn new_entry(request: NewExecution, made_from: String, now: Timestamp) -> Entry {
    let is_final = request.summary.status.is_final();
    let record = ExecutionRecord {
        id: request.id,
        owner: request.owner,
        document: request.document,
        document_hash: request.document_hash,
        subset: request.subset,
        parent: request.parent,
        priority: request.priority,
        summary: request.summary,
        head: Seq(request.events.len() as u64),
        epoch: Epoch(0),
        lease: None,
        wake_at: request.wake_at.filter(|_| !is_final).map(next_micros),
        format: request.format,
        created_at: now,
        updated_at: now,
        finished_at: is_final.then_some(now),
    };
    Entry {
        record,
        made_from,
        events: request.events,
        batches: BTreeMap::new(),
        snapshot: None,
        lease_length: Duration::ZERO,
        fruitless: 0,
    }
}
