//! G8, what has finished stays as it is until it is purged; G9, what is parked holds nothing.

use std::time::Duration;

use aef_core::execution::Status;
use aef_core::ids::{OwnerId, Seq};
use aef_core::store::{Append, ClaimRequest, Expect, ListQuery, NewExecution, Scope, StoreErrorKind};
use bytes::Bytes;

use super::StoreUnderTest;
use super::scene::{EXPIRED, LEASE, Scene, batch, claim_by, fenced, later, new_execution, refusal, summary};

/// No batch of whatever kind gets behind the end.
pub async fn g8_nothing_is_appended_behind_the_end(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    for status in [Status::Completed, Status::Failed, Status::Stopped] {
        let claim = scene.held("ada", "w1").await;
        let id = claim.record.id;
        scene.append(Append { summary: Some(summary(status)), ..fenced(&claim, Seq(1), ["end"]) }).await;
        let before = scene.load(id).await.record;
        let plain = batch(id, Seq(2), ["more"]);
        let refused = [
            Append { expect: Expect::NotFinished, ..plain.clone() },
            Append { require_unleased: true, ..plain.clone() },
            Append { snapshot: Some(Bytes::from_static(b"x")), events: Vec::new(), ..plain.clone() },
            Append { starts_effect: true, ..fenced(&claim, Seq(2), ["more"]) },
            plain,
        ];
        for request in refused {
            assert_eq!(scene.refusal(request).await, StoreErrorKind::Finished);
        }
        assert_eq!(scene.load(id).await.record, before);
        assert_eq!(scene.journal(id).await, ["queued", "end"]);
    }
}

/// The batch that finishes ends the lease and the waking, whatever it says of them, and tells when.
pub async fn g8_the_end_holds_nothing(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    scene.advance(Duration::from_secs(2)).await;
    let last = Append { summary: Some(summary(Status::Completed)), ..fenced(&claim, Seq(1), ["end"]) };
    assert!(last.wake_at.is_some() && !last.release);
    let end = scene.append(last).await;
    assert_eq!(end.lease_until, None);
    let row = scene.record(claim.record.id).await;
    assert_eq!((row.lease, row.wake_at, row.finished_at), (None, None, Some(end.now)));
    let renewals = scene.renew("w1", &[(claim.record.id, claim.record.epoch)]).await;
    assert_eq!(renewals.lost, [claim.record.id]);
}

/// Whatever runs out or restarts, it stays.
pub async fn g8_the_end_survives_a_restart(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    scene.finish(&record).await;
    let before = scene.load(record.id).await;
    scene.advance(Duration::from_secs(365 * 24 * 3600)).await;
    let scene = scene.reopen().await;
    assert_eq!(scene.claimed("w1", 9).await, []);
    let after = scene.load(record.id).await;
    assert_eq!((after.record, after.tail), (before.record, before.tail));
}

/// A parked execution holds no lease and no slot: under a limit of one its owner's next is served.
pub async fn g9_what_is_parked_holds_nothing(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    let next = scene.queued("ada").await;
    let one_each = ClaimRequest { per_owner: Some(1), ..claim_by("w2") };
    assert!(scene.claim(one_each.clone()).await.is_empty());
    let parked = Append {
        release: true,
        wake_at: Some(later(scene.now().await, LEASE)),
        summary: Some(summary(Status::WaitingCheckpoint)),
        ..fenced(&claim, Seq(1), ["parked"])
    };
    scene.append(parked).await;
    assert_eq!(scene.record(claim.record.id).await.lease, None);
    let claims = scene.claim(one_each).await;
    assert_eq!(claims.iter().map(|claim| claim.record.id).collect::<Vec<_>>(), [next.id]);
}

/// And it is claimed again when its time has come, by anybody.
pub async fn g9_what_is_parked_wakes(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    let wake_at = Some(later(scene.now().await, LEASE));
    scene.append(Append { release: true, wake_at, ..fenced(&claim, Seq(1), ["parked"]) }).await;
    assert_eq!(scene.claimed("w2", 9).await, []);
    scene.advance(EXPIRED).await;
    assert_eq!(scene.claimed("w2", 9).await, [claim.record.id]);
}

/// A purge takes those that finished before the time, and those alone.
pub async fn g8_a_purge_takes_what_finished_before(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let records = scene.all_queued("ada", 3).await;
    scene.finish(&records[0]).await;
    scene.advance(LEASE).await;
    let end = scene.finish(&records[1]).await;
    assert_eq!(scene.store.purge(&Scope::System, end.now, 100).await.expect("purging works"), 1);
    assert_eq!(refusal(scene.store.load(&Scope::System, records[0].id).await), StoreErrorKind::NotFound);
    scene.load(records[1].id).await;
    let far = later(end.now, EXPIRED);
    assert_eq!(scene.store.purge(&Scope::System, far, 100).await.expect("purging works"), 1);
    scene.load(records[2].id).await;
}

/// What was purged is not there in any way.
pub async fn g8_what_was_purged_is_gone(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    scene
        .append(Append { snapshot: Some(Bytes::from_static(b"s")), ..batch(record.id, Seq(1), ["a"]) })
        .await;
    let end = scene.finish(&scene.record(record.id).await).await;
    let far = later(end.now, LEASE);
    assert_eq!(scene.store.purge(&Scope::System, far, 9).await.expect("purging works"), 1);
    let (store, scope) = (&scene.store, &Scope::System);
    assert_eq!(refusal(store.load(scope, record.id).await), StoreErrorKind::NotFound);
    assert_eq!(refusal(store.journal(scope, record.id, Seq(0), 9).await), StoreErrorKind::NotFound);
    assert_eq!(refusal(store.explain(scope, record.id).await), StoreErrorKind::NotFound);
    assert_eq!(scene.refusal(batch(record.id, Seq(3), ["b"])).await, StoreErrorKind::NotFound);
    assert!(store.list(scope, ListQuery::default()).await.expect("listing works").records.is_empty());
    // The id is as new: nothing of before shows in what is made under it.
    let again = scene.create(NewExecution { id: record.id, ..new_execution("ada") }).await;
    assert_eq!((again.head, again.epoch.0), (Seq(1), 0));
    let loaded = scene.load(record.id).await;
    assert_eq!((loaded.tail.len(), loaded.snapshot), (1, None));
}

/// A purge with a limit takes those that finished first, and one of an owner only that owner's.
pub async fn g8_a_purge_keeps_to_limit_and_scope(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let mut records = scene.all_queued("ada", 3).await;
    records.reverse();
    for record in &records {
        scene.finish(record).await;
        scene.advance(Duration::from_secs(2)).await;
    }
    let other = scene.queued("bob").await;
    scene.finish(&other).await;
    let far = later(scene.now().await, LEASE);
    let ada = Scope::Owner(OwnerId::from("ada"));
    assert_eq!(
        scene.store.purge(&Scope::Owner(OwnerId::from("eve")), far, 9).await.expect("purging works"),
        0
    );
    assert_eq!(scene.store.purge(&ada, far, 0).await.expect("purging works"), 0);
    assert_eq!(scene.store.purge(&ada, far, 2).await.expect("purging works"), 2);
    assert_eq!(refusal(scene.store.load(&Scope::System, records[1].id).await), StoreErrorKind::NotFound);
    scene.load(records[2].id).await;
    assert_eq!(scene.store.purge(&ada, far, 9).await.expect("purging works"), 1);
    scene.load(other.id).await;
}
