//! Keeping who asked for what.

use aef_core::store::{AuditEntry, AuditLog, AuditRecord, Scope, StoreError};
use async_trait::async_trait;
use jiff::Timestamp;

use crate::MemoryStore;
use crate::read::page_size;

#[async_trait]
impl AuditLog for MemoryStore {
    async fn record_audit(&self, entry: AuditEntry) -> Result<(), StoreError> {
        let (mut state, now) = self.lock();
        let host = &mut state.host;
        host.audit_head += 1;
        host.audit.push(AuditRecord { place: host.audit_head, at: now, entry });
        Ok(())
    }

    async fn audit(
        &self,
        scope: &Scope,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let (state, _) = self.lock();
        let is_seen = |record: &&AuditRecord| match scope {
            Scope::System => true,
            Scope::Owner(_) => record.entry.owner.as_ref().is_some_and(|owner| scope.covers(owner)),
        };
        let behind = state.host.audit.iter().filter(|record| record.place > after.unwrap_or(0));
        Ok(behind.filter(is_seen).take(page_size(limit)).cloned().collect())
    }

    async fn trim_audit(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let (mut state, _) = self.lock();
        let audit = &mut state.host.audit;
        let old = audit.iter().take_while(|record| record.at < before).count().min(limit as usize);
        audit.drain(..old);
        Ok(old as u64)
    }
}
