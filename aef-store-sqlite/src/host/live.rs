//! Where workers serve live views.

use aef_core::ids::{ExecutionId, WorkerId};
use aef_core::store::{LiveDirectory, LiveHolder, Scope, StoreError};
use async_trait::async_trait;

use super::owner_of;
use crate::SqliteStore;
use crate::codec::{execution_bytes, micros};
use crate::error::Error;
use crate::writer::{Operation, Work};

/// Who holds an execution, and where it serves live views.
type Held = (Option<String>, Option<String>);

/// A wish to be found.
#[derive(Debug)]
struct Advertise {
    worker: WorkerId,
    address: Option<String>,
}

#[async_trait]
impl Operation for Advertise {
    type Output = ();
    const NAME: &'static str = "advertise";

    async fn run(&self, work: &mut Work<'_>) -> Result<(), Error> {
        let now = work.now();
        // The row shows that a worker is alive. Only the worker itself says so again, so what it has said stays.
        let query = match &self.address {
            Some(address) => sqlx::query(
                "INSERT INTO workers (name, seen, address) VALUES (?1, ?2, ?3)
                 ON CONFLICT (name) DO UPDATE SET address = excluded.address
                    WHERE address IS NOT excluded.address",
            )
            .bind(self.worker.as_str())
            .bind(micros(now))
            .bind(address),
            None => sqlx::query("UPDATE workers SET address = NULL WHERE name = ?1 AND address IS NOT NULL")
                .bind(self.worker.as_str()),
        };
        query.execute(&mut *work.connection).await?;
        Ok(())
    }
}

impl SqliteStore {
    async fn holder(&self, scope: &Scope, execution: ExecutionId) -> Result<Option<LiveHolder>, Error> {
        let held: Option<Held> = sqlx::query_as(
            "SELECT CASE WHEN e.lease_until > ?3 THEN e.worker END, w.address
             FROM executions e JOIN owners o ON o.no = e.owner LEFT JOIN workers w ON w.name = e.worker
             WHERE e.id = ?1 AND (?2 IS NULL OR o.name = ?2)",
        )
        .bind(execution_bytes(execution))
        .bind(owner_of(scope))
        .bind(micros(self.time()))
        .fetch_optional(&self.readers)
        .await?;
        let (worker, address) =
            held.ok_or_else(|| Error::not_found(format_args!("execution {execution}")))?;
        Ok(worker.map(|worker| LiveHolder { worker: WorkerId::new(worker), address }))
    }
}

#[async_trait]
impl LiveDirectory for SqliteStore {
    async fn advertise(&self, worker: &WorkerId, address: Option<&str>) -> Result<(), StoreError> {
        let wish = Advertise { worker: worker.clone(), address: address.map(str::to_owned) };
        self.writer.perform(wish).await
    }

    async fn live_holder(
        &self,
        scope: &Scope,
        execution: ExecutionId,
    ) -> Result<Option<LiveHolder>, StoreError> {
        self.holder(scope, execution).await.map_err(|error| error.during("live_holder"))
    }
}
