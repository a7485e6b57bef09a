//! Watches that nothing lies there that could be done.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aef_core::ids::ExecutionId;
use aef_core::store::{ExecutionRecord, ListQuery, Scope, StoreError};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::scene::Scene;

/// How long something may be ready, its last lease run out, while a worker is awake and the database runs.
pub(crate) const BOUND: Duration = Duration::from_secs(10);

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(250);

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The longest time for which something was ready and nobody claimed it.
    pub(crate) longest: Duration,
    /// What lay there for too long.
    pub(crate) stuck: Vec<String>,
    /// How often it was looked.
    pub(crate) looks: u64,
}

/// Watches until it is told to end.
pub(crate) async fn watch(scene: Arc<Scene>, over: CancellationToken) -> Seen {
    let mut seen = Seen::default();
    let mut ready: BTreeMap<ExecutionId, Instant> = BTreeMap::new();
    while !over.is_cancelled() {
        tokio::time::sleep(LOOK).await;
        if !scene.health().is_good() {
            ready.clear();
            continue;
        }
        // Connections are cut on purpose; then it is looked again, and what was ready stays so.
        let Ok(lying) = lying(&scene).await else { continue };
        seen.looks += 1;
        ready.retain(|id, _| lying.iter().any(|record| record.id == *id));
        for record in lying {
            let since = ready.entry(record.id).or_insert_with(Instant::now).elapsed();
            seen.longest = seen.longest.max(since);
            if since > BOUND {
                seen.stuck.push(format!(
                    "{} ({}, {}) was ready for {since:?}: wake at {:?}, lease {:?}",
                    record.id, record.document, record.summary.status, record.wake_at, record.lease
                ));
                ready.remove(&record.id);
            }
        }
    }
    seen
}

/// What could be claimed now.
async fn lying(scene: &Scene) -> Result<Vec<ExecutionRecord>, StoreError> {
    let store = scene.engine.store();
    let page = store.list(&Scope::System, ListQuery { limit: 1000, ..ListQuery::default() }).await?;
    let now = store.now().await?;
    Ok(page.records.into_iter().filter(|record| is_ready(record, now)).collect())
}

fn is_ready(record: &ExecutionRecord, now: Timestamp) -> bool {
    record.wake_at.is_some_and(|wake_at| wake_at <= now)
        && record.lease.as_ref().is_none_or(|lease| lease.until <= now)
}
