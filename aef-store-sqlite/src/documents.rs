//! Keeping documents.

use std::sync::Arc;

use aef_core::ids::{DocumentHash, DocumentId, OwnerId};
use aef_core::store::{NewDocument, Scope, StoreErrorKind, StoredDocument};
use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnection, SqlitePool};

use crate::codec::{from_json, micros, small, time, to_json};
use crate::create::owner;
use crate::error::Error;
use crate::read::page_size;
use crate::writer::{Operation, Work};

/// The columns of [`Row`], of `documents d JOIN owners o`.
macro_rules! columns {
    () => {
        "o.name AS owner, d.id, d.version, d.hash, d.title, d.content, d.created_at"
    };
}

#[derive(Debug, sqlx::FromRow)]
struct Row {
    owner: String,
    id: String,
    version: i64,
    hash: String,
    title: String,
    content: String,
    created_at: i64,
}

impl Row {
    fn document(self) -> Result<StoredDocument, Error> {
        Ok(StoredDocument {
            owner: OwnerId::new(self.owner),
            id: DocumentId::new(self.id),
            version: small("a version", self.version)?,
            hash: DocumentHash::new(self.hash),
            title: self.title,
            content: Arc::new(from_json("a document", &self.content)?),
            created_at: time(self.created_at)?,
        })
    }
}

/// A document to keep for its owner.
#[derive(Debug)]
pub(crate) struct Put {
    pub(crate) owner: OwnerId,
    pub(crate) document: NewDocument,
}

#[async_trait]
impl Operation for Put {
    type Output = StoredDocument;
    const NAME: &'static str = "put_document";

    async fn run(&self, work: &mut Work<'_>) -> Result<StoredDocument, Error> {
        let now = work.now();
        let document = &self.document;
        if let Some(same) = same(work.connection, self).await? {
            return same.document();
        }
        let owner = owner(work.connection, &self.owner).await?;
        let version: i64 = sqlx::query_scalar(
            "INSERT INTO documents (owner, id, version, hash, title, content, created_at)
             SELECT ?1, ?2, coalesce(max(version), 0) + 1, ?3, ?4, ?5, ?6 FROM documents WHERE owner = ?1 AND id = ?2
             RETURNING version",
        )
        .bind(owner)
        .bind(document.id.as_str())
        .bind(document.hash.as_str())
        .bind(&document.title)
        .bind(to_json(&document.content))
        .bind(micros(now))
        .fetch_one(&mut *work.connection)
        .await?;
        Ok(StoredDocument {
            owner: self.owner.clone(),
            id: document.id.clone(),
            version: small("a version", version)?,
            hash: document.hash.clone(),
            title: document.title.clone(),
            content: Arc::clone(&document.content),
            created_at: now,
        })
    }
}

async fn same(connection: &mut SqliteConnection, put: &Put) -> Result<Option<Row>, Error> {
    let row = sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM documents d JOIN owners o ON o.no = d.owner WHERE o.name = ? AND d.id = ? AND d.hash = ?"
    ))
    .bind(put.owner.as_str())
    .bind(put.document.id.as_str())
    .bind(put.document.hash.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(row)
}

/// A wish to remove all versions of a document.
#[derive(Debug)]
pub(crate) struct Remove {
    pub(crate) owner: OwnerId,
    pub(crate) id: DocumentId,
}

#[async_trait]
impl Operation for Remove {
    type Output = ();
    const NAME: &'static str = "remove_document";

    async fn run(&self, work: &mut Work<'_>) -> Result<(), Error> {
        let used: Option<bool> = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM executions e WHERE e.owner = d.owner AND e.document = d.id)
             FROM documents d JOIN owners o ON o.no = d.owner WHERE o.name = ? AND d.id = ? LIMIT 1",
        )
        .bind(self.owner.as_str())
        .bind(self.id.as_str())
        .fetch_optional(&mut *work.connection)
        .await?;
        match used {
            None => Err(no_document(&self.id)),
            Some(true) => {
                let message = format!("an execution refers to the document `{}`", self.id);
                Err(Error::refused(StoreErrorKind::InUse, message))
            }
            Some(false) => {
                sqlx::query(
                    "DELETE FROM documents WHERE owner = (SELECT no FROM owners WHERE name = ?) AND id = ?",
                )
                .bind(self.owner.as_str())
                .bind(self.id.as_str())
                .execute(&mut *work.connection)
                .await?;
                Ok(())
            }
        }
    }
}

/// Gives a document: this version, or the newest.
pub(crate) async fn one(
    pool: &SqlitePool,
    scope: &Scope,
    owner: &OwnerId,
    id: &DocumentId,
    version: Option<u32>,
) -> Result<StoredDocument, Error> {
    let row: Option<Row> = sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM documents d JOIN owners o ON o.no = d.owner
          WHERE o.name = ?1 AND d.id = ?2 AND (?3 IS NULL OR d.version = ?3) ORDER BY d.version DESC LIMIT 1"
    ))
    .bind(owner.as_str())
    .bind(id.as_str())
    .bind(version.map(i64::from))
    .fetch_optional(pool)
    .await?;
    row.filter(|_| scope.covers(owner)).ok_or_else(|| no_document(id))?.document()
}

/// Gives a document of the owner by its hash.
pub(crate) async fn by_hash(
    pool: &SqlitePool,
    scope: &Scope,
    owner: &OwnerId,
    hash: &DocumentHash,
) -> Result<StoredDocument, Error> {
    let row: Option<Row> = sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM documents d JOIN owners o ON o.no = d.owner WHERE o.name = ? AND d.hash = ? ORDER BY d.id LIMIT 1"
    ))
    .bind(owner.as_str())
    .bind(hash.as_str())
    .fetch_optional(pool)
    .await?;
    row.filter(|_| scope.covers(owner))
        .ok_or_else(|| Error::not_found(format_args!("document of the hash {hash}")))?
        .document()
}

/// Gives the newest version of each document of a page of ids.
pub(crate) async fn newest(
    pool: &SqlitePool,
    scope: &Scope,
    after: Option<&DocumentId>,
    limit: u32,
) -> Result<Vec<StoredDocument>, Error> {
    let owner = match scope {
        Scope::Owner(owner) => Some(owner.as_str()),
        Scope::System => None,
    };
    let rows: Vec<Row> = sqlx::query_as(concat!(
        "WITH seen AS (SELECT * FROM documents
                       WHERE ?1 IS NULL OR owner = (SELECT no FROM owners WHERE name = ?1)),
              page AS (SELECT DISTINCT id FROM seen WHERE ?2 IS NULL OR id > ?2 ORDER BY id LIMIT ?3)
         SELECT ",
        columns!(),
        " FROM seen d JOIN owners o ON o.no = d.owner
          WHERE d.id IN (SELECT id FROM page)
            AND d.version = (SELECT max(version) FROM documents v WHERE v.owner = d.owner AND v.id = d.id)
          ORDER BY d.id, o.name"
    ))
    .bind(owner)
    .bind(after.map(DocumentId::as_str))
    .bind(page_size(limit))
    .fetch_all(pool)
    .await?;
    rows.into_iter().map(Row::document).collect()
}

fn no_document(id: &DocumentId) -> Error {
    Error::not_found(format_args!("such document `{id}`"))
}
