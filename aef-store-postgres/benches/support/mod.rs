//! What the benchmarks share.

use std::time::Duration;

use aef_core::execution::Status;
use aef_core::ids::{ExecutionId, Seq};
use aef_core::store::{Append, ExecutionStore as _, Expect, NewExecution};
use aef_store_postgres::{PostgresOptions, PostgresStore};
use aef_testkit::conformance::store::{batch as named, new_execution, summary};
use aef_testkit::postgres::{Cluster, ClusterOptions};
use bytes::Bytes;
use sqlx::postgres::PgConnectOptions;

/// What an event of a usual action weighs.
pub(crate) const EVENT: &[u8] = &[b'e'; 300];

/// A server whose commits wait for the disk.
pub(crate) struct Server(Cluster);

impl Server {
    pub(crate) fn start() -> Self {
        let options = ClusterOptions { durable: true, ..ClusterOptions::default() };
        Self(Cluster::start(&options).expect("a server starts"))
    }

    pub(crate) async fn store(&self) -> PostgresStore {
        let options = PostgresOptions::new(&self.0.url("postgres")).expect("the address is one");
        PostgresStore::connect(options).await.expect("the store opens")
    }

    pub(crate) fn options(&self) -> PgConnectOptions {
        self.0.superuser_url("postgres").parse().expect("the address is one")
    }
}

/// An execution that is ready at once.
pub(crate) async fn create(store: &PostgresStore) -> ExecutionId {
    let wake_at = Some(store.now().await.expect("the server has a time"));
    let new = NewExecution { wake_at, events: vec![Bytes::from_static(EVENT)], ..new_execution("ada") };
    store.create(new).await.expect("the execution is made").record.id
}

/// As a worker writes after each action: the outcome of one and the start of the next.
pub(crate) fn batch(execution: ExecutionId) -> Append {
    Append {
        expect: Expect::NotFinished,
        events: vec![Bytes::from_static(EVENT); 2],
        summary: Some(summary(Status::Running)),
        ..named(execution, Seq(0), [])
    }
}

/// The one in the middle.
pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
