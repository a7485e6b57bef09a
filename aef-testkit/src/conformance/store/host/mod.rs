//! What every store of a host has to keep: API keys, sealed secrets, SOP documents, the audit log, tickets, and the ways
//! from a checkpoint to its execution and from an execution to its live view.
//!
//! The list is [`for_each_host_case!`](crate::for_each_host_case); it is used as
//! [that of stores](crate::conformance::store) is.

pub mod audit;
pub mod checkpoints;
pub mod keys;
pub mod live;
pub mod secrets;
pub mod sops;
pub mod tickets;

use std::sync::Arc;

use aef_core::ids::OwnerId;
use aef_core::store::{HostStore, Scope, Store};
use async_trait::async_trait;

use super::{StoreUnderTest, Volatile};

/// A store that keeps what a host needs, too.
#[async_trait]
pub trait HostUnderTest: StoreUnderTest {
    /// The same store as [`StoreUnderTest::store`] gives.
    fn host(&self) -> Arc<dyn HostStore>;

    /// The same data, as a process sees them that starts anew.
    async fn reopen_host(&self) -> Arc<dyn HostStore>;
}

#[async_trait]
impl<S: Store + HostStore + Clone> HostUnderTest for Volatile<S> {
    fn host(&self) -> Arc<dyn HostStore> {
        Arc::new(self.store.clone())
    }

    async fn reopen_host(&self) -> Arc<dyn HostStore> {
        self.host()
    }
}

/// Calls a macro with the path of every case, `group::case,` after `group::case,`, to make a test of each.
#[macro_export]
macro_rules! for_each_host_case {
    ($callback:ident) => {
        $callback! {
            keys::a_key_comes_back_as_it_was_given,
            keys::a_key_is_found_by_its_prefix,
            keys::a_key_is_made_once_under_an_idempotency_key,
            keys::an_idempotency_key_with_another_body_is_a_conflict,
            keys::a_revoked_key_stays_revoked,
            keys::the_last_use_never_goes_back,
            keys::keys_are_an_owners_own,
            keys::keys_are_listed_in_pages,
            keys::keys_survive_a_restart,
            secrets::a_secret_comes_back_and_is_replaced,
            secrets::secrets_are_an_owners_own,
            secrets::a_removed_secret_is_gone,
            secrets::secrets_survive_a_restart,
            sops::an_sop_is_kept_to_the_letter,
            sops::another_text_is_the_next_version,
            sops::an_sop_is_made_once_under_an_idempotency_key,
            sops::racing_updates_make_each_version_once,
            sops::sops_are_an_owners_own,
            sops::sops_are_listed_in_pages,
            sops::sops_survive_a_restart,
            audit::entries_come_back_in_their_order,
            audit::entries_are_seen_by_their_owner,
            audit::entries_are_read_in_pages,
            audit::old_entries_are_removed,
            audit::entries_survive_a_restart,
            tickets::a_ticket_is_taken_once,
            tickets::racing_takers_have_one_winner,
            tickets::an_expired_ticket_is_not_taken,
            tickets::a_ticket_survives_a_restart,
            checkpoints::an_open_checkpoint_names_its_execution,
            checkpoints::an_answered_checkpoint_names_its_execution,
            checkpoints::another_owners_checkpoint_is_not_found,
            checkpoints::a_purged_checkpoint_is_not_found,
            live::the_holder_of_an_execution_is_found_where_it_says,
            live::what_a_worker_takes_back_is_gone,
            live::a_worker_that_advertised_first_keeps_its_address,
            live::an_address_is_forgotten_with_its_worker,
            live::another_owners_execution_has_no_holder,
        }
    };
}

fn ada() -> OwnerId {
    OwnerId::from("ada")
}

fn of_ada() -> Scope {
    Scope::Owner(ada())
}

fn of_bob() -> Scope {
    Scope::Owner(OwnerId::from("bob"))
}
