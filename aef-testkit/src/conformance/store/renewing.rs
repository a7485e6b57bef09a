//! G10: no lost notification delays work by more than a poll.

use std::collections::BTreeSet;
use std::time::Duration;

use aef_core::execution::Status;
use aef_core::ids::{Epoch, ExecutionId, Seq};
use aef_core::store::{Append, StoreErrorKind};
use futures::StreamExt as _;

use super::StoreUnderTest;
use super::scene::{ALMOST, EXPIRED, LEASE, Scene, batch, fenced, later, new_execution, summary};

/// How long a notice may take: it is on its way, so this is far more than it needs.
const PATIENCE: Duration = Duration::from_secs(30);

/// A renewal holds the lease for the time that it asks for, from now.
pub async fn g10_a_renewal_holds_the_lease(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    for _ in 0..3 {
        scene.advance(ALMOST).await;
        let renewals = scene.renew("w1", &[(claim.record.id, claim.record.epoch)]).await;
        let [held] = renewals.held.try_into().expect("it is held");
        assert_eq!((held.until, held.head), (later(renewals.now, LEASE), Seq(1)));
    }
    scene.advance(ALMOST).await;
    assert_eq!(scene.claimed("w2", 9).await, []);
    scene.append(Append { starts_effect: true, ..fenced(&claim, Seq(1), ["a"]) }).await;
}

/// It tells how far the journal is, so that an answer is seen that no notice told of.
pub async fn g10_a_renewal_tells_of_answers(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    scene.append(batch(claim.record.id, Seq(1), ["answer", "more"])).await;
    let renewals = scene.renew("w1", &[(claim.record.id, claim.record.epoch)]).await;
    assert_eq!(renewals.held[0].head, Seq(3));
}

/// It tells what is no longer held, for whatever reason, and holds the rest.
pub async fn g10_a_renewal_tells_what_was_lost(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let taken = scene.held("ada", "w1").await;
    scene.advance(EXPIRED).await;
    let next = scene.claim_only("w2", taken.record.id).await;
    let released = scene.held("ada", "w1").await;
    scene.append(Append { release: true, ..fenced(&released, Seq(1), ["parked"]) }).await;
    let ended = scene.held("ada", "w1").await;
    scene.append(Append { summary: Some(summary(Status::Failed)), ..fenced(&ended, Seq(1), ["end"]) }).await;
    let held = scene.held("ada", "w1").await;
    let nowhere = ExecutionId::generate();
    let asked: Vec<(ExecutionId, Epoch)> = [&taken, &released, &ended, &held]
        .map(|claim| (claim.record.id, claim.record.epoch))
        .into_iter()
        .chain([(nowhere, Epoch(1))])
        .collect();
    let renewals = scene.renew("w1", &asked).await;
    assert_eq!(renewals.held.iter().map(|held| held.execution).collect::<Vec<_>>(), [held.record.id]);
    let lost: BTreeSet<_> = renewals.lost.into_iter().collect();
    let expected = [taken.record.id, released.record.id, ended.record.id, nowhere];
    assert_eq!(lost, BTreeSet::from(expected));
    assert_eq!(
        scene.record(taken.record.id).await.lease,
        next.record.lease,
        "the other's lease is as it was"
    );
}

/// A lease that has run out is renewed while nobody else has claimed.
pub async fn g10_a_late_renewal_holds_while_nobody_claimed(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    scene.advance(EXPIRED).await;
    let renewals = scene.renew("w1", &[(claim.record.id, claim.record.epoch)]).await;
    assert_eq!((renewals.held.len(), renewals.lost.len()), (1, 0));
    assert_eq!(scene.claimed("w2", 9).await, []);
}

/// Another worker's lease is not renewed by its epoch alone.
pub async fn g10_only_the_holder_renews(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    let renewals = scene.renew("w2", &[(claim.record.id, claim.record.epoch)]).await;
    assert_eq!(renewals.lost, [claim.record.id]);
    assert_eq!(scene.record(claim.record.id).await.lease, claim.record.lease);
}

/// To release is to append: an answer that was not seen conflicts with it, and the lease stays.
pub async fn g10_a_release_conflicts_with_an_unseen_answer(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    scene.append(batch(claim.record.id, Seq(1), ["answer"])).await;
    let release = Append { release: true, ..fenced(&claim, Seq(1), ["parked"]) };
    assert_eq!(scene.refusal(release).await, StoreErrorKind::Conflict);
    assert_eq!(scene.record(claim.record.id).await.lease, claim.record.lease);
}

/// Whoever listens hears of what is made and what is appended, with what the row says then.
pub async fn g10_notices_tell_of_appends(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let mut notices = scene.store.subscribe().await.expect("subscribing works");
    let record = scene.create(new_execution("ada")).await;
    scene.refusal(batch(record.id, Seq(7), ["no"])).await;
    let wake_at = Some(scene.now().await);
    let said = Some(summary(Status::Paused));
    scene.append(Append { summary: said, wake_at, ..batch(record.id, Seq(1), ["a"]) }).await;
    let mut next = async || {
        let notice = tokio::time::timeout(PATIENCE, notices.next()).await;
        let notice = notice.expect("a notice comes").expect("the stream goes on");
        (notice.execution, notice.head, notice.status, notice.wake_at)
    };
    assert_eq!(next().await, (record.id, Seq(1), Status::Queued, None));
    assert_eq!(next().await, (record.id, Seq(2), Status::Paused, wake_at));
}

/// A notice says until when a worker has the execution, whoever appended, so that the others know what to leave alone.
pub async fn g10_notices_tell_of_leases(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    let mut notices = scene.store.subscribe().await.expect("subscribing works");
    let mut until = async || {
        let notice = tokio::time::timeout(PATIENCE, notices.next()).await;
        notice.expect("a notice comes").expect("the stream goes on").lease_until
    };
    let id = claim.record.id;
    scene.append(fenced(&claim, Seq(1), ["by the worker"])).await;
    let held = scene.record(id).await.lease.map(|lease| lease.until);
    assert!(held.is_some());
    assert_eq!(until().await, held);
    scene.append(batch(id, Seq(2), ["by a person"])).await;
    assert_eq!(until().await, held);
    scene.append(Append { release: true, ..fenced(&claim, Seq(3), ["parked"]) }).await;
    assert_eq!(until().await, None);
}

/// Several listen, each hears all; one that has gone hinders nobody.
pub async fn g10_all_who_listen_hear(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let mut one = scene.store.subscribe().await.expect("subscribing works");
    let mut other = scene.store.subscribe().await.expect("subscribing works");
    drop(scene.store.subscribe().await.expect("subscribing works"));
    let record = scene.queued("ada").await;
    for stream in [&mut one, &mut other] {
        let notice = tokio::time::timeout(PATIENCE, stream.next()).await.expect("a notice comes");
        assert_eq!(notice.map(|notice| notice.execution), Some(record.id));
    }
}
