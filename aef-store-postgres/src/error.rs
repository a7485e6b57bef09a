//! What goes wrong, and how the engine hears of it.

use aef_core::store::columns::Damaged;
use aef_core::store::{StoreError, StoreErrorKind};

/// SQLSTATEs: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
const DATA_EXCEPTION: &str = "22";
const MISSING: [&str; 4] = ["3F000", "42P01", "42703", "42883"];
const NOT_ALLOWED: &str = "42501";
const FULL: &str = "53100";
const SHUTTING_DOWN: &str = "57P";

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
    /// PostgreSQL, or the way to it, failed.
    #[error("{}", describe(.0))]
    Postgres(#[from] sqlx::Error),
    /// The same for a group of appends, each of which hears of it.
    #[error("{}", describe(.0))]
    Group(std::sync::Arc<sqlx::Error>),
    /// The address of the database cannot be read.
    #[error(
        "the database's URL cannot be read: it has the form `postgres://user:password@host:port/database`"
    )]
    Url(#[source] sqlx::Error),
    /// The server is too old.
    #[error("the server is PostgreSQL {}; 13 or newer is needed", .0 / 10_000)]
    Old(i32),
    /// The tables were made by a later version.
    #[error(
        "the tables were made by a newer version of the store (migration {0} is unknown here): use that version"
    )]
    Newer(i64),
    /// A migration that was performed was another one than this version knows.
    #[error(
        "the tables were made by another build of the store: its migration {0} differs from the one here"
    )]
    Altered(i64),
    /// The tables are not up to date, and may not be brought so.
    #[error(
        "the tables are not up to date: open the store once with `migrate` by a role that may make tables"
    )]
    Outdated,
    /// The schema is another program's.
    #[error("the schema `aef` of the database is another program's: name another database")]
    Foreign,
    /// A value in the database makes no sense.
    #[error("the database is damaged; restore it from a copy")]
    Damaged(#[from] Damaged),
    /// The database does not answer in time.
    #[error("the database has not answered for {0:?}")]
    TimedOut(std::time::Duration),
    /// The store was closed.
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

    /// The engine's view of it.
    pub(crate) fn during(self, operation: &'static str) -> StoreError {
        let kind = self.kind();
        let message = self.to_string();
        let error = StoreError::new(operation, kind, message);
        match self {
            Self::Postgres(source) | Self::Url(source) => error.with_source(source),
            Self::Group(source) => error.with_source(source),
            Self::Damaged(source) => error.with_source(source),
            Self::Refused { .. }
            | Self::Old(_)
            | Self::Newer(_)
            | Self::Altered(_)
            | Self::Outdated
            | Self::Foreign
            | Self::TimedOut(_)
            | Self::Closed => error,
        }
    }

    fn kind(&self) -> StoreErrorKind {
        match self {
            Self::Refused { kind, .. } => *kind,
            Self::Old(_)
            | Self::Newer(_)
            | Self::Altered(_)
            | Self::Outdated
            | Self::Foreign
            | Self::Damaged(_) => StoreErrorKind::Unreadable,
            Self::Postgres(source) => postgres_kind(source),
            Self::Group(source) => postgres_kind(source),
            Self::Url(_) | Self::TimedOut(_) | Self::Closed => StoreErrorKind::Unavailable,
        }
    }
}

/// Whether the server itself answered with this error, so that nothing of the statement took effect.
pub(crate) fn is_answer(error: &sqlx::Error) -> bool {
    state(error).is_some_and(|state| !state.starts_with(SHUTTING_DOWN))
}

fn state(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the driver's errors are many, and all others are outages"
)]
fn postgres_kind(error: &sqlx::Error) -> StoreErrorKind {
    match error {
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => StoreErrorKind::Unreadable,
        // To do the same again would not help.
        _ => match state(error) {
            Some(state)
                if state.starts_with(DATA_EXCEPTION)
                    || state == NOT_ALLOWED
                    || MISSING.contains(&state.as_str()) =>
            {
                StoreErrorKind::Unreadable
            }
            _ => StoreErrorKind::Unavailable,
        },
    }
}

/// What to say of an error of PostgreSQL; its own words are the source.
fn describe(error: &sqlx::Error) -> &'static str {
    match state(error).as_deref() {
        Some(FULL) => "the disk of the database is full; nothing was written",
        Some(NOT_ALLOWED) => {
            "the database role may not do this; the store's documentation says which rights it needs"
        }
        Some(state) if MISSING.contains(&state) => {
            "the store's tables are missing; open the store once with `migrate`"
        }
        Some(state) if state.starts_with(DATA_EXCEPTION) => "the database cannot keep a value",
        Some(state) if state.starts_with(SHUTTING_DOWN) => "the database is shutting down or starting up",
        _ => "the database failed",
    }
}
