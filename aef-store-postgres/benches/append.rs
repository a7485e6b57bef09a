//! What a durable append costs beside a bare insert on the same server, whose commits wait for the disk: one after the
//! other, and with many in flight. The measures take turns, so that a disk that changes its mind changes all of them.
#![expect(clippy::print_stdout, reason = "the figures are what this is run for")]

#[path = "support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use aef_core::ids::ExecutionId;
use aef_core::store::ExecutionStore as _;
use aef_store_postgres::PostgresStore;
use futures::future::join_all;
use sqlx::postgres::PgConnection;
use sqlx::{ConnectOptions as _, Connection as _};

use crate::support::{EVENT, Server, batch, create, median};

/// How many write at once, in the second measure.
const IN_FLIGHT: usize = 32;

/// How often each measure is taken, and how many appends it has.
const ROUNDS: usize = 11;
const APPENDS: usize = 320;

#[tokio::main]
async fn main() {
    let server = Server::start();
    let store = server.store().await;
    let mut bare: PgConnection = server.options().connect().await.expect("the server answers");
    sqlx::raw_sql(
        "CREATE TABLE public.bare (no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, data bytea NOT NULL)",
    )
    .execute(&mut bare)
    .await
    .expect("the table is made");
    let mut executions = Vec::new();
    for _ in 0..IN_FLIGHT {
        executions.push(create(&store).await);
    }
    let [mut inserts, mut ones, mut manys] = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        inserts.push(insert(&mut bare).await);
        ones.push(append(&store, &executions[..1]).await);
        manys.push(append(&store, &executions).await);
    }
    bare.close().await.expect("the connection is closed");
    let [insert, one, many] = [inserts, ones, manys].map(median);
    for (name, time) in
        [("bare insert", insert), ("append, one after the other", one), ("append, 32 in flight", many)]
    {
        let ratio = time.as_secs_f64() / insert.as_secs_f64();
        println!("{name}: {:.0} µs each, {:.0}/s, {ratio:.2} bare inserts", micros(time), 1e6 / micros(time));
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The mean time of an insert.
async fn insert(connection: &mut PgConnection) -> Duration {
    let start = Instant::now();
    for _ in 0..APPENDS {
        sqlx::query("INSERT INTO public.bare (data) VALUES ($1)")
            .bind([EVENT, EVENT].concat())
            .execute(&mut *connection)
            .await
            .expect("the row is inserted");
    }
    start.elapsed() / APPENDS as u32
}

/// The mean time of an append, with as many at once as there are executions.
async fn append(store: &PostgresStore, executions: &[ExecutionId]) -> Duration {
    let start = Instant::now();
    for _ in 0..APPENDS / executions.len() {
        let round = executions.iter().map(|id| store.append(batch(*id)));
        for appended in join_all(round).await {
            appended.expect("the batch is appended");
        }
    }
    start.elapsed() / APPENDS as u32
}
