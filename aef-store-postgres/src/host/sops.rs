//! Keeping SOP documents.

use std::sync::Arc;

use aef_core::ids::{OwnerId, SopId};
use aef_core::store::{CreatedSop, IdempotencyKey, NewSop, Scope, SopStore, StoreError, StoredSop};
use async_trait::async_trait;
use uuid::Uuid;

use super::same_request;
use crate::PostgresStore;
use crate::access::{Access, Session};
use crate::codec::{small, text, time};
use crate::error::Error;
use crate::read::page_size;
use crate::row;

/// A query of [`Row`]s, with what stands behind `FROM … WHERE`.
macro_rules! select {
    ($where:literal) => {
        concat!(
            "SELECT o.name AS owner, s.id, s.version, s.title, s.content, s.created_at, s.body_hash
             FROM aef.sops s JOIN aef.owners o ON o.no = s.owner WHERE ",
            $where
        )
    };
}

#[derive(Debug, sqlx::FromRow)]
struct Row {
    owner: String,
    id: Uuid,
    version: i32,
    title: String,
    content: String,
    created_at: i64,
    body_hash: Option<String>,
}

impl Row {
    fn sop(self) -> Result<StoredSop, Error> {
        Ok(StoredSop {
            owner: OwnerId::new(self.owner),
            id: SopId::from_uuid(self.id),
            version: small("a version", self.version)?,
            title: self.title,
            content: self.content.into(),
            created_at: time(self.created_at)?,
        })
    }
}

async fn create(access: &Access, owner: &OwnerId, new: &NewSop) -> Result<CreatedSop, Error> {
    let mut session = access.transaction().await?;
    let key = new.idempotency.as_ref();
    // Of racing requests under one idempotency key, the later ones wait here and make nothing.
    let made = session
        .query(
            "INSERT INTO aef.sops (owner, id, version, title, content, created_at, made_under, body_hash)
             VALUES (aef.owner_no($1), $2, 1, $3, $4, aef.clock(), $5, $6) ON CONFLICT (owner, made_under) DO NOTHING",
        )
        .bind(text(owner.as_str()))
        .bind(new.id.as_uuid())
        .bind(text(&new.title))
        .bind(text(&new.content))
        .bind(key.map(|key| text(&key.key)))
        .bind(key.map(|key| &key.body_hash))
        .execute(session.connection())
        .await?;
    let existing = made.rows_affected() == 0;
    let sop = match key.filter(|_| existing) {
        Some(key) => made_under(&mut session, owner, key).await?,
        None => one(&mut session, &Scope::System, new.id, None).await?,
    };
    session.end().await?;
    Ok(CreatedSop { sop, existing })
}

async fn made_under(
    session: &mut Session,
    owner: &OwnerId,
    key: &IdempotencyKey,
) -> Result<StoredSop, Error> {
    let row: Row = session
        .query_as(select!("o.name = $1 AND s.made_under = $2"))
        .bind(text(owner.as_str()))
        .bind(text(&key.key))
        .fetch_one(session.connection())
        .await?;
    same_request(key, row.body_hash.as_deref())?;
    row.sop()
}

async fn update(
    access: &Access,
    scope: &Scope,
    id: SopId,
    title: &str,
    content: &Arc<str>,
) -> Result<StoredSop, Error> {
    let mut session = access.transaction().await?;
    // The first version stands for all of them: who has locked it sees the newest.
    session
        .query("SELECT 1 FROM aef.sops WHERE id = $1 AND version = 1 FOR UPDATE")
        .bind(id.as_uuid())
        .execute(session.connection())
        .await?;
    let newest = one(&mut session, scope, id, None).await?;
    if *newest.content == *text(content) {
        return Ok(newest);
    }
    session
        .query(
            "INSERT INTO aef.sops (owner, id, version, title, content, created_at)
             SELECT owner, id, $2, $3, $4, aef.clock() FROM aef.sops WHERE id = $1 AND version = 1",
        )
        .bind(id.as_uuid())
        .bind(small::<u32, i32>("a version", newest.version + 1)?)
        .bind(text(title))
        .bind(text(content))
        .execute(session.connection())
        .await?;
    let sop = one(&mut session, scope, id, None).await?;
    session.end().await?;
    Ok(sop)
}

async fn one(
    session: &mut Session,
    scope: &Scope,
    id: SopId,
    version: Option<u32>,
) -> Result<StoredSop, Error> {
    let row: Option<Row> = session
        .query_as(select!(
            "s.id = $1 AND ($2::text IS NULL OR o.name = $2) AND ($3::bigint IS NULL OR s.version = $3)
             ORDER BY s.version DESC LIMIT 1"
        ))
        .bind(id.as_uuid())
        .bind(row::owner(scope))
        .bind(version.map(i64::from))
        .fetch_optional(session.connection())
        .await?;
    row.ok_or_else(|| Error::not_found(format_args!("SOP {id}")))?.sop()
}

async fn get(access: &Access, scope: &Scope, id: SopId, version: Option<u32>) -> Result<StoredSop, Error> {
    let mut session = access.scoped(scope).await?;
    let sop = one(&mut session, scope, id, version).await?;
    session.end().await?;
    Ok(sop)
}

async fn newest(
    access: &Access,
    scope: &Scope,
    after: Option<SopId>,
    limit: u32,
) -> Result<Vec<StoredSop>, Error> {
    let mut session = access.scoped(scope).await?;
    let rows: Vec<Row> = session
        .query_as(select!(
            "($1::text IS NULL OR o.name = $1) AND ($2::uuid IS NULL OR s.id > $2)
             AND s.version = (SELECT max(v.version) FROM aef.sops v WHERE v.id = s.id) ORDER BY s.id LIMIT $3"
        ))
        .bind(row::owner(scope))
        .bind(after.map(SopId::as_uuid))
        .bind(page_size(limit))
        .fetch_all(session.connection())
        .await?;
    session.end().await?;
    rows.into_iter().map(Row::sop).collect()
}

#[async_trait]
impl SopStore for PostgresStore {
    async fn create_sop(&self, owner: &OwnerId, sop: NewSop) -> Result<CreatedSop, StoreError> {
        create(&self.access, owner, &sop).await.map_err(|error| error.during("create_sop"))
    }

    async fn update_sop(
        &self,
        scope: &Scope,
        id: SopId,
        title: &str,
        content: Arc<str>,
    ) -> Result<StoredSop, StoreError> {
        let updated = update(&self.access, scope, id, title, &content).await;
        updated.map_err(|error| error.during("update_sop"))
    }

    async fn sop(&self, scope: &Scope, id: SopId, version: Option<u32>) -> Result<StoredSop, StoreError> {
        get(&self.access, scope, id, version).await.map_err(|error| error.during("sop"))
    }

    async fn sops(
        &self,
        scope: &Scope,
        after: Option<SopId>,
        limit: u32,
    ) -> Result<Vec<StoredSop>, StoreError> {
        newest(&self.access, scope, after, limit).await.map_err(|error| error.during("sops"))
    }
}
