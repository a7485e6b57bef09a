//! Clearing away what processes left that were killed before they could.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use rustix::process::{Pid, Signal, kill_process_group};

use super::profile::{BROWSER_PID, MARKER, PREFIX, remove, start_time};

/// Ends the browsers, and removes the profiles, whose owner is no longer running. Others are not touched.
pub(super) fn sweep(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    let user = rustix::process::geteuid().as_raw();
    for entry in entries.flatten() {
        let path = entry.path();
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX)
            && entry.metadata().is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == user);
        if ours && is_abandoned(&path) {
            tracing::info!(path = %path.display(), "removing the profile of a process that is gone");
            end_browser(&path);
            remove(&path);
        }
    }
}

/// A profile without a readable mark may be one that is just being made.
fn is_abandoned(profile: &Path) -> bool {
    let Ok(mark) = fs::read_to_string(profile.join(MARKER)) else { return false };
    let Some((pid, started)) = mark.split_once(' ') else { return false };
    let Ok(pid) = pid.parse() else { return false };
    if !Path::new("/proc/self/stat").exists() {
        return false;
    }
    start_time(pid).is_none_or(|now| !started.is_empty() && now != started)
}

fn end_browser(profile: &Path) {
    let pid = fs::read_to_string(profile.join(BROWSER_PID)).ok().and_then(|text| text.parse::<u32>().ok());
    let Some(pid) = pid else { return };
    // The id may name somebody else's process by now: only one that runs on this profile is ended.
    let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let runs_on_it = String::from_utf8_lossy(&command).contains(&*profile.to_string_lossy());
    if let Some(group) = i32::try_from(pid).ok().and_then(Pid::from_raw).filter(|_| runs_on_it) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(root: &Path, name: &str, mark: Option<&str>) -> std::path::PathBuf {
        let path = root.join(name);
        fs::create_dir(&path).unwrap();
        if let Some(mark) = mark {
            fs::write(path.join(MARKER), mark).unwrap();
        }
        path
    }

    #[test]
    fn only_profiles_of_the_dead_are_removed() {
        let root = tempfile::tempdir().unwrap();
        let own = std::process::id();
        let started = start_time(own).unwrap();
        let dead = profile(root.path(), "aef-chromium-dead", Some("4194399 1"));
        let reused = profile(root.path(), "aef-chromium-reused", Some(&format!("{own} 1")));
        let living = profile(root.path(), "aef-chromium-living", Some(&format!("{own} {started}")));
        let fresh = profile(root.path(), "aef-chromium-fresh", None);
        let foreign = profile(root.path(), "something-else", Some("4194399 1"));
        sweep(root.path());
        assert!(!dead.exists() && !reused.exists());
        assert!(living.exists() && fresh.exists() && foreign.exists());
    }
}
