//! Files that nothing names are removed, and no others.

use std::sync::Arc;
use std::time::Duration;

use aef::engine::{Engine, ForkOptions, Handle, Swept, WorkerOptions};
use aef::execution::{Answer, EventKind};
use aef::ids::{ExecutionId, sha256_hex};
use aef::store::{ExecutionStore as _, Scope};
use aef_testkit::faulty::{FaultyStore, StoreFault};
use futures::TryStreamExt as _;
use jiff::Timestamp;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore as _, ObjectStoreExt as _};

use crate::support::{Stage, finished, kinds, site, waiting};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Takes a picture, then asks.
const PICTURE: &str = r#"
aef: 1
id: picture
steps:
  - id: open
    actions:
      - { action: navigate, url: "https://crm.test/crm" }
      - { action: screenshot, as: picture }
  - id: look
    checkpoint: { before: { title: "Is it right?", timeout: 1h } }
    actions: [ { action: navigate, url: "https://crm.test/crm" } ]
"#;

/// An engine whose files a test can see.
struct Gallery {
    stage: Stage,
    files: Arc<InMemory>,
}

impl Gallery {
    fn new() -> Self {
        let files = Arc::new(InMemory::new());
        let kept = files.clone();
        Self { stage: Stage::with(site(), |builder| builder.artifacts(kept)), files }
    }

    /// Sweeps when everything that was kept so far is older than a day.
    async fn sweep_later(&self) -> Swept {
        // Files have the time of the machine, whatever the time of the store is.
        self.stage.clock.set(Timestamp::now() + DAY + Duration::from_secs(60));
        self.stage.engine.sweep_artifacts(DAY).await.unwrap()
    }

    async fn files(&self) -> Vec<String> {
        let files = self.files.list(None).map_ok(|file| file.location.to_string());
        files.try_collect().await.unwrap()
    }

    async fn add(&self, execution: ExecutionId, content: &'static str) {
        let path = format!("executions/{execution}/{}", sha256_hex(content.as_bytes()));
        self.files.put(&Path::from(path), content.into()).await.unwrap();
    }

    /// An execution that has taken its picture and asks.
    async fn asking(&self) -> Handle {
        let handle = self.stage.submit(PICTURE).await;
        waiting(handle.wait().await.unwrap());
        handle
    }
}

/// What the journal says was kept.
async fn named(handle: &Handle) -> usize {
    let mut hashes: Vec<_> = kinds(handle)
        .await
        .into_iter()
        .filter_map(|kind| match kind {
            EventKind::ActionSucceeded { artifact, .. } => artifact,
            EventKind::EvidenceCaptured { evidence, .. } => evidence.screenshot,
            _ => None,
        })
        .map(|artifact| artifact.artifact)
        .collect();
    hashes.sort();
    hashes.dedup();
    hashes.len()
}

#[tokio::test(start_paused = true)]
async fn a_file_that_a_crash_left_without_its_event_is_removed_and_every_other_stays() {
    let mut orphans = 0;
    for call in 1.. {
        let gallery = Gallery::new();
        let store = Arc::new(FaultyStore::new(gallery.stage.store.clone()).at(call, StoreFault::CrashBefore));
        let engine = Engine::builder(store.clone())
            .browser(Arc::new(gallery.stage.browser.clone()))
            .artifacts(gallery.files.clone())
            .build();
        let options = WorkerOptions { id: "one".into(), ..WorkerOptions::default() };
        let worker = tokio::spawn(engine.worker(options).run(aef::engine::Shutdown::new()));
        let handle = gallery.stage.submit(PICTURE).await;
        let crashed = tokio::select! {
            biased;
            () = store.crashed() => true,
            outcome = handle.wait() => { waiting(outcome.unwrap()); false }
        };
        worker.abort();
        tokio::time::sleep(Duration::from_secs(20)).await;
        handle.stop().await.unwrap();
        handle.finished().await.unwrap();

        let (before, named) = (gallery.files().await.len(), named(&handle).await);
        let swept = gallery.sweep_later().await;
        assert_eq!((swept.files, swept.removed), (before as u64, (before - named) as u64), "call {call}");
        assert_eq!(gallery.files().await.len(), named, "call {call}");
        orphans += before - named;
        if !crashed {
            break;
        }
    }
    assert!(orphans > 0, "no crash fell between a file and its event");
}

#[tokio::test(start_paused = true)]
async fn what_is_young_or_may_yet_be_named_or_is_not_ours_stays() {
    let gallery = Gallery::new();
    let worker = gallery.stage.worker("one");
    let handle = gallery.asking().await;
    gallery.add(handle.id(), "left behind").await;
    gallery.files.put(&Path::from("state.key"), "a key".into()).await.unwrap();
    gallery.files.put(&Path::from("executions/notes.txt"), "of the host".into()).await.unwrap();
    let all = gallery.files().await;
    assert_eq!(gallery.sweep_later().await.removed, 0, "its worker may be about to name it");

    handle.stop().await.unwrap();
    handle.finished().await.unwrap();
    worker.end().await;
    let young = gallery.stage.engine.sweep_artifacts(3 * DAY).await.unwrap();
    assert_eq!(young.removed, 0);
    assert_eq!(gallery.files().await, all);
    let swept = gallery.sweep_later().await;
    assert_eq!((swept.removed, swept.bytes), (1, "left behind".len() as u64));
    assert_eq!(gallery.files().await.len(), all.len() - 1);
}

#[tokio::test(start_paused = true)]
async fn files_of_a_purged_execution_go_when_no_fork_names_them() {
    let gallery = Gallery::new();
    let worker = gallery.stage.worker("one");
    let parent = gallery.asking().await;
    let picture = gallery.files().await;
    let fork =
        parent.fork(ForkOptions { from: Some("look".into()), ..ForkOptions::default() }).await.unwrap();
    parent.stop().await.unwrap();
    parent.finished().await.unwrap();
    gallery.add(parent.id(), "left behind").await;
    let purged = gallery.stage.store.purge(&Scope::System, Timestamp::MAX, 10).await.unwrap();
    assert_eq!(purged, 1);
    assert_eq!(gallery.sweep_later().await.removed, 1);
    let left = gallery.files().await;
    assert!(picture.iter().all(|file| left.contains(file)), "the fork has the picture in a variable");

    let checkpoint = waiting(fork.wait().await.unwrap()).checkpoint.unwrap();
    fork.answer(checkpoint.id, Answer::approve()).await.unwrap();
    finished(fork.wait().await.unwrap());
    worker.end().await;
    gallery.stage.store.purge(&Scope::System, Timestamp::MAX, 10).await.unwrap();
    gallery.sweep_later().await;
    assert_eq!(gallery.files().await, Vec::<String>::new());
}
