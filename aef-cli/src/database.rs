//! The database of all commands: a file, or what a URL names.

use std::env;
use std::fmt::{self, Display};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aef::postgres::{PostgresOptions, PostgresStore};
use aef::sqlite::{SqliteOptions, SqliteStore};
use aef::store::{HostStore, Store};
use clap::Args;
use clap::builder::FalseyValueParser;

use crate::exit::Exit;
use crate::failure::Failure;

/// Names the database by its URL.
const URL: &str = "AEF_DATABASE_URL";

/// Names the database file.
const FILE: &str = "AEF_STORE";

/// The database file, where nothing else is said.
const DEFAULT: &str = "aef.db";

/// Where pictures and files are kept, where the database is no file.
const DEFAULT_ARTIFACTS: &str = "aef.artifacts";

/// Where executions are kept.
#[derive(Debug, Clone, Args)]
pub(crate) struct DatabaseArgs {
    /// The database: postgres://USER:PASSWORD@HOST/NAME or sqlite:PATH [env: AEF_DATABASE_URL, where a password is out of
    /// others' sight]
    #[arg(long, value_name = "URL", conflicts_with = "store")]
    database_url: Option<String>,
    /// The database file; made where there is none [env: AEF_STORE] [default: aef.db]
    #[arg(long, value_name = "PATH")]
    store: Option<PathBuf>,
    /// How many connections to Postgres are held at most, besides the one that listens
    #[arg(long, env = "AEF_DATABASE_CONNECTIONS", default_value_t = 10, value_name = "N", hide_env_values = true,
          value_parser = clap::value_parser!(u32).range(2..))]
    database_connections: u32,
    /// A pooler in transaction mode stands before Postgres: keep nothing in a session
    #[arg(long, env = "AEF_DATABASE_POOLED", value_parser = FalseyValueParser::new(), hide_env_values = true)]
    database_pooled: bool,
    /// Where pictures and files are kept; workers of one database share it [default: the file's name with `.artifacts`, or
    /// `aef.artifacts`]
    #[arg(long, env = "AEF_ARTIFACTS", value_name = "DIR", hide_env_values = true)]
    artifacts: Option<PathBuf>,
}

/// A database.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Database {
    /// A file of this machine.
    File(PathBuf),
    /// A Postgres server, by its URL.
    Postgres(String),
}

impl fmt::Debug for Database {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => out.debug_tuple("File").field(path).finish(),
            // A password may stand in the URL.
            Self::Postgres(_) => out.debug_tuple("Postgres").finish_non_exhaustive(),
        }
    }
}

impl std::str::FromStr for Database {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(url.to_owned()));
        }
        let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"));
        match path {
            Some(path) if !path.is_empty() => Ok(Self::File(PathBuf::from(path))),
            _ => Err("a database is named by postgres://… or sqlite:PATH".to_owned()),
        }
    }
}

impl DatabaseArgs {
    /// The database: what the command line says goes before the environment, a URL before a file.
    ///
    /// # Errors
    /// Where what is given names no database; it is not repeated, for a password may stand in it.
    pub(crate) fn database(&self) -> Result<Database, Failure> {
        if let Some(url) = &self.database_url {
            return url
                .parse()
                .map_err(|why: String| Failure::new(Exit::Usage, format!("--database-url: {why}")));
        }
        if let Some(path) = &self.store {
            return Ok(Database::File(path.clone()));
        }
        match env::var_os(URL) {
            Some(url) => url
                .to_str()
                .ok_or_else(|| "it is no text".to_owned())
                .and_then(str::parse)
                .map_err(|why| Failure::environment(format!("{URL} is no database URL: {why}"))),
            None => Ok(Database::File(env::var_os(FILE).map_or_else(|| DEFAULT.into(), PathBuf::from))),
        }
    }

    /// Opens the database; a file is made where there is none.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub(crate) async fn open(&self) -> Result<Arc<dyn Store>, Failure> {
        Ok(self.open_host().await?.0)
    }

    /// The same, with what a host keeps beside executions.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub(crate) async fn open_host(&self) -> Result<(Arc<dyn Store>, Arc<dyn HostStore>), Failure> {
        match self.database()? {
            Database::File(path) => {
                let store = SqliteStore::open(&path, SqliteOptions::default()).await.map_err(|error| {
                    let message = format!("cannot open the database {}", path.display());
                    Failure::environment(message).with_source(error)
                })?;
                let store = Arc::new(store);
                Ok((store.clone(), store))
            }
            Database::Postgres(url) => {
                let failed = |error| Failure::environment("cannot open the database").with_source(error);
                let mut options = PostgresOptions::new(&url).map_err(failed)?;
                options.max_connections = self.database_connections;
                options.pooled = self.database_pooled;
                let store = Arc::new(PostgresStore::connect(options).await.map_err(failed)?);
                Ok((store.clone(), store))
            }
        }
    }

    /// The directory of pictures and files.
    pub(crate) fn artifacts(&self) -> PathBuf {
        self.artifacts.clone().unwrap_or_else(|| {
            let database = self.database().unwrap_or_else(|_| Database::File(DEFAULT.into()));
            database.artifacts()
        })
    }

    /// The options that name the same database again, for a command to be typed.
    pub(crate) fn again(&self) -> String {
        let mut options = String::new();
        let mut say = |option: &str, path: &Path| {
            options.push_str(option);
            options.push_str(&quoted(&path.display()));
        };
        match (self.database_url.as_deref().map(str::parse), &self.store) {
            (Some(Ok(Database::File(path))), _) => say(" --database-url sqlite:", &path),
            // A password may stand in the URL, so it is not repeated.
            (Some(Ok(Database::Postgres(_))), _) => say(" --database-url ", Path::new("postgres://…")),
            (None, Some(path)) => say(" --store ", path),
            (Some(Err(_)), _) | (None, None) => {}
        }
        if let Some(artifacts) = &self.artifacts {
            say(" --artifacts ", artifacts);
        }
        options
    }
}

impl Database {
    /// A mistyped name must not make a new database where one is to be read.
    ///
    /// # Errors
    /// Where it is a file that is not there.
    pub(crate) fn must_exist(&self) -> Result<(), Failure> {
        match self {
            Self::File(path) if !path.exists() => {
                let message = format!("there is no database {}", path.display());
                Err(Failure::environment(message).with_help("name it with --store or AEF_STORE"))
            }
            Self::File(_) | Self::Postgres(_) => Ok(()),
        }
    }

    fn artifacts(&self) -> PathBuf {
        match self {
            Self::File(path) => {
                let mut name = path.as_os_str().to_owned();
                name.push(".artifacts");
                PathBuf::from(name)
            }
            Self::Postgres(_) => PathBuf::from(DEFAULT_ARTIFACTS),
        }
    }
}

/// A word as a shell takes it.
pub(crate) fn quoted(word: &impl Display) -> String {
    let text = word.to_string();
    if text.contains(char::is_whitespace) { format!("'{text}'") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_database_and_a_wrong_one_is_not_repeated() {
        assert_eq!("sqlite:a.db".parse(), Ok(Database::File("a.db".into())));
        assert_eq!("sqlite:///var/lib/aef.db".parse(), Ok(Database::File("/var/lib/aef.db".into())));
        let url = "postgres://ada:hunter2@db/aef";
        let database: Database = url.parse().unwrap();
        assert_eq!(database, Database::Postgres(url.to_owned()));
        assert!(!format!("{database:?}").contains("hunter2"));
        for wrong in ["mysql://root:hunter2@db/aef", "sqlite:", "aef.db"] {
            let error = wrong.parse::<Database>().unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
