//! API keys.

use std::time::Duration;

use aef_core::ids::{ApiKeyId, DocumentId, OwnerId};
use aef_core::store::{ApiKey, HostStore, KeyScope, NewApiKey, Scope, StoreErrorKind};

use super::super::scene::{Scene, key as idempotency, later, refusal};
use super::{HostUnderTest, ada, of_ada, of_bob};

fn new_key(owner: &str, prefix: &str) -> NewApiKey {
    NewApiKey {
        id: ApiKeyId::generate(),
        owner: OwnerId::from(owner),
        name: "Zapier – 自動".into(),
        prefix: prefix.into(),
        hash: format!("hash of {prefix}"),
        scopes: [KeyScope::Read, KeyScope::Execute].into(),
        document: None,
        origins: Vec::new(),
        expires_at: None,
        idempotency: None,
    }
}

async fn create(host: &dyn HostStore, key: NewApiKey) -> ApiKey {
    let created = host.create_key(key).await.expect("the key is kept");
    assert!(!created.existing);
    created.key
}

/// What is given is what is got, and it is neither used nor revoked.
pub async fn a_key_comes_back_as_it_was_given(on: &dyn HostUnderTest) {
    let (host, scene) = (on.host(), Scene::new(on));
    let now = scene.now().await;
    let new = NewApiKey {
        document: Some(DocumentId::from("invoices")),
        origins: vec!["https://a.example".into(), "https://b.example:8443".into()],
        expires_at: Some(later(now, Duration::from_secs(60))),
        ..new_key("ada", "aef_one")
    };
    let key = create(&*host, new.clone()).await;
    assert_eq!((key.id, &key.owner, &key.name), (new.id, &new.owner, &new.name));
    assert_eq!((&key.prefix, &key.hash, &key.scopes), (&new.prefix, &new.hash, &new.scopes));
    assert_eq!((&key.document, &key.origins), (&new.document, &new.origins));
    assert_eq!((key.expires_at, key.revoked_at, key.last_used_at), (new.expires_at, None, None));
    assert!(key.created_at >= now);
    assert_eq!(host.key(&of_ada(), key.id).await.expect("it is there"), key);
    assert!(key.is_good(now) && !key.is_good(later(now, Duration::from_secs(61))));
}

/// Whoever owns them, and with all who share it.
pub async fn a_key_is_found_by_its_prefix(on: &dyn HostUnderTest) {
    let host = on.host();
    let one = create(&*host, new_key("ada", "aef_one")).await;
    let shared = [
        create(&*host, new_key("ada", "aef_two")).await,
        create(&*host, NewApiKey { hash: "another".into(), ..new_key("bob", "aef_two") }).await,
    ];
    assert_eq!(host.keys_by_prefix("aef_one").await.expect("looking works"), [one]);
    let mut found = host.keys_by_prefix("aef_two").await.expect("looking works");
    found.sort_by_key(|key| key.id);
    assert_eq!(found, shared);
    assert_eq!(host.keys_by_prefix("aef_").await.expect("looking works"), []);
}

/// Asked for twice under one idempotency key, it is made once; another owner's key of that text is another one.
pub async fn a_key_is_made_once_under_an_idempotency_key(on: &dyn HostUnderTest) {
    let host = on.host();
    let new = NewApiKey { idempotency: idempotency("k", "body"), ..new_key("ada", "aef_one") };
    let first = create(&*host, new).await;
    let again = NewApiKey { idempotency: idempotency("k", "body"), ..new_key("ada", "aef_two") };
    let again = host.create_key(again).await.expect("the first one is given");
    assert!(again.existing);
    assert_eq!(again.key, first);
    assert_eq!(host.keys_by_prefix("aef_two").await.expect("looking works"), []);
    create(&*host, NewApiKey { idempotency: idempotency("k", "body"), ..new_key("bob", "aef_two") }).await;
}

/// The same idempotency key is not taken for something else.
pub async fn an_idempotency_key_with_another_body_is_a_conflict(on: &dyn HostUnderTest) {
    let host = on.host();
    create(&*host, NewApiKey { idempotency: idempotency("k", "body"), ..new_key("ada", "aef_one") }).await;
    let other = NewApiKey { idempotency: idempotency("k", "other"), ..new_key("ada", "aef_two") };
    assert_eq!(refusal(host.create_key(other).await), StoreErrorKind::IdempotencyConflict);
}

/// The first revocation counts.
pub async fn a_revoked_key_stays_revoked(on: &dyn HostUnderTest) {
    let (host, scene) = (on.host(), Scene::new(on));
    let key = create(&*host, new_key("ada", "aef_one")).await;
    let revoked = host.revoke_key(&of_ada(), key.id).await.expect("it is there");
    assert!(revoked.revoked_at.is_some() && !revoked.is_good(scene.now().await));
    scene.advance(Duration::from_secs(5)).await;
    assert_eq!(host.revoke_key(&Scope::System, key.id).await.expect("it is there"), revoked);
    assert_eq!(host.keys_by_prefix("aef_one").await.expect("looking works"), [revoked]);
}

/// Signs of use may come in any order.
pub async fn the_last_use_never_goes_back(on: &dyn HostUnderTest) {
    let (host, scene) = (on.host(), Scene::new(on));
    let key = create(&*host, new_key("ada", "aef_one")).await;
    let first = scene.now().await;
    let second = later(first, Duration::from_secs(9));
    for at in [second, first] {
        host.touch_key(key.id, at).await.expect("touching works");
    }
    let used = host.key(&of_ada(), key.id).await.expect("it is there");
    assert_eq!(used.last_used_at, Some(second));
    host.touch_key(ApiKeyId::generate(), first).await.expect("an unknown key is no error");
}

/// Another owner's key is not there.
pub async fn keys_are_an_owners_own(on: &dyn HostUnderTest) {
    let host = on.host();
    let key = create(&*host, new_key("ada", "aef_one")).await;
    assert_eq!(refusal(host.key(&of_bob(), key.id).await), StoreErrorKind::NotFound);
    assert_eq!(refusal(host.revoke_key(&of_bob(), key.id).await), StoreErrorKind::NotFound);
    assert_eq!(host.keys(&of_bob(), None, 0).await.expect("listing works"), []);
    assert_eq!(host.key(&of_ada(), key.id).await.expect("it is there"), key);
}

/// In the order of their ids.
pub async fn keys_are_listed_in_pages(on: &dyn HostUnderTest) {
    let host = on.host();
    let mut all = Vec::new();
    for number in 0..5 {
        all.push(create(&*host, new_key("ada", &format!("aef_{number}"))).await);
    }
    let foreign = create(&*host, new_key("bob", "aef_bob")).await;
    all.sort_by_key(|key| key.id);
    let first = host.keys(&of_ada(), None, 2).await.expect("listing works");
    assert_eq!(first, all[..2]);
    let rest = host.keys(&of_ada(), Some(first[1].id), 10).await.expect("listing works");
    assert_eq!(rest, all[2..]);
    assert!(host.keys(&Scope::System, None, 0).await.expect("listing works").contains(&foreign));
}

/// All of it is there in a process that starts anew.
pub async fn keys_survive_a_restart(on: &dyn HostUnderTest) {
    let host = on.host();
    let new = NewApiKey { idempotency: idempotency("k", "body"), ..new_key("ada", "aef_one") };
    let key = create(&*host, new.clone()).await;
    let host = on.reopen_host().await;
    assert_eq!(host.keys(&Scope::Owner(ada()), None, 0).await.expect("listing works"), [key]);
    assert!(host.create_key(new).await.expect("the first one is given").existing);
}
