//! The database of all commands: a file, or what a URL names.

use std::env;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aef::sqlite::{SqliteOptions, SqliteStore};
use aef::store::Store;
use clap::Args;

use crate::exit::Exit;
use crate::failure::Failure;

/// Names the database by its URL.
const URL: &str = "AEF_DATABASE_URL";

/// Names the database file.
const FILE: &str = "AEF_STORE";

/// The database file, where nothing else is said.
const DEFAULT: &str = "aef.db";

/// Where executions are kept.
#[derive(Debug, Clone, Args)]
pub(crate) struct DatabaseArgs {
    /// The database: sqlite:PATH [env: AEF_DATABASE_URL]
    #[arg(long, value_name = "URL", conflicts_with = "store")]
    database_url: Option<String>,
    /// The database file; made where there is none [env: AEF_STORE] [default: aef.db]
    #[arg(long, value_name = "PATH")]
    store: Option<PathBuf>,
    /// Where pictures and files are kept [default: the database's name with `.artifacts`]
    #[arg(long, value_name = "DIR")]
    artifacts: Option<PathBuf>,
}

/// A database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Database {
    /// A file of this machine.
    File(PathBuf),
}

impl std::str::FromStr for Database {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"));
        match path {
            Some(path) if !path.is_empty() => Ok(Self::File(PathBuf::from(path))),
            _ => Err("a database is named by sqlite:PATH".to_owned()),
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
    /// Opens it; a file is made where there is none.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub(crate) async fn open(&self) -> Result<Arc<dyn Store>, Failure> {
        let Self::File(path) = self;
        let store = SqliteStore::open(path, SqliteOptions::default()).await.map_err(|error| {
            Failure::environment(format!("cannot open the database {}", path.display())).with_source(error)
        })?;
        Ok(Arc::new(store))
    }

    /// A mistyped name must not make a new database where one is to be read.
    ///
    /// # Errors
    /// Where it is a file that is not there.
    pub(crate) fn must_exist(&self) -> Result<(), Failure> {
        let Self::File(path) = self;
        if path.exists() {
            return Ok(());
        }
        let message = format!("there is no database {}", path.display());
        Err(Failure::environment(message).with_help("name it with --store or AEF_STORE"))
    }

    fn artifacts(&self) -> PathBuf {
        let Self::File(path) = self;
        let mut name = path.as_os_str().to_owned();
        name.push(".artifacts");
        PathBuf::from(name)
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
        for wrong in ["mysql://root:hunter2@db/aef", "sqlite:", "aef.db"] {
            let error = wrong.parse::<Database>().unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
