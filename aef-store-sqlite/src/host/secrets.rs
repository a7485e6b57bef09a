//! Keeping sealed secrets.

use aef_core::ids::OwnerId;
use aef_core::store::{SecretName, SecretStore, StoreError};
use async_trait::async_trait;
use bytes::Bytes;
use sqlx::sqlite::SqlitePool;

use crate::SqliteStore;
use crate::codec::{micros, time};
use crate::create::owner;
use crate::error::Error;
use crate::writer::{Operation, Work};

/// A secret to keep.
#[derive(Debug)]
struct Put {
    owner: OwnerId,
    name: String,
    sealed: Bytes,
}

#[async_trait]
impl Operation for Put {
    type Output = ();
    const NAME: &'static str = "put_secret";

    async fn run(&self, work: &mut Work<'_>) -> Result<(), Error> {
        let now = work.now();
        let owner = owner(work.connection, &self.owner).await?;
        sqlx::query(
            "INSERT INTO secrets (owner, name, sealed, updated_at) VALUES (?, ?, ?, ?)
             ON CONFLICT (owner, name) DO UPDATE SET sealed = excluded.sealed, updated_at = excluded.updated_at",
        )
        .bind(owner)
        .bind(&self.name)
        .bind(self.sealed.as_ref())
        .bind(micros(now))
        .execute(&mut *work.connection)
        .await?;
        Ok(())
    }
}

/// A wish to remove a secret.
#[derive(Debug)]
struct Remove {
    owner: OwnerId,
    name: String,
}

#[async_trait]
impl Operation for Remove {
    type Output = ();
    const NAME: &'static str = "remove_secret";

    async fn run(&self, work: &mut Work<'_>) -> Result<(), Error> {
        let removed = sqlx::query(
            "DELETE FROM secrets WHERE owner = (SELECT no FROM owners WHERE name = ?) AND name = ?",
        )
        .bind(self.owner.as_str())
        .bind(&self.name)
        .execute(&mut *work.connection)
        .await?;
        if removed.rows_affected() == 0 { Err(no_secret(&self.name)) } else { Ok(()) }
    }
}

fn no_secret(name: &str) -> Error {
    Error::not_found(format_args!("secret `{name}`"))
}

async fn sealed(pool: &SqlitePool, owner: &OwnerId, name: &str) -> Result<Bytes, Error> {
    let sealed: Option<Vec<u8>> = sqlx::query_scalar(
        "SELECT s.sealed FROM secrets s JOIN owners o ON o.no = s.owner WHERE o.name = ? AND s.name = ?",
    )
    .bind(owner.as_str())
    .bind(name)
    .fetch_optional(pool)
    .await?;
    sealed.map(Bytes::from).ok_or_else(|| no_secret(name))
}

async fn names(pool: &SqlitePool, owner: &OwnerId) -> Result<Vec<SecretName>, Error> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT s.name, s.updated_at FROM secrets s JOIN owners o ON o.no = s.owner WHERE o.name = ? ORDER BY s.name",
    )
    .bind(owner.as_str())
    .fetch_all(pool)
    .await?;
    rows.into_iter().map(|(name, at)| Ok(SecretName { name, updated_at: time(at)? })).collect()
}

#[async_trait]
impl SecretStore for SqliteStore {
    async fn put_secret(&self, owner: &OwnerId, name: &str, sealed: Bytes) -> Result<(), StoreError> {
        self.writer.perform(Put { owner: owner.clone(), name: name.to_owned(), sealed }).await
    }

    async fn sealed_secret(&self, owner: &OwnerId, name: &str) -> Result<Bytes, StoreError> {
        sealed(&self.readers, owner, name).await.map_err(|error| error.during("sealed_secret"))
    }

    async fn secret_names(&self, owner: &OwnerId) -> Result<Vec<SecretName>, StoreError> {
        names(&self.readers, owner).await.map_err(|error| error.during("secret_names"))
    }

    async fn remove_secret(&self, owner: &OwnerId, name: &str) -> Result<(), StoreError> {
        self.writer.perform(Remove { owner: owner.clone(), name: name.to_owned() }).await
    }
}
