//! Keeping API keys.

use aef_core::ids::{ApiKeyId, DocumentId, OwnerId};
use aef_core::store::{ApiKey, ApiKeyStore, CreatedApiKey, IdempotencyKey, NewApiKey, Scope, StoreError};
use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnection, SqlitePool};

use super::{id_bytes, id_of, owner_of, same_request};
use crate::SqliteStore;
use crate::codec::{from_json, micros, time, to_json};
use crate::create::owner;
use crate::error::Error;
use crate::read::page_size;
use crate::writer::{Operation, Work};

/// A query of [`Row`]s, with what stands behind `FROM … WHERE`.
macro_rules! select {
    ($where:literal) => {
        concat!(
            "SELECT k.id, o.name AS owner, k.name, k.prefix, k.hash, k.scopes, k.document, k.origins, k.created_at,
                    k.expires_at, k.revoked_at, k.last_used_at, k.body_hash
             FROM api_keys k JOIN owners o ON o.no = k.owner WHERE ",
            $where
        )
    };
}

#[derive(Debug, sqlx::FromRow)]
struct Row {
    id: Vec<u8>,
    owner: String,
    name: String,
    prefix: String,
    hash: String,
    scopes: String,
    document: Option<String>,
    origins: String,
    created_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
    last_used_at: Option<i64>,
    body_hash: Option<String>,
}

impl Row {
    fn key(self) -> Result<ApiKey, Error> {
        Ok(ApiKey {
            id: ApiKeyId::from_uuid(id_of("the id of a key", &self.id)?),
            owner: OwnerId::new(self.owner),
            name: self.name,
            prefix: self.prefix,
            hash: self.hash,
            scopes: from_json("the scopes of a key", &self.scopes)?,
            document: self.document.map(DocumentId::new),
            origins: from_json("the origins of a key", &self.origins)?,
            created_at: time(self.created_at)?,
            expires_at: self.expires_at.map(time).transpose()?,
            revoked_at: self.revoked_at.map(time).transpose()?,
            last_used_at: self.last_used_at.map(time).transpose()?,
        })
    }
}

#[async_trait]
impl Operation for NewApiKey {
    type Output = CreatedApiKey;
    const NAME: &'static str = "create_key";

    async fn run(&self, work: &mut Work<'_>) -> Result<CreatedApiKey, Error> {
        if let Some(key) = &self.idempotency
            && let Some(row) = made_under(work.connection, &self.owner, key).await?
        {
            same_request(key, row.body_hash.as_deref())?;
            return Ok(CreatedApiKey { key: row.key()?, existing: true });
        }
        let now = work.now();
        let owner = owner(work.connection, &self.owner).await?;
        sqlx::query(
            "INSERT INTO api_keys (id, owner, name, prefix, hash, scopes, document, origins, created_at, expires_at,
                                   made_under, body_hash)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(id_bytes(self.id.as_uuid()))
        .bind(owner)
        .bind(&self.name)
        .bind(&self.prefix)
        .bind(&self.hash)
        .bind(to_json(&self.scopes))
        .bind(self.document.as_ref().map(DocumentId::as_str))
        .bind(to_json(&self.origins))
        .bind(micros(now))
        .bind(self.expires_at.map(micros))
        .bind(self.idempotency.as_ref().map(|key| &key.key))
        .bind(self.idempotency.as_ref().map(|key| &key.body_hash))
        .execute(&mut *work.connection)
        .await?;
        let key = one(&mut *work.connection, &Scope::System, self.id).await?;
        Ok(CreatedApiKey { key, existing: false })
    }
}

async fn made_under(
    connection: &mut SqliteConnection,
    owner: &OwnerId,
    key: &IdempotencyKey,
) -> Result<Option<Row>, Error> {
    let row = sqlx::query_as(select!("o.name = ? AND k.made_under = ?"))
        .bind(owner.as_str())
        .bind(&key.key)
        .fetch_optional(connection)
        .await?;
    Ok(row)
}

async fn one<'c>(
    executor: impl sqlx::SqliteExecutor<'c>,
    scope: &Scope,
    id: ApiKeyId,
) -> Result<ApiKey, Error> {
    let row: Option<Row> = sqlx::query_as(select!("k.id = ?1 AND (?2 IS NULL OR o.name = ?2)"))
        .bind(id_bytes(id.as_uuid()))
        .bind(owner_of(scope))
        .fetch_optional(executor)
        .await?;
    row.ok_or_else(|| Error::not_found(format_args!("key {id}")))?.key()
}

async fn page(
    pool: &SqlitePool,
    scope: &Scope,
    after: Option<ApiKeyId>,
    limit: u32,
) -> Result<Vec<ApiKey>, Error> {
    let rows: Vec<Row> =
        sqlx::query_as(select!("(?1 IS NULL OR o.name = ?1) AND k.id > ?2 ORDER BY k.id LIMIT ?3"))
            .bind(owner_of(scope))
            .bind(after.map_or_else(Vec::new, |after| id_bytes(after.as_uuid())))
            .bind(page_size(limit))
            .fetch_all(pool)
            .await?;
    rows.into_iter().map(Row::key).collect()
}

async fn by_prefix(pool: &SqlitePool, prefix: &str) -> Result<Vec<ApiKey>, Error> {
    let rows: Vec<Row> =
        sqlx::query_as(select!("k.prefix = ? ORDER BY k.id")).bind(prefix).fetch_all(pool).await?;
    rows.into_iter().map(Row::key).collect()
}

/// A wish to revoke a key.
#[derive(Debug)]
struct Revoke {
    scope: Scope,
    id: ApiKeyId,
}

#[async_trait]
impl Operation for Revoke {
    type Output = ApiKey;
    const NAME: &'static str = "revoke_key";

    async fn run(&self, work: &mut Work<'_>) -> Result<ApiKey, Error> {
        let now = work.now();
        let key = one(&mut *work.connection, &self.scope, self.id).await?;
        if key.revoked_at.is_some() {
            return Ok(key);
        }
        sqlx::query("UPDATE api_keys SET revoked_at = ? WHERE id = ?")
            .bind(micros(now))
            .bind(id_bytes(self.id.as_uuid()))
            .execute(&mut *work.connection)
            .await?;
        Ok(ApiKey { revoked_at: Some(now), ..key })
    }
}

/// A sign that a key was used.
#[derive(Debug)]
struct Touch {
    id: ApiKeyId,
    at: Timestamp,
}

#[async_trait]
impl Operation for Touch {
    type Output = ();
    const NAME: &'static str = "touch_key";

    async fn run(&self, work: &mut Work<'_>) -> Result<(), Error> {
        sqlx::query("UPDATE api_keys SET last_used_at = max(coalesce(last_used_at, ?1), ?1) WHERE id = ?2")
            .bind(micros(self.at))
            .bind(id_bytes(self.id.as_uuid()))
            .execute(&mut *work.connection)
            .await?;
        Ok(())
    }
}

#[async_trait]
impl ApiKeyStore for SqliteStore {
    async fn create_key(&self, key: NewApiKey) -> Result<CreatedApiKey, StoreError> {
        self.writer.perform(key).await
    }

    async fn keys_by_prefix(&self, prefix: &str) -> Result<Vec<ApiKey>, StoreError> {
        by_prefix(&self.readers, prefix).await.map_err(|error| error.during("keys_by_prefix"))
    }

    async fn key(&self, scope: &Scope, id: ApiKeyId) -> Result<ApiKey, StoreError> {
        one(&self.readers, scope, id).await.map_err(|error| error.during("key"))
    }

    async fn keys(
        &self,
        scope: &Scope,
        after: Option<ApiKeyId>,
        limit: u32,
    ) -> Result<Vec<ApiKey>, StoreError> {
        page(&self.readers, scope, after, limit).await.map_err(|error| error.during("keys"))
    }

    async fn revoke_key(&self, scope: &Scope, id: ApiKeyId) -> Result<ApiKey, StoreError> {
        self.writer.perform(Revoke { scope: scope.clone(), id }).await
    }

    async fn touch_key(&self, id: ApiKeyId, at: Timestamp) -> Result<(), StoreError> {
        self.writer.perform(Touch { id, at }).await
    }
}
