//! Which browser to run.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::error::LaunchError;

/// Names tried on `PATH`. The headless shell starts in a quarter of the time and takes less than half the memory
/// of a full browser, and goes first where no window is wanted.
const SHELLS: [&str; 2] = ["chromium-headless-shell", "chrome-headless-shell"];
const BROWSERS: [&str; 5] =
    ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "microsoft-edge"];

/// Directories in which packages put the real binary beside a wrapper script on `PATH`.
const REAL_DIRECTORIES: [&str; 4] =
    ["/usr/lib/chromium", "/usr/lib64/chromium", "/usr/lib/chromium-browser", "/usr/lib64/chromium-browser"];

/// Finds the browser: the given one, the one that `AEF_CHROMIUM` names, or an installed one.
pub(super) fn find(explicit: Option<&Path>, headless: bool) -> Result<PathBuf, LaunchError> {
    let named = explicit.map(Path::to_owned).or_else(|| env::var_os("AEF_CHROMIUM").map(PathBuf::from));
    if let Some(path) = named {
        return if is_executable(&path) {
            Ok(real_binary(&path))
        } else {
            Err(LaunchError::NotExecutable(path))
        };
    }
    let shells = if headless { SHELLS.as_slice() } else { &[] };
    let path = env::var_os("PATH").unwrap_or_default();
    let directories: Vec<PathBuf> = env::split_paths(&path).collect();
    shells
        .iter()
        .chain(&BROWSERS)
        .flat_map(|name| directories.iter().map(move |directory| directory.join(name)))
        .find(|candidate| is_executable(candidate))
        .map(|candidate| real_binary(&candidate))
        .ok_or(LaunchError::NotFound)
}

/// Whether the executable is a headless shell, which takes no `--headless`.
pub(super) fn is_shell(executable: &Path) -> bool {
    executable.file_name().is_some_and(|name| name.to_string_lossy().contains("headless-shell"))
}

/// The binary behind a wrapper script. A script that does not `exec` would be killed in the browser's stead.
fn real_binary(path: &Path) -> PathBuf {
    let is_script = fs::File::open(path)
        .and_then(|mut file| {
            let mut head = [0; 2];
            std::io::Read::read_exact(&mut file, &mut head).map(|()| head == *b"#!")
        })
        .unwrap_or(false);
    let Some(name) = path.file_name().filter(|_| is_script) else { return path.to_owned() };
    REAL_DIRECTORIES
        .iter()
        .map(|directory| Path::new(directory).join(name))
        .find(|candidate| is_executable(candidate))
        .unwrap_or_else(|| path.to_owned())
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_path_that_cannot_be_run() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("chromium");
        fs::write(&file, "").unwrap();
        let error = find(Some(&file), true).unwrap_err();
        assert!(error.to_string().contains("is not an executable file"), "{error}");
    }

    #[test]
    fn a_script_without_a_known_binary_stays_itself() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("some-browser-wrapper");
        fs::write(&file, "#!/bin/sh\n").unwrap();
        assert_eq!(real_binary(&file), file);
    }
}
