//! Connecting, and making the tables.
//!
//! The migrations stand in this crate's `migrations/` and are performed by a few lines of our own rather than by
//! `sqlx::migrate::Migrator::run`: that one keeps its lock in the session, which a pooler in transaction mode does not
//! keep, and notes what it has done in a table that the host's own migrations may have.

use sqlx::migrate::{Migration, Migrator};

use crate::access::{Access, Session};
use crate::error::Error;
use crate::options::PostgresOptions;

static MIGRATIONS: Migrator = sqlx::migrate!();

/// The oldest server that will do, as it tells its version.
const OLDEST: i32 = 130_000;

/// By this number those who bring the tables up to date wait for each other: "aef\0" and the first version of the tables.
const LOCK: i64 = 0x6165_6600_0001;

/// What stands in the schema before us.
#[derive(Debug, sqlx::FromRow)]
struct Found {
    server: i32,
    /// Whether the schema is there and holds something.
    used: bool,
    /// Whether our list of migrations is there.
    ours: bool,
}

/// Brings the tables up to date, or holds that they are.
pub(crate) async fn prepare(access: &Access, options: &PostgresOptions) -> Result<(), Error> {
    let mut session = access.transaction().await?;
    let found = look(&mut session).await?;
    if found.ours && pending(&applied(&mut session).await?)?.is_empty() {
        return session.end().await;
    }
    if !options.migrate {
        return Err(Error::Outdated);
    }
    // A transaction of its own: in this one the server would tell of the catalogue as it was before the wait.
    session.end().await?;
    let mut session = access.transaction().await?;
    session.query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(session.connection()).await?;
    // Another process may have made them while this one waited.
    let found = look(&mut session).await?;
    if !found.ours {
        if found.used {
            return Err(Error::Foreign);
        }
        found_schema(&mut session).await?;
    }
    for migration in pending(&applied(&mut session).await?)? {
        perform(&mut session, migration).await?;
    }
    session.end().await
}

async fn look(session: &mut Session) -> Result<Found, Error> {
    let found: Found = session
        .query_as(
            "SELECT current_setting('server_version_num')::integer AS server,
                    EXISTS (SELECT 1 FROM pg_class WHERE relnamespace = to_regnamespace('aef')) AS used,
                    to_regclass('aef.migrations') IS NOT NULL AS ours",
        )
        .fetch_one(session.connection())
        .await?;
    if found.server < OLDEST { Err(Error::Old(found.server)) } else { Ok(found) }
}

async fn found_schema(session: &mut Session) -> Result<(), Error> {
    sqlx::raw_sql(
        "CREATE SCHEMA IF NOT EXISTS aef;
         CREATE TABLE aef.migrations (
             version      bigint PRIMARY KEY,
             description  text NOT NULL,
             checksum     bytea NOT NULL,
             performed_at timestamptz NOT NULL DEFAULT clock_timestamp()
         )",
    )
    .execute(session.connection())
    .await?;
    Ok(())
}

/// The migrations that were performed, in their order.
async fn applied(session: &mut Session) -> Result<Vec<(i64, Vec<u8>)>, Error> {
    let rows = session
        .query_as("SELECT version, checksum FROM aef.migrations ORDER BY version")
        .fetch_all(session.connection())
        .await?;
    Ok(rows)
}

/// What is left to perform.
fn pending(applied: &[(i64, Vec<u8>)]) -> Result<Vec<&'static Migration>, Error> {
    for (version, checksum) in applied {
        let known = MIGRATIONS.iter().find(|migration| migration.version == *version);
        match known {
            None => return Err(Error::Newer(*version)),
            Some(known) if known.checksum != *checksum => return Err(Error::Altered(*version)),
            Some(_) => {}
        }
    }
    let is_new = |migration: &&Migration| applied.iter().all(|(version, _)| *version != migration.version);
    Ok(MIGRATIONS.iter().filter(is_new).collect())
}

async fn perform(session: &mut Session, migration: &Migration) -> Result<(), Error> {
    sqlx::raw_sql(migration.sql.clone()).execute(session.connection()).await?;
    session
        .query("INSERT INTO aef.migrations (version, description, checksum) VALUES ($1, $2, $3)")
        .bind(migration.version)
        .bind(&*migration.description)
        .bind(&*migration.checksum)
        .execute(session.connection())
        .await?;
    tracing::info!(version = migration.version, "the tables were brought up to date");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn performed() -> Vec<(i64, Vec<u8>)> {
        MIGRATIONS.iter().map(|migration| (migration.version, migration.checksum.to_vec())).collect()
    }

    #[test]
    fn what_is_missing_is_performed_in_order() {
        let all = performed();
        let left: Vec<i64> = pending(&all[..1]).unwrap().iter().map(|migration| migration.version).collect();
        assert_eq!(left, all[1..].iter().map(|(version, _)| *version).collect::<Vec<_>>());
        assert!(left.is_sorted());
        assert!(pending(&all).unwrap().is_empty());
    }

    #[test]
    fn what_another_build_performed_is_refused() {
        let mut other = performed();
        other[0].1[0] ^= 1;
        assert!(matches!(pending(&other), Err(Error::Altered(1))));
        let mut newer = performed();
        newer.push((9_000, vec![0]));
        assert!(matches!(pending(&newer), Err(Error::Newer(9_000))));
    }
}
