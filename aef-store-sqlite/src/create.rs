//! Making executions.

use aef_core::ids::{Epoch, OwnerId, Seq};
use aef_core::store::{Appended, Created, IdempotencyKey, NewExecution, Notice, StoreErrorKind, next_micros};
use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::sqlite::SqliteConnection;

use crate::append;
use crate::codec::{self, execution_bytes, from_json, integer, micros, to_json};
use crate::error::Error;
use crate::row::Row;
use crate::writer::{Operation, Work};

/// What the batch that makes an execution is called, which nobody sends as one.
const FIRST_BATCH: &[u8] = &[];

#[async_trait]
impl Operation for NewExecution {
    type Output = Created;
    const NAME: &'static str = "create";

    async fn run(&self, work: &mut Work<'_>) -> Result<Created, Error> {
        let now = work.now();
        if let Some(key) = &self.idempotency
            && let Some(created) = made_under(work.connection, &self.owner, key, now).await?
        {
            return Ok(created);
        }
        let digest = self.digest();
        if let Some(created) = made_before(work.connection, self, &digest).await? {
            return Ok(created);
        }
        let owner = owner(work.connection, &self.owner).await?;
        if let Some(key) = &self.idempotency {
            use_key(work.connection, owner, key, self).await?;
        }
        let no = insert(work.connection, self, owner, now).await?;
        let head = Seq(self.events.len() as u64);
        let made = Appended { head, epoch: Epoch(0), lease_until: None, now };
        append::insert(work.connection, no, FIRST_BATCH, &digest, &made, &self.events).await?;
        let row = Row::of(work.connection, self.id).await?;
        let record = row.ok_or_else(|| Error::not_found(self.id))?.record()?;
        work.notices.push(Notice::from(&record));
        Ok(Created { record, existing: false })
    }
}

/// The number of an owner, who is made known by this.
pub(crate) async fn owner(connection: &mut SqliteConnection, owner: &OwnerId) -> Result<i64, Error> {
    // A change that changes nothing, for only then is the number returned.
    let no = sqlx::query_scalar(
        "INSERT INTO owners (name) VALUES (?) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING no",
    )
    .bind(owner.as_str())
    .fetch_one(connection)
    .await?;
    Ok(no)
}

/// What was made under the owner's key, if that is still known.
async fn made_under(
    connection: &mut SqliteConnection,
    owner: &OwnerId,
    key: &IdempotencyKey,
    now: Timestamp,
) -> Result<Option<Created>, Error> {
    let used: Option<(String, Vec<u8>, Option<String>)> = sqlx::query_as(
        "SELECT body_hash, execution, record FROM keys
         WHERE owner = (SELECT no FROM owners WHERE name = ?) AND key = ?
           AND (kept_until IS NULL OR kept_until > ?)",
    )
    .bind(owner.as_str())
    .bind(&key.key)
    .bind(micros(now))
    .fetch_optional(&mut *connection)
    .await?;
    let Some((body_hash, execution, purged)) = used else { return Ok(None) };
    if body_hash != key.body_hash {
        let message = format!("the key `{}` came with another body before", key.key);
        return Err(Error::refused(StoreErrorKind::IdempotencyConflict, message));
    }
    let record = match purged {
        Some(record) => from_json("the row of a purged execution", &record)?,
        None => {
            let execution = codec::execution_id(&execution)?;
            let row = Row::of(connection, execution).await?;
            row.ok_or_else(|| Error::damaged(format!("execution {execution} is missing")))?.record()?
        }
    };
    Ok(Some(Created { record, existing: true }))
}

/// What was made under this id.
async fn made_before(
    connection: &mut SqliteConnection,
    request: &NewExecution,
    digest: &str,
) -> Result<Option<Created>, Error> {
    let Some(row) = Row::of(connection, request.id).await? else { return Ok(None) };
    let known: String = sqlx::query_scalar("SELECT digest FROM batches WHERE execution = ? AND batch = ?")
        .bind(row.no)
        .bind(FIRST_BATCH)
        .fetch_one(connection)
        .await?;
    if known != digest {
        let message = format!("the id {} belongs to another execution", request.id);
        return Err(Error::refused(StoreErrorKind::BatchMismatch, message));
    }
    Ok(Some(Created { record: row.record()?, existing: true }))
}

async fn use_key(
    connection: &mut SqliteConnection,
    owner: i64,
    key: &IdempotencyKey,
    request: &NewExecution,
) -> Result<(), Error> {
    // What stands there has outlived its time, else it would have been found.
    sqlx::query("INSERT OR REPLACE INTO keys (owner, key, body_hash, execution) VALUES (?, ?, ?, ?)")
        .bind(owner)
        .bind(&key.key)
        .bind(&key.body_hash)
        .bind(execution_bytes(request.id))
        .execute(connection)
        .await?;
    Ok(())
}

async fn insert(
    connection: &mut SqliteConnection,
    request: &NewExecution,
    owner: i64,
    now: Timestamp,
) -> Result<i64, Error> {
    let summary = &request.summary;
    let finished = summary.status.is_final();
    let wake_at = request.wake_at.filter(|_| !finished).map(next_micros);
    let no = sqlx::query_scalar(
        "INSERT INTO executions (id, owner, document, document_hash, subset, parent, priority, status, step, progress,
                                 checkpoint, note, head, wake_at, format, created_at, updated_at, finished_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?16, ?17)
         RETURNING no",
    )
    .bind(execution_bytes(request.id))
    .bind(owner)
    .bind(request.document.as_str())
    .bind(request.document_hash.as_str())
    .bind(request.subset.as_ref().map(to_json))
    .bind(request.parent.map(execution_bytes))
    .bind(i64::from(request.priority))
    .bind(summary.status.as_str())
    .bind(summary.step.as_ref().map(|step| step.as_str()))
    .bind(i64::from(summary.progress))
    .bind(summary.checkpoint.as_ref().map(to_json))
    .bind(summary.note.as_deref())
    .bind(integer(request.events.len() as u64))
    .bind(wake_at.map(micros))
    .bind(i64::from(request.format))
    .bind(micros(now))
    .bind(finished.then(|| micros(now)))
    .fetch_one(connection)
    .await?;
    Ok(no)
}
