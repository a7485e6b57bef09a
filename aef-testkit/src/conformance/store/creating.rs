//! G11: asking twice makes one.

use std::collections::BTreeSet;
use std::time::Duration;

use aef_core::execution::Status;
use aef_core::ids::{DocumentHash, Epoch, ExecutionId, Seq, StepId};
use aef_core::store::{Append, NewExecution, Scope, StoreErrorKind};
use futures::future::join_all;

use super::StoreUnderTest;
use super::scene::{LEASE, Scene, batch, events, key, later, new_execution, refusal, summary};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The row says what was asked for, and the journal begins with the events.
pub async fn g11_an_execution_is_made_with_its_events(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let now = scene.now().await;
    let new = NewExecution {
        subset: Some(vec![StepId::from("a"), StepId::from("b")]),
        parent: Some(ExecutionId::generate()),
        priority: -3,
        events: events(["queued", "started"]),
        format: 2,
        wake_at: Some(later(now, LEASE)),
        ..new_execution("åda 🙂")
    };
    let created = scene.store.create(new.clone()).await.expect("it is made");
    assert!(!created.existing);
    let record = scene.record(new.id).await;
    assert_eq!(record, created.record);
    assert_eq!((record.head, record.epoch, record.lease), (Seq(2), Epoch(0), None));
    assert_eq!((record.id, record.owner, record.document), (new.id, new.owner, new.document));
    assert_eq!((record.document_hash, record.subset), (new.document_hash, new.subset));
    assert_eq!((record.parent, record.priority), (new.parent, new.priority));
    assert_eq!((record.summary, record.format, record.wake_at), (new.summary, 2, new.wake_at));
    assert!(record.created_at >= now && record.updated_at == record.created_at);
    assert_eq!(record.finished_at, None);
    assert_eq!(scene.journal(new.id).await, ["queued", "started"]);
}

/// The same key with the same body gives what was made first, as it is now.
pub async fn g11_a_key_gives_what_was_made_first(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let first = scene.create(NewExecution { idempotency: key("k", "body"), ..new_execution("ada") }).await;
    scene.append(Append { summary: Some(summary(Status::Paused)), ..batch(first.id, Seq(1), ["a"]) }).await;
    let again = NewExecution { idempotency: key("k", "body"), ..new_execution("ada") };
    let id = again.id;
    let created = scene.store.create(again).await.expect("it is given");
    assert!(created.existing);
    assert_eq!(created.record, scene.record(first.id).await);
    assert_eq!(refusal(scene.store.load(&Scope::System, id).await), StoreErrorKind::NotFound);
}

/// The same key with another body is a conflict, and makes nothing.
pub async fn g11_a_key_with_another_body_is_a_conflict(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    scene.create(NewExecution { idempotency: key("k", "body"), ..new_execution("ada") }).await;
    let other = NewExecution { idempotency: key("k", "other"), ..new_execution("ada") };
    let id = other.id;
    assert_eq!(refusal(scene.store.create(other).await), StoreErrorKind::IdempotencyConflict);
    assert_eq!(refusal(scene.store.load(&Scope::System, id).await), StoreErrorKind::NotFound);
}

/// Each owner has keys of its own.
pub async fn g11_keys_are_an_owners_own(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let ada = scene.create(NewExecution { idempotency: key("k", "body"), ..new_execution("ada") }).await;
    let bob = scene.create(NewExecution { idempotency: key("k", "other"), ..new_execution("bob") }).await;
    assert_ne!(ada.id, bob.id);
}

/// A key is kept for 30 days past the purge of what it made, whose row it gives; then it is free.
pub async fn g11_a_key_outlives_the_purge_by_thirty_days(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let asked = || NewExecution { idempotency: key("k", "body"), ..new_execution("ada") };
    let first = scene.create(asked()).await;
    scene.finish(&first).await;
    let last = scene.record(first.id).await;
    scene.advance(90 * DAY).await;
    let now = scene.now().await;
    assert_eq!(scene.store.purge(&Scope::System, now, 9).await.expect("purging works"), 1);
    scene.advance(29 * DAY).await;
    let scene = scene.reopen().await;
    scene.store.purge(&Scope::System, now, 9).await.expect("purging works");
    let again = scene.store.create(asked()).await.expect("it is given");
    assert_eq!((again.existing, again.record), (true, last));
    let other = NewExecution { idempotency: key("k", "other"), ..new_execution("ada") };
    assert_eq!(refusal(scene.store.create(other).await), StoreErrorKind::IdempotencyConflict);
    scene.advance(2 * DAY).await;
    let new = scene.create(asked()).await;
    assert_ne!(new.id, first.id);
    assert!(scene.store.create(asked()).await.expect("it is given").existing, "the key is used anew");
}

/// A key survives a restart.
pub async fn g11_a_key_survives_a_restart(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let asked = || NewExecution { idempotency: key("k", "body"), ..new_execution("ada") };
    let first = scene.create(asked()).await;
    let scene = scene.reopen().await;
    let again = scene.store.create(asked()).await.expect("it is given");
    assert_eq!((again.existing, again.record), (true, first));
}

/// The same request sent again, without a key, is known by the id.
pub async fn g11_a_request_sent_again_makes_nothing(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let new = new_execution("ada");
    scene.create(new.clone()).await;
    scene.append(batch(new.id, Seq(1), ["a"])).await;
    let again = scene.store.create(new.clone()).await.expect("it is given");
    assert!(again.existing);
    assert_eq!(again.record, scene.record(new.id).await);
    assert_eq!(scene.journal(new.id).await, ["queued", "a"]);
}

/// Another request under an id that is taken is refused, whoever's it is.
pub async fn g11_an_id_is_taken_once(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let new = new_execution("ada");
    let record = scene.create(new.clone()).await;
    let others = [
        NewExecution { id: new.id, ..new_execution("bob") },
        NewExecution { events: events(["other"]), ..new.clone() },
        NewExecution { document_hash: DocumentHash::from("other"), ..new.clone() },
        NewExecution { priority: 1, ..new },
    ];
    for other in others {
        assert_eq!(refusal(scene.store.create(other).await), StoreErrorKind::BatchMismatch);
    }
    assert_eq!(scene.record(record.id).await, record);
}

/// Of many that ask at once under one key one makes it, and all get that one.
pub async fn g11_racing_requests_make_one(on: &dyn StoreUnderTest) {
    let requests = (0..16).map(|_| {
        let store = on.store();
        let new = NewExecution { idempotency: key("k", "body"), ..new_execution("ada") };
        tokio::spawn(async move { store.create(new).await.expect("each gets one") })
    });
    let created: Vec<_> = join_all(requests).await.into_iter().map(|one| one.expect("none panics")).collect();
    assert_eq!(created.iter().filter(|one| !one.existing).count(), 1);
    let ids: BTreeSet<_> = created.iter().map(|one| one.record.id).collect();
    assert_eq!(ids.len(), 1);
}
