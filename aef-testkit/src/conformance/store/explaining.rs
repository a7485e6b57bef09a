//! G12: a store says what an execution waits for.

use std::time::Duration;

use aef_core::execution::Status;
use aef_core::ids::{ExecutionId, Seq, WorkerId};
use aef_core::store::{
    Append, ClaimRequest, ExecutionRecord, Explanation, NewExecution, Scope, StoreErrorKind, Summary,
};
use jiff::Timestamp;

use super::StoreUnderTest;
use super::scene::{EXPIRED, LEASE, Scene, batch, claim_by, fenced, later, new_execution, refusal, summary};

const MINUTE: Duration = Duration::from_secs(60);

async fn explain(scene: &Scene<'_>, execution: ExecutionId) -> Explanation {
    scene.store.explain(&Scope::System, execution).await.expect("the execution is there")
}

async fn set(scene: &Scene<'_>, record: &ExecutionRecord, status: Status, wake_at: Option<Timestamp>) {
    let said = Summary { note: Some("because".into()), ..summary(status) };
    let head = scene.record(record.id).await.head;
    scene.append(Append { summary: Some(said), wake_at, ..batch(record.id, head, ["a"]) }).await;
}

fn person(status: Status, until: Option<Timestamp>) -> Explanation {
    Explanation::Person { status, note: Some("because".into()), until }
}

/// A held one waits to be started.
pub async fn g12_a_held_one_waits_for_its_start(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let held = NewExecution { summary: summary(Status::Created), ..new_execution("ada") };
    let record = scene.create(held).await;
    assert_eq!(explain(&scene, record.id).await, Explanation::Start);
}

/// One that is paused or asks waits for a person, also where it has a time at which patience ends.
pub async fn g12_one_that_asks_waits_for_a_person(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.create(new_execution("ada")).await;
    let soon = Some(later(scene.now().await, LEASE));
    let cases = [
        (Status::Paused, None),
        (Status::WaitingCheckpoint, soon),
        (Status::WaitingRecovery, None),
        (Status::TakenOver, soon),
    ];
    for (status, until) in cases {
        set(&scene, &record, status, until).await;
        assert_eq!(explain(&scene, record.id).await, person(status, until));
    }
}

/// One that offers a person how to go on, and is tried again by itself, waits for the person; the time is told.
pub async fn g12_one_that_offers_recovery_waits_for_a_person(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.create(new_execution("ada")).await;
    let retry = Some(later(scene.now().await, LEASE));
    set(&scene, &record, Status::WaitingRecovery, retry).await;
    assert_eq!(explain(&scene, record.id).await, person(Status::WaitingRecovery, retry));
    scene.advance(EXPIRED).await;
    assert_eq!(explain(&scene, record.id).await, Explanation::NoWorker, "the attempt is due");
}

/// One that was handed over at its question waits for the person, though a worker has yet to see to its browser.
pub async fn g12_one_handed_over_at_its_question_waits_for_a_person(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    let now = Some(scene.now().await);
    let said = Summary { note: Some("because".into()), ..summary(Status::WaitingCheckpoint) };
    let asking = Append { summary: Some(said), wake_at: now, ..fenced(&claim, Seq(1), ["asked"]) };
    scene.append(Append { release: true, ..asking }).await;
    assert_eq!(explain(&scene, claim.record.id).await, person(Status::WaitingCheckpoint, None));
}

/// One that is to begin or to be tried again later waits for the time.
pub async fn g12_one_that_is_delayed_waits_for_the_time(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.create(new_execution("ada")).await;
    let due = later(scene.now().await, LEASE);
    for status in [Status::Queued, Status::Running] {
        set(&scene, &record, status, Some(due)).await;
        assert_eq!(explain(&scene, record.id).await, Explanation::Timer { due });
    }
}

/// One that is held waits for its worker, by name.
pub async fn g12_one_that_runs_waits_for_its_worker(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    let until = claim.record.lease.as_ref().expect("a claim has its lease").until;
    let expected = Explanation::Worker { worker: WorkerId::from("w1"), until };
    assert_eq!(explain(&scene, claim.record.id).await, expected);
    scene.advance(EXPIRED).await;
    assert_eq!(explain(&scene, claim.record.id).await, Explanation::Room { workers: 1 });
}

/// Where no worker has shown itself for a minute, that is what is missing.
pub async fn g12_without_a_worker_it_says_so(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    scene.claimed("w1", 0).await;
    let record = scene.queued("ada").await;
    assert_eq!(explain(&scene, record.id).await, Explanation::Room { workers: 1 });
    scene.advance(Duration::from_secs(50)).await;
    scene.renew("w2", &[]).await;
    assert_eq!(explain(&scene, record.id).await, Explanation::Room { workers: 2 });
    scene.advance(Duration::from_secs(20)).await;
    assert_eq!(explain(&scene, record.id).await, Explanation::Room { workers: 1 });
    scene.advance(MINUTE).await;
    assert_eq!(explain(&scene, record.id).await, Explanation::NoWorker);
}

/// In a store that no worker has seen yet too.
pub async fn g12_a_new_store_has_no_worker(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    assert_eq!(explain(&scene, record.id).await, Explanation::NoWorker);
}

/// Where every worker keeps to a limit that the owner has reached, it waits for the owner's others.
pub async fn g12_an_owners_limit_is_told(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let records = scene.all_queued("ada", 3).await;
    let limited = ClaimRequest { limit: 9, per_owner: Some(2), ..claim_by("w1") };
    assert_eq!(scene.claim(limited.clone()).await.len(), 2);
    let last = records[2].id;
    assert_eq!(explain(&scene, last).await, Explanation::OwnerLimit { running: 2 });
    scene.renew("w1", &[]).await;
    assert_eq!(
        explain(&scene, last).await,
        Explanation::OwnerLimit { running: 2 },
        "a renewal keeps the limit"
    );
    scene.claim(ClaimRequest { limit: 0, ..claim_by("w2") }).await;
    assert_eq!(explain(&scene, last).await, Explanation::Room { workers: 2 }, "another knows no limit");
    let other = scene.queued("bob").await;
    assert_eq!(explain(&scene, other.id).await, Explanation::Room { workers: 2 });
}

/// Where every worker keeps to a limit that is reached, and it is not the owner's everywhere, it waits for anybody's.
pub async fn g12_the_global_limit_is_told(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    scene.held("ada", "w1").await;
    let last = scene.queued("bob").await.id;
    let limited = ClaimRequest { global: Some(1), ..claim_by("w1") };
    assert!(scene.claim(limited.clone()).await.is_empty());
    assert_eq!(explain(&scene, last).await, Explanation::GlobalLimit { running: 1 });
    let told = scene.store.explain(&Scope::Owner("bob".into()), last).await;
    assert_eq!(told.expect("it is bob's"), Explanation::GlobalLimit { running: 1 }, "also its owner is told");
    let by_both = ClaimRequest { global: None, per_owner: Some(0), ..claim_by("w2") };
    assert!(scene.claim(by_both).await.is_empty());
    assert_eq!(explain(&scene, last).await, Explanation::GlobalLimit { running: 1 });
    assert!(scene.claim(ClaimRequest { per_owner: Some(0), ..limited }).await.is_empty());
    assert_eq!(explain(&scene, last).await, Explanation::OwnerLimit { running: 0 });
    scene.claim(ClaimRequest { limit: 0, ..claim_by("w3") }).await;
    assert_eq!(explain(&scene, last).await, Explanation::Room { workers: 3 }, "another knows no limit");
}

/// A finished one waits for nothing.
pub async fn g12_a_finished_one_waits_for_nothing(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    let last = Append { summary: Some(summary(Status::Stopped)), ..fenced(&claim, Seq(1), ["end"]) };
    scene.append(last).await;
    assert_eq!(explain(&scene, claim.record.id).await, Explanation::Nothing { status: Status::Stopped });
    let nowhere = scene.store.explain(&Scope::System, ExecutionId::generate()).await;
    assert_eq!(refusal(nowhere), StoreErrorKind::NotFound);
}
