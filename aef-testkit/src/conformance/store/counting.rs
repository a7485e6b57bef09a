//! Counting what is not finished.

use std::collections::BTreeMap;
use std::time::Duration;

use aef_core::execution::{OpenCheckpoint, Status};
use aef_core::ids::{CheckpointId, Seq};
use aef_core::store::{Append, Census, NewExecution, Scope, Summary};
use jiff::Timestamp;

use super::StoreUnderTest;
use super::scene::{EXPIRED, LEASE, Scene, batch, later, new_execution, summary};

async fn census(scene: &Scene<'_>, scope: &Scope) -> Census {
    scene.store.census(scope).await.expect("the store counts")
}

fn asking(raised_at: Timestamp) -> Summary {
    let checkpoint =
        OpenCheckpoint { id: CheckpointId::from_uuid(uuid::Uuid::from_u128(7)), raised_at, expires_at: None };
    Summary { checkpoint: Some(checkpoint), ..summary(Status::WaitingCheckpoint) }
}

/// An empty store has nothing to count but those who work.
pub async fn an_empty_store_counts_nothing(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let now = scene.now().await;
    assert_eq!(census(&scene, &Scope::System).await, Census::new(0, now));
    scene.claimed("w1", 1).await;
    scene.renew("w2", &[]).await;
    assert_eq!(census(&scene, &Scope::System).await, Census::new(2, now));
    scene.advance(Duration::from_secs(61)).await;
    assert_eq!(census(&scene, &Scope::System).await.workers, 0);
}

/// Each status is counted, what has finished is not.
pub async fn statuses_are_counted_while_they_last(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    for status in [Status::Created, Status::Created, Status::Paused] {
        scene.create(NewExecution { summary: summary(status), ..new_execution("ada") }).await;
    }
    let record = scene.create(new_execution("ada")).await;
    scene.finish(&record).await;
    let counted = census(&scene, &Scope::System).await;
    assert_eq!(counted.statuses, BTreeMap::from([(Status::Created, 2), (Status::Paused, 1)]));
    assert_eq!((counted.ready, counted.leased, counted.checkpoints), (0, 0, 0));
}

/// What is ready counts from its time, and what a dead worker held from the end of its lease.
pub async fn what_is_ready_counts_since_it_was(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let begun = scene.now().await;
    let claim = scene.held("ada", "w1").await;
    let soon = Some(later(begun, EXPIRED * 2));
    scene.create(NewExecution { wake_at: soon, ..new_execution("ada") }).await;
    let counted = census(&scene, &Scope::System).await;
    assert_eq!((counted.leased, counted.ready, counted.ready_since), (1, 0, None));

    scene.advance(EXPIRED).await;
    let counted = census(&scene, &Scope::System).await;
    let until = claim.record.lease.expect("it is held").until;
    assert_eq!((counted.leased, counted.ready, counted.ready_since), (0, 1, Some(until)));
    scene.advance(EXPIRED * 2).await;
    let counted = census(&scene, &Scope::System).await;
    assert_eq!((counted.ready, counted.ready_since), (2, Some(until)));
    scene.claimed("w2", 1).await;
    let counted = census(&scene, &Scope::System).await;
    assert_eq!((counted.leased, counted.ready, counted.ready_since), (1, 1, soon));
}

/// Open checkpoints are counted, with the time of the oldest.
pub async fn open_checkpoints_are_counted_with_their_age(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let begun = scene.now().await;
    let mut records = Vec::new();
    // The younger one first, and both within a second.
    for millis in [1500, 1050] {
        let raised_at = later(begun, Duration::from_millis(millis));
        records.push(scene.create(NewExecution { summary: asking(raised_at), ..new_execution("ada") }).await);
    }
    let counted = census(&scene, &Scope::System).await;
    let asked_since = Some(later(begun, Duration::from_millis(1050)));
    assert_eq!((counted.checkpoints, counted.asked_since), (2, asked_since));

    let answered =
        Append { summary: Some(summary(Status::Running)), ..batch(records[1].id, Seq(1), ["answered"]) };
    scene.append(answered).await;
    let counted = census(&scene, &Scope::System).await;
    let asked_since = Some(later(begun, Duration::from_millis(1500)));
    assert_eq!((counted.checkpoints, counted.asked_since), (1, asked_since));
}

/// An owner counts its own.
pub async fn an_owner_counts_its_own(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    scene.all_queued("ada", 3).await;
    scene.queued("bob").await;
    scene.create(NewExecution { summary: asking(scene.now().await), ..new_execution("bob") }).await;
    scene.advance(LEASE).await;
    let bob = census(&scene, &Scope::Owner("bob".into())).await;
    assert_eq!((bob.ready, bob.checkpoints, bob.statuses.values().sum::<u64>()), (1, 1, 2));
    let ada = census(&scene, &Scope::Owner("ada".into())).await;
    assert_eq!((ada.ready, ada.checkpoints, ada.statuses.values().sum::<u64>()), (3, 0, 3));
    let all = census(&scene, &Scope::System).await;
    assert_eq!((all.ready, all.checkpoints), (4, 1));
    let nobody = census(&scene, &Scope::Owner("eve".into())).await;
    assert!(nobody.statuses.is_empty());
}
