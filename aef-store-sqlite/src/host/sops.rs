//! Keeping SOP documents.

use std::sync::Arc;

use aef_core::ids::{OwnerId, SopId};
use aef_core::store::{CreatedSop, NewSop, Scope, SopStore, StoreError, StoredSop};
use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnection, SqlitePool};

use super::{id_bytes, id_of, owner_of, same_request};
use crate::SqliteStore;
use crate::codec::{micros, small, time};
use crate::create::owner;
use crate::error::Error;
use crate::read::page_size;
use crate::writer::{Operation, Work};

/// A query of [`Row`]s, with what stands behind `FROM … WHERE`.
macro_rules! select {
    ($where:literal) => {
        concat!(
            "SELECT o.name AS owner, s.id, s.version, s.title, s.content, s.created_at, s.body_hash
             FROM sops s JOIN owners o ON o.no = s.owner WHERE ",
            $where
        )
    };
}

#[derive(Debug, sqlx::FromRow)]
struct Row {
    owner: String,
    id: Vec<u8>,
    version: i64,
    title: String,
    content: String,
    created_at: i64,
    body_hash: Option<String>,
}

impl Row {
    fn sop(self) -> Result<StoredSop, Error> {
        Ok(StoredSop {
            owner: OwnerId::new(self.owner),
            id: SopId::from_uuid(id_of("the id of an SOP", &self.id)?),
            version: small("a version", self.version)?,
            title: self.title,
            content: self.content.into(),
            created_at: time(self.created_at)?,
        })
    }
}

/// An SOP to keep for its owner.
#[derive(Debug)]
struct Create {
    owner: OwnerId,
    sop: NewSop,
}

#[async_trait]
impl Operation for Create {
    type Output = CreatedSop;
    const NAME: &'static str = "create_sop";

    async fn run(&self, work: &mut Work<'_>) -> Result<CreatedSop, Error> {
        if let Some(key) = &self.sop.idempotency {
            let row: Option<Row> = sqlx::query_as(select!("o.name = ? AND s.made_under = ?"))
                .bind(self.owner.as_str())
                .bind(&key.key)
                .fetch_optional(&mut *work.connection)
                .await?;
            if let Some(row) = row {
                same_request(key, row.body_hash.as_deref())?;
                return Ok(CreatedSop { sop: row.sop()?, existing: true });
            }
        }
        let sop = StoredSop {
            owner: self.owner.clone(),
            id: self.sop.id,
            version: 1,
            title: self.sop.title.clone(),
            content: Arc::clone(&self.sop.content),
            created_at: work.now(),
        };
        let key = self.sop.idempotency.as_ref();
        let made = key.map(|key| (key.key.as_str(), key.body_hash.as_str())).unzip();
        insert(work.connection, &sop, made).await?;
        Ok(CreatedSop { sop, existing: false })
    }
}

async fn insert(
    connection: &mut SqliteConnection,
    sop: &StoredSop,
    (made_under, body_hash): (Option<&str>, Option<&str>),
) -> Result<(), Error> {
    let owner = owner(connection, &sop.owner).await?;
    sqlx::query(
        "INSERT INTO sops (owner, id, version, title, content, created_at, made_under, body_hash)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(owner)
    .bind(id_bytes(sop.id.as_uuid()))
    .bind(i64::from(sop.version))
    .bind(&sop.title)
    .bind(&*sop.content)
    .bind(micros(sop.created_at))
    .bind(made_under)
    .bind(body_hash)
    .execute(connection)
    .await?;
    Ok(())
}

/// A version to keep.
#[derive(Debug)]
struct Update {
    scope: Scope,
    id: SopId,
    title: String,
    content: Arc<str>,
}

#[async_trait]
impl Operation for Update {
    type Output = StoredSop;
    const NAME: &'static str = "update_sop";

    async fn run(&self, work: &mut Work<'_>) -> Result<StoredSop, Error> {
        let created_at: Timestamp = work.now();
        let newest = one(&mut *work.connection, &self.scope, self.id, None).await?;
        if newest.content == self.content {
            return Ok(newest);
        }
        let version = newest.version + 1;
        let (title, content) = (self.title.clone(), Arc::clone(&self.content));
        let sop = StoredSop { version, title, content, created_at, ..newest };
        insert(work.connection, &sop, (None, None)).await?;
        Ok(sop)
    }
}

async fn one<'c>(
    executor: impl sqlx::SqliteExecutor<'c>,
    scope: &Scope,
    id: SopId,
    version: Option<u32>,
) -> Result<StoredSop, Error> {
    let row: Option<Row> = sqlx::query_as(select!(
        "s.id = ?1 AND (?2 IS NULL OR o.name = ?2) AND (?3 IS NULL OR s.version = ?3)
         ORDER BY s.version DESC LIMIT 1"
    ))
    .bind(id_bytes(id.as_uuid()))
    .bind(owner_of(scope))
    .bind(version.map(i64::from))
    .fetch_optional(executor)
    .await?;
    row.ok_or_else(|| Error::not_found(format_args!("SOP {id}")))?.sop()
}

async fn newest(
    pool: &SqlitePool,
    scope: &Scope,
    after: Option<SopId>,
    limit: u32,
) -> Result<Vec<StoredSop>, Error> {
    let rows: Vec<Row> = sqlx::query_as(select!(
        "(?1 IS NULL OR o.name = ?1) AND s.id > ?2
         AND s.version = (SELECT max(version) FROM sops v WHERE v.id = s.id) ORDER BY s.id LIMIT ?3"
    ))
    .bind(owner_of(scope))
    .bind(after.map_or_else(Vec::new, |after| id_bytes(after.as_uuid())))
    .bind(page_size(limit))
    .fetch_all(pool)
    .await?;
    rows.into_iter().map(Row::sop).collect()
}

#[async_trait]
impl SopStore for SqliteStore {
    async fn create_sop(&self, owner: &OwnerId, sop: NewSop) -> Result<CreatedSop, StoreError> {
        self.writer.perform(Create { owner: owner.clone(), sop }).await
    }

    async fn update_sop(
        &self,
        scope: &Scope,
        id: SopId,
        title: &str,
        content: Arc<str>,
    ) -> Result<StoredSop, StoreError> {
        let update = Update { scope: scope.clone(), id, title: title.to_owned(), content };
        self.writer.perform(update).await
    }

    async fn sop(&self, scope: &Scope, id: SopId, version: Option<u32>) -> Result<StoredSop, StoreError> {
        one(&self.readers, scope, id, version).await.map_err(|error| error.during("sop"))
    }

    async fn sops(
        &self,
        scope: &Scope,
        after: Option<SopId>,
        limit: u32,
    ) -> Result<Vec<StoredSop>, StoreError> {
        newest(&self.readers, scope, after, limit).await.map_err(|error| error.during("sops"))
    }
}
