//! G2 and G5: a batch that is sent again gives its first result, and a lost acknowledgement does no harm.

use aef_core::execution::Status;
use aef_core::ids::{BatchId, Seq};
use aef_core::store::{Append, Expect, StoreErrorKind};
use futures::future::join_all;

use super::StoreUnderTest;
use super::scene::{EXPIRED, Scene, batch, events, fenced, summary};

/// The batch is written once, and the second answer is the first.
pub async fn g5_a_batch_sent_again_gives_its_first_result(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    let request = batch(record.id, Seq(1), ["a", "b"]);
    let first = scene.append(request.clone()).await;
    scene.advance(EXPIRED).await;
    assert_eq!(scene.append(request).await, first);
    assert_eq!(scene.journal(record.id).await, ["queued", "a", "b"]);
}

/// Also where others have appended since.
pub async fn g5_it_does_so_after_more_appends(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    let request = batch(record.id, Seq(1), ["a"]);
    let first = scene.append(request.clone()).await;
    scene.append(batch(record.id, Seq(2), ["b", "c"])).await;
    assert_eq!(scene.append(request).await, first);
    let row = scene.record(record.id).await;
    assert_eq!(row.head, Seq(4));
    assert_eq!(scene.journal(record.id).await, ["queued", "a", "b", "c"]);
}

/// Also where the execution has finished, by that batch or another.
pub async fn g5_it_does_so_after_the_end(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    let request = batch(record.id, Seq(1), ["a"]);
    let first = scene.append(request.clone()).await;
    let last = Append { summary: Some(summary(Status::Failed)), ..batch(record.id, Seq(2), ["end"]) };
    let end = scene.append(last.clone()).await;
    assert_eq!(scene.append(request).await, first);
    assert_eq!(scene.append(last).await, end);
}

/// Also where another worker has the lease by now: what was written was written.
pub async fn g5_it_does_so_after_the_lease_was_lost(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    let request = fenced(&claim, Seq(1), ["a"]);
    let first = scene.append(request.clone()).await;
    scene.advance(EXPIRED).await;
    let next = scene.claim_only("w2", claim.record.id).await;
    assert_eq!(scene.append(request).await, first);
    let row = scene.record(claim.record.id).await;
    assert_eq!((row.lease, row.epoch), (next.record.lease, next.record.epoch));
}

/// Also where the release was not heard: the second time does not release anew.
pub async fn g5_a_release_sent_again_releases_once(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    let request = Append { release: true, ..fenced(&claim, Seq(1), ["a"]) };
    let first = scene.append(request.clone()).await;
    let next = scene.claim_only("w2", claim.record.id).await;
    assert_eq!(scene.append(request).await, first);
    assert_eq!(scene.record(claim.record.id).await.lease, next.record.lease);
}

/// Also in a process that has just started.
pub async fn g5_it_does_so_after_a_restart(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    let request = fenced(&claim, Seq(1), ["a"]);
    let first = scene.append(request.clone()).await;
    let scene = scene.reopen().await;
    assert_eq!(scene.append(request).await, first);
}

/// A batch without events is remembered too.
pub async fn g5_an_empty_batch_is_remembered(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    let request = Append { summary: Some(summary(Status::Paused)), ..batch(record.id, Seq(1), []) };
    let first = scene.append(request.clone()).await;
    let resumed = Append { summary: Some(summary(Status::Queued)), ..batch(record.id, Seq(1), ["a"]) };
    scene.append(resumed).await;
    assert_eq!(scene.append(request).await, first);
    assert_eq!(scene.record(record.id).await.summary.status, Status::Queued);
}

/// Copies of one batch that race are written once, and all get one answer.
pub async fn g5_racing_copies_are_written_once(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    let request = batch(record.id, Seq(1), ["a", "b"]);
    let copies = (0..16).map(|_| {
        let (store, request) = (on.store(), request.clone());
        tokio::spawn(async move { store.append(request).await.expect("each copy has the result") })
    });
    let results: Vec<_> =
        join_all(copies).await.into_iter().map(|result| result.expect("none panics")).collect();
    assert!(results.iter().all(|result| *result == results[0]));
    assert_eq!(scene.journal(record.id).await, ["queued", "a", "b"]);
}

/// Other events, another summary or another time under a known id are a mistake that is told.
pub async fn g2_other_content_under_a_known_id_is_a_mismatch(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    let request = batch(record.id, Seq(1), ["ab", "c"]);
    scene.append(request.clone()).await;
    let others = [
        Append { events: events(["a", "bc"]), ..request.clone() },
        Append { events: events(["ab"]), ..request.clone() },
        Append { summary: Some(summary(Status::Paused)), ..request.clone() },
        Append { wake_at: Some(record.created_at), ..request.clone() },
        Append { format: 2, ..request.clone() },
        Append { release: true, ..request },
    ];
    for other in others {
        assert_eq!(scene.refusal(other).await, StoreErrorKind::BatchMismatch);
    }
    assert_eq!(scene.journal(record.id).await, ["queued", "ab", "c"]);
}

/// An id names a batch within one execution.
pub async fn g2_batch_ids_are_of_one_execution(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let (one, other) = (scene.queued("ada").await, scene.queued("ada").await);
    let batch_id = BatchId::generate();
    scene.append(Append { batch_id, ..batch(one.id, Seq(1), ["a"]) }).await;
    scene.append(Append { batch_id, ..batch(other.id, Seq(1), ["b"]) }).await;
    assert_eq!(scene.journal(other.id).await, ["queued", "b"]);
}

/// What was refused was not written, so its id is free.
pub async fn g2_the_id_of_a_refused_batch_is_free(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    let request = batch(record.id, Seq(5), ["a"]);
    assert_eq!(scene.refusal(request.clone()).await, StoreErrorKind::Conflict);
    let other = Append { expect: Expect::Seq(Seq(1)), events: events(["b"]), ..request };
    scene.append(other).await;
    assert_eq!(scene.journal(record.id).await, ["queued", "b"]);
}

/// Where several things are wrong, the first of the contract's order is told: mismatch, finished, lease, place.
pub async fn g2_what_is_wrong_is_told_in_order(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    let id = claim.record.id;
    let known = fenced(&claim, Seq(1), ["a"]);
    scene.append(known.clone()).await;
    scene.advance(EXPIRED).await;
    let next = scene.claim_only("w2", id).await;
    let stale = fenced(&claim, Seq(9), ["b"]);
    assert_eq!(scene.refusal(stale.clone()).await, StoreErrorKind::LeaseLost, "before the place");
    scene.advance(EXPIRED).await;
    let effect = Append { starts_effect: true, ..fenced(&next, Seq(9), ["b"]) };
    assert_eq!(scene.refusal(effect).await, StoreErrorKind::LeaseLost, "an effect's lease before the place");
    scene.append(Append { summary: Some(summary(Status::Stopped)), ..fenced(&next, Seq(2), ["end"]) }).await;
    assert_eq!(scene.refusal(stale).await, StoreErrorKind::Finished, "before the lease");
    let mismatch = Append { events: events(["z"]), ..known };
    assert_eq!(scene.refusal(mismatch).await, StoreErrorKind::BatchMismatch, "before the end");
}
