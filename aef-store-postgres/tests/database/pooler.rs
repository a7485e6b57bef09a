//! A pooler in transaction mode between the store and its database.

use std::sync::Arc;

use aef_core::ids::Seq;
use aef_core::store::{
    Append, ClaimRequest, DocumentStore as _, ExecutionStore as _, Expect, ListQuery, NewDocument,
    RenewRequest, Scope,
};
use aef_store_postgres::PostgresStore;
use aef_testkit::conformance::store::{batch, claim_by, fenced, summary};
use aef_testkit::postgres::{Pooler, TestDatabase};
use futures::future::join_all;

use crate::support::{PATIENCE, connect, journal, options_with, queued};

/// Everything that a store does, by several stores that share two sessions of the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_pooler_in_transaction_mode_may_stand_between() {
    let database = TestDatabase::new().await;
    let pooler = Pooler::start(database.url()).unwrap();
    let users = (0..4).map(|number| {
        let options = options_with(&pooler.url(database.name()), |options| options.pooled = true);
        tokio::spawn(async move {
            let store = Arc::new(PostgresStore::connect(options).await.unwrap());
            use_everything(&store, &format!("owner {number}"), &format!("w{number}")).await;
        })
    });
    join_all(users).await.into_iter().for_each(|user| user.unwrap());
    let direct = connect(&database).await;
    let page = direct.list(&Scope::System, ListQuery::default()).await.unwrap();
    assert_eq!(page.records.len(), 4, "of each owner's three two were purged");
}

async fn use_everything(store: &Arc<PostgresStore>, owner: &str, worker: &str) {
    let scope = Scope::Owner(owner.into());
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(queued(store, owner).await.id);
    }
    let document = NewDocument {
        id: "orders".into(),
        hash: "hash".into(),
        title: "Orders".into(),
        content: Arc::new(serde_json::json!({ "aef": 1 })),
    };
    assert_eq!(store.put_document(&owner.into(), document.clone()).await.unwrap().version, 1);
    assert_eq!(store.documents(&scope, None, 0).await.unwrap().len(), 1);
    store.remove_document(&owner.into(), &document.id).await.unwrap();
    for id in &ids {
        let claims = store.claim(ClaimRequest { only: Some(*id), ..claim_by(worker) }).await.unwrap();
        let [claim] = claims.try_into().unwrap();
        let held = vec![(*id, claim.record.epoch)];
        let renewed =
            store.renew(RenewRequest { worker: worker.into(), executions: held, lease: PATIENCE }).await;
        assert_eq!(renewed.unwrap().held.len(), 1);
        let requests = (0..5)
            .map(|_| store.append(Append { expect: Expect::NotFinished, ..batch(*id, Seq(0), ["request"]) }));
        join_all(requests).await.into_iter().for_each(|appended| {
            appended.unwrap();
        });
        assert_eq!(journal(store, *id).await.len(), 6);
        let end = Append {
            summary: Some(summary(aef_core::execution::Status::Completed)),
            ..fenced(&claim, Seq(6), ["end"])
        };
        store.append(end).await.unwrap();
        store.explain(&scope, *id).await.unwrap();
        assert_eq!(store.load(&scope, *id).await.unwrap().tail.len(), 7);
    }
    let far = store.now().await.unwrap() + jiff::SignedDuration::from_hours(1);
    assert_eq!(store.purge(&scope, far, 2).await.unwrap(), 2);
    assert_eq!(store.list(&scope, ListQuery::default()).await.unwrap().records.len(), 1);
}
