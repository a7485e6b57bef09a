//! SOP documents.

use std::collections::BTreeSet;
use std::sync::Arc;

use aef_core::ids::{OwnerId, SopId};
use aef_core::store::{HostStore, NewSop, Scope, StoreErrorKind, StoredSop};
use futures::future::join_all;

use super::super::scene::{key as idempotency, refusal};
use super::{HostUnderTest, ada, of_ada, of_bob};

fn new_sop(content: &str) -> NewSop {
    NewSop { id: SopId::generate(), title: "Löhne".into(), content: content.into(), idempotency: None }
}

async fn create(host: &dyn HostStore, owner: &str, sop: NewSop) -> StoredSop {
    let created = host.create_sop(&OwnerId::from(owner), sop).await.expect("the SOP is kept");
    assert!(!created.existing);
    created.sop
}

/// White space, the order of keys and numbers stay as they are.
pub async fn an_sop_is_kept_to_the_letter(on: &dyn HostUnderTest) {
    let host = on.host();
    let new = new_sop("{ \"z\": 1.00,\n\t\"a\" : \"\u{1F600}\" }\r\n");
    let sop = create(&*host, "ada", new.clone()).await;
    assert_eq!((sop.id, sop.version, &sop.title, &sop.owner), (new.id, 1, &new.title, &ada()));
    assert_eq!(sop.content, new.content);
    assert_eq!(host.sop(&of_ada(), sop.id, None).await.expect("it is there"), sop);
    assert_eq!(host.sop(&Scope::System, sop.id, Some(1)).await.expect("it is there"), sop);
}

/// Each version stays; the text of the newest again makes none.
pub async fn another_text_is_the_next_version(on: &dyn HostUnderTest) {
    let host = on.host();
    let one = create(&*host, "ada", new_sop("one")).await;
    let update = |text: &str| {
        let (host, text) = (Arc::clone(&host), Arc::<str>::from(text));
        async move { host.update_sop(&of_ada(), one.id, "title", text).await.expect("the SOP is there") }
    };
    let two = update("two").await;
    assert_eq!((two.version, &*two.content, &*two.title), (2, "two", "title"));
    assert_eq!(update("two").await, two);
    assert_eq!(update("one").await.version, 3, "an older text is news again");
    assert_eq!(host.sop(&of_ada(), one.id, Some(2)).await.expect("it is kept"), two);
    let unknown = host.sop(&of_ada(), one.id, Some(9)).await;
    assert_eq!(refusal(unknown), StoreErrorKind::NotFound);
}

/// Asked for twice under one idempotency key, it is made once.
pub async fn an_sop_is_made_once_under_an_idempotency_key(on: &dyn HostUnderTest) {
    let host = on.host();
    let keyed = |body: &str| NewSop { idempotency: idempotency("k", body), ..new_sop("one") };
    let first = create(&*host, "ada", keyed("body")).await;
    let again = host.create_sop(&ada(), keyed("body")).await.expect("the first one is given");
    assert!(again.existing);
    assert_eq!(again.sop, first);
    let other = host.create_sop(&ada(), keyed("other")).await;
    assert_eq!(refusal(other), StoreErrorKind::IdempotencyConflict);
    create(&*host, "bob", keyed("other")).await;
}

/// No version is lost, none is there twice.
pub async fn racing_updates_make_each_version_once(on: &dyn HostUnderTest) {
    let host = on.host();
    let sop = create(&*host, "ada", new_sop("one")).await;
    let updates = (0..8).map(|number| {
        let (host, text) = (Arc::clone(&host), Arc::<str>::from(format!("text {number}")));
        async move { host.update_sop(&of_ada(), sop.id, "t", text).await.expect("the SOP is there").version }
    });
    let versions: BTreeSet<u32> = join_all(updates).await.into_iter().collect();
    assert_eq!(versions, (2..10).collect());
}

/// Another owner's SOP is not there.
pub async fn sops_are_an_owners_own(on: &dyn HostUnderTest) {
    let host = on.host();
    let sop = create(&*host, "ada", new_sop("one")).await;
    assert_eq!(refusal(host.sop(&of_bob(), sop.id, None).await), StoreErrorKind::NotFound);
    let updated = host.update_sop(&of_bob(), sop.id, "t", "x".into()).await;
    assert_eq!(refusal(updated), StoreErrorKind::NotFound);
    assert_eq!(host.sops(&of_bob(), None, 0).await.expect("listing works"), []);
    assert_eq!(host.sop(&of_ada(), sop.id, None).await.expect("it is there"), sop);
}

/// The newest version of each, in the order of their ids.
pub async fn sops_are_listed_in_pages(on: &dyn HostUnderTest) {
    let host = on.host();
    let mut newest = Vec::new();
    for number in 0..4 {
        let sop = create(&*host, "ada", new_sop(&format!("one {number}"))).await;
        let text = Arc::<str>::from(format!("two {number}"));
        newest.push(host.update_sop(&of_ada(), sop.id, "t", text).await.expect("the SOP is there"));
    }
    newest.sort_by_key(|sop| sop.id);
    let first = host.sops(&of_ada(), None, 3).await.expect("listing works");
    assert_eq!(first, newest[..3]);
    let rest = host.sops(&of_ada(), Some(first[2].id), 3).await.expect("listing works");
    assert_eq!(rest, newest[3..]);
    assert_eq!(host.sops(&Scope::System, None, 0).await.expect("listing works"), newest);
}

/// All of it is there in a process that starts anew.
pub async fn sops_survive_a_restart(on: &dyn HostUnderTest) {
    let sop = create(&*on.host(), "ada", new_sop("one")).await;
    let host = on.reopen_host().await;
    assert_eq!(host.sop(&of_ada(), sop.id, None).await.expect("it is there"), sop);
}
