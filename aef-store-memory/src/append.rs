//! Appending to a journal.

use aef_core::ids::Epoch;
use aef_core::store::{
    Append, Appended, Expect, Notice, StoreError, StoreErrorKind, StoredSnapshot, next_micros,
};
use jiff::Timestamp;

use crate::state::{Entry, State, later, no_execution};

impl State {
    /// Appends, or gives the first result again; the notice is for what was written.
    pub(crate) fn append(
        &mut self,
        request: Append,
        now: Timestamp,
    ) -> Result<(Appended, Option<Notice>), StoreError> {
        let execution = request.execution;
        let entry = self
            .executions
            .get_mut(&execution)
            .filter(|entry| request.scope.covers(&entry.record.owner))
            .ok_or_else(|| no_execution("append", execution))?;
        let digest = request.digest();
        if let Some((known, appended)) = entry.batches.get(&request.batch_id) {
            if *known == digest {
                return Ok((appended.clone(), None));
            }
            let message = format!("the batch {} came with other content before", request.batch_id);
            return Err(StoreError::new("append", StoreErrorKind::BatchMismatch, message));
        }
        check(entry, &request, now)?;
        let batch = request.batch_id;
        let appended = write(entry, request, now);
        entry.batches.insert(batch, (digest, appended.clone()));
        let (notice, summary) = (Notice::from(&entry.record), entry.record.summary.clone());
        self.index_checkpoint(execution, &summary);
        Ok((appended, Some(notice)))
    }
}

/// Whether the batch may be written, in the order that the contract gives.
fn check(entry: &Entry, request: &Append, now: Timestamp) -> Result<(), StoreError> {
    let refused = |kind, message: String| Err(StoreError::new("append", kind, message));
    let record = &entry.record;
    let leased = entry.is_leased(now);
    if record.summary.status.is_final() {
        let message = format!("the execution is {}", record.summary.status);
        return refused(StoreErrorKind::Finished, message);
    }
    if let Some((worker, epoch)) = &request.fence {
        let holds = record.lease.as_ref().is_some_and(|lease| lease.worker == *worker);
        if *epoch != record.epoch || !holds {
            let message = format!("{worker} no longer holds the execution under epoch {}", epoch.0);
            return refused(StoreErrorKind::LeaseLost, message);
        }
    }
    if request.require_unleased && leased {
        return refused(StoreErrorKind::LeaseLost, "a worker holds the execution".into());
    }
    if request.starts_effect && !(request.fence.is_some() && leased) {
        return refused(StoreErrorKind::LeaseLost, "an effect needs a lease that has not run out".into());
    }
    if let Expect::Seq(expected) = request.expect
        && expected != record.head
    {
        let message = format!("the journal ends at {}, not at {expected}", record.head);
        return refused(StoreErrorKind::Conflict, message);
    }
    Ok(())
}

fn write(entry: &mut Entry, request: Append, now: Timestamp) -> Appended {
    let wake_at = request.wake_at.map(next_micros);
    let record = &mut entry.record;
    record.wake_at = match request.expect {
        Expect::Seq(_) => wake_at,
        Expect::NotFinished => [record.wake_at, wake_at].into_iter().flatten().min(),
    };
    record.head = record.head.plus(request.events.len() as u64);
    record.format = record.format.max(request.format);
    record.updated_at = now;
    if let Some(summary) = request.summary {
        record.summary = summary;
    }
    if request.require_unleased {
        record.epoch = Epoch(record.epoch.0 + 1);
        record.lease = None;
    }
    let is_final = record.summary.status.is_final();
    if is_final {
        record.wake_at = None;
        record.finished_at = Some(now);
    }
    if is_final || (request.release && request.fence.is_some()) {
        record.lease = None;
    } else if request.fence.is_some()
        && let Some(lease) = &mut record.lease
    {
        lease.until = later(now, entry.lease_length);
    }
    if !request.events.is_empty() {
        entry.fruitless = 0;
    }
    entry.events.extend(request.events);
    if let Some(bytes) = request.snapshot {
        entry.snapshot = Some(StoredSnapshot { seq: entry.record.head, bytes });
    }
    let lease_until = entry.record.lease.as_ref().map(|lease| lease.until);
    Appended { head: entry.record.head, epoch: entry.record.epoch, lease_until, now }
}
