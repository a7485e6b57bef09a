//! Directories for files on their way to a browser or from it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::time::sleep;

/// How often, and how soon each time, a directory is looked for again that a browser may still write to.
const LOOKS: u32 = 30;
const BETWEEN: Duration = Duration::from_millis(100);

/// A directory that goes with this.
#[derive(Debug)]
pub(crate) struct Scratch {
    directory: Option<TempDir>,
    path: PathBuf,
    /// Whether the browser that writes there is not ours to end.
    foreign: bool,
}

impl Scratch {
    /// One in `parent`, for a browser of our own or one that is `foreign`.
    pub(crate) fn within(parent: &Path, foreign: bool) -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("aef-files-").tempdir_in(parent)?;
        Ok(Self { path: directory.path().to_owned(), directory: Some(directory), foreign })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let Some(directory) = self.directory.take() else { return };
        let removed = directory.close();
        if removed.is_ok() && !self.foreign {
            return;
        }
        // A browser whose connection was lost goes on with a download until it has heard of that: a file may come while
        // the directory is removed, and the directory again behind it.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(remove_what_comes(std::mem::take(&mut self.path)));
        }
    }
}

async fn remove_what_comes(path: PathBuf) {
    let mut last = Ok(());
    for _ in 0..LOOKS {
        sleep(BETWEEN).await;
        last = match tokio::fs::remove_dir_all(&path).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        };
    }
    if let Err(error) = last {
        tracing::warn!(path = %path.display(), %error, "a directory for files is left behind");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_a_foreign_browser_writes_afterwards_goes_too() {
        let parent = tempfile::tempdir().expect("a directory can be made");
        let scratch = Scratch::within(parent.path(), true).expect("a directory can be made");
        let path = scratch.path().to_owned();
        drop(scratch);
        assert!(!path.exists());
        std::fs::create_dir(&path).expect("it is not there");
        std::fs::write(path.join("late"), "late").expect("the directory is there");
        sleep(BETWEEN * (LOOKS + 1)).await;
        assert!(!path.exists());
    }
}
