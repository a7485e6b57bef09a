//! Opening the file, and making its tables.

use std::path::Path;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Connection as _};

use crate::error::Error;
use crate::options::SqliteOptions;

static MIGRATIONS: Migrator = sqlx::migrate!();

/// What the header of our files says: "AEF1".
const APPLICATION: i64 = 0x4145_4631;

/// SQLite's page, in bytes, unless a file was made otherwise.
const PAGE: u64 = 4096;

/// How a connection that writes is opened.
pub(crate) fn writing(path: &Path, options: &SqliteOptions) -> SqliteConnectOptions {
    let connect = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // A commit is on the disk when it returns.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(options.busy_timeout);
    match options.max_size {
        Some(bytes) => connect.pragma("max_page_count", (bytes / PAGE).max(1).to_string()),
        None => connect,
    }
}

/// Opens the connection that writes, and brings the tables up to date.
pub(crate) async fn writer(path: &Path, options: &SqliteOptions) -> Result<SqliteConnection, Error> {
    refuse_foreign(path).await?;
    let mut connection = writing(path, options).connect().await?;
    // Under the write lock, for another process may be opening the same new file.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    // `run` goes through `Acquire`, whose future the compiler cannot see to be `Send`.
    MIGRATIONS.run_direct(None, &mut *transaction, false).await?;
    transaction.commit().await?;
    Ok(connection)
}

/// Opens the connections that read.
pub(crate) fn readers(path: &Path, options: &SqliteOptions) -> SqlitePool {
    let connect = writing(path, options).create_if_missing(false).pragma("query_only", "ON");
    SqlitePoolOptions::new().max_connections(options.readers.max(1)).connect_lazy_with(connect)
}

/// Looks at a file before anything is changed in it.
async fn refuse_foreign(path: &Path) -> Result<(), Error> {
    // What cannot be looked at is told by the connection itself, and an empty file is a new one.
    if std::fs::metadata(path).map_or(true, |file| file.len() == 0) {
        return Ok(());
    }
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await?;
    let application: i64 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut connection).await?;
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(&mut connection).await?;
    connection.close().await?;
    if application == APPLICATION || (application == 0 && tables == 0) { Ok(()) } else { Err(Error::Foreign) }
}
