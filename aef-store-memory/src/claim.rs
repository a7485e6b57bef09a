//! Leasing executions to workers.

use std::collections::BTreeSet;

use aef_core::ids::{Epoch, ExecutionId, OwnerId, WorkerId};
use aef_core::store::{Claim, ClaimRequest, Limits, RenewRequest, Renewals, Renewed};
use jiff::Timestamp;

use crate::state::{Entry, Sign, State};

/// How long after its last sign of life a worker counts as alive, in seconds.
const ALIVE_FOR: i64 = 60;

impl State {
    pub(crate) fn claim(&mut self, request: &ClaimRequest, now: Timestamp) -> Vec<Claim> {
        self.show(&request.worker, Some(request.limits()), now);
        let mut claims = Vec::new();
        let mut waiting: BTreeSet<OwnerId> =
            self.ready(request, now).map(|entry| entry.record.owner.clone()).collect();
        let has_room = |state: &Self| request.global.is_none_or(|limit| state.running_globally(now) < limit);
        while claims.len() < request.limit as usize && has_room(self) {
            let next = waiting.iter().min_by_key(|owner| (self.served[*owner], *owner)).cloned();
            let Some(owner) = next else { break };
            let at_limit = request.per_owner.is_some_and(|limit| self.running(&owner, now) >= limit);
            let best = if at_limit { None } else { self.best_of(&owner, request, now) };
            match best {
                Some(id) => claims.push(self.lease(id, request, now)),
                None => {
                    waiting.remove(&owner);
                }
            }
        }
        claims
    }

    /// What may be claimed by this request.
    fn ready<'a>(&'a self, request: &'a ClaimRequest, now: Timestamp) -> impl Iterator<Item = &'a Entry> {
        self.executions.values().filter(move |entry| {
            entry.record.wake_at.is_some_and(|wake_at| wake_at <= now)
                && !entry.is_leased(now)
                && entry.record.format <= request.max_format
                && request.only.is_none_or(|only| only == entry.record.id)
        })
    }

    /// The owner's next: by priority, then by time, then by age.
    fn best_of(&self, owner: &OwnerId, request: &ClaimRequest, now: Timestamp) -> Option<ExecutionId> {
        self.ready(request, now)
            .map(|entry| &entry.record)
            .filter(|record| record.owner == *owner)
            .min_by_key(|record| (-i64::from(record.priority), record.wake_at, record.id))
            .map(|record| record.id)
    }

    fn lease(&mut self, id: ExecutionId, request: &ClaimRequest, now: Timestamp) -> Claim {
        let turn = self.served.values().max().map_or(1, |last| last + 1);
        let entry = self.executions.get_mut(&id).expect("it was found in the map just now");
        entry.record.epoch = Epoch(entry.record.epoch.0 + 1);
        entry.fruitless += 1;
        entry.lease_to(&request.worker, request.lease, now);
        self.served.insert(entry.record.owner.clone(), turn);
        Claim { record: entry.record.clone(), claims_without_event: entry.fruitless, journal: None, now }
    }

    pub(crate) fn renew(&mut self, request: &RenewRequest, now: Timestamp) -> Renewals {
        self.show(&request.worker, None, now);
        let mut renewals = Renewals { held: Vec::new(), lost: Vec::new(), now };
        for (id, epoch) in &request.executions {
            let held = self.executions.get_mut(id).filter(|entry| {
                entry.record.epoch == *epoch
                    && entry.record.lease.as_ref().is_some_and(|lease| lease.worker == request.worker)
            });
            let Some(entry) = held else {
                renewals.lost.push(*id);
                continue;
            };
            entry.lease_to(&request.worker, request.lease, now);
            let until = entry.record.lease.as_ref().map_or(now, |lease| lease.until);
            renewals.held.push(Renewed { execution: *id, until, head: entry.record.head });
        }
        renewals
    }

    /// Notes that the worker is alive, and by which limits it claims, where it has just done so.
    fn show(&mut self, worker: &WorkerId, limits: Option<Limits>, now: Timestamp) {
        self.workers.retain(|_, sign| sign.is_alive(now));
        self.host.live.retain(|worker, _| self.workers.contains_key(worker));
        let known = self.workers.get(worker).map(|sign| sign.limits);
        let limits = limits.or(known).unwrap_or_default();
        self.workers.insert(worker.clone(), Sign { seen: now, limits });
    }
}

impl Sign {
    /// Whether the worker counts as alive.
    pub(crate) fn is_alive(self, now: Timestamp) -> bool {
        now.duration_since(self.seen).as_micros() < i128::from(ALIVE_FOR) * 1_000_000
    }
}
