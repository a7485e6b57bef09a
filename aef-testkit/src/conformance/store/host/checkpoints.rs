//! From a checkpoint to its execution.

use std::time::Duration;

use aef_core::execution::Status;
use aef_core::ids::CheckpointId;
use aef_core::store::{Append, ExecutionRecord, OpenCheckpoint, Scope, StoreErrorKind, Summary};

use super::super::scene::{Scene, batch, later, new_execution, refusal, summary};
use super::{HostUnderTest, of_ada, of_bob};

/// An execution of ada's that asks, and what it asks.
async fn asking(scene: &Scene<'_>, about: &str) -> (ExecutionRecord, CheckpointId) {
    let record = scene.create(new_execution("ada")).await;
    let id = CheckpointId::derive(record.id, about);
    let open = OpenCheckpoint { id, raised_at: scene.now().await, expires_at: None };
    let asks = Summary { checkpoint: Some(open), ..summary(Status::WaitingCheckpoint) };
    scene.append(Append { summary: Some(asks), ..batch(record.id, record.head, ["raised"]) }).await;
    (scene.record(record.id).await, id)
}

/// By whomever its owner's scope covers.
pub async fn an_open_checkpoint_names_its_execution(on: &dyn HostUnderTest) {
    let (host, scene) = (on.host(), Scene::new(on));
    let (one, first) = asking(&scene, "save").await;
    let (two, second) = asking(&scene, "save").await;
    for (record, id) in [(one, first), (two, second)] {
        for scope in [of_ada(), Scope::System] {
            assert_eq!(host.checkpoint_execution(&scope, id).await.expect("it is known"), record.id);
        }
    }
    let unknown = CheckpointId::derive(new_execution("ada").id, "save");
    let found = host.checkpoint_execution(&Scope::System, unknown).await;
    assert_eq!(refusal(found), StoreErrorKind::NotFound);
}

/// When it is open no more, and another one is.
pub async fn an_answered_checkpoint_names_its_execution(on: &dyn HostUnderTest) {
    let (host, scene) = (on.host(), Scene::new(on));
    let (record, id) = asking(&scene, "save").await;
    let answered =
        Append { summary: Some(summary(Status::Running)), ..batch(record.id, record.head, ["answered"]) };
    scene.append(answered).await;
    assert_eq!(host.checkpoint_execution(&of_ada(), id).await.expect("it is known"), record.id);
    let host = on.reopen_host().await;
    assert_eq!(host.checkpoint_execution(&of_ada(), id).await.expect("it is known"), record.id);
}

/// As its execution is not.
pub async fn another_owners_checkpoint_is_not_found(on: &dyn HostUnderTest) {
    let (host, scene) = (on.host(), Scene::new(on));
    let (_, id) = asking(&scene, "save").await;
    assert_eq!(refusal(host.checkpoint_execution(&of_bob(), id).await), StoreErrorKind::NotFound);
}

/// It goes with its execution.
pub async fn a_purged_checkpoint_is_not_found(on: &dyn HostUnderTest) {
    let (host, scene) = (on.host(), Scene::new(on));
    let (record, id) = asking(&scene, "save").await;
    scene.finish(&record).await;
    let before = later(scene.now().await, Duration::from_secs(60));
    assert_eq!(scene.store.purge(&Scope::System, before, 10).await.expect("purging works"), 1);
    let found = host.checkpoint_execution(&Scope::System, id).await;
    assert_eq!(refusal(found), StoreErrorKind::NotFound);
}
