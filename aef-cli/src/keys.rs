//! The keys under which cookies and storage are kept while an execution waits.

use std::env;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::database::Database;
use crate::failure::Failure;

/// Holds keys, with commas between them.
const KEYS: &str = "AEF_STATE_KEYS";

/// A key.
pub(crate) type Key = [u8; 32];

/// The keys: of the file that is named, else of the environment. Else, and where the database is a file of this
/// machine, one that is made beside its artifacts; where it is not, none.
///
/// # Errors
/// Where what is named holds no keys, or none can be made.
pub(crate) fn state_keys(
    file: Option<&Path>,
    database: &Database,
    artifacts: &Path,
) -> Result<Vec<Key>, Failure> {
    if let Some(path) = file {
        let text = fs::read_to_string(path).map_err(|error| {
            Failure::environment(format!("cannot read the keys {}", path.display())).with_source(error)
        })?;
        return parse(&text).map_err(|why| Failure::environment(format!("{}: {why}", path.display())));
    }
    if let Ok(text) = env::var(KEYS) {
        return parse(&text).map_err(|why| Failure::environment(format!("{KEYS}: {why}")));
    }
    match database {
        Database::File(_) => Ok(vec![kept_key(artifacts)?]),
        // A key beside files that many machines share would be as open as they are.
        Database::Postgres(_) => Ok(Vec::new()),
    }
}

/// Reads keys. What is wrong with them is told without them.
fn parse(text: &str) -> Result<Vec<Key>, String> {
    let words =
        text.split(|letter: char| letter == ',' || letter.is_whitespace()).filter(|word| !word.is_empty());
    let keys: Vec<Key> = words
        .zip(1..)
        .map(|(word, number)| {
            let bytes = BASE64_STANDARD.decode(word).ok();
            bytes.and_then(|bytes| Key::try_from(bytes).ok()).ok_or_else(|| {
                format!("key {number} is not 32 bytes in Base64; `openssl rand -base64 32` makes one")
            })
        })
        .collect::<Result<_, _>>()?;
    if keys.is_empty() { Err("it holds no key".to_owned()) } else { Ok(keys) }
}

/// The key in the directory; made where there is none.
fn kept_key(directory: &Path) -> Result<Key, Failure> {
    make_directory(directory)?;
    let path = directory.join("state.key");
    let failed = |error: io::Error| {
        Failure::environment(format!("cannot use the key {}", path.display())).with_source(error)
    };
    match read_key(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => make_key(&path).map_err(failed),
        other => other.map_err(failed),
    }
}

/// Makes the directory of files; what is in it may be private, so others may not look.
///
/// # Errors
/// Where it cannot be made.
pub(crate) fn make_directory(path: &Path) -> Result<(), Failure> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| {
        Failure::environment(format!("cannot make the directory {}", path.display())).with_source(error)
    })
}

fn read_key(path: &Path) -> io::Result<Key> {
    let mut key = [0; 32];
    fs::File::open(path)?.read_exact(&mut key)?;
    Ok(key)
}

fn make_key(path: &Path) -> io::Result<Key> {
    let key = read_key(Path::new("/dev/urandom"))?;
    // Written beside it and then linked, so that another process sees all of it or nothing, and the first one wins.
    let draft = path.with_extension(format!("key.{}", std::process::id()));
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(&key)?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => read_key(path),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_for_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let first = kept_key(directory.path()).unwrap();
        assert_eq!(kept_key(directory.path()).unwrap(), first);
        let mode = fs::metadata(directory.path().join("state.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "the draft is gone");
    }

    #[test]
    fn keys_come_in_their_order_and_a_wrong_one_is_told_by_its_number() {
        let (new, old) = (BASE64_STANDARD.encode([1; 32]), BASE64_STANDARD.encode([2; 32]));
        assert_eq!(parse(&format!("{new}\n{old}\n")).unwrap(), [[1; 32], [2; 32]]);
        assert_eq!(parse(&format!("{new}, {old}")).unwrap(), [[1; 32], [2; 32]]);
        let short = BASE64_STANDARD.encode([3; 31]);
        let error = parse(&format!("{new},{short}")).unwrap_err();
        assert!(error.starts_with("key 2 is not 32 bytes") && !error.contains(&short), "{error}");
        assert!(parse(" \n").is_err());
    }
}
