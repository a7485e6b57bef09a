//! The profile directory of one browser, and the mark by which a later process knows whose it was.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use crate::error::LaunchError;

/// How profile directories are named.
pub(super) const PREFIX: &str = "aef-chromium-";

/// The file in the profile that names its owner: the process's id and start time.
pub(super) const MARKER: &str = "aef-owner";

/// The file in the profile that names the browser's process.
pub(super) const BROWSER_PID: &str = "aef-browser-pid";

/// Directories are removed again and again for at most this many times: helpers of a killed browser may still be
/// writing into them for some milliseconds.
const REMOVAL_ATTEMPTS: u32 = 20;

/// A fresh directory that only this user can read, removed when dropped.
#[derive(Debug)]
pub(crate) struct Profile {
    path: PathBuf,
}

impl Profile {
    pub(super) fn create() -> Result<Self, LaunchError> {
        let failed = |error: io::Error| LaunchError::Profile(Arc::new(error));
        let path = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir()
            .map_err(failed)?
            .keep();
        let profile = Self { path };
        fs::write(profile.path.join(MARKER), own_mark()).map_err(failed)?;
        Ok(profile)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn mark_browser(&self, pid: u32) {
        if let Err(error) = fs::write(self.path.join(BROWSER_PID), pid.to_string()) {
            tracing::warn!(%error, "cannot note the browser's process in its profile");
        }
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// Removes a profile whose browser was killed.
pub(super) fn remove(path: &Path) {
    for attempt in 1..=REMOVAL_ATTEMPTS {
        match fs::remove_dir_all(path) {
            Ok(()) => return,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) if attempt == REMOVAL_ATTEMPTS => {
                tracing::warn!(path = %path.display(), %error, "profile directory left behind");
            }
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
}

fn own_mark() -> String {
    let pid = std::process::id();
    format!("{pid} {}", start_time(pid).unwrap_or_default())
}

/// When a process was started, in the kernel's ticks since boot; with the id it names a process for good.
/// `None` where there is no such process, or no `/proc`.
pub(super) fn start_time(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; the 22nd field is the 20th after it.
    stat.rsplit_once(')')?.1.split_whitespace().nth(19).map(ToOwned::to_owned)
}
