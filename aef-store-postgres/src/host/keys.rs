//! Keeping API keys.

use aef_core::ids::{ApiKeyId, DocumentId, OwnerId};
use aef_core::store::{ApiKey, ApiKeyStore, CreatedApiKey, IdempotencyKey, NewApiKey, Scope, StoreError};
use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use super::same_request;
use crate::PostgresStore;
use crate::access::{Access, Session};
use crate::codec::{from_json, micros, text, time, to_json};
use crate::error::Error;
use crate::read::page_size;
use crate::row;

/// A query of [`Row`]s, with what stands behind `FROM … WHERE`.
macro_rules! select {
    ($where:literal) => {
        concat!(
            "SELECT k.id, o.name AS owner, k.name, k.prefix, k.hash, k.scopes, k.document, k.origins, k.created_at,
                    k.expires_at, k.revoked_at, k.last_used_at, k.body_hash
             FROM aef.api_keys k JOIN aef.owners o ON o.no = k.owner WHERE ",
            $where
        )
    };
}

#[derive(Debug, sqlx::FromRow)]
struct Row {
    id: Uuid,
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
            id: ApiKeyId::from_uuid(self.id),
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

async fn create(access: &Access, new: &NewApiKey) -> Result<CreatedApiKey, Error> {
    let mut session = access.transaction().await?;
    let key = new.idempotency.as_ref();
    // Of racing requests under one idempotency key, the later ones wait here and make nothing.
    let made = session
        .query(
            "INSERT INTO aef.api_keys (id, owner, name, prefix, hash, scopes, document, origins, created_at, expires_at,
                                       made_under, body_hash)
             VALUES ($1, aef.owner_no($2), $3, $4, $5, $6, $7, $8, aef.clock(), $9, $10, $11)
             ON CONFLICT (owner, made_under) DO NOTHING",
        )
        .bind(new.id.as_uuid())
        .bind(text(new.owner.as_str()))
        .bind(text(&new.name))
        .bind(text(&new.prefix))
        .bind(&new.hash)
        .bind(to_json(&new.scopes))
        .bind(new.document.as_ref().map(|document| text(document.as_str())))
        .bind(to_json(&new.origins))
        .bind(new.expires_at.map(micros))
        .bind(key.map(|key| text(&key.key)))
        .bind(key.map(|key| &key.body_hash))
        .execute(session.connection())
        .await?;
    let existing = made.rows_affected() == 0;
    let found = match key.filter(|_| existing) {
        Some(key) => made_under(&mut session, &new.owner, key).await?,
        None => one(&mut session, &Scope::System, new.id).await?,
    };
    session.end().await?;
    Ok(CreatedApiKey { key: found, existing })
}

async fn made_under(session: &mut Session, owner: &OwnerId, key: &IdempotencyKey) -> Result<ApiKey, Error> {
    let row: Row = session
        .query_as(select!("o.name = $1 AND k.made_under = $2"))
        .bind(text(owner.as_str()))
        .bind(text(&key.key))
        .fetch_one(session.connection())
        .await?;
    same_request(key, row.body_hash.as_deref())?;
    row.key()
}

async fn one(session: &mut Session, scope: &Scope, id: ApiKeyId) -> Result<ApiKey, Error> {
    let row: Option<Row> = session
        .query_as(select!("k.id = $1 AND ($2::text IS NULL OR o.name = $2)"))
        .bind(id.as_uuid())
        .bind(row::owner(scope))
        .fetch_optional(session.connection())
        .await?;
    row.ok_or_else(|| Error::not_found(format_args!("key {id}")))?.key()
}

async fn get(access: &Access, scope: &Scope, id: ApiKeyId) -> Result<ApiKey, Error> {
    let mut session = access.scoped(scope).await?;
    let key = one(&mut session, scope, id).await?;
    session.end().await?;
    Ok(key)
}

async fn page(
    access: &Access,
    scope: &Scope,
    after: Option<ApiKeyId>,
    limit: u32,
) -> Result<Vec<ApiKey>, Error> {
    let mut session = access.scoped(scope).await?;
    let rows: Vec<Row> = session
        .query_as(select!(
            "($1::text IS NULL OR o.name = $1) AND ($2::uuid IS NULL OR k.id > $2) ORDER BY k.id LIMIT $3"
        ))
        .bind(row::owner(scope))
        .bind(after.map(ApiKeyId::as_uuid))
        .bind(page_size(limit))
        .fetch_all(session.connection())
        .await?;
    session.end().await?;
    rows.into_iter().map(Row::key).collect()
}

async fn by_prefix(access: &Access, prefix: &str) -> Result<Vec<ApiKey>, Error> {
    let mut session = access.single().await?;
    let rows: Vec<Row> = session
        .query_as(select!("k.prefix = $1 ORDER BY k.id"))
        .bind(text(prefix))
        .fetch_all(session.connection())
        .await?;
    session.end().await?;
    rows.into_iter().map(Row::key).collect()
}

async fn revoke(access: &Access, scope: &Scope, id: ApiKeyId) -> Result<ApiKey, Error> {
    let mut session = access.transaction().await?;
    session
        .query(
            "UPDATE aef.api_keys SET revoked_at = aef.clock() WHERE id = $1 AND revoked_at IS NULL
             AND ($2::text IS NULL OR owner = (SELECT no FROM aef.owners WHERE name = $2))",
        )
        .bind(id.as_uuid())
        .bind(row::owner(scope))
        .execute(session.connection())
        .await?;
    let key = one(&mut session, scope, id).await?;
    session.end().await?;
    Ok(key)
}

async fn touch(access: &Access, id: ApiKeyId, at: Timestamp) -> Result<(), Error> {
    let mut session = access.single().await?;
    session
        .query("UPDATE aef.api_keys SET last_used_at = greatest(last_used_at, $1) WHERE id = $2")
        .bind(micros(at))
        .bind(id.as_uuid())
        .execute(session.connection())
        .await?;
    session.end().await
}

#[async_trait]
impl ApiKeyStore for PostgresStore {
    async fn create_key(&self, key: NewApiKey) -> Result<CreatedApiKey, StoreError> {
        create(&self.access, &key).await.map_err(|error| error.during("create_key"))
    }

    async fn keys_by_prefix(&self, prefix: &str) -> Result<Vec<ApiKey>, StoreError> {
        by_prefix(&self.access, prefix).await.map_err(|error| error.during("keys_by_prefix"))
    }

    async fn key(&self, scope: &Scope, id: ApiKeyId) -> Result<ApiKey, StoreError> {
        get(&self.access, scope, id).await.map_err(|error| error.during("key"))
    }

    async fn keys(
        &self,
        scope: &Scope,
        after: Option<ApiKeyId>,
        limit: u32,
    ) -> Result<Vec<ApiKey>, StoreError> {
        page(&self.access, scope, after, limit).await.map_err(|error| error.during("keys"))
    }

    async fn revoke_key(&self, scope: &Scope, id: ApiKeyId) -> Result<ApiKey, StoreError> {
        revoke(&self.access, scope, id).await.map_err(|error| error.during("revoke_key"))
    }

    async fn touch_key(&self, id: ApiKeyId, at: Timestamp) -> Result<(), StoreError> {
        touch(&self.access, id, at).await.map_err(|error| error.during("touch_key"))
    }
}
