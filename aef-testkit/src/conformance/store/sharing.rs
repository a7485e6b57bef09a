//! G7: owners' limits, and their turns.

use std::collections::BTreeMap;
use std::time::Duration;

use aef_core::ids::Seq;
use aef_core::store::{Append, Claim, ClaimRequest, NewExecution};
use futures::future::join_all;

use super::StoreUnderTest;
use super::scene::{EXPIRED, Scene, claim_by, fenced, new_execution};

fn limited(worker: &str, limit: u32, per_owner: u32) -> ClaimRequest {
    ClaimRequest { limit, per_owner: Some(per_owner), ..claim_by(worker) }
}

fn limited_globally(worker: &str, limit: u32, global: u32) -> ClaimRequest {
    ClaimRequest { limit, global: Some(global), ..claim_by(worker) }
}

/// What ten workers get that claim at once, four times each.
async fn race(on: &dyn StoreUnderTest, request: impl Fn(&str) -> ClaimRequest) -> Vec<Claim> {
    let workers = (0..10).map(|number| {
        let store = on.store();
        let request = request(&format!("w{number}"));
        tokio::spawn(async move {
            let mut claims = Vec::new();
            for _ in 0..4 {
                claims.extend(store.claim(request.clone()).await.expect("claiming works"));
            }
            claims
        })
    });
    let mut all = Vec::new();
    for claims in join_all(workers).await {
        all.extend(claims.expect("no worker panics"));
    }
    all
}

fn by_owner(claims: &[Claim]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for claim in claims {
        *counts.entry(claim.record.owner.as_str()).or_default() += 1;
    }
    counts
}

/// The owners of so many single claims, in their order.
async fn turns(scene: &Scene<'_>, count: usize) -> Vec<String> {
    let mut owners = Vec::new();
    for _ in 0..count {
        let claims = scene.claim(claim_by("w1")).await;
        owners.extend(claims.into_iter().map(|claim| claim.record.owner.to_string()));
    }
    owners
}

fn sorted(owners: &[String]) -> Vec<&str> {
    let mut owners: Vec<&str> = owners.iter().map(String::as_str).collect();
    owners.sort_unstable();
    owners
}

/// One claim gives no owner more than its limit.
pub async fn g7_one_claim_keeps_the_limit(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    scene.all_queued("ada", 5).await;
    scene.all_queued("bob", 1).await;
    let claims = scene.claim(limited("w1", 9, 2)).await;
    assert_eq!(by_owner(&claims), BTreeMap::from([("ada", 2), ("bob", 1)]));
    assert!(scene.claim(limited("w1", 9, 0)).await.is_empty(), "a limit of nought lets none through");
}

/// The limit counts what all workers hold together; other owners are not held up by it.
pub async fn g7_the_limit_is_over_all_workers(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    scene.all_queued("ada", 5).await;
    assert_eq!(scene.claim(limited("w1", 9, 2)).await.len(), 2);
    assert!(scene.claim(limited("w2", 9, 2)).await.is_empty());
    scene.all_queued("bob", 1).await;
    let claims = scene.claim(limited("w2", 9, 2)).await;
    assert_eq!(by_owner(&claims), BTreeMap::from([("bob", 1)]));
}

/// `only` keeps the limit too.
pub async fn g7_only_keeps_the_limit(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let records = scene.all_queued("ada", 2).await;
    scene.claim_only("w1", records[0].id).await;
    let second = ClaimRequest { only: Some(records[1].id), ..limited("w1", 1, 1) };
    assert!(scene.claim(second.clone()).await.is_empty());
    assert_eq!(scene.claim(ClaimRequest { per_owner: Some(2), ..second }).await.len(), 1);
}

/// Releasing makes room, and so does a lease that runs out.
pub async fn g7_room_comes_back(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let records = scene.all_queued("ada", 3).await;
    let first = scene.claim_only("w1", records[0].id).await;
    assert!(scene.claim(limited("w2", 9, 1)).await.is_empty());
    scene.append(Append { release: true, wake_at: None, ..fenced(&first, Seq(1), ["parked"]) }).await;
    let second = scene.claim(limited("w2", 9, 1)).await;
    assert_eq!(second.len(), 1);
    scene.advance(EXPIRED).await;
    assert_eq!(scene.claim(limited("w3", 9, 1)).await.len(), 1);
}

/// Also under workers that claim at once.
pub async fn g7_racing_claims_keep_the_limit(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    for owner in ["ada", "bob"] {
        scene.all_queued(owner, 12).await;
    }
    let all = race(on, |worker| limited(worker, 2, 3)).await;
    assert_eq!(by_owner(&all), BTreeMap::from([("ada", 3), ("bob", 3)]));
}

/// The global limit counts what all workers hold of all owners; what is left of it is shared among the owners.
pub async fn g7_the_global_limit_is_over_all(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    for owner in ["ada", "bob", "cyd"] {
        scene.all_queued(owner, 2).await;
    }
    assert!(
        scene.claim(limited_globally("w1", 9, 0)).await.is_empty(),
        "a limit of nought lets none through"
    );
    let claims = scene.claim(limited_globally("w1", 9, 3)).await;
    assert_eq!(by_owner(&claims), BTreeMap::from([("ada", 1), ("bob", 1), ("cyd", 1)]));
    assert!(scene.claim(limited_globally("w2", 9, 3)).await.is_empty());
    assert!(scene.claim(limited_globally("w2", 9, 2)).await.is_empty(), "there are more than that already");
    assert_eq!(scene.claim(limited_globally("w2", 9, 5)).await.len(), 2);
    assert_eq!(scene.claim(limited_globally("w2", 9, 9)).await.len(), 1, "more was not there");
}

/// Where both limits are given, both hold.
pub async fn g7_both_limits_hold(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    scene.all_queued("ada", 4).await;
    scene.all_queued("bob", 4).await;
    let both = |global| ClaimRequest { per_owner: Some(2), ..limited_globally("w1", 9, global) };
    assert_eq!(scene.claim(both(3)).await.len(), 3);
    let claims = scene.claim(both(9)).await;
    assert_eq!(claims.len(), 1, "the other owner has reached its own limit");
    assert!(scene.claim(both(9)).await.is_empty());
}

/// `only` keeps the global limit too.
pub async fn g7_only_keeps_the_global_limit(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    scene.held("ada", "w1").await;
    let record = scene.queued("bob").await;
    let only = |global| ClaimRequest { only: Some(record.id), ..limited_globally("w2", 1, global) };
    assert!(scene.claim(only(1)).await.is_empty());
    assert_eq!(scene.claim(only(2)).await.len(), 1);
}

/// Releasing makes room under the global limit, and so does a lease that runs out.
pub async fn g7_global_room_comes_back(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let first = scene.held("ada", "w1").await;
    scene.all_queued("bob", 2).await;
    assert!(scene.claim(limited_globally("w2", 9, 1)).await.is_empty());
    scene.append(Append { release: true, wake_at: None, ..fenced(&first, Seq(1), ["parked"]) }).await;
    assert_eq!(scene.claim(limited_globally("w2", 9, 1)).await.len(), 1);
    scene.advance(EXPIRED).await;
    assert_eq!(scene.claim(limited_globally("w3", 9, 1)).await.len(), 1);
}

/// Also under workers that claim at once.
pub async fn g7_racing_claims_keep_the_global_limit(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    for owner in ["ada", "bob", "cyd"] {
        scene.all_queued(owner, 8).await;
    }
    let all = race(on, |worker| limited_globally(worker, 2, 5)).await;
    assert_eq!(all.len(), 5);
    let both = |worker: &str| ClaimRequest { per_owner: Some(4), ..limited_globally(worker, 3, 11) };
    let all = [all, race(on, both).await].concat();
    assert_eq!(all.len(), 11);
    assert!(by_owner(&all).values().all(|count| *count <= 4), "{:?}", by_owner(&all));
}

/// With k owners waiting, k single claims serve each, however many the first has queued, and so again.
pub async fn g7_each_owner_is_served_within_a_round(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    scene.all_queued("ada", 30).await;
    for owner in ["bob", "cyd", "dan"] {
        scene.all_queued(owner, 4).await;
    }
    for round in 0..4 {
        let owners = turns(&scene, 4).await;
        assert_eq!(sorted(&owners), ["ada", "bob", "cyd", "dan"], "in round {round}");
    }
}

/// One claim of many goes round the owners.
pub async fn g7_a_claim_of_many_is_shared(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    scene.all_queued("ada", 9).await;
    scene.all_queued("bob", 9).await;
    scene.all_queued("cyd", 1).await;
    let claims = scene.claim(ClaimRequest { limit: 7, ..claim_by("w1") }).await;
    assert_eq!(by_owner(&claims), BTreeMap::from([("ada", 3), ("bob", 3), ("cyd", 1)]));
}

/// Whoever comes new need not wait for those who have been there long.
pub async fn g7_a_newcomer_is_served_within_a_round(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    for owner in ["ada", "bob"] {
        scene.all_queued(owner, 20).await;
    }
    turns(&scene, 7).await;
    scene.advance(Duration::from_secs(1)).await;
    scene.all_queued("cyd", 1).await;
    assert_eq!(sorted(&turns(&scene, 3).await), ["ada", "bob", "cyd"]);
}

/// Another owner's high priority does not go before one's turn.
pub async fn g7_priority_is_among_an_owners_own(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let wake_at = Some(scene.now().await);
    for _ in 0..5 {
        scene.create(NewExecution { wake_at, priority: 100, ..new_execution("ada") }).await;
    }
    scene.all_queued("bob", 2).await;
    assert_eq!(sorted(&turns(&scene, 2).await), ["ada", "bob"]);
    assert_eq!(sorted(&turns(&scene, 2).await), ["ada", "bob"]);
}

/// Turns are kept over a restart.
pub async fn g7_turns_survive_a_restart(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    for owner in ["ada", "bob", "cyd"] {
        scene.all_queued(owner, 4).await;
    }
    let before = turns(&scene, 2).await;
    let scene = scene.reopen().await;
    let round: Vec<_> = before.into_iter().chain(turns(&scene, 1).await).collect();
    assert_eq!(sorted(&round), ["ada", "bob", "cyd"]);
}
