//! Keeping leases.

use aef_core::store::{RenewRequest, Renewals, Renewed};
use async_trait::async_trait;

use crate::claim::show;
use crate::codec::{self, execution_bytes, integer, micros};
use crate::error::Error;
use crate::writer::{Operation, Work};

#[async_trait]
impl Operation for RenewRequest {
    type Output = Renewals;
    const NAME: &'static str = "renew";

    async fn run(&self, work: &mut Work<'_>) -> Result<Renewals, Error> {
        let now = work.now();
        show(work.connection, &self.worker, now).await?;
        let length = codec::length(self.lease);
        let until = codec::later(now, length);
        let mut renewals = Renewals { held: Vec::new(), lost: Vec::new(), now };
        for (execution, epoch) in &self.executions {
            let head: Option<i64> = sqlx::query_scalar(
                "UPDATE executions SET lease_until = ?4, lease_length = ?5
                 WHERE id = ?1 AND epoch = ?2 AND worker = ?3 RETURNING head",
            )
            .bind(execution_bytes(*execution))
            .bind(integer(epoch.0))
            .bind(self.worker.as_str())
            .bind(micros(until))
            .bind(length)
            .fetch_optional(&mut *work.connection)
            .await?;
            match head {
                Some(head) => {
                    renewals.held.push(Renewed { execution: *execution, until, head: codec::seq(head)? });
                }
                None => renewals.lost.push(*execution),
            }
        }
        Ok(renewals)
    }
}
