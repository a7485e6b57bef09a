//! From a checkpoint to its execution. Triggers fill the table.

use aef_core::ids::{CheckpointId, ExecutionId};
use aef_core::store::{CheckpointIndex, Scope, StoreError};
use async_trait::async_trait;
use uuid::Uuid;

use crate::PostgresStore;
use crate::access::Access;
use crate::error::Error;
use crate::row;

async fn execution_of(
    access: &Access,
    scope: &Scope,
    checkpoint: CheckpointId,
) -> Result<ExecutionId, Error> {
    let mut session = access.scoped(scope).await?;
    let found: Option<Uuid> = session
        .query_scalar(
            "SELECT e.id FROM aef.checkpoints c JOIN aef.executions e ON e.id = c.execution
             JOIN aef.owners o ON o.no = e.owner WHERE c.id = $1 AND ($2::text IS NULL OR o.name = $2)",
        )
        .bind(checkpoint.to_string())
        .bind(row::owner(scope))
        .fetch_optional(session.connection())
        .await?;
    session.end().await?;
    found.map(ExecutionId::from_uuid).ok_or_else(|| Error::not_found(format_args!("checkpoint {checkpoint}")))
}

#[async_trait]
impl CheckpointIndex for PostgresStore {
    async fn checkpoint_execution(
        &self,
        scope: &Scope,
        checkpoint: CheckpointId,
    ) -> Result<ExecutionId, StoreError> {
        let found = execution_of(&self.access, scope, checkpoint).await;
        found.map_err(|error| error.during("checkpoint_execution"))
    }
}
