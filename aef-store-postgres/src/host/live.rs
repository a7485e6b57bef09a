//! Where workers serve live views.

use aef_core::ids::{ExecutionId, WorkerId};
use aef_core::store::{LiveDirectory, LiveHolder, Scope, StoreError};
use async_trait::async_trait;

use crate::PostgresStore;
use crate::access::Access;
use crate::codec::text;
use crate::error::Error;
use crate::row;

/// Who holds an execution, and where it serves live views.
type Held = (Option<String>, Option<String>);

/// The row shows that a worker is alive. Only the worker itself says so again, so what it has said stays.
async fn advertise(access: &Access, worker: &WorkerId, address: Option<&str>) -> Result<(), Error> {
    let mut session = access.single().await?;
    let sql = match address {
        Some(_) => {
            "INSERT INTO aef.workers AS w (name, seen, address) VALUES ($1, aef.clock(), $2)
             ON CONFLICT (name) DO UPDATE SET address = excluded.address
                WHERE w.address IS DISTINCT FROM excluded.address"
        }
        None => "UPDATE aef.workers SET address = $2 WHERE name = $1 AND address IS NOT NULL",
    };
    let query = session.query(sql).bind(text(worker.as_str())).bind(address.map(text));
    query.execute(session.connection()).await?;
    session.end().await
}

async fn holder(access: &Access, scope: &Scope, execution: ExecutionId) -> Result<Option<LiveHolder>, Error> {
    let mut session = access.scoped(scope).await?;
    let held: Option<Held> = session
        .query_as(
            "SELECT CASE WHEN e.lease_until > aef.clock() THEN e.worker END, w.address
             FROM aef.executions e JOIN aef.owners o ON o.no = e.owner LEFT JOIN aef.workers w ON w.name = e.worker
             WHERE e.id = $1 AND ($2::text IS NULL OR o.name = $2)",
        )
        .bind(execution.as_uuid())
        .bind(row::owner(scope))
        .fetch_optional(session.connection())
        .await?;
    session.end().await?;
    let (worker, address) = held.ok_or_else(|| row::no_execution(execution))?;
    Ok(worker.map(|worker| LiveHolder { worker: WorkerId::new(worker), address }))
}

#[async_trait]
impl LiveDirectory for PostgresStore {
    async fn advertise(&self, worker: &WorkerId, address: Option<&str>) -> Result<(), StoreError> {
        advertise(&self.access, worker, address).await.map_err(|error| error.during("advertise"))
    }

    async fn live_holder(
        &self,
        scope: &Scope,
        execution: ExecutionId,
    ) -> Result<Option<LiveHolder>, StoreError> {
        holder(&self.access, scope, execution).await.map_err(|error| error.during("live_holder"))
    }
}
