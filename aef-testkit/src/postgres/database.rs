//! A database of one's own.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use uuid::Uuid;

use super::URL;

/// An empty database, which is dropped with this.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    server: PgConnectOptions,
    url: String,
}

impl TestDatabase {
    /// Makes one on the server that [`URL`] names.
    ///
    /// # Panics
    /// Where no server is named, or it does not answer: the test cannot run then.
    pub async fn new() -> Self {
        let Ok(server) = std::env::var(URL) else {
            panic!(
                "{URL} names no PostgreSQL server: run `cargo xtask test`, or one test with \
                 `cargo xtask postgres -- cargo test …`"
            );
        };
        Self::on(&server).await
    }

    /// Makes one on the server of this address.
    ///
    /// # Panics
    /// Where the server does not answer.
    pub async fn on(server: &str) -> Self {
        let url = url::Url::parse(server).expect("the server's address is a URL");
        let server: PgConnectOptions = server.parse().expect("the server's address is one of PostgreSQL");
        let name = format!("aef_test_{}", Uuid::now_v7().simple());
        let mut connection = server.connect().await.expect("the PostgreSQL server of the tests answers");
        // The name is our own, and a parameter cannot stand for it.
        let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
        sqlx::query(create).execute(&mut connection).await.expect("the tests' role may make databases");
        connection.close().await.expect("the connection is closed");
        let mut own = url;
        own.set_path(&name);
        Self { name, server, url: own.into() }
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A connection to it.
    ///
    /// # Panics
    /// Where the server does not answer.
    pub async fn connection(&self) -> PgConnection {
        let options = self.server.clone().database(&self.name);
        options.connect().await.expect("the database answers")
    }

    /// Takes the place of the store's clock, once the store has made its tables: from now on it stands still at this time
    /// until it is set again. Every process on this database sees it so.
    ///
    /// # Panics
    /// Where the database does not answer.
    pub async fn set_clock(&self, now: Timestamp) {
        let mut connection = self.connection().await;
        sqlx::raw_sql(
            "CREATE TABLE IF NOT EXISTS public.clock (micros bigint NOT NULL);
             CREATE OR REPLACE FUNCTION aef.clock() RETURNS bigint LANGUAGE sql VOLATILE AS
             'SELECT micros FROM public.clock'",
        )
        .execute(&mut connection)
        .await
        .expect("the clock can be replaced");
        let mut transaction = connection.begin().await.expect("a transaction begins");
        sqlx::query("DELETE FROM public.clock")
            .execute(&mut *transaction)
            .await
            .expect("the clock is cleared");
        sqlx::query("INSERT INTO public.clock (micros) VALUES ($1)")
            .bind(now.as_microsecond())
            .execute(&mut *transaction)
            .await
            .expect("the clock is set");
        transaction.commit().await.expect("the clock is set");
    }

    /// Moves the clock that [`set_clock`](Self::set_clock) has put in place forward.
    ///
    /// # Panics
    /// Where no such clock was put in place.
    pub async fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).expect("a time that a test waits for is short");
        let moved = sqlx::query("UPDATE public.clock SET micros = micros + $1")
            .bind(micros)
            .execute(&mut self.connection().await)
            .await
            .expect("the clock was put in place");
        assert_eq!(moved.rows_affected(), 1, "there is one clock");
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // On a thread of its own, for a runtime does not wait within another. A database that is left goes with its server.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut connection = server.connect().await.map_err(std::io::Error::other)?;
                let drop = AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
                sqlx::query(drop).execute(&mut connection).await.map_err(std::io::Error::other)?;
                connection.close().await.map_err(std::io::Error::other)
            })
        });
        let _ = dropping.join();
    }
}
