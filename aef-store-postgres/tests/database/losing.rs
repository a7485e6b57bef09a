//! Connections and servers that go away.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aef_core::ids::Seq;
use aef_core::store::{Append, ExecutionStore as _, Expect, StoreErrorKind};
use aef_store_postgres::PostgresStore;
use aef_testkit::conformance::store::batch;
use aef_testkit::postgres::{Cluster, ClusterOptions, TestDatabase};
use futures::StreamExt as _;
use sqlx::Connection as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{PATIENCE, connect, connect_to, journal, options_with, queued, waiting_appends};

/// A session that is ended while it appends is made anew, and the batch is sent again.
#[tokio::test]
async fn a_session_that_is_ended_in_mid_append_is_made_good() {
    let database = TestDatabase::new().await;
    let store = connect(&database).await;
    let id = queued(&store, "ada").await.id;
    let (mut holder, mut observer) = (database.connection().await, database.connection().await);
    let mut lock = holder.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM aef.executions WHERE id = $1 FOR UPDATE")
        .bind(id.as_uuid())
        .execute(&mut *lock)
        .await
        .unwrap();
    let appending = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.append(batch(id, Seq(1), ["once"])).await }
    });
    let pids = waiting_appends(&mut observer, 1).await;
    let ended: bool = sqlx::query_scalar("SELECT pg_terminate_backend($1)")
        .bind(pids[0])
        .fetch_one(&mut observer)
        .await
        .unwrap();
    assert!(ended);
    lock.rollback().await.unwrap();
    assert_eq!(appending.await.unwrap().unwrap().head, Seq(2));
    assert_eq!(journal(&store, id).await, ["queued", "once"]);
}

/// Stands between a store and its database, and can lose an answer.
struct Wire {
    address: SocketAddr,
    /// Whether the answer to what contains the [`MARK`] is to be lost, and its connection with it.
    armed: Arc<AtomicBool>,
}

/// What is in the request whose answer is lost.
const MARK: &[u8] = b"the marked event";

impl Wire {
    async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, armed) = (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let losing = Arc::clone(&armed);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(pass(client, server, Arc::clone(&losing)));
            }
        });
        Self { address, armed }
    }
}

async fn pass(client: TcpStream, server: TcpStream, armed: Arc<AtomicBool>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let lost = Arc::new(AtomicBool::new(false));
    let losing = Arc::clone(&lost);
    let asking = tokio::spawn(async move {
        let mut asked = vec![0; 64 << 10];
        while let Ok(length @ 1..) = from_client.read(&mut asked).await {
            let request = &asked[..length];
            let is_marked = request.windows(MARK.len()).any(|bytes| bytes == MARK);
            if is_marked && armed.swap(false, Ordering::SeqCst) {
                losing.store(true, Ordering::SeqCst);
            }
            if to_server.write_all(request).await.is_err() {
                break;
            }
        }
    });
    let mut answer = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from_server.read(&mut answer).await {
        if lost.load(Ordering::SeqCst) || to_client.write_all(&answer[..length]).await.is_err() {
            break;
        }
    }
    asking.abort();
}

/// The answer to an append is lost when it is durable already: it is sent again and gives its first result.
#[tokio::test]
async fn a_lost_acknowledgement_is_made_good() {
    let database = TestDatabase::new().await;
    let url = url::Url::parse(database.url()).unwrap();
    let wire = Wire::to(format!("{}:{}", url.host_str().unwrap(), url.port().unwrap())).await;
    let mut through = url.clone();
    through.set_port(Some(wire.address.port())).unwrap();
    through.set_query(Some("sslmode=disable"));
    let options = options_with(through.as_str(), |options| options.writers = 1);
    let store = PostgresStore::connect(options).await.unwrap();
    let id = queued(&store, "ada").await.id;
    // The statement is prepared by the first, so that the answer that is lost is that of its execution.
    store.append(batch(id, Seq(1), ["first"])).await.unwrap();
    let direct = connect(&database).await;
    let second = batch(id, Seq(2), ["the marked event"]);
    wire.armed.store(true, Ordering::SeqCst);
    let appended = store.append(second.clone()).await.unwrap();
    assert!(!wire.armed.load(Ordering::SeqCst), "an answer was lost");
    assert_eq!(appended.head, Seq(3));
    assert_eq!(journal(&direct, id).await, ["queued", "first", "the marked event"]);
    assert_eq!(direct.append(second).await.unwrap(), appended);
}

/// Appends with one store until the other hears of it.
async fn heard_again(speaker: &PostgresStore, listener: &PostgresStore) {
    let id = queued(speaker, "ada").await.id;
    let mut notices = listener.subscribe().await.unwrap();
    let hearing = async {
        loop {
            speaker.append(Append { expect: Expect::NotFinished, ..batch(id, Seq(0), ["x"]) }).await.unwrap();
            let patience = Duration::from_millis(500);
            while let Ok(notice) = tokio::time::timeout(patience, notices.next()).await {
                if notice.unwrap().execution == id {
                    return;
                }
            }
        }
    };
    tokio::time::timeout(PATIENCE, hearing).await.unwrap();
}

/// A session that listens is ended, and listens again.
#[tokio::test]
async fn a_lost_listener_listens_again() {
    let database = TestDatabase::new().await;
    let (speaker, listener) = (connect(&database).await, connect(&database).await);
    heard_again(&speaker, &listener).await;
    let ended: Vec<bool> = sqlx::query_scalar(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND query LIKE 'LISTEN%'",
    )
    .fetch_all(&mut database.connection().await)
    .await
    .unwrap();
    assert_eq!(ended, [true]);
    heard_again(&speaker, &listener).await;
}

/// A server that crashes and comes back: while it is away that is told, then everything goes on, and nothing is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_may_crash() {
    let cluster = Cluster::start(&ClusterOptions { durable: true, ..ClusterOptions::default() }).unwrap();
    let url = cluster.url("postgres");
    let options = options_with(&url, |options| options.acquire_timeout = Duration::from_secs(1));
    let store = Arc::new(PostgresStore::connect(options).await.unwrap());
    let other = connect_to(&url).await;
    let id = queued(&store, "ada").await.id;
    store.append(batch(id, Seq(1), ["before"])).await.unwrap();
    heard_again(&store, &other).await;

    cluster.crash().unwrap();
    let request = batch(id, Seq(2), ["during"]);
    let refused = store.append(request.clone()).await.unwrap_err();
    assert_eq!((refused.kind(), refused.is_retryable()), (StoreErrorKind::Unavailable, true));
    assert_eq!(store.now().await.unwrap_err().kind(), StoreErrorKind::Unavailable);

    cluster.resume().unwrap();
    let appending = async {
        loop {
            match store.append(request.clone()).await {
                Ok(appended) => return appended,
                Err(error) => assert!(error.is_retryable(), "{error}"),
            }
        }
    };
    let appended = tokio::time::timeout(PATIENCE, appending).await.unwrap();
    assert_eq!(appended.head, Seq(3));
    assert_eq!(journal(&store, id).await, ["queued", "before", "during"]);
    heard_again(&store, &other).await;
}
