//! Two processes on one database.

use std::collections::BTreeSet;
use std::sync::Arc;

use aef_core::ids::{ExecutionId, Seq};
use aef_core::store::{Append, ClaimRequest, ExecutionStore as _, Expect, Scope};
use aef_testkit::conformance::store::{batch, claim_by};
use aef_testkit::postgres::TestDatabase;
use futures::StreamExt as _;
use futures::future::join_all;
use sqlx::Connection as _;

use crate::support::{PATIENCE, connect, journal, queued};

/// Two that append to the same executions in opposite orders wait for each other and do not deadlock; nothing is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn groups_of_two_processes_do_not_deadlock() {
    let database = TestDatabase::new().await;
    let stores = [connect(&database).await, connect(&database).await];
    let mut ids = Vec::new();
    for _ in 0..12 {
        ids.push(queued(&stores[0], "ada").await.id);
    }
    let rounds = stores.iter().enumerate().map(|(number, store)| {
        let (store, mut ids) = (Arc::clone(store), ids.clone());
        if number == 1 {
            ids.reverse();
        }
        tokio::spawn(async move {
            for _ in 0..8 {
                let appends = ids.iter().map(|id| {
                    store.append(Append { expect: Expect::NotFinished, ..batch(*id, Seq(0), ["x"]) })
                });
                for appended in join_all(appends).await {
                    appended.unwrap();
                }
            }
        })
    });
    join_all(rounds).await.into_iter().for_each(|round| round.unwrap());
    for id in ids {
        assert_eq!(journal(&stores[0], id).await.len(), 17);
    }
}

/// Workers of two processes share what is ready under a limit; each execution is claimed once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn workers_of_two_processes_never_meet() {
    let database = TestDatabase::new().await;
    let stores = [connect(&database).await, connect(&database).await];
    let mut ready = BTreeSet::new();
    for owner in ["ada", "bob", "cyd"] {
        for _ in 0..10 {
            ready.insert(queued(&stores[0], owner).await.id);
        }
    }
    let claimers = (0..8).map(|number| {
        let store = Arc::clone(&stores[number % 2]);
        tokio::spawn(async move {
            let mut claimed: Vec<ExecutionId> = Vec::new();
            loop {
                let worker = format!("w{number}");
                let request = ClaimRequest { limit: 2, per_owner: Some(10), ..claim_by(&worker) };
                let claims = store.claim(request).await.unwrap();
                if claims.is_empty() {
                    return claimed;
                }
                claimed.extend(claims.iter().map(|claim| claim.record.id));
            }
        })
    });
    let claimed: Vec<ExecutionId> =
        join_all(claimers).await.into_iter().flat_map(|one| one.unwrap()).collect();
    assert_eq!(claimed.len(), claimed.iter().collect::<BTreeSet<_>>().len(), "none twice");
    // Under a limit a claim may find all owners busy with another's; what is left then is found by the next.
    let rest = ClaimRequest { limit: 30, per_owner: Some(10), ..claim_by("last") };
    let rest = stores[0].claim(rest).await.unwrap();
    let all: BTreeSet<_> = claimed.into_iter().chain(rest.iter().map(|claim| claim.record.id)).collect();
    assert_eq!(all, ready);
}

/// A row that somebody is writing to is left for the next claim, and nobody waits for it.
#[tokio::test]
async fn a_claim_passes_by_what_is_locked() {
    let database = TestDatabase::new().await;
    let store = connect(&database).await;
    let (first, second) = (queued(&store, "ada").await.id, queued(&store, "ada").await.id);
    let mut other = database.connection().await;
    let mut writing = other.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM aef.executions WHERE id = $1 FOR UPDATE")
        .bind(first.as_uuid())
        .execute(&mut *writing)
        .await
        .unwrap();
    let claims = store.claim(ClaimRequest { limit: 5, ..claim_by("w1") }).await.unwrap();
    assert_eq!(claims.iter().map(|claim| claim.record.id).collect::<Vec<_>>(), [second]);
    writing.rollback().await.unwrap();
    let claims = store.claim(ClaimRequest { limit: 5, ..claim_by("w1") }).await.unwrap();
    assert_eq!(claims.iter().map(|claim| claim.record.id).collect::<Vec<_>>(), [first]);
}

/// What one process writes the other hears of.
#[tokio::test]
async fn notices_cross_processes() {
    let database = TestDatabase::new().await;
    let (runs, answers) = (connect(&database).await, connect(&database).await);
    let id = queued(&runs, "ada").await.id;
    let mut notices = runs.subscribe().await.unwrap();
    answers.append(batch(id, Seq(1), ["answer"])).await.unwrap();
    let heard = async {
        loop {
            let notice = notices.next().await.unwrap();
            if (notice.execution, notice.head) == (id, Seq(2)) {
                return notice;
            }
        }
    };
    let notice = tokio::time::timeout(PATIENCE, heard).await.unwrap();
    let loaded = runs.load(&Scope::System, id).await.unwrap().record;
    assert_eq!((notice.status, notice.wake_at), (loaded.summary.status, loaded.wake_at));
}
