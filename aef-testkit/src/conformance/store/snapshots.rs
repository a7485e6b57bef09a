//! Snapshots: what is loaded is the newest and what stands behind it.

use aef_core::ids::Seq;
use aef_core::store::{Append, StoredSnapshot};
use bytes::Bytes;

use super::StoreUnderTest;
use super::scene::{Scene, assert_dense, batch};

fn snapshot(bytes: &'static [u8]) -> Option<Bytes> {
    Some(Bytes::from_static(bytes))
}

/// Without a snapshot the tail is the whole journal.
pub async fn without_a_snapshot_all_is_loaded(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    scene.append(batch(record.id, Seq(1), ["a", "b"])).await;
    let loaded = scene.load(record.id).await;
    assert_eq!((loaded.snapshot, loaded.tail.len()), (None, 3));
    assert!(loaded.now >= record.created_at);
}

/// With one it is what came after the batch that brought it.
pub async fn the_tail_begins_behind_the_snapshot(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    scene.append(Append { snapshot: snapshot(b"one\0\xff"), ..batch(record.id, Seq(1), ["a", "b"]) }).await;
    let loaded = scene.load(record.id).await;
    let one = StoredSnapshot { seq: Seq(3), bytes: Bytes::from_static(b"one\0\xff") };
    assert_eq!((loaded.snapshot.as_ref(), loaded.tail.len()), (Some(&one), 0));
    scene.append(batch(record.id, Seq(3), ["c", "d"])).await;
    let loaded = scene.load(record.id).await;
    assert_eq!(loaded.snapshot, Some(one));
    assert_dense(&loaded.tail, 4);
    assert_eq!(loaded.tail.len(), 2);
    assert_eq!(scene.journal(record.id).await, ["queued", "a", "b", "c", "d"], "the journal stays whole");
}

/// The newest counts.
pub async fn the_newest_snapshot_counts(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    scene.append(Append { snapshot: snapshot(b"one"), ..batch(record.id, Seq(1), ["a"]) }).await;
    scene.append(Append { snapshot: snapshot(b"two"), ..batch(record.id, Seq(2), ["b"]) }).await;
    let loaded = scene.load(record.id).await;
    assert_eq!(loaded.snapshot, Some(StoredSnapshot { seq: Seq(3), bytes: Bytes::from_static(b"two") }));
    assert!(loaded.tail.is_empty());
}

/// One may come without events.
pub async fn a_snapshot_comes_without_events(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    scene.append(batch(record.id, Seq(1), ["a"])).await;
    scene.append(Append { snapshot: snapshot(b""), ..batch(record.id, Seq(2), []) }).await;
    let loaded = scene.load(record.id).await;
    assert_eq!(loaded.snapshot, Some(StoredSnapshot { seq: Seq(2), bytes: Bytes::new() }));
    assert!(loaded.tail.is_empty());
}

/// It survives a restart, and a large one comes back as it was.
pub async fn a_snapshot_survives_a_restart(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    let bytes = Bytes::from((0..300_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>());
    scene.append(Append { snapshot: Some(bytes.clone()), ..batch(record.id, Seq(1), ["a"]) }).await;
    scene.append(batch(record.id, Seq(2), ["b"])).await;
    let scene = scene.reopen().await;
    let loaded = scene.load(record.id).await;
    assert_eq!(loaded.snapshot, Some(StoredSnapshot { seq: Seq(2), bytes }));
    assert_dense(&loaded.tail, 3);
    assert_eq!(loaded.tail.len(), 1);
}
