//! Sealed secrets.

use aef_core::ids::OwnerId;
use aef_core::store::{HostStore, StoreErrorKind};
use bytes::Bytes;

use super::super::scene::refusal;
use super::{HostUnderTest, ada};

async fn put(host: &dyn HostStore, owner: &OwnerId, name: &str, sealed: &'static [u8]) {
    host.put_secret(owner, name, Bytes::from_static(sealed)).await.expect("the secret is kept");
}

async fn names(host: &dyn HostStore, owner: &OwnerId) -> Vec<String> {
    let names = host.secret_names(owner).await.expect("listing works");
    names.into_iter().map(|secret| secret.name).collect()
}

/// Byte for byte; the later value counts.
pub async fn a_secret_comes_back_and_is_replaced(on: &dyn HostUnderTest) {
    let host = on.host();
    put(&*host, &ada(), "crm", b"\x00\xffone").await;
    assert_eq!(host.sealed_secret(&ada(), "crm").await.expect("it is there"), &b"\x00\xffone"[..]);
    put(&*host, &ada(), "crm", b"two").await;
    put(&*host, &ada(), "bank", b"").await;
    assert_eq!(host.sealed_secret(&ada(), "crm").await.expect("it is there"), &b"two"[..]);
    assert_eq!(names(&*host, &ada()).await, ["bank", "crm"]);
}

/// Two owners' secrets of one name are two.
pub async fn secrets_are_an_owners_own(on: &dyn HostUnderTest) {
    let (host, bob) = (on.host(), OwnerId::from("bob"));
    put(&*host, &ada(), "crm", b"ada's").await;
    assert_eq!(refusal(host.sealed_secret(&bob, "crm").await), StoreErrorKind::NotFound);
    assert_eq!(refusal(host.remove_secret(&bob, "crm").await), StoreErrorKind::NotFound);
    put(&*host, &bob, "crm", b"bob's").await;
    assert_eq!(host.sealed_secret(&ada(), "crm").await.expect("it is there"), &b"ada's"[..]);
    assert_eq!(names(&*host, &bob).await, ["crm"]);
}

/// What was removed is not found.
pub async fn a_removed_secret_is_gone(on: &dyn HostUnderTest) {
    let host = on.host();
    put(&*host, &ada(), "crm", b"one").await;
    host.remove_secret(&ada(), "crm").await.expect("it is there");
    assert_eq!(refusal(host.sealed_secret(&ada(), "crm").await), StoreErrorKind::NotFound);
    assert_eq!(refusal(host.remove_secret(&ada(), "crm").await), StoreErrorKind::NotFound);
    assert!(names(&*host, &ada()).await.is_empty());
}

/// It is there in a process that starts anew.
pub async fn secrets_survive_a_restart(on: &dyn HostUnderTest) {
    put(&*on.host(), &ada(), "crm", b"one").await;
    let host = on.reopen_host().await;
    assert_eq!(host.sealed_secret(&ada(), "crm").await.expect("it is there"), &b"one"[..]);
}
