//! What goes wrong, and how the engine hears of it.

use aef_core::store::columns::Damaged;
use aef_core::store::{StoreError, StoreErrorKind};
use sqlx::migrate::MigrateError;

/// The extended result codes of SQLite carry the primary one in their lowest byte: <https://www.sqlite.org/rescode.html>.
const PRIMARY: u32 = 0xff;
const BUSY: u32 = 5;
const CORRUPT: u32 = 11;
const FULL: u32 = 13;
const NOT_A_DATABASE: u32 = 26;

/// What goes wrong inside the store.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The contract forbids it. Nothing was written, and nothing is wrong with the store.
    #[error("{message}")]
    Refused {
        /// As what the engine hears of it.
        kind: StoreErrorKind,
        /// Why.
        message: String,
    },
    /// SQLite, or the way to it, failed.
    #[error("{}", describe(.0))]
    Sqlite(#[from] sqlx::Error),
    /// The tables could not be made or brought up to date.
    #[error("the tables cannot be brought up to date")]
    Migration(#[source] MigrateError),
    /// The file was written by a later version.
    #[error(
        "the file was written by a newer version of the store (migration {0} is unknown here): use that version, or a copy of the file from before"
    )]
    Newer(i64),
    /// The file is another program's.
    #[error("the file is a database of another program: name another file")]
    Foreign,
    /// A value in the file makes no sense.
    #[error("the file is damaged; restore it from a copy, or save what is left with `sqlite3 FILE .recover`")]
    Damaged(#[from] Damaged),
    /// The task that writes has ended.
    #[error("the store is closed")]
    Closed,
}

impl Error {
    pub(crate) fn refused(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self::Refused { kind, message: message.into() }
    }

    pub(crate) fn not_found(what: impl std::fmt::Display) -> Self {
        Self::refused(StoreErrorKind::NotFound, format!("there is no {what}"))
    }

    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged(Damaged::new(what))
    }

    /// Whether the operation itself is to blame, and not the store.
    pub(crate) const fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }

    /// The engine's view of it.
    pub(crate) fn during(self, operation: &'static str) -> StoreError {
        let kind = self.kind();
        let message = self.to_string();
        match self {
            Self::Refused { .. } | Self::Newer(_) | Self::Foreign | Self::Closed => {
                StoreError::new(operation, kind, message)
            }
            Self::Damaged(source) => StoreError::new(operation, kind, message).with_source(source),
            Self::Sqlite(source) => StoreError::new(operation, kind, message).with_source(source),
            Self::Migration(source) => StoreError::new(operation, kind, message).with_source(source),
        }
    }

    fn kind(&self) -> StoreErrorKind {
        match self {
            Self::Refused { kind, .. } => *kind,
            Self::Newer(_) | Self::Foreign | Self::Damaged(_) | Self::Migration(_) => {
                StoreErrorKind::Unreadable
            }
            Self::Sqlite(source) => sqlite_kind(source),
            Self::Closed => StoreErrorKind::Unavailable,
        }
    }
}

impl From<MigrateError> for Error {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the others are all one to us: the file is not as it should be"
    )]
    fn from(error: MigrateError) -> Self {
        match error {
            // The file holds a migration that this version does not know.
            MigrateError::VersionMissing(version) | MigrateError::VersionTooNew(version, _) => {
                Self::Newer(version)
            }
            // What SQLite itself says is more to the point than that it said so during a migration.
            MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => Self::Sqlite(source),
            other => Self::Migration(other),
        }
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the driver's errors are many, and all others are outages"
)]
fn sqlite_kind(error: &sqlx::Error) -> StoreErrorKind {
    match error {
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => StoreErrorKind::Unreadable,
        _ => match primary_code(error) {
            Some(CORRUPT | NOT_A_DATABASE) => StoreErrorKind::Unreadable,
            _ => StoreErrorKind::Unavailable,
        },
    }
}

fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error()?.code()?.parse::<u32>().ok()?;
    Some(code & PRIMARY)
}

/// What to say of an error of SQLite; its own words are the source.
fn describe(error: &sqlx::Error) -> &'static str {
    match primary_code(error) {
        Some(BUSY) => "another process keeps the file locked",
        Some(FULL) => "the disk, or the size set for the file, is full; nothing was written",
        Some(CORRUPT) => {
            "the file is damaged; restore it from a copy, or save what is left with `sqlite3 FILE .recover`"
        }
        Some(NOT_A_DATABASE) => "the file is not an SQLite database; name another file",
        _ => "the database failed",
    }
}
