//! Requests of people beside a worker: those that must not starve, and those that need that nobody is at work.

use std::time::Duration;

use aef_core::execution::Status;
use aef_core::ids::{Epoch, Seq};
use aef_core::store::{Append, ExecutionRecord, Expect, Scope, StoreErrorKind, Summary};
use bytes::Bytes;
use jiff::Timestamp;

use super::StoreUnderTest;
use super::scene::{EXPIRED, Scene, batch, fenced, later, new_execution, summary};

fn request(record: &ExecutionRecord, wake_at: Option<Timestamp>) -> Append {
    Append { expect: Expect::NotFinished, wake_at, ..batch(record.id, Seq(0), ["stop requested"]) }
}

/// The store gives the place, and the summary stays as it is.
pub async fn a_request_is_placed_by_the_store(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    let running = Summary { progress: 30, ..summary(Status::Running) };
    scene.append(Append { summary: Some(running.clone()), ..fenced(&claim, Seq(1), ["a", "b"]) }).await;
    let appended = scene.append(request(&claim.record, Some(scene.now().await))).await;
    assert_eq!(appended.head, Seq(4));
    assert_eq!(scene.journal(claim.record.id).await, ["queued", "a", "b", "stop requested"]);
    assert_eq!(scene.record(claim.record.id).await.summary, running);
}

/// The worker, which has not seen the request, meets a conflict with its next batch.
pub async fn the_worker_meets_a_request_as_a_conflict(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    scene.append(request(&claim.record, None)).await;
    assert_eq!(scene.refusal(fenced(&claim, Seq(1), ["a"])).await, StoreErrorKind::Conflict);
    scene.append(fenced(&claim, Seq(2), ["a"])).await;
}

/// Of the time that stands and the time that is asked for the earlier counts.
pub async fn a_request_wakes_at_the_earlier_time(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let now = scene.now().await;
    let in_seconds = |seconds| Some(later(now, Duration::from_secs(seconds)));
    let cases = [
        (in_seconds(60), in_seconds(30), in_seconds(30)),
        (in_seconds(60), in_seconds(90), in_seconds(60)),
        (in_seconds(60), None, in_seconds(60)),
        (None, in_seconds(90), in_seconds(90)),
        (None, None, None),
    ];
    for (stands, asked, expected) in cases {
        let record = scene.create(super::scene::new_execution("ada")).await;
        scene.append(Append { wake_at: stands, ..batch(record.id, Seq(1), ["a"]) }).await;
        scene.append(request(&record, asked)).await;
        assert_eq!(scene.record(record.id).await.wake_at, expected, "{stands:?} and {asked:?}");
    }
}

/// A request that comes after the end hears so.
pub async fn a_request_after_the_end_is_refused(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    scene.finish(&record).await;
    assert_eq!(scene.refusal(request(&record, None)).await, StoreErrorKind::Finished);
}

/// Beside a worker that never rests every request gets in at its first try.
pub async fn requests_do_not_starve(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    let id = claim.record.id;
    let worker = tokio::spawn({
        let (store, claim) = (on.store(), claim.clone());
        async move {
            let (mut head, mut written) = (Seq(1), 0);
            while written < 40 {
                match store.append(fenced(&claim, head, ["work"])).await {
                    Ok(appended) => (head, written) = (appended.head, written + 1),
                    Err(error) => {
                        assert_eq!(error.kind(), StoreErrorKind::Conflict);
                        head = store.load(&Scope::System, id).await.expect("it is there").record.head;
                    }
                }
            }
        }
    });
    for number in 0..10 {
        let events = vec![Bytes::from(format!("request {number}"))];
        scene.append(Append { events, ..request(&claim.record, None) }).await;
    }
    worker.await.expect("the worker does not panic");
    let journal = scene.journal(id).await;
    assert_eq!(journal.iter().filter(|event| *event == "work").count(), 40);
    let requests: Vec<_> = journal.iter().filter(|event| event.starts_with("request")).collect();
    let expected: Vec<_> = (0..10).map(|number| format!("request {number}")).collect();
    assert!(requests.into_iter().eq(&expected), "each once, in order");
}

/// Whoever finalises without a lease raises the epoch, so that no claim of before is good any more.
pub async fn finalising_unleased_raises_the_epoch(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.create(new_execution("ada")).await;
    let unleased = Append { require_unleased: true, ..batch(record.id, Seq(1), ["a"]) };
    let appended = scene.append(unleased).await;
    assert_eq!(appended.epoch, Epoch(record.epoch.0 + 1));
    assert_eq!(scene.record(record.id).await.epoch, appended.epoch);
}

/// While a lease is live, only its holder finalises.
pub async fn finalising_unleased_is_refused_while_leased(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    let unleased = Append {
        require_unleased: true,
        summary: Some(summary(Status::Stopped)),
        ..batch(claim.record.id, Seq(1), ["stopped"])
    };
    assert_eq!(scene.refusal(unleased).await, StoreErrorKind::LeaseLost);
    let row = scene.record(claim.record.id).await;
    assert_eq!((row.epoch, row.head), (claim.record.epoch, Seq(1)));
    scene.append(fenced(&claim, Seq(1), ["a"])).await;
}

/// A lease that has run out does not hinder, and its holder is shut out by it.
pub async fn finalising_unleased_shuts_out_the_holder_of_before(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    scene.advance(EXPIRED).await;
    let unleased = Append { require_unleased: true, ..batch(claim.record.id, Seq(1), ["in doubt"]) };
    let appended = scene.append(unleased).await;
    assert_eq!(appended.lease_until, None);
    assert_eq!(scene.refusal(fenced(&claim, Seq(2), ["outcome"])).await, StoreErrorKind::LeaseLost);
    assert_eq!(scene.record(claim.record.id).await.lease, None);
}

/// Refused for its place, it leaves the epoch.
pub async fn a_refused_finalisation_leaves_the_epoch(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    scene.advance(EXPIRED).await;
    let unleased = Append { require_unleased: true, ..batch(claim.record.id, Seq(9), ["a"]) };
    assert_eq!(scene.refusal(unleased).await, StoreErrorKind::Conflict);
    scene.append(fenced(&claim, Seq(1), ["outcome"])).await;
}
