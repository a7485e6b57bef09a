//! Keeping documents.

use std::sync::Arc;

use aef_core::ids::{DocumentHash, DocumentId, OwnerId};
use aef_core::store::{NewDocument, Scope, StoreErrorKind, StoredDocument};

use crate::access::Access;
use crate::codec::{from_json, small, text, time, to_json};
use crate::error::Error;
use crate::read::page_size;
use crate::row;

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
    version: i32,
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

/// What of a kept document the request does not say.
#[derive(Debug, sqlx::FromRow)]
struct Kept {
    version: i32,
    title: String,
    content: String,
    created_at: i64,
}

pub(crate) async fn put(
    access: &Access,
    owner: &OwnerId,
    document: NewDocument,
) -> Result<StoredDocument, Error> {
    let mut session = access.single().await?;
    let kept: Kept = session
        .query_as("SELECT * FROM aef.put_document($1, $2, $3, $4, $5)")
        .bind(text(owner.as_str()))
        .bind(text(document.id.as_str()))
        .bind(text(document.hash.as_str()))
        .bind(text(&document.title))
        .bind(to_json(&document.content))
        .fetch_one(session.connection())
        .await?;
    session.end().await?;
    Ok(StoredDocument {
        owner: owner.clone(),
        id: document.id,
        version: small("a version", kept.version)?,
        hash: document.hash,
        title: kept.title,
        content: Arc::new(from_json("a document", &kept.content)?),
        created_at: time(kept.created_at)?,
    })
}

pub(crate) async fn remove(access: &Access, owner: &OwnerId, id: &DocumentId) -> Result<(), Error> {
    let mut session = access.single().await?;
    let outcome: String = session
        .query_scalar("SELECT aef.remove_document($1, $2)")
        .bind(text(owner.as_str()))
        .bind(text(id.as_str()))
        .fetch_one(session.connection())
        .await?;
    session.end().await?;
    match outcome.as_str() {
        "removed" => Ok(()),
        "used" => {
            let message = format!("an execution refers to the document `{id}`");
            Err(Error::refused(StoreErrorKind::InUse, message))
        }
        _ => Err(no_document(id)),
    }
}

/// Gives a document: this version, or the newest.
pub(crate) async fn one(
    access: &Access,
    scope: &Scope,
    owner: &OwnerId,
    id: &DocumentId,
    version: Option<u32>,
) -> Result<StoredDocument, Error> {
    let mut session = access.scoped(scope).await?;
    let row: Option<Row> = session
        .query_as(concat!(
            "SELECT ",
            columns!(),
            " FROM aef.documents d JOIN aef.owners o ON o.no = d.owner
              WHERE o.name = $1 AND d.id = $2 AND ($3::bigint IS NULL OR d.version = $3)
              ORDER BY d.version DESC LIMIT 1"
        ))
        .bind(text(owner.as_str()))
        .bind(text(id.as_str()))
        .bind(version.map(i64::from))
        .fetch_optional(session.connection())
        .await?;
    session.end().await?;
    row.filter(|_| scope.covers(owner)).ok_or_else(|| no_document(id))?.document()
}

/// Gives a document of the owner by its hash.
pub(crate) async fn by_hash(
    access: &Access,
    scope: &Scope,
    owner: &OwnerId,
    hash: &DocumentHash,
) -> Result<StoredDocument, Error> {
    let mut session = access.scoped(scope).await?;
    let row: Option<Row> = session
        .query_as(concat!(
            "SELECT ",
            columns!(),
            " FROM aef.documents d JOIN aef.owners o ON o.no = d.owner
              WHERE o.name = $1 AND d.hash = $2 ORDER BY d.id LIMIT 1"
        ))
        .bind(text(owner.as_str()))
        .bind(text(hash.as_str()))
        .fetch_optional(session.connection())
        .await?;
    session.end().await?;
    row.filter(|_| scope.covers(owner))
        .ok_or_else(|| Error::not_found(format_args!("document of the hash {hash}")))?
        .document()
}

/// Gives the newest version of each document of a page of ids.
pub(crate) async fn newest(
    access: &Access,
    scope: &Scope,
    after: Option<&DocumentId>,
    limit: u32,
) -> Result<Vec<StoredDocument>, Error> {
    let mut session = access.scoped(scope).await?;
    let rows: Vec<Row> = session
        .query_as(concat!(
            "WITH seen AS (SELECT d.* FROM aef.documents d
                           WHERE $1::text IS NULL OR d.owner = (SELECT no FROM aef.owners WHERE name = $1)),
                  page AS (SELECT DISTINCT id FROM seen WHERE $2::text IS NULL OR id > $2 ORDER BY id LIMIT $3)
             SELECT ",
            columns!(),
            " FROM seen d JOIN aef.owners o ON o.no = d.owner
              WHERE d.id IN (SELECT id FROM page)
                AND d.version = (SELECT max(v.version) FROM aef.documents v WHERE v.owner = d.owner AND v.id = d.id)
              ORDER BY d.id, o.name"
        ))
        .bind(row::owner(scope))
        .bind(after.map(|after| text(after.as_str())))
        .bind(page_size(limit))
        .fetch_all(session.connection())
        .await?;
    session.end().await?;
    rows.into_iter().map(Row::document).collect()
}

fn no_document(id: &DocumentId) -> Error {
    Error::not_found(format_args!("such document `{id}`"))
}
