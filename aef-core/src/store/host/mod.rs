//! What a host keeps beside executions: who may call, the secrets of its owners, their SOPs, who did what, and where live
//! views are served.
//!
//! The engine needs none of it. A service around the engine does, and keeps it in the same database.

mod audit;
mod checkpoints;
mod keys;
mod live;
mod secrets;
mod sops;
mod tickets;

pub use self::audit::{AuditEntry, AuditLog, AuditRecord};
pub use self::checkpoints::CheckpointIndex;
pub use self::keys::{ApiKey, ApiKeyStore, CreatedApiKey, KeyScope, NewApiKey};
pub use self::live::{LiveDirectory, LiveHolder};
pub use self::secrets::{SecretName, SecretStore};
pub use self::sops::{CreatedSop, NewSop, SopStore, StoredSop};
pub use self::tickets::{LiveTicket, TicketStore};

/// All of it in one.
pub trait HostStore:
    ApiKeyStore + SecretStore + SopStore + AuditLog + TicketStore + CheckpointIndex + LiveDirectory
{
}

impl<S> HostStore for S where
    S: ApiKeyStore + SecretStore + SopStore + AuditLog + TicketStore + CheckpointIndex + LiveDirectory
{
}
