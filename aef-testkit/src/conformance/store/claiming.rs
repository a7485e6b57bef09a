//! The queue, G13 and G14.

use std::collections::BTreeSet;
use std::time::Duration;

use aef_core::ids::{Epoch, ExecutionId, Seq, WorkerId};
use aef_core::store::{Append, ClaimRequest, ClaimedJournal, Lease, NewExecution};
use bytes::Bytes;
use futures::future::join_all;

use super::StoreUnderTest;
use super::scene::{ALMOST, EXPIRED, FORMAT, LEASE, Scene, batch, claim_by, fenced, later, new_execution};

/// A claim gives the row with the lease in it.
pub async fn a_claim_leases_what_is_ready(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    let [claim] = scene.claim(claim_by("w1")).await.try_into().expect("one is ready");
    let lease = Lease { worker: WorkerId::from("w1"), until: later(claim.now, LEASE) };
    assert_eq!(claim.record.lease, Some(lease));
    assert_eq!(claim.record.epoch, Epoch(1));
    assert_eq!(claim.claims_without_event, 1);
    assert_eq!(scene.record(record.id).await, claim.record);
}

/// A journal that comes with a claim is the one that a load gives, with a snapshot and without.
pub async fn a_claim_gives_the_journal_as_a_load_does(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let id = scene.queued("ada").await.id;
    for snapshot in [None, None, Some(Bytes::from_static(b"as it was")), None, None] {
        let claim = scene.claim_only("w1", id).await;
        let loaded = scene.load(id).await;
        if let Some(ClaimedJournal { snapshot, tail }) = &claim.journal {
            assert_eq!((snapshot, tail), (&loaded.snapshot, &loaded.tail));
        }
        let next = fenced(&claim, loaded.record.head, ["one", "two"]);
        scene.append(Append { snapshot, release: true, ..next }).await;
    }
}

/// Before its time nothing is claimed.
pub async fn nothing_is_claimed_before_its_time(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let wake_at = Some(later(scene.now().await, LEASE));
    let record = scene.create(NewExecution { wake_at, ..new_execution("ada") }).await;
    scene.advance(ALMOST).await;
    assert_eq!(scene.claimed("w1", 9).await, []);
    scene.advance(Duration::from_secs(4)).await;
    assert_eq!(scene.claimed("w1", 9).await, [record.id]);
}

/// What has no time is not claimed however late it is, until it gets one.
pub async fn what_has_no_time_is_not_claimed(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.create(new_execution("ada")).await;
    scene.advance(Duration::from_secs(90 * 24 * 3600)).await;
    assert_eq!(scene.claimed("w1", 9).await, []);
    let wake_at = Some(scene.now().await);
    scene.append(Append { wake_at, ..batch(record.id, Seq(1), ["started"]) }).await;
    assert_eq!(scene.claimed("w1", 9).await, [record.id]);
}

/// An append may put the time off.
pub async fn an_append_puts_the_time_off(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    let wake_at = Some(later(scene.now().await, LEASE));
    scene.append(Append { wake_at, ..batch(record.id, Seq(1), ["later"]) }).await;
    assert_eq!(scene.claimed("w1", 9).await, []);
    scene.advance(EXPIRED).await;
    assert_eq!(scene.claimed("w1", 9).await, [record.id]);
}

/// Of one owner's, whose time came first is first.
pub async fn those_that_wait_longest_come_first(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let now = scene.now().await;
    let mut expected = Vec::new();
    for seconds in [3, 1, 2] {
        let wake_at = Some(later(now, Duration::from_secs(seconds)));
        let record = scene.create(NewExecution { wake_at, ..new_execution("ada") }).await;
        expected.push((seconds, record.id));
    }
    expected.sort_unstable();
    scene.advance(LEASE).await;
    let expected: Vec<_> = expected.into_iter().map(|(_, id)| id).collect();
    assert_eq!(scene.claimed("w1", 9).await, expected);
}

/// Of one owner's, higher priority goes before time; below nought is lower still.
pub async fn priority_goes_before_time(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let now = scene.now().await;
    let mut expected = Vec::new();
    for (seconds, priority) in [(1, -5), (2, 0), (3, 7), (4, i32::MAX), (5, i32::MIN)] {
        let wake_at = Some(later(now, Duration::from_secs(seconds)));
        let record = scene.create(NewExecution { wake_at, priority, ..new_execution("ada") }).await;
        expected.push((priority, record.id));
    }
    expected.sort_unstable_by(|left, right| right.cmp(left));
    scene.advance(LEASE).await;
    let expected: Vec<_> = expected.into_iter().map(|(_, id)| id).collect();
    assert_eq!(scene.claimed("w1", 9).await, expected);
}

/// What is held is not claimed; what a dead worker held is, in its turn beside what is queued.
pub async fn a_lease_keeps_others_away_until_it_runs_out(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    scene.advance(ALMOST).await;
    assert_eq!(scene.claimed("w2", 9).await, []);
    let urgent = NewExecution { priority: 1, wake_at: Some(scene.now().await), ..new_execution("ada") };
    let urgent = scene.create(urgent).await;
    let late = scene.queued("ada").await;
    scene.advance(Duration::from_secs(6)).await;
    assert_eq!(scene.claimed("w2", 9).await, [urgent.id, claim.record.id, late.id]);
}

/// A claim gives no more than it is asked for.
pub async fn a_claim_keeps_to_its_limit(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    scene.all_queued("ada", 5).await;
    assert_eq!(scene.claimed("w1", 0).await.len(), 0);
    assert_eq!(scene.claimed("w1", 2).await.len(), 2);
    assert_eq!(scene.claimed("w1", 9).await.len(), 3);
    assert_eq!(scene.claimed("w1", 9).await.len(), 0);
}

/// `only` claims that one, whatever goes before it, and nothing where it is not ready.
pub async fn only_claims_that_one(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let records = scene.all_queued("ada", 3).await;
    let request = |id| ClaimRequest { only: Some(id), limit: 9, ..claim_by("w1") };
    let claims = scene.claim(request(records[2].id)).await;
    assert_eq!(claims.iter().map(|claim| claim.record.id).collect::<Vec<_>>(), [records[2].id]);
    assert!(scene.claim(request(records[2].id)).await.is_empty(), "it is held");
    let held = scene.create(new_execution("ada")).await;
    assert!(scene.claim(request(held.id)).await.is_empty(), "it has no time");
    assert!(scene.claim(request(ExecutionId::generate())).await.is_empty(), "there is no such one");
    scene.advance(EXPIRED).await;
    assert_eq!(scene.claim(request(records[2].id)).await.len(), 1, "its lease has run out");
}

/// A finished one is not claimed, though it was made to be.
pub async fn what_has_finished_is_not_claimed(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    scene.finish(&record).await;
    scene.advance(EXPIRED).await;
    assert_eq!(scene.claimed("w1", 9).await, []);
}

/// G13: what is written in a newer format is left to those who read it.
pub async fn g13_a_newer_format_is_left_alone(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let wake_at = Some(scene.now().await);
    let newer = NewExecution { wake_at, format: FORMAT + 1, ..new_execution("ada") };
    let newer = scene.create(newer).await;
    let usual = scene.queued("ada").await;
    assert_eq!(scene.claimed("w1", 9).await, [usual.id]);
    let only = ClaimRequest { only: Some(newer.id), ..claim_by("w1") };
    assert!(scene.claim(only.clone()).await.is_empty());
    assert_eq!(scene.claim(ClaimRequest { max_format: FORMAT + 1, ..only }).await.len(), 1);
}

/// G13: one newer batch in the journal is enough, also where its writer has died.
pub async fn g13_a_newer_batch_keeps_old_workers_away(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    scene.append(Append { format: FORMAT + 1, ..fenced(&claim, Seq(1), ["new"]) }).await;
    scene.append(fenced(&claim, Seq(2), ["old"])).await;
    scene.advance(EXPIRED).await;
    assert_eq!(scene.claimed("w2", 9).await, []);
    let reads_it = ClaimRequest { max_format: FORMAT + 1, ..claim_by("w2") };
    assert_eq!(scene.claim(reads_it).await.len(), 1);
}

/// G14: claims after which nothing was written are counted, until something is.
pub async fn g14_claims_without_an_event_are_counted(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let id = scene.queued("ada").await.id;
    for count in 1..=5 {
        let claim = scene.claim_only("w1", id).await;
        assert_eq!(claim.claims_without_event, count);
        // A batch without events is no progress.
        scene.append(fenced(&claim, Seq(1), [])).await;
        scene.advance(EXPIRED).await;
    }
    let claim = scene.claim_only("w1", id).await;
    assert_eq!(claim.claims_without_event, 6);
    scene.append(Append { release: true, ..fenced(&claim, Seq(1), ["progress"]) }).await;
    assert_eq!(scene.claim_only("w1", id).await.claims_without_event, 1);
}

/// G14: the count outlives the process that died of it.
pub async fn g14_the_count_survives_a_restart(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    let scene = scene.reopen().await;
    scene.advance(EXPIRED).await;
    assert_eq!(scene.claim_only("w1", claim.record.id).await.claims_without_event, 2);
}

/// G7: workers that claim at once share what is ready, and none gets what another has.
pub async fn g7_racing_claims_never_meet(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let mut ready: BTreeSet<_> = BTreeSet::new();
    for owner in ["ada", "bob", "eve"] {
        ready.extend(scene.all_queued(owner, 20).await.into_iter().map(|record| record.id));
    }
    let workers = (0..8).map(|number| {
        let store = on.store();
        tokio::spawn(async move {
            let mut claimed = Vec::new();
            loop {
                let request = ClaimRequest { limit: 3, ..claim_by(&format!("w{number}")) };
                let claims = store.claim(request).await.expect("claiming works");
                if claims.is_empty() {
                    return claimed;
                }
                claimed.extend(claims.into_iter().map(|claim| claim.record.id));
            }
        })
    });
    let mut all = Vec::new();
    for claimed in join_all(workers).await {
        all.extend(claimed.expect("no worker panics"));
    }
    assert_eq!(all.len(), ready.len(), "none twice");
    assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), ready, "and all");
}
