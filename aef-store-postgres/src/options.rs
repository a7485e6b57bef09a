//! How the store is opened.

use std::fmt;
use std::str::FromStr as _;
use std::time::Duration;

use aef_core::store::StoreError;
use sqlx::postgres::PgConnectOptions;

use crate::error::Error;

/// What the database shows of the store's connections, unless the URL names something else.
const APPLICATION: &str = "aef";

/// How a [`PostgresStore`](crate::PostgresStore) is opened.
///
/// The URL says where the database is and how it is reached, as with any client of PostgreSQL:
/// `postgres://user:password@host:port/database`. Its parameters `sslmode` (`prefer` by default; `verify-full` checks the
/// server's name too), `sslrootcert`, `sslcert` and `sslkey` set up TLS. Neither the URL nor the password is ever shown.
#[derive(Clone)]
pub struct PostgresOptions {
    pub(crate) connect: PgConnectOptions,
    /// How many connections the store may hold, the writers' among them; one more listens. 10 by default.
    pub max_connections: u32,
    /// How many groups of appends may be under way at once, each on a connection of its own. 2 by default.
    pub writers: u32,
    /// How long to wait for a free connection, or for a new one. 10 s by default.
    pub acquire_timeout: Duration,
    /// How long an append may take before its connection is given up. 30 s by default.
    pub append_timeout: Duration,
    /// Whether a pooler in transaction mode, such as PgBouncer, stands between. Then nothing is kept in a session: there are
    /// no prepared statements, nothing is listened to (what other processes write is found by polling), and each
    /// operation is a transaction. `false` by default.
    pub pooled: bool,
    /// Whether to bring the tables up to date. Where not, a database that is not up to date is refused. `true` by
    /// default.
    pub migrate: bool,
    /// Whether reads for an owner name that owner to the database, so that row-level security holds them to its rows
    /// beside the store's own conditions. Costs such a read three more round trips. `true` by default.
    pub row_security: bool,
}

impl PostgresOptions {
    /// The defaults, for the database at `url`.
    ///
    /// # Errors
    /// `Unavailable` where the URL cannot be read.
    pub fn new(url: &str) -> Result<Self, StoreError> {
        let connect = PgConnectOptions::from_str(url).map_err(|error| Error::Url(error).during("connect"))?;
        let connect = match connect.get_application_name() {
            Some(_) => connect,
            None => connect.application_name(APPLICATION),
        };
        Ok(Self {
            connect,
            max_connections: 10,
            writers: 2,
            acquire_timeout: Duration::from_secs(10),
            append_timeout: Duration::from_secs(30),
            pooled: false,
            migrate: true,
            row_security: true,
        })
    }

    /// How a connection is opened.
    pub(crate) fn connection(&self) -> PgConnectOptions {
        if self.pooled {
            // A pooler refuses what it would have to keep for the session.
            self.connect.clone().statement_cache_capacity(0).extra_float_digits(None)
        } else {
            // What a statement waited for under a lock must be visible to the next, whatever the server's default. None of
            // the statements is so long that compiling it pays.
            self.connect
                .clone()
                .options([("default_transaction_isolation", "read committed"), ("jit", "off")])
        }
    }
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connect, max_connections, writers, acquire_timeout, append_timeout, .. } = self;
        out.debug_struct("PostgresOptions")
            .field("host", &connect.get_host())
            .field("database", &connect.get_database())
            .field("max_connections", max_connections)
            .field("writers", writers)
            .field("acquire_timeout", acquire_timeout)
            .field("append_timeout", append_timeout)
            .field("pooled", &self.pooled)
            .field("migrate", &self.migrate)
            .field("row_security", &self.row_security)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        let options =
            PostgresOptions::new("postgres://ada:topsecret@db.example/aef?sslmode=require").unwrap();
        let shown = format!("{options:?}");
        assert!(shown.contains("db.example") && !shown.contains("topsecret"), "{shown}");
    }

    #[test]
    fn a_url_that_cannot_be_read_is_told_without_it() {
        let error = PostgresOptions::new("postgres://ada:topsecret@db.example:port/aef").unwrap_err();
        let mut told = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            told.push_str(&error.to_string());
            cause = error.source();
        }
        assert!(!told.contains("topsecret"), "{told}");
    }
}
