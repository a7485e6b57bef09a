//! TLS between the store and its database.

use std::path::Path;

use aef_core::store::{ExecutionStore as _, StoreError, StoreErrorKind};
use aef_store_postgres::PostgresStore;
use aef_testkit::postgres::{Certificates, Cluster, ClusterOptions, TestDatabase};
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::support::{PATIENCE, options_with, queued};

/// A server that speaks TLS as `localhost`.
fn server() -> Cluster {
    Cluster::start(&ClusterOptions { tls: true, ..ClusterOptions::default() }).unwrap()
}

/// The address of a server's database by this name of the host, with what the client demands of the connection.
fn url(server: &str, host: &str, mode: &str, authority: Option<&Path>) -> String {
    let mut url = url::Url::parse(server).unwrap();
    url.set_host(Some(host)).unwrap();
    url.query_pairs_mut().append_pair("sslmode", mode);
    if let Some(authority) = authority {
        url.query_pairs_mut().append_pair("sslrootcert", authority.to_str().unwrap());
    }
    url.into()
}

/// Connects, however slow the machine is: what comes of it is the server's answer.
async fn attempt(url: &str) -> Result<PostgresStore, StoreError> {
    PostgresStore::connect(options_with(url, |options| options.acquire_timeout = PATIENCE)).await
}

/// Why the database cannot be used: all that the error is made of.
async fn refusal(url: &str) -> String {
    let error = attempt(url).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    let mut told = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        told.push_str(&format!(": {error}"));
        cause = error.source();
    }
    told
}

/// Every connection of a store that demands it is encrypted, to a server that is who it says: those that write and read, and
/// the one that listens.
#[tokio::test]
async fn all_connections_are_encrypted_to_the_server_that_is_meant() {
    let server = server();
    let plain = server.url("postgres");
    let url = url(&plain, "localhost", "verify-full", server.authority().as_deref());
    let store = attempt(&url).await.unwrap();
    let notices = store.subscribe().await.unwrap();
    queued(&store, "ada").await;
    let plain: PgConnectOptions = plain.parse().unwrap();
    let mut observer = plain.ssl_mode(PgSslMode::Disable).connect().await.unwrap();
    let (all, encrypted): (i64, i64) = sqlx::query_as(
        "SELECT count(*), count(*) FILTER (WHERE s.ssl) FROM pg_stat_activity a JOIN pg_stat_ssl s ON s.pid = a.pid
         WHERE a.application_name = 'aef'",
    )
    .fetch_one(&mut observer)
    .await
    .unwrap();
    assert!(all >= 2, "one works and one listens: {all}");
    assert_eq!(encrypted, all);
    drop(notices);
}

/// Neither another name than the certificate's nor another authority is accepted, unless the client asks for less.
#[tokio::test]
async fn a_server_that_is_not_known_is_refused() {
    let server = server();
    let plain = server.url("postgres");
    let authority = server.authority();
    let told = refusal(&url(&plain, "127.0.0.1", "verify-full", authority.as_deref())).await;
    assert!(told.contains("not valid for name"), "{told}");
    attempt(&url(&plain, "127.0.0.1", "verify-ca", authority.as_deref())).await.unwrap();

    let others = Certificates::make().unwrap();
    for mode in ["verify-ca", "verify-full"] {
        for authority in [Some(others.authority()), None] {
            let told = refusal(&url(&plain, "localhost", mode, authority.as_deref())).await;
            assert!(told.contains("certificate"), "{mode}: {told}");
        }
    }
    attempt(&url(&plain, "localhost", "require", None)).await.unwrap();
}

/// A store that demands TLS does not go on without it.
#[tokio::test]
async fn a_server_without_tls_is_refused_by_who_demands_it() {
    let database = TestDatabase::new().await;
    for mode in ["require", "verify-ca", "verify-full"] {
        let told = refusal(&url(database.url(), "127.0.0.1", mode, None)).await;
        assert!(told.contains("TLS"), "{mode}: {told}");
    }
    attempt(&url(database.url(), "127.0.0.1", "prefer", None)).await.unwrap();
}
