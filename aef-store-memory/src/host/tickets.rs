//! Keeping tickets.

use aef_core::store::{LiveTicket, StoreError, TicketStore, whole_micros};
use async_trait::async_trait;

use crate::MemoryStore;

#[async_trait]
impl TicketStore for MemoryStore {
    async fn put_ticket(&self, ticket: LiveTicket) -> Result<(), StoreError> {
        let (mut state, now) = self.lock();
        let tickets = &mut state.host.tickets;
        tickets.retain(|_, ticket| ticket.expires_at > now);
        let (access_until, expires_at) =
            (ticket.access_until.map(whole_micros), whole_micros(ticket.expires_at));
        tickets.insert(ticket.hash.clone(), LiveTicket { access_until, expires_at, ..ticket });
        Ok(())
    }

    async fn take_ticket(&self, hash: &str) -> Result<Option<LiveTicket>, StoreError> {
        let (mut state, now) = self.lock();
        Ok(state.host.tickets.remove(hash).filter(|ticket| ticket.expires_at > now))
    }
}
