//! What can be wrong with the file, and several who use it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aef_core::execution::Status;
use aef_core::ids::{BatchId, DocumentHash, DocumentId, ExecutionId, OwnerId, Seq};
use aef_core::store::{
    Append, ExecutionStore as _, Expect, ListQuery, NewExecution, Scope, StoreError, StoreErrorKind, Summary,
};
use aef_store_sqlite::{SqliteOptions, SqliteStore};
use bytes::Bytes;
use futures::StreamExt as _;
use futures::future::join_all;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

/// Far longer than a notice takes.
const PATIENCE: Duration = Duration::from_secs(30);

fn new_execution() -> NewExecution {
    NewExecution {
        id: ExecutionId::generate(),
        owner: OwnerId::from("ada"),
        document: DocumentId::from("invoices"),
        document_hash: DocumentHash::from("hash"),
        subset: None,
        parent: None,
        priority: 0,
        events: vec![Bytes::from_static(b"{}")],
        format: 1,
        summary: Summary { status: Status::Queued, step: None, progress: 0, checkpoint: None, note: None },
        wake_at: None,
        idempotency: None,
    }
}

fn batch(execution: ExecutionId, head: Seq, events: Vec<Bytes>) -> Append {
    Append {
        scope: Scope::System,
        execution,
        batch_id: BatchId::generate(),
        expect: Expect::Seq(head),
        fence: None,
        require_unleased: false,
        starts_effect: false,
        events,
        format: 1,
        summary: None,
        wake_at: None,
        release: false,
        snapshot: None,
    }
}

async fn open(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(path, SqliteOptions::default()).await
}

async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .connect()
        .await
        .expect("the file opens")
}

/// Why the file cannot be opened, and what is said of it.
async fn refusal(path: &Path) -> (StoreErrorKind, String) {
    let error = open(path).await.expect_err("the file is no store");
    (error.kind(), error.to_string())
}

#[tokio::test]
async fn a_file_that_is_no_database_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "This is a text, and a long one. ".repeat(1_000)).unwrap();
    let (kind, message) = refusal(&path).await;
    assert_eq!(kind, StoreErrorKind::Unreadable);
    assert!(message.contains("not an SQLite database"), "{message}");
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("This is"), "it was left alone");
}

#[tokio::test]
async fn another_programs_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    let mut connection = raw(&path).await;
    sqlx::query("CREATE TABLE songs (title TEXT)").execute(&mut connection).await.unwrap();
    let before: i64 = sqlx::query_scalar("PRAGMA schema_version").fetch_one(&mut connection).await.unwrap();
    let (kind, message) = refusal(&path).await;
    assert_eq!(kind, StoreErrorKind::Unreadable);
    assert!(message.contains("another program"), "{message}");
    let after: i64 = sqlx::query_scalar("PRAGMA schema_version").fetch_one(&mut connection).await.unwrap();
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_newer_file_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("aef.db");
    open(&path).await.unwrap().close().await;
    let mut connection = raw(&path).await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9000, 'of the future', TRUE, x'00', 0)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();
    let (kind, message) = refusal(&path).await;
    assert_eq!(kind, StoreErrorKind::Unreadable);
    assert!(message.contains("newer version") && message.contains("9000"), "{message}");
}

#[tokio::test]
async fn a_damaged_page_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("aef.db");
    let store = open(&path).await.unwrap();
    let id = store.create(new_execution()).await.unwrap().record.id;
    store.close().await;
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[8_192..].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    let error = match open(&path).await {
        Ok(store) => store.load(&Scope::System, id).await.unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(error.kind(), StoreErrorKind::Unreadable, "{error}");
    assert!(error.to_string().contains("restore"), "{error}");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_an_outage() {
    let folder = tempfile::tempdir().unwrap();
    let (kind, _) = refusal(&folder.path().join("nowhere/aef.db")).await;
    assert_eq!(kind, StoreErrorKind::Unavailable);
}

/// A full disk refuses what does not fit and nothing else, leaves nothing half-written, and is no hindrance once there is
/// room.
#[tokio::test]
async fn a_full_file_keeps_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("aef.db");
    let options = SqliteOptions { max_size: Some(1 << 20), ..SqliteOptions::default() };
    let store = Arc::new(SqliteStore::open(&path, options).await.unwrap());
    let (large, small) = (new_execution(), new_execution());
    let (large_id, small_id) = (large.id, small.id);
    store.create(large).await.unwrap();
    store.create(small).await.unwrap();
    let too_much = batch(large_id, Seq(1), vec![Bytes::from(vec![b'x'; 2 << 20])]);
    // At once, so that they stand in one group.
    let (refused, taken) = tokio::join!(
        store.append(too_much.clone()),
        join_all((0..8).map(|number| store.append(batch(
            small_id,
            Seq(1 + number),
            vec![Bytes::from_static(b"y")]
        )))),
    );
    let refused = refused.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Unavailable);
    assert!(refused.to_string().contains("full"), "{refused}");
    assert!(taken.iter().all(Result::is_ok), "{taken:?}");
    let loaded = store.load(&Scope::System, large_id).await.unwrap();
    assert_eq!((loaded.record.head, loaded.tail.len()), (Seq(1), 1));
    assert_eq!(store.load(&Scope::System, small_id).await.unwrap().tail.len(), 9);
    Arc::into_inner(store).unwrap().close().await;

    let store = open(&path).await.unwrap();
    assert_eq!(store.append(too_much).await.unwrap().head, Seq(2));
}

/// Two stores on one file, as of two processes: what one writes the other hears of at once.
#[tokio::test]
async fn notices_cross_processes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("aef.db");
    let (runs, answers) = (open(&path).await.unwrap(), open(&path).await.unwrap());
    let id = runs.create(new_execution()).await.unwrap().record.id;
    let mut notices = runs.subscribe().await.unwrap();
    answers.append(batch(id, Seq(1), vec![Bytes::from_static(b"answer")])).await.unwrap();
    let notice = tokio::time::timeout(PATIENCE, notices.next()).await.unwrap().unwrap();
    assert_eq!((notice.execution, notice.head), (id, Seq(2)));
    answers.append(batch(id, Seq(2), vec![Bytes::from_static(b"more")])).await.unwrap();
    let notice = tokio::time::timeout(PATIENCE, notices.next()).await.unwrap().unwrap();
    assert_eq!((notice.execution, notice.head), (id, Seq(3)));
}

/// Two that write at once wait for each other, and nothing is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_write_one_journal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("aef.db");
    let stores = [Arc::new(open(&path).await.unwrap()), Arc::new(open(&path).await.unwrap())];
    let id = stores[0].create(new_execution()).await.unwrap().record.id;
    let writers = (0..8).map(|number| {
        let store = Arc::clone(&stores[number % 2]);
        tokio::spawn(async move {
            for _ in 0..5 {
                let request = Append {
                    expect: Expect::NotFinished,
                    ..batch(id, Seq(0), vec![Bytes::from_static(b"x")])
                };
                store.append(request).await.unwrap();
            }
        })
    });
    join_all(writers).await.into_iter().for_each(|writer| writer.unwrap());
    for store in stores {
        let loaded = store.load(&Scope::System, id).await.unwrap();
        assert_eq!((loaded.record.head, loaded.tail.len()), (Seq(41), 41));
    }
}

/// Several that open a new file at once all find the tables.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_new_file_is_opened_by_several_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("aef.db");
    let opened = join_all((0..6).map(|_| {
        let path = path.clone();
        tokio::spawn(async move { open(&path).await.unwrap() })
    }))
    .await;
    for store in opened {
        let page = store.unwrap().list(&Scope::System, ListQuery::default()).await.unwrap();
        assert!(page.records.is_empty());
    }
}

/// A writer that is gone tells so, and does not wait for ever.
#[tokio::test]
async fn what_was_written_is_there_after_closing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("aef.db");
    let store = open(&path).await.unwrap();
    let id = store.create(new_execution()).await.unwrap().record.id;
    store.append(batch(id, Seq(1), vec![Bytes::from_static(b"a")])).await.unwrap();
    store.close().await;
    assert!(!folder.path().join("aef.db-wal").exists(), "closing folds the log into the file");
    let loaded = open(&path).await.unwrap().load(&Scope::System, id).await.unwrap();
    assert_eq!(loaded.tail.len(), 2);
}

/// An append reads no more of a long journal than of a short one: the plan of every statement goes by an index.
#[tokio::test]
async fn no_statement_of_an_append_scans() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("aef.db");
    open(&path).await.unwrap().close().await;
    let mut connection = raw(&path).await;
    let statements = [
        "SELECT e.no, b.head FROM executions e LEFT JOIN batches b ON b.execution = e.no AND b.batch = ?2 WHERE e.id = ?1",
        "UPDATE executions SET head = 1 WHERE no = ?1",
        "SELECT head, events FROM batches WHERE execution = ?1 AND head > ?2 ORDER BY head, no",
        "SELECT owner FROM executions WHERE worker IS NULL AND wake_at <= ?1 AND format <= ?2",
        "SELECT no, priority, wake_at, id FROM executions
         WHERE owner = ?1 AND worker IS NULL AND wake_at <= ?2 AND format <= ?3 ORDER BY priority DESC, wake_at, id LIMIT 1",
    ];
    for statement in statements {
        let explained = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(explained).fetch_all(&mut connection).await.unwrap();
        for (_, _, _, line) in plan {
            assert!(line.starts_with("SEARCH"), "{statement}: {line}");
        }
    }
}
