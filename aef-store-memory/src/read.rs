//! Reading executions.

use std::cmp::Ordering;

use aef_core::ids::{ExecutionId, Seq};
use aef_core::store::{ExecutionRecord, JournalEntry, ListQuery, Loaded, Page, Scope, StoreError};
use jiff::Timestamp;

use crate::state::{Entry, State};

impl State {
    pub(crate) fn load(
        &self,
        scope: &Scope,
        execution: ExecutionId,
        now: Timestamp,
    ) -> Result<Loaded, StoreError> {
        let entry = self.entry("load", scope, execution)?;
        let behind = entry.snapshot.as_ref().map_or(Seq(0), |snapshot| snapshot.seq);
        Ok(Loaded {
            record: entry.record.clone(),
            snapshot: entry.snapshot.clone(),
            tail: entry.journal(behind, usize::MAX),
            now,
        })
    }

    pub(crate) fn journal(
        &self,
        scope: &Scope,
        execution: ExecutionId,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<JournalEntry>, StoreError> {
        Ok(self.entry("journal", scope, execution)?.journal(after, limit as usize))
    }

    pub(crate) fn list(&self, scope: &Scope, query: &ListQuery) -> Page {
        let mut records: Vec<_> = self
            .executions
            .values()
            .map(|entry| &entry.record)
            .filter(|record| scope.covers(&record.owner) && is_asked_for(record, query))
            .collect();
        let place = |left: ExecutionId, right: ExecutionId| match query.oldest_first {
            true => left.cmp(&right),
            false => right.cmp(&left),
        };
        if let Some(after) = query.after {
            records.retain(|record| place(record.id, after) == Ordering::Greater);
        }
        records.sort_by(|left, right| place(left.id, right.id));
        let limit = page_size(query.limit);
        let has_more = records.len() > limit;
        records.truncate(limit);
        let next = records.last().map(|record| record.id).filter(|_| has_more);
        Page { records: records.into_iter().cloned().collect(), next }
    }
}

impl Entry {
    /// At most `limit` events behind `after`.
    fn journal(&self, after: Seq, limit: usize) -> Vec<JournalEntry> {
        let places = (1..).map(Seq);
        let entries = places.zip(&self.events).map(|(seq, event)| JournalEntry { seq, event: event.clone() });
        entries.filter(|entry| entry.seq > after).take(limit).collect()
    }
}

fn is_asked_for(record: &ExecutionRecord, query: &ListQuery) -> bool {
    (query.statuses.is_empty() || query.statuses.contains(&record.summary.status))
        && query.document.as_ref().is_none_or(|document| *document == record.document)
        && query.since.is_none_or(|since| record.created_at >= since)
        && (!query.open_checkpoints || record.summary.checkpoint.is_some())
}

/// How many a page holds when so many were asked for.
pub(crate) fn page_size(limit: u32) -> usize {
    match limit {
        0 => 100,
        _ => limit.min(1_000) as usize,
    }
}
