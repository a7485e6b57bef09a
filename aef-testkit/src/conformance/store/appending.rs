//! G1, an append is all or nothing; G4, places are dense; G6, of racing answers one wins.

use aef_core::execution::Status;
use aef_core::ids::{BatchId, CheckpointId, ExecutionId, Seq, StepId};
use aef_core::store::{Append, OpenCheckpoint, Scope, StoreErrorKind, Summary};
use bytes::Bytes;
use futures::future::join_all;
use std::time::Duration;

use super::StoreUnderTest;
use super::scene::{Scene, assert_dense, batch, events, later, summary};

/// The events of a batch stand in the journal in their order, and the row tells of the last.
pub async fn g1_a_batch_is_written_whole(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    let appended = scene.append(batch(record.id, Seq(1), ["a", "b", "c"])).await;
    assert_eq!(appended.head, Seq(4));
    assert_eq!(scene.journal(record.id).await, ["queued", "a", "b", "c"]);
    assert_eq!(scene.record(record.id).await.head, Seq(4));
}

/// A batch that names another place changes neither journal nor row nor snapshot.
pub async fn g1_a_refused_batch_writes_nothing(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    for place in [0, 2, 7] {
        let refused = Append {
            summary: Some(summary(Status::Paused)),
            snapshot: Some(Bytes::from_static(b"snapshot")),
            format: 9,
            ..batch(record.id, Seq(place), ["a"])
        };
        assert_eq!(scene.refusal(refused).await, StoreErrorKind::Conflict);
    }
    let loaded = scene.load(record.id).await;
    assert_eq!((loaded.record, loaded.snapshot), (record, None));
    assert_eq!(loaded.tail.len(), 1);
}

/// What the batch says beside its events is what the row says then.
pub async fn g1_an_append_sets_what_is_indexed(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    let now = scene.now().await;
    scene.advance(Duration::from_secs(1)).await;
    let wake_at = Some(later(now, Duration::from_secs(3600)));
    let checkpoint = OpenCheckpoint {
        id: CheckpointId::derive(record.id, "save#1"),
        raised_at: now,
        expires_at: Some(later(now, Duration::from_millis(1))),
    };
    let said = Summary {
        status: Status::WaitingCheckpoint,
        step: Some(StepId::from("save")),
        progress: 40,
        checkpoint: Some(checkpoint),
        note: Some("Soll ich speichern? 🙂".into()),
    };
    let appended = scene
        .append(Append { summary: Some(said.clone()), wake_at, format: 3, ..batch(record.id, Seq(1), ["a"]) })
        .await;
    let after = scene.record(record.id).await;
    assert_eq!((after.summary, after.wake_at, after.format), (said, wake_at, 3));
    assert_eq!((after.updated_at, after.created_at), (appended.now, record.created_at));
    assert_eq!(after.finished_at, None);
}

/// Without a summary the row keeps the one it has; an older format does not lower the row's.
pub async fn g1_what_a_batch_does_not_say_stays(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    let noted = Summary { note: Some("waits".into()), progress: 7, ..summary(Status::Running) };
    scene.append(Append { summary: Some(noted.clone()), format: 2, ..batch(record.id, Seq(1), ["a"]) }).await;
    scene.append(Append { format: 1, ..batch(record.id, Seq(2), ["b"]) }).await;
    let after = scene.record(record.id).await;
    assert_eq!((after.summary, after.format, after.wake_at), (noted, 2, None));
}

/// A summary takes the place of the whole one before: what it leaves out is gone.
pub async fn g1_a_summary_replaces_the_one_before(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    let full = Summary { step: Some(StepId::from("a")), note: Some("b".into()), ..summary(Status::Running) };
    scene.append(Append { summary: Some(full), ..batch(record.id, Seq(1), ["a"]) }).await;
    let bare = summary(Status::Paused);
    scene.append(Append { summary: Some(bare.clone()), ..batch(record.id, Seq(2), ["b"]) }).await;
    assert_eq!(scene.record(record.id).await.summary, bare);
}

/// Two thousand events and one of a megabyte go in and come back.
pub async fn g1_a_large_batch_is_written_whole(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    let mut many: Vec<Bytes> = (0..2_000).map(|number| Bytes::from(format!("{number:0>200}"))).collect();
    many.push(Bytes::from(vec![b'x'; 1 << 20]));
    let appended = scene.append(Append { events: many.clone(), ..batch(record.id, Seq(1), []) }).await;
    assert_eq!(appended.head, Seq(2_002));
    let tail = scene.load(record.id).await.tail;
    assert_dense(&tail, 1);
    assert!(tail.into_iter().skip(1).map(|entry| entry.event).eq(many), "each event is as it was");
}

/// The store does not read in an event: any bytes come back as they were, none too.
pub async fn g1_events_come_back_byte_for_byte(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    let odd: Vec<Bytes> = [&b""[..], b"\0\0", b"\xff\xfe", "{\"né\": \"日本 🙂\"}".as_bytes(), b"'; --", b""]
        .map(Bytes::copy_from_slice)
        .to_vec();
    scene.append(Append { events: odd.clone(), ..batch(record.id, Seq(1), []) }).await;
    let tail = scene.load(record.id).await.tail;
    assert!(tail.into_iter().skip(1).map(|entry| entry.event).eq(odd));
}

/// A batch without events moves the row and leaves the journal.
pub async fn g1_a_batch_without_events_changes_the_row_alone(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    let appended =
        scene.append(Append { summary: Some(summary(Status::Paused)), ..batch(record.id, Seq(1), []) }).await;
    assert_eq!(appended.head, Seq(1));
    assert_eq!(scene.record(record.id).await.summary.status, Status::Paused);
    scene.append(batch(record.id, Seq(1), ["a"])).await;
    assert_eq!(scene.journal(record.id).await, ["queued", "a"]);
}

/// To an execution that is not there nothing can be appended.
pub async fn g1_an_unknown_execution_is_not_found(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let nowhere = batch(ExecutionId::generate(), Seq(0), ["a"]);
    assert_eq!(scene.refusal(nowhere).await, StoreErrorKind::NotFound);
}

/// Batches of all sizes, refused ones in between: the places have no gap.
pub async fn g4_places_are_dense(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    let mut head = Seq(1);
    for size in [1, 3, 0, 2, 5, 1] {
        scene.refusal(batch(record.id, head.plus(1), ["no"])).await;
        let sized = Append { events: vec![Bytes::from_static(b"yes"); size], ..batch(record.id, head, []) };
        let appended = scene.append(sized).await;
        assert_eq!(appended.head, head.plus(size as u64));
        head = appended.head;
    }
    let journal = scene.journal(record.id).await;
    assert_eq!(journal.len(), 13);
    assert!(!journal.contains(&"no".to_owned()));
}

/// Of many that append at one place, one does; the others hear of the conflict.
pub async fn g4_racing_appends_have_one_winner(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    let racers = (0..24).map(|_| {
        let store = on.store();
        tokio::spawn(async move { store.append(batch(record.id, Seq(1), ["a", "b"])).await })
    });
    let results = join_all(racers).await.into_iter().map(|result| result.expect("no racer panics"));
    let (won, lost): (Vec<_>, Vec<_>) = results.partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 23));
    let kinds = lost.into_iter().filter_map(Result::err).map(|error| error.kind());
    assert!(kinds.into_iter().all(|kind| kind == StoreErrorKind::Conflict));
    assert_eq!(scene.journal(record.id).await, ["queued", "a", "b"]);
}

/// Those who read again after a conflict all get in, each once.
pub async fn g4_racers_that_try_again_all_get_in(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    let racers = (0..12).map(|number| {
        let store = on.store();
        tokio::spawn(async move {
            let event = Bytes::from(format!("racer {number}"));
            loop {
                let loaded = store.load(&Scope::System, record.id).await.expect("it is there");
                let request =
                    Append { events: vec![event.clone()], ..batch(record.id, loaded.record.head, []) };
                match store.append(request).await {
                    Ok(_) => break,
                    Err(error) => assert_eq!(error.kind(), StoreErrorKind::Conflict),
                }
            }
        })
    });
    join_all(racers).await.into_iter().for_each(|result| result.expect("no racer panics"));
    let mut journal = scene.journal(record.id).await.split_off(1);
    journal.sort();
    let mut expected: Vec<_> = (0..12).map(|number| format!("racer {number}")).collect();
    expected.sort();
    assert_eq!(journal, expected);
}

/// The first durable answer to a checkpoint wins, and whoever is late finds it in the journal.
pub async fn g6_of_racing_answers_the_first_wins(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    let asked = scene
        .append(Append {
            summary: Some(summary(Status::WaitingCheckpoint)),
            ..batch(record.id, Seq(1), ["asked"])
        })
        .await;
    let answers = (0..8).map(|number| {
        let store = on.store();
        tokio::spawn(async move {
            let answer = Bytes::from(format!("answer {number}"));
            let request = Append { events: vec![answer.clone()], ..batch(record.id, asked.head, []) };
            let won = store.append(request).await.is_ok();
            let seen = store.journal(&Scope::System, record.id, asked.head, 1).await.expect("it is there");
            (answer, won, seen[0].event.clone())
        })
    });
    let results: Vec<_> =
        join_all(answers).await.into_iter().map(|result| result.expect("none panics")).collect();
    let winners: Vec<_> = results.iter().filter(|(_, won, _)| *won).collect();
    assert_eq!(winners.len(), 1);
    assert!(results.iter().all(|(_, _, seen)| *seen == winners[0].0), "all learn which one won");
}

/// Batches of one execution do not move another's places.
pub async fn g4_executions_do_not_share_places(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let (one, other) = (scene.queued("ada").await, scene.queued("ada").await);
    scene.append(batch(one.id, Seq(1), ["a", "b"])).await;
    scene.append(Append { batch_id: BatchId::generate(), ..batch(other.id, Seq(1), ["c"]) }).await;
    assert_eq!(scene.journal(one.id).await, ["queued", "a", "b"]);
    assert_eq!(scene.journal(other.id).await, ["queued", "c"]);
}

/// A journal is read from any place, within batches too, and in pages.
pub async fn a_journal_is_read_in_pages(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    scene.append(batch(record.id, Seq(1), ["a", "b", "c"])).await;
    scene.append(Append { events: events([]), ..batch(record.id, Seq(4), []) }).await;
    scene.append(batch(record.id, Seq(4), ["d", "e"])).await;
    let page = async |after, limit| {
        let entries = scene.store.journal(&Scope::System, record.id, Seq(after), limit).await;
        let entries = entries.expect("the execution is there");
        assert_dense(&entries, after + 1);
        entries.iter().map(|entry| String::from_utf8_lossy(&entry.event).into_owned()).collect::<Vec<_>>()
    };
    assert_eq!(page(0, 2).await, ["queued", "a"]);
    assert_eq!(page(2, 3).await, ["b", "c", "d"]);
    assert_eq!(page(4, 100).await, ["d", "e"]);
    assert_eq!(page(3, 0).await, Vec::<String>::new());
    assert_eq!(page(6, 100).await, Vec::<String>::new());
    assert_eq!(page(60, 100).await.len(), 0);
}

/// An append for an owner reaches that owner's executions and no others, also where the batch is known.
pub async fn an_owner_appends_to_its_own(on: &dyn StoreUnderTest) {
    let scene = Scene::new(on);
    let record = scene.queued("ada").await;
    let scoped =
        |owner: &str, request: &Append| Append { scope: Scope::Owner(owner.into()), ..request.clone() };
    let first = batch(record.id, Seq(1), ["a"]);
    for stranger in ["bob", "nobody"] {
        assert_eq!(scene.refusal(scoped(stranger, &first)).await, StoreErrorKind::NotFound);
    }
    assert_eq!(scene.record(record.id).await.head, Seq(1), "nothing was written");
    let appended = scene.append(scoped("ada", &first)).await;
    assert_eq!(appended.head, Seq(2));
    assert_eq!(scene.append(first.clone()).await, appended, "it is the same batch, whoever sends it");
    scene.queued("bob").await;
    assert_eq!(scene.refusal(scoped("bob", &first)).await, StoreErrorKind::NotFound);
    assert_eq!(scene.append(scoped("ada", &batch(record.id, Seq(2), ["b"]))).await.head, Seq(3));
}
