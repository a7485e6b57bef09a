//! The audit log.

use std::time::Duration;

use aef_core::ids::OwnerId;
use aef_core::store::{AuditEntry, AuditRecord, HostStore, Scope};

use super::super::scene::Scene;
use super::{HostUnderTest, of_ada};

fn entry(owner: Option<&str>, request: &str) -> AuditEntry {
    AuditEntry {
        owner: owner.map(OwnerId::from),
        actor: "key key_1".into(),
        action: "POST /api/aef/execute".into(),
        target: "/api/aef/execute?ü".into(),
        status: 202,
        address: Some("::1".into()),
        request: request.into(),
    }
}

async fn record(host: &dyn HostStore, entries: &[AuditEntry]) {
    for entry in entries {
        host.record_audit(entry.clone()).await.expect("the entry is kept");
    }
}

async fn all(host: &dyn HostStore, scope: &Scope) -> Vec<AuditRecord> {
    host.audit(scope, None, 0).await.expect("reading works")
}

fn entries(records: &[AuditRecord]) -> Vec<AuditEntry> {
    records.iter().map(|record| record.entry.clone()).collect()
}

/// As they were given, at places that grow.
pub async fn entries_come_back_in_their_order(on: &dyn HostUnderTest) {
    let (host, scene) = (on.host(), Scene::new(on));
    let now = scene.now().await;
    let given = [
        entry(Some("ada"), "r1"),
        AuditEntry { address: None, status: 403, ..entry(None, "r2") },
        entry(Some("ada"), "r3"),
    ];
    record(&*host, &given).await;
    let kept = all(&*host, &Scope::System).await;
    assert_eq!(entries(&kept), given);
    assert!(kept.windows(2).all(|pair| pair[0].place < pair[1].place && pair[0].at <= pair[1].at));
    assert!(kept[0].at >= now);
}

/// An owner sees what was about its own things, and nothing of the host's.
pub async fn entries_are_seen_by_their_owner(on: &dyn HostUnderTest) {
    let host = on.host();
    record(&*host, &[entry(Some("ada"), "r1"), entry(Some("bob"), "r2"), entry(None, "r3")]).await;
    assert_eq!(entries(&all(&*host, &of_ada()).await), [entry(Some("ada"), "r1")]);
}

/// A page goes on behind a place.
pub async fn entries_are_read_in_pages(on: &dyn HostUnderTest) {
    let host = on.host();
    let given: Vec<_> = (0..5).map(|number| entry(Some("ada"), &format!("r{number}"))).collect();
    record(&*host, &given).await;
    let first = host.audit(&of_ada(), None, 2).await.expect("reading works");
    assert_eq!(entries(&first), given[..2]);
    let rest = host.audit(&of_ada(), Some(first[1].place), 0).await.expect("reading works");
    assert_eq!(entries(&rest), given[2..]);
}

/// Those from before a time, the oldest first; the places of the others stay, and none is given again.
pub async fn old_entries_are_removed(on: &dyn HostUnderTest) {
    let (host, scene) = (on.host(), Scene::new(on));
    record(&*host, &[entry(None, "r1"), entry(None, "r2"), entry(None, "r3")]).await;
    scene.advance(Duration::from_secs(60)).await;
    let before = scene.now().await;
    record(&*host, &[entry(None, "r4")]).await;
    let last = all(&*host, &Scope::System).await[3].clone();
    assert_eq!(host.trim_audit(before, 2).await.expect("removing works"), 2);
    assert_eq!(host.trim_audit(before, 10).await.expect("removing works"), 1);
    assert_eq!(host.trim_audit(before, 10).await.expect("removing works"), 0);
    assert_eq!(all(&*host, &Scope::System).await, std::slice::from_ref(&last));
    scene.advance(Duration::from_secs(60)).await;
    assert_eq!(host.trim_audit(scene.now().await, 10).await.expect("removing works"), 1);
    record(&*host, &[entry(None, "r5")]).await;
    assert!(all(&*host, &Scope::System).await[0].place > last.place);
}

/// They are there in a process that starts anew.
pub async fn entries_survive_a_restart(on: &dyn HostUnderTest) {
    record(&*on.host(), &[entry(Some("ada"), "r1")]).await;
    let host = on.reopen_host().await;
    assert_eq!(entries(&all(&*host, &Scope::System).await), [entry(Some("ada"), "r1")]);
}
