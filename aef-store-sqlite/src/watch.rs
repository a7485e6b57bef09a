//! Telling of what other processes have written.

use aef_core::store::Notice;
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;

use crate::codec;
use crate::error::Error;

/// What was seen at the last look.
#[derive(Debug, Default)]
pub(crate) struct Watch(Option<Seen>);

#[derive(Debug, Clone, Copy)]
struct Seen {
    /// Changes when another connection commits, and only then.
    version: i64,
    /// The newest batch.
    batch: i64,
}

impl Watch {
    /// Looks on the connection that writes whether any other has written, and if so, what.
    pub(crate) async fn look(&mut self, connection: &mut SqliteConnection) -> Result<Vec<Notice>, Error> {
        // In one transaction, so that both numbers tell of the same moment; the first read decides of which.
        let mut transaction = connection.begin().await?;
        let batch: i64 = sqlx::query_scalar("SELECT coalesce(max(no), 0) FROM batches")
            .fetch_one(&mut *transaction)
            .await?;
        let version: i64 = sqlx::query_scalar("PRAGMA data_version").fetch_one(&mut *transaction).await?;
        let last = self.0.replace(Seen { version, batch });
        let notices = match last {
            // After a purge the newest batch may have a lower number, which is then used again.
            Some(last) if last.version != version => written(&mut transaction, last.batch.min(batch)).await?,
            _ => Vec::new(),
        };
        transaction.commit().await?;
        Ok(notices)
    }
}

/// The id, the head, the status, when it is due, and until when a worker has it.
type Written = (Vec<u8>, i64, String, Option<i64>, Option<i64>);

async fn written(connection: &mut SqliteConnection, after: i64) -> Result<Vec<Notice>, Error> {
    let rows: Vec<Written> = sqlx::query_as(
        "SELECT id, head, status, wake_at, lease_until FROM executions
         WHERE no IN (SELECT execution FROM batches WHERE no > ?) ORDER BY no",
    )
    .bind(after)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(id, head, status, wake_at, lease_until)| {
            Ok(Notice {
                execution: codec::execution_id(&id)?,
                head: codec::seq(head)?,
                status: codec::status(&status)?,
                wake_at: wake_at.map(codec::time).transpose()?,
                lease_until: lease_until.map(codec::time).transpose()?,
            })
        })
        .collect()
}
