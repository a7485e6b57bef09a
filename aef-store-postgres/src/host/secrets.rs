//! Keeping sealed secrets.

use aef_core::ids::OwnerId;
use aef_core::store::{Scope, SecretName, SecretStore, StoreError};
use async_trait::async_trait;
use bytes::Bytes;

use crate::PostgresStore;
use crate::access::Access;
use crate::codec::{text, time};
use crate::error::Error;

async fn put(access: &Access, owner: &OwnerId, name: &str, sealed: &[u8]) -> Result<(), Error> {
    let mut session = access.single().await?;
    session
        .query(
            "INSERT INTO aef.secrets (owner, name, sealed, updated_at) VALUES (aef.owner_no($1), $2, $3, aef.clock())
             ON CONFLICT (owner, name) DO UPDATE SET sealed = excluded.sealed, updated_at = excluded.updated_at",
        )
        .bind(text(owner.as_str()))
        .bind(text(name))
        .bind(sealed)
        .execute(session.connection())
        .await?;
    session.end().await
}

async fn get(access: &Access, owner: &OwnerId, name: &str) -> Result<Bytes, Error> {
    let mut session = access.scoped(&Scope::Owner(owner.clone())).await?;
    let sealed: Option<Vec<u8>> = session
        .query_scalar(
            "SELECT s.sealed FROM aef.secrets s JOIN aef.owners o ON o.no = s.owner WHERE o.name = $1 AND s.name = $2",
        )
        .bind(text(owner.as_str()))
        .bind(text(name))
        .fetch_optional(session.connection())
        .await?;
    session.end().await?;
    sealed.map(Bytes::from).ok_or_else(|| no_secret(name))
}

async fn names(access: &Access, owner: &OwnerId) -> Result<Vec<SecretName>, Error> {
    let mut session = access.scoped(&Scope::Owner(owner.clone())).await?;
    let rows: Vec<(String, i64)> = session
        .query_as(
            "SELECT s.name, s.updated_at FROM aef.secrets s JOIN aef.owners o ON o.no = s.owner
             WHERE o.name = $1 ORDER BY s.name",
        )
        .bind(text(owner.as_str()))
        .fetch_all(session.connection())
        .await?;
    session.end().await?;
    rows.into_iter().map(|(name, at)| Ok(SecretName { name, updated_at: time(at)? })).collect()
}

async fn remove(access: &Access, owner: &OwnerId, name: &str) -> Result<(), Error> {
    let mut session = access.single().await?;
    let removed = session
        .query(
            "DELETE FROM aef.secrets WHERE owner = (SELECT no FROM aef.owners WHERE name = $1) AND name = $2",
        )
        .bind(text(owner.as_str()))
        .bind(text(name))
        .execute(session.connection())
        .await?;
    session.end().await?;
    if removed.rows_affected() == 0 { Err(no_secret(name)) } else { Ok(()) }
}

fn no_secret(name: &str) -> Error {
    Error::not_found(format_args!("secret `{name}`"))
}

#[async_trait]
impl SecretStore for PostgresStore {
    async fn put_secret(&self, owner: &OwnerId, name: &str, sealed: Bytes) -> Result<(), StoreError> {
        put(&self.access, owner, name, &sealed).await.map_err(|error| error.during("put_secret"))
    }

    async fn sealed_secret(&self, owner: &OwnerId, name: &str) -> Result<Bytes, StoreError> {
        get(&self.access, owner, name).await.map_err(|error| error.during("sealed_secret"))
    }

    async fn secret_names(&self, owner: &OwnerId) -> Result<Vec<SecretName>, StoreError> {
        names(&self.access, owner).await.map_err(|error| error.during("secret_names"))
    }

    async fn remove_secret(&self, owner: &OwnerId, name: &str) -> Result<(), StoreError> {
        remove(&self.access, owner, name).await.map_err(|error| error.during("remove_secret"))
    }
}
