//! Lists, and whose things are seen by whom.

use std::time::Duration;

use aef_core::execution::Status;
use aef_core::ids::{CheckpointId, DocumentId, ExecutionId, OwnerId, Seq};
use aef_core::store::{
    Append, ExecutionRecord, ListQuery, NewExecution, OpenCheckpoint, Scope, StoreErrorKind, Summary,
};

use super::StoreUnderTest;
use super::scene::{LEASE, Scene, batch, later, new_execution, refusal, summary};

fn ids(records: &[ExecutionRecord]) -> Vec<ExecutionId> {
    records.iter().map(|record| record.id).collect()
}

async fn list(scene: &Scene<'_>, query: ListQuery) -> Vec<ExecutionId> {
    let page = scene.store.list(&Scope::System, query).await.expect("listing works");
    ids(&page.records)
}

/// The newest comes first, or the oldest.
pub async fn a_list_goes_by_age(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let mut made = Vec::new();
    for _ in 0..4 {
        made.push(scene.create(new_execution("ada")).await);
        scene.advance(Duration::from_secs(1)).await;
    }
    assert_eq!(list(&scene, ListQuery { oldest_first: true, ..ListQuery::default() }).await, ids(&made));
    made.reverse();
    let page = scene.store.list(&Scope::System, ListQuery::default()).await.expect("listing works");
    assert_eq!((page.records, page.next), (made, None));
}

/// Each filter lets through what it says, and all together what each does.
pub async fn a_list_is_filtered(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let now = scene.now().await;
    let queued = scene.create(new_execution("ada")).await;
    let asked = OpenCheckpoint { id: CheckpointId::derive(queued.id, "a"), raised_at: now, expires_at: None };
    let waiting = Summary { checkpoint: Some(asked), ..summary(Status::WaitingCheckpoint) };
    let waiting = scene.create(NewExecution { summary: waiting, ..new_execution("ada") }).await;
    scene.advance(LEASE).await;
    let since = Some(later(now, Duration::from_secs(8)));
    let other = NewExecution { document: DocumentId::from("orders"), ..new_execution("ada") };
    let other = scene.create(other).await;
    let paused =
        scene.create(NewExecution { summary: summary(Status::Paused), ..new_execution("bob") }).await;
    let all = ListQuery { oldest_first: true, ..ListQuery::default() };
    let orders = Some(DocumentId::from("orders"));
    let cases = [
        (ListQuery { statuses: vec![Status::Queued], ..all.clone() }, vec![queued.id, other.id]),
        (
            ListQuery { statuses: vec![Status::Paused, Status::WaitingCheckpoint], ..all.clone() },
            vec![waiting.id, paused.id],
        ),
        (ListQuery { statuses: vec![Status::Failed], ..all.clone() }, vec![]),
        (ListQuery { document: orders.clone(), ..all.clone() }, vec![other.id]),
        (ListQuery { since, ..all.clone() }, vec![other.id, paused.id]),
        (ListQuery { open_checkpoints: true, ..all.clone() }, vec![waiting.id]),
        (ListQuery { open_checkpoints: true, since, ..all.clone() }, vec![]),
        (
            ListQuery { document: orders, statuses: vec![Status::Queued], since, ..all.clone() },
            vec![other.id],
        ),
        (all, vec![queued.id, waiting.id, other.id, paused.id]),
    ];
    for (query, expected) in cases {
        assert_eq!(list(&scene, query.clone()).await, expected, "{query:?}");
    }
}

/// Following `next` gives each row once, in order, both ways; the last page has none.
pub async fn a_list_is_read_in_pages(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let made = ids(&scene.all_queued("ada", 7).await);
    for oldest_first in [true, false] {
        let (mut seen, mut after, mut pages) = (Vec::new(), None, 0);
        loop {
            let query = ListQuery { oldest_first, after, limit: 3, ..ListQuery::default() };
            let page = scene.store.list(&Scope::System, query).await.expect("listing works");
            assert!(page.records.len() <= 3);
            seen.extend(ids(&page.records));
            pages += 1;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        if !oldest_first {
            seen.reverse();
        }
        assert_eq!((seen, pages), (made.clone(), 3));
    }
    let exactly = ListQuery { limit: 7, ..ListQuery::default() };
    assert_eq!(scene.store.list(&Scope::System, exactly).await.expect("listing works").next, None);
}

/// Paging goes on where the row that it stood at was purged.
pub async fn a_page_goes_on_behind_a_purged_row(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let made = scene.all_queued("ada", 4).await;
    let end = scene.finish(&made[1]).await;
    let purged = scene.store.purge(&Scope::System, later(end.now, LEASE), 9).await.expect("purging works");
    assert_eq!(purged, 1);
    let query = ListQuery { oldest_first: true, after: Some(made[1].id), ..ListQuery::default() };
    assert_eq!(list(&scene, query).await, [made[2].id, made[3].id]);
}

/// Nobody asks for a number: a hundred. Too many: a thousand.
pub async fn a_page_has_bounds(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    scene.all_queued("ada", 104).await;
    let page = scene.store.list(&Scope::System, ListQuery::default()).await.expect("listing works");
    assert_eq!((page.records.len(), page.next.is_some()), (100, true));
    let many = ListQuery { limit: u32::MAX, ..ListQuery::default() };
    assert_eq!(list(&scene, many).await.len(), 104);
}

/// To another owner an execution is not there, as if there were none.
pub async fn another_owners_execution_is_not_found(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    let (store, bob) = (&scene.store, Scope::Owner(OwnerId::from("bob")));
    assert_eq!(refusal(store.load(&bob, record.id).await), StoreErrorKind::NotFound);
    assert_eq!(refusal(store.journal(&bob, record.id, Seq(0), 9).await), StoreErrorKind::NotFound);
    assert_eq!(refusal(store.explain(&bob, record.id).await), StoreErrorKind::NotFound);
    let ada = Scope::Owner(OwnerId::from("ada"));
    assert_eq!(store.load(&ada, record.id).await.expect("it is hers").record, record);
    assert_eq!(store.journal(&ada, record.id, Seq(0), 9).await.expect("it is hers").len(), 1);
    store.explain(&ada, record.id).await.expect("it is hers");
}

/// A list shows an owner its own, page by page; an owner of nothing sees nothing.
pub async fn a_list_is_an_owners_own(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let mut own = Vec::new();
    for _ in 0..3 {
        own.push(scene.queued("ada").await.id);
        scene.queued("bob").await;
    }
    let ada = Scope::Owner(OwnerId::from("ada"));
    let query = ListQuery { oldest_first: true, limit: 2, ..ListQuery::default() };
    let first = scene.store.list(&ada, query.clone()).await.expect("listing works");
    assert_eq!((ids(&first.records), first.next), (own[..2].to_vec(), Some(own[1])));
    let second = ListQuery { after: first.next, ..query };
    let second = scene.store.list(&ada, second).await.expect("listing works");
    assert_eq!((ids(&second.records), second.next), (own[2..].to_vec(), None));
    let eve = Scope::Owner(OwnerId::from("eve"));
    let none = scene.store.list(&eve, ListQuery::default()).await.expect("listing works");
    assert!(none.records.is_empty());
}

/// All that was written is there after a restart.
pub async fn all_is_there_after_a_restart(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let claim = scene.held("ada", "w1").await;
    scene.append(batch(claim.record.id, Seq(1), ["a", "b"])).await;
    scene.queued("bob").await;
    let before = scene.store.list(&Scope::System, ListQuery::default()).await.expect("listing works");
    let journal = scene.journal(claim.record.id).await;
    let scene = scene.reopen().await;
    let after = scene.store.list(&Scope::System, ListQuery::default()).await.expect("listing works");
    assert_eq!(after, before);
    assert_eq!(scene.journal(claim.record.id).await, journal);
    scene.append(Append { events: vec!["c".into()], ..batch(claim.record.id, Seq(3), []) }).await;
}
