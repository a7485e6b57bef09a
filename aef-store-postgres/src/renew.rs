//! Keeping leases.

use std::collections::BTreeMap;

use aef_core::store::{RenewRequest, Renewals, Renewed, whole_micros};
use jiff::SignedDuration;
use uuid::Uuid;

use crate::access::Access;
use crate::codec::{self, integer, length, text, time};
use crate::error::Error;

/// What still holds.
#[derive(Debug, sqlx::FromRow)]
struct Held {
    at: i64,
    held: Vec<Uuid>,
    held_epochs: Vec<i64>,
    heads: Vec<i64>,
}

pub(crate) async fn renew(access: &Access, request: &RenewRequest) -> Result<Renewals, Error> {
    let mut session = access.single().await?;
    let ids: Vec<Uuid> = request.executions.iter().map(|(execution, _)| execution.as_uuid()).collect();
    let epochs: Vec<i64> = request.executions.iter().map(|(_, epoch)| integer(epoch.0)).collect();
    let found: Held = session
        .query_as("SELECT * FROM aef.renew($1, $2, $3, $4)")
        .bind(text(request.worker.as_str()))
        .bind(ids)
        .bind(epochs)
        .bind(length(request.lease))
        .fetch_one(session.connection())
        .await?;
    session.end().await?;
    let now = time(found.at)?;
    let lease = SignedDuration::from_micros(length(request.lease));
    let until = whole_micros(now.saturating_add(lease).unwrap_or(jiff::Timestamp::MAX));
    let held: BTreeMap<(Uuid, i64), i64> =
        found.held.into_iter().zip(found.held_epochs).zip(found.heads).collect();
    let mut renewals = Renewals { held: Vec::new(), lost: Vec::new(), now };
    for (execution, epoch) in &request.executions {
        match held.get(&(execution.as_uuid(), integer(epoch.0))) {
            Some(head) => {
                renewals.held.push(Renewed { execution: *execution, until, head: codec::seq(*head)? });
            }
            None => renewals.lost.push(*execution),
        }
    }
    Ok(renewals)
}
