//! Documents: immutable versions, known by their hash.

use std::sync::Arc;

use aef_core::ids::{DocumentHash, DocumentId, OwnerId};
use aef_core::store::{NewDocument, Scope, StoreErrorKind, StoredDocument};
use futures::future::join_all;
use serde_json::json;

use super::StoreUnderTest;
use super::scene::{LEASE, Scene, later, new_execution, refusal};

fn ada() -> OwnerId {
    OwnerId::from("ada")
}

fn document(id: &str, content: &str) -> NewDocument {
    NewDocument {
        id: DocumentId::from(id),
        hash: DocumentHash::new(format!("hash of {id} {content}")),
        title: format!("{content} – título 🙂"),
        content: Arc::new(json!({"z": content, "a": [1, 2.5, null, "日本"]})),
    }
}

async fn put(scene: &Scene<'_>, owner: &OwnerId, document: NewDocument) -> StoredDocument {
    scene.store.put_document(owner, document).await.expect("the document is kept")
}

async fn newest(scene: &Scene<'_>, id: &str) -> StoredDocument {
    let found = scene.store.document(&Scope::System, &ada(), &DocumentId::from(id), None).await;
    found.expect("the document is there")
}

/// What is put is what is got, the order of its keys too.
pub async fn a_document_comes_back_as_it_was(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let new = document("invoices", "one");
    let now = scene.now().await;
    let stored = put(&scene, &ada(), new.clone()).await;
    assert_eq!((&stored.id, &stored.hash, &stored.title), (&new.id, &new.hash, &new.title));
    assert_eq!((stored.version, &stored.owner), (1, &ada()));
    assert!(stored.created_at >= now);
    assert_eq!(stored.content.to_string(), new.content.to_string());
    let found = newest(&scene, "invoices").await;
    assert_eq!(found.content.to_string(), new.content.to_string());
    assert_eq!(found, stored);
}

/// Other content is the next version; each stays as it was.
pub async fn other_content_is_the_next_version(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let one = put(&scene, &ada(), document("invoices", "one")).await;
    let two = put(&scene, &ada(), document("invoices", "two")).await;
    assert_eq!((one.version, two.version), (1, 2));
    assert_eq!(newest(&scene, "invoices").await, two);
    let version = |number| scene.store.document(&Scope::System, &one.owner, &one.id, Some(number));
    assert_eq!(version(1).await.expect("it is kept"), one);
    assert_eq!(version(2).await.expect("it is kept"), two);
    assert_eq!(refusal(version(3).await), StoreErrorKind::NotFound);
    assert_eq!(refusal(version(0).await), StoreErrorKind::NotFound);
}

/// The same content again is the version that is there, be it the newest or not.
pub async fn the_same_content_is_the_same_version(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let one = put(&scene, &ada(), document("invoices", "one")).await;
    assert_eq!(put(&scene, &ada(), document("invoices", "one")).await, one);
    let two = put(&scene, &ada(), document("invoices", "two")).await;
    assert_eq!(put(&scene, &ada(), document("invoices", "one")).await, one);
    assert_eq!(newest(&scene, "invoices").await, two);
}

/// Of many that put at once each content has one version, and the versions have no gap.
pub async fn racing_puts_make_each_version_once(on: &dyn StoreUnderTest) {
    let puts = (0..12).map(|number| {
        let store = on.store();
        let new = document("invoices", &format!("content {}", number % 3));
        tokio::spawn(async move { store.put_document(&ada(), new).await.expect("it is kept").version })
    });
    let mut versions: Vec<_> =
        join_all(puts).await.into_iter().map(|one| one.expect("none panics")).collect();
    versions.sort_unstable();
    versions.dedup();
    assert_eq!(versions, [1, 2, 3]);
}

/// An execution finds what it is pinned to by the hash.
pub async fn a_document_is_found_by_its_hash(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let one = put(&scene, &ada(), document("invoices", "one")).await;
    put(&scene, &ada(), document("invoices", "two")).await;
    let by_hash = async |owner: &str, hash: &str| {
        let (owner, hash) = (OwnerId::from(owner), DocumentHash::from(hash));
        scene.store.document_by_hash(&Scope::System, &owner, &hash).await
    };
    assert_eq!(by_hash("ada", one.hash.as_str()).await.expect("it is there"), one);
    assert_eq!(refusal(by_hash("bob", one.hash.as_str()).await), StoreErrorKind::NotFound);
    assert_eq!(refusal(by_hash("ada", "no such hash").await), StoreErrorKind::NotFound);
}

/// Nothing has a NUL in its id; whoever asks for such a thing is told that it is not there.
pub async fn an_id_with_a_nul_is_not_found(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    put(&scene, &ada(), document("invoices", "one")).await;
    let odd = "invoices\0";
    let by_id = scene.store.document(&Scope::System, &ada(), &odd.into(), None).await;
    assert_eq!(refusal(by_id), StoreErrorKind::NotFound);
    let by_hash = scene.store.document_by_hash(&Scope::System, &ada(), &odd.into()).await;
    assert_eq!(refusal(by_hash), StoreErrorKind::NotFound);
    assert_eq!(refusal(scene.store.remove_document(&ada(), &odd.into()).await), StoreErrorKind::NotFound);
    let behind = scene.store.documents(&Scope::System, Some(odd.into()), 9).await.expect("listing works");
    assert!(behind.is_empty(), "`invoices` sorts before it");
}

/// To another owner a document is not there; each has ids and versions of its own.
pub async fn documents_are_an_owners_own(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let (bob, new) = (OwnerId::from("bob"), document("invoices", "one"));
    let hers = put(&scene, &ada(), new.clone()).await;
    let scope = Scope::Owner(bob.clone());
    let (store, ada) = (&scene.store, ada());
    assert_eq!(refusal(store.document(&scope, &ada, &hers.id, None).await), StoreErrorKind::NotFound);
    assert_eq!(refusal(store.document_by_hash(&scope, &ada, &hers.hash).await), StoreErrorKind::NotFound);
    assert_eq!(refusal(store.remove_document(&bob, &hers.id).await), StoreErrorKind::NotFound);
    assert!(store.documents(&scope, None, 9).await.expect("listing works").is_empty());
    let his = put(&scene, &bob, new).await;
    assert_eq!((his.version, &his.owner), (1, &bob));
    assert_eq!(store.documents(&scope, None, 9).await.expect("listing works"), [his]);
    assert_eq!(newest(&scene, "invoices").await, hers);
}

/// What an execution refers to stays, until the execution is purged.
pub async fn a_document_in_use_stays(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let stored = put(&scene, &ada(), document("invoices", "one")).await;
    let record = scene.create(new_execution("ada")).await;
    assert_eq!(record.document, stored.id);
    let remove = async || scene.store.remove_document(&ada(), &stored.id).await;
    assert_eq!(refusal(remove().await), StoreErrorKind::InUse);
    let end = scene.finish(&record).await;
    assert_eq!(refusal(remove().await), StoreErrorKind::InUse);
    scene.store.purge(&Scope::System, later(end.now, LEASE), 9).await.expect("purging works");
    remove().await.expect("nothing refers to it any more");
    assert_eq!(refusal(remove().await), StoreErrorKind::NotFound);
}

/// Another owner's execution of a document of the same id does not hold it.
pub async fn another_owners_execution_does_not_hold_a_document(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let stored = put(&scene, &ada(), document("invoices", "one")).await;
    scene.create(new_execution("bob")).await;
    scene.store.remove_document(&ada(), &stored.id).await.expect("nothing of hers refers to it");
}

/// Removing takes all versions; then the id is as new.
pub async fn removing_takes_all_versions(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let one = put(&scene, &ada(), document("invoices", "one")).await;
    put(&scene, &ada(), document("invoices", "two")).await;
    let other = put(&scene, &ada(), document("orders", "one")).await;
    scene.store.remove_document(&ada(), &one.id).await.expect("nothing refers to it");
    let gone = scene.store.document(&Scope::System, &ada(), &one.id, Some(1)).await;
    assert_eq!(refusal(gone), StoreErrorKind::NotFound);
    let by_hash = scene.store.document_by_hash(&Scope::System, &ada(), &one.hash).await;
    assert_eq!(refusal(by_hash), StoreErrorKind::NotFound);
    assert_eq!(newest(&scene, "orders").await, other);
    assert_eq!(put(&scene, &ada(), document("invoices", "three")).await.version, 1);
}

/// A list shows the newest version of each, by id, in pages.
pub async fn documents_are_listed_by_id(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let mut expected = Vec::new();
    for id in ["d", "b", "c", "a", "é"] {
        put(&scene, &ada(), document(id, "one")).await;
        expected.push(put(&scene, &ada(), document(id, "two")).await);
    }
    expected.sort_by(|left, right| left.id.cmp(&right.id));
    let scope = Scope::Owner(ada());
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = scene.store.documents(&scope, after, 2).await.expect("listing works");
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 2);
        after = Some(last.id.clone());
        seen.extend(page);
    }
    assert_eq!(seen, expected);
    assert_eq!(scene.store.documents(&scope, None, 0).await.expect("listing works"), expected);
}

/// The system sees under one id each owner's, together on a page.
pub async fn the_system_sees_all_documents(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let mut expected = Vec::new();
    for id in ["a", "b"] {
        for owner in ["ada", "bob", "cyd"] {
            expected.push(put(&scene, &OwnerId::from(owner), document(id, owner)).await);
        }
    }
    let first = scene.store.documents(&Scope::System, None, 1).await.expect("listing works");
    assert_eq!(first, expected[..3]);
    let second = scene.store.documents(&Scope::System, Some(DocumentId::from("a")), 1).await;
    assert_eq!(second.expect("listing works"), expected[3..]);
}

/// Documents survive a restart.
pub async fn documents_survive_a_restart(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let stored = put(&scene, &ada(), document("invoices", "one")).await;
    let scene = scene.reopen().await;
    assert_eq!(newest(&scene, "invoices").await, stored);
    assert_eq!(put(&scene, &ada(), document("invoices", "one")).await, stored);
}
