//! The way to the database: connections, and what is said on them first.

use std::time::Duration;

use aef_core::ids::OwnerId;
use aef_core::store::Scope;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnection, PgPool, PgPoolOptions};
use sqlx::query::{Query, QueryAs, QueryScalar};
use sqlx::{Connection as _, Postgres, SqlSafeStr, Transaction};

use crate::error::Error;
use crate::options::PostgresOptions;

/// A connection that has not been used for so long is asked whether it still stands before it is used.
const FRESH: Duration = Duration::from_secs(1);

/// What every transaction begins with: what is read after a lock must be what stands there then.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// The way to the database.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    pool: PgPool,
    pooled: bool,
    row_security: bool,
}

impl Access {
    /// Connects lazily: the first that needs a connection opens it.
    pub(crate) fn new(options: &PostgresOptions) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(options.max_connections.max(options.writers + 1))
            .acquire_timeout(options.acquire_timeout)
            .test_before_acquire(false)
            .before_acquire(|connection, about| {
                Box::pin(async move {
                    if about.idle_for > FRESH {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(options.connection());
        Self { pool, pooled: options.pooled, row_security: options.row_security }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// A session for one statement, as the engine itself.
    pub(crate) async fn single(&self) -> Result<Session, Error> {
        // Through a pooler, preparing a statement and executing it may reach two different sessions of the server unless
        // both stand in one transaction.
        if self.pooled {
            self.transaction().await
        } else {
            Ok(self.session(Means::Connection(self.pool.acquire().await?)))
        }
    }

    /// A session for several statements, as the engine itself.
    pub(crate) async fn transaction(&self) -> Result<Session, Error> {
        Ok(self.session(Means::Transaction(self.pool.begin_with(BEGIN).await?)))
    }

    /// A session for one statement, which sees no more than the scope covers.
    pub(crate) async fn scoped(&self, scope: &Scope) -> Result<Session, Error> {
        match scope {
            Scope::Owner(owner) if self.row_security => self.of_owner(owner).await,
            Scope::Owner(_) | Scope::System => self.single().await,
        }
    }

    /// Whether what is done for this scope is held to its owner's rows by the database, too.
    pub(crate) const fn enters(&self, scope: &Scope) -> bool {
        self.row_security && matches!(scope, Scope::Owner(_))
    }

    /// A transaction that sees and writes the owner's rows alone.
    pub(crate) async fn of_owner(&self, owner: &OwnerId) -> Result<Session, Error> {
        let mut session = self.transaction().await?;
        session
            .query("SELECT set_config('aef.owner', $1, true)")
            .bind(owner.as_str())
            .execute(session.connection())
            .await?;
        Ok(session)
    }

    fn session(&self, means: Means) -> Session {
        Session { means, keeps_statements: !self.pooled }
    }
}

/// A connection that is ours for the time of an operation. One that is dropped before its [end](Session::end) has changed
/// nothing.
pub(crate) struct Session {
    means: Means,
    keeps_statements: bool,
}

enum Means {
    Connection(PoolConnection<Postgres>),
    Transaction(Transaction<'static, Postgres>),
}

impl Session {
    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        match &mut self.means {
            Means::Connection(connection) => connection,
            Means::Transaction(transaction) => transaction,
        }
    }

    pub(crate) fn query<'q>(&self, sql: impl SqlSafeStr) -> Query<'q, Postgres, PgArguments> {
        sqlx::query(sql).persistent(self.keeps_statements)
    }

    pub(crate) fn query_as<'q, O>(&self, sql: impl SqlSafeStr) -> QueryAs<'q, Postgres, O, PgArguments>
    where
        O: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>,
    {
        sqlx::query_as(sql).persistent(self.keeps_statements)
    }

    pub(crate) fn query_scalar<'q, O>(
        &self,
        sql: impl SqlSafeStr,
    ) -> QueryScalar<'q, Postgres, O, PgArguments>
    where
        (O,): for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>,
    {
        sqlx::query_scalar(sql).persistent(self.keeps_statements)
    }

    /// Whether what is prepared may be kept.
    pub(crate) const fn keeps_statements(&self) -> bool {
        self.keeps_statements
    }

    /// Gives up the connection, which nobody knows the state of.
    pub(crate) fn discard(self) {
        match self.means {
            Means::Connection(mut connection) => connection.close_on_drop(),
            // The pooler's end of it is rolled back when the connection comes back.
            Means::Transaction(transaction) => drop(transaction),
        }
    }

    /// Makes durable what was written.
    pub(crate) async fn end(self) -> Result<(), Error> {
        match self.means {
            Means::Connection(_) => Ok(()),
            Means::Transaction(transaction) => Ok(transaction.commit().await?),
        }
    }
}
