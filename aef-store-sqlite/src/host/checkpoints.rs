//! From a checkpoint to its execution. Triggers fill the table.

use aef_core::ids::{CheckpointId, ExecutionId};
use aef_core::store::{CheckpointIndex, Scope, StoreError};
use async_trait::async_trait;

use super::owner_of;
use crate::SqliteStore;
use crate::codec::execution_id;
use crate::error::Error;

#[async_trait]
impl CheckpointIndex for SqliteStore {
    async fn checkpoint_execution(
        &self,
        scope: &Scope,
        checkpoint: CheckpointId,
    ) -> Result<ExecutionId, StoreError> {
        let find = async {
            let found: Option<Vec<u8>> = sqlx::query_scalar(
                "SELECT e.id FROM checkpoints c JOIN executions e ON e.no = c.execution JOIN owners o ON o.no = e.owner
                 WHERE c.id = ?1 AND (?2 IS NULL OR o.name = ?2)",
            )
            .bind(checkpoint.to_string())
            .bind(owner_of(scope))
            .fetch_optional(&self.readers)
            .await?;
            let found = found.ok_or_else(|| Error::not_found(format_args!("checkpoint {checkpoint}")))?;
            Ok(execution_id(&found)?)
        };
        find.await.map_err(|error: Error| error.during("checkpoint_execution"))
    }
}
