//! G2, only the holder of the lease writes and acts; G3, the epoch grows with each claim.

use std::time::Duration;

use aef_core::ids::{Epoch, Seq, WorkerId};
use aef_core::store::{Append, ClaimRequest, RenewRequest, StoreErrorKind};

use super::StoreUnderTest;
use super::scene::{ALMOST, EXPIRED, LEASE, Scene, batch, claim_by, fenced, later};

/// After another claim the epoch is another, and the worker of before is refused.
pub async fn g2_a_stale_epoch_is_refused(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    scene.advance(EXPIRED).await;
    let next = scene.claim_only("w2", claim.record.id).await;
    assert_eq!(scene.refusal(fenced(&claim, Seq(1), ["a"])).await, StoreErrorKind::LeaseLost);
    scene.append(fenced(&next, Seq(1), ["b"])).await;
    assert_eq!(scene.journal(claim.record.id).await, ["queued", "b"]);
}

/// Also where the same worker has claimed anew, as after a restart under its old name.
pub async fn g2_a_claim_of_before_is_refused_under_the_same_name(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    scene.advance(EXPIRED).await;
    scene.claim_only("w1", claim.record.id).await;
    assert_eq!(scene.refusal(fenced(&claim, Seq(1), ["a"])).await, StoreErrorKind::LeaseLost);
}

/// An epoch that was guessed, or another worker's, is refused.
pub async fn g2_only_the_holder_is_let_in(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    let right = fenced(&claim, Seq(1), ["a"]);
    let epoch = claim.record.epoch;
    for fence in [("w2", epoch), ("w1", Epoch(epoch.0 + 1)), ("w1", Epoch(epoch.0 - 1))] {
        let wrong = Append { fence: Some((WorkerId::from(fence.0), fence.1)), ..right.clone() };
        assert_eq!(scene.refusal(wrong).await, StoreErrorKind::LeaseLost);
    }
    scene.append(right).await;
}

/// An effect begins only under a lease that has not run out by the store's clock.
pub async fn g2_an_effect_needs_a_live_lease(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    scene.advance(ALMOST).await;
    let effect = Append { starts_effect: true, ..fenced(&claim, Seq(1), ["a"]) };
    scene.append(effect).await;
    scene.advance(EXPIRED).await;
    let effect = Append { starts_effect: true, ..fenced(&claim, Seq(2), ["b"]) };
    assert_eq!(scene.refusal(effect).await, StoreErrorKind::LeaseLost);
    assert_eq!(scene.journal(claim.record.id).await, ["queued", "a"]);
}

/// Whoever holds nothing begins no effect.
pub async fn g2_an_effect_needs_a_fence(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    let effect = Append { starts_effect: true, ..batch(claim.record.id, Seq(1), ["a"]) };
    assert_eq!(scene.refusal(effect).await, StoreErrorKind::LeaseLost);
}

/// What became of an effect is told even after the lease, while nobody else has claimed; that renews it.
pub async fn g2_an_outcome_is_taken_after_the_lease(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    scene.advance(EXPIRED).await;
    let outcome = scene.append(fenced(&claim, Seq(1), ["outcome"])).await;
    assert_eq!(outcome.lease_until, Some(later(outcome.now, LEASE)));
    let effect = Append { starts_effect: true, ..fenced(&claim, Seq(2), ["next"]) };
    scene.append(effect).await;
}

/// A fenced append holds the lease for as long again as it was claimed for.
pub async fn g2_fenced_appends_renew(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    let mut head = Seq(1);
    for _ in 0..3 {
        scene.advance(ALMOST).await;
        let effect = Append { starts_effect: true, ..fenced(&claim, head, ["a"]) };
        let appended = scene.append(effect).await;
        assert_eq!(appended.lease_until, Some(later(appended.now, LEASE)));
        head = appended.head;
    }
    let lease = scene.record(claim.record.id).await.lease;
    assert!(lease.is_some_and(|lease| lease.worker == WorkerId::from("w1")));
}

/// It renews to the length of the last renewal, where there was one.
pub async fn g2_fenced_appends_renew_to_the_last_length(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    let lease = Duration::from_secs(40);
    let executions = vec![(claim.record.id, claim.record.epoch)];
    let request = RenewRequest { worker: "w1".into(), executions, lease };
    scene.store.renew(request).await.expect("renewing works");
    let appended = scene.append(fenced(&claim, Seq(1), ["a"])).await;
    assert_eq!(appended.lease_until, Some(later(appended.now, lease)));
}

/// After its release a lease is no one's, though the epoch is still the same.
pub async fn g2_a_released_lease_is_over(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    let released = scene.append(Append { release: true, ..fenced(&claim, Seq(1), ["a"]) }).await;
    assert_eq!((released.lease_until, released.epoch), (None, claim.record.epoch));
    assert_eq!(scene.refusal(fenced(&claim, Seq(2), ["b"])).await, StoreErrorKind::LeaseLost);
    assert_eq!(scene.record(claim.record.id).await.lease, None);
}

/// People append beside a worker: neither its lease nor its epoch changes.
pub async fn g2_a_persons_append_leaves_the_lease(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    scene.advance(Duration::from_secs(1)).await;
    let unfenced = Append { release: true, ..batch(claim.record.id, Seq(1), ["a"]) };
    let appended = scene.append(unfenced).await;
    let lease = claim.record.lease.clone();
    assert_eq!(appended.lease_until, lease.as_ref().map(|lease| lease.until));
    let row = scene.record(claim.record.id).await;
    assert_eq!((row.lease, row.epoch), (lease, claim.record.epoch));
    assert_eq!(scene.refusal(fenced(&claim, Seq(1), ["b"])).await, StoreErrorKind::Conflict);
}

/// Each claim has a higher epoch than the one before.
pub async fn g3_the_epoch_grows_with_each_claim(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let mut claim = scene.held("ada", "w1").await;
    for worker in ["w2", "w2", "w1"] {
        scene.advance(EXPIRED).await;
        let next = scene.claim_only(worker, claim.record.id).await;
        assert!(next.record.epoch > claim.record.epoch);
        claim = next;
    }
}

/// Also over releases, after which nobody remembers the claim but the row.
pub async fn g3_the_epoch_survives_release(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    let released = scene.append(Append { release: true, ..fenced(&claim, Seq(1), []) }).await;
    assert_eq!(released.epoch, claim.record.epoch);
    let next = scene.claim_only("w1", claim.record.id).await;
    assert!(next.record.epoch > claim.record.epoch);
}

/// Also over a restart; the lease does too.
pub async fn g3_the_epoch_survives_a_restart(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    let scene = scene.reopen().await;
    let row = scene.record(claim.record.id).await;
    assert_eq!((row.epoch, row.lease), (claim.record.epoch, claim.record.lease.clone()));
    let only = Some(claim.record.id);
    assert!(scene.claim(ClaimRequest { only, ..claim_by("w2") }).await.is_empty(), "it is held still");
    scene.advance(EXPIRED).await;
    let next = scene.claim_only("w2", claim.record.id).await;
    assert!(next.record.epoch > claim.record.epoch);
    assert_eq!(scene.refusal(fenced(&claim, Seq(1), ["a"])).await, StoreErrorKind::LeaseLost);
}
