//! The browser's process: its last words, its end, and the certainty of it.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fs,
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::watch,
};
use url::Url;

use super::profile::Profile;
use crate::error::{CdpError, LaunchError, Loss};
use crate::scratch::Scratch;

/// How many lines of the browser's error output are kept for the message of its end, and how much of each.
const LAST_LINES: usize = 20;
const LINE_LIMIT: usize = 400;

/// How often the profile is looked at for the port; the file appears some 50 ms after the start.
const PORT_POLL: Duration = Duration::from_millis(5);

/// A running browser. Dropping it kills the whole process group; the profile is removed when the process is reaped.
#[derive(Debug)]
pub(crate) struct BrowserProcess {
    group: Pid,
    port_file: std::path::PathBuf,
    lines: Arc<LastLines>,
    exited: watch::Receiver<Option<String>>,
}

impl BrowserProcess {
    /// Starts the browser in a process group of its own, so that nothing of it outlives a kill.
    pub(super) fn spawn(
        executable: &Path,
        arguments: &[OsString],
        profile: Profile,
    ) -> Result<Self, LaunchError> {
        let failed = |source| LaunchError::Spawn { path: executable.to_owned(), source: Arc::new(source) };
        let mut child = Command::new(executable)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let pid = child.id().ok_or_else(|| failed(std::io::Error::other("the process has no id")))?;
        let group = i32::try_from(pid)
            .ok()
            .and_then(Pid::from_raw)
            .ok_or_else(|| failed(std::io::Error::other("the process has an impossible id")))?;
        profile.mark_browser(pid);
        let port_file = profile.path().join("DevToolsActivePort");
        let lines = Arc::new(LastLines::default());
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(drain(stderr, Arc::clone(&lines)));
        }
        let (sender, exited) = watch::channel(None);
        tokio::spawn(reap(child, group, profile, sender));
        Ok(Self { group, port_file, lines, exited })
    }

    /// The process's id.
    pub(crate) fn id(&self) -> u32 {
        self.group.as_raw_nonzero().get().unsigned_abs()
    }

    /// Waits until the browser has written where it listens.
    pub(crate) async fn endpoint(&self, limit: Duration) -> Result<Url, CdpError> {
        let polling = async {
            loop {
                if let Some(url) =
                    fs::read_to_string(&self.port_file).ok().and_then(|text| endpoint_of(&text))
                {
                    return url;
                }
                tokio::time::sleep(PORT_POLL).await;
            }
        };
        tokio::select! {
            url = polling => Ok(url),
            status = self.exit_status() => {
                Err(LaunchError::ExitedEarly { status, stderr: self.lines.text() }.into())
            }
            () = tokio::time::sleep(limit) => Err(LaunchError::NoPort { limit, stderr: self.lines.text() }.into()),
        }
    }

    /// A directory of its own for files on their way, which goes with the profile at the latest.
    pub(crate) fn scratch(&self) -> std::io::Result<Scratch> {
        Scratch::within(self.port_file.parent().unwrap_or(Path::new(".")), false)
    }

    /// Whether it has not ended.
    pub(crate) fn is_running(&self) -> bool {
        self.exited.borrow().is_none()
    }

    /// The memory of its whole group in bytes. Blocks while it reads `/proc`.
    pub(crate) fn memory(&self) -> u64 {
        super::memory::of_group(self.id())
    }

    /// Waits for the end of the process and tells how it ended.
    pub(crate) async fn exited(&self) -> Loss {
        let status = self.exit_status().await;
        Loss::Exited { status, stderr: self.lines.text() }
    }

    /// Ends the browser and all its helpers at once.
    pub(crate) fn kill(&self) {
        // Once the process is reaped its id may name another one.
        if self.exited.borrow().is_none() {
            let _ = kill_process_group(self.group, Signal::KILL);
        }
    }

    async fn exit_status(&self) -> String {
        let mut exited = self.exited.clone();
        let status = exited.wait_for(Option::is_some).await.ok().and_then(|status| status.clone());
        status.unwrap_or_else(|| "unknown status".to_owned())
    }
}

impl Drop for BrowserProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits for the process, ends what is left of its group, and removes its profile.
async fn reap(mut child: Child, group: Pid, profile: Profile, exited: watch::Sender<Option<String>>) {
    let status = match child.wait().await {
        Ok(status) => status.to_string(),
        Err(error) => format!("unknown status ({error})"),
    };
    let _ = kill_process_group(group, Signal::KILL);
    tracing::debug!(pid = group.as_raw_nonzero().get(), %status, "browser ended");
    exited.send_replace(Some(status));
    // Removing a profile blocks; where the runtime is ending, the drop of the task does it.
    let _ = tokio::task::spawn_blocking(move || drop(profile)).await;
}

async fn drain(stderr: impl AsyncRead + Unpin, lines: Arc<LastLines>) {
    let mut reader = BufReader::new(stderr).split(b'\n');
    while let Ok(Some(line)) = reader.next_segment().await {
        let line = String::from_utf8_lossy(&line);
        tracing::debug!(target: "aef_browser_cdp::chromium", "{line}");
        lines.push(&line);
    }
}

fn endpoint_of(port_file: &str) -> Option<Url> {
    let (port, path) = port_file.split_once('\n')?;
    // The browser writes the two lines in one go, but not atomically.
    if !path.starts_with("/devtools/browser/") {
        return None;
    }
    Url::parse(&format!("ws://127.0.0.1:{}{}", port.parse::<u16>().ok()?, path.trim())).ok()
}

#[derive(Debug, Default)]
struct LastLines(Mutex<VecDeque<String>>);

impl LastLines {
    fn push(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LAST_LINES {
            lines.pop_front();
        }
        lines.push_back(line.chars().take(LINE_LIMIT).collect());
    }

    fn text(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_port_file_only_when_it_is_whole() {
        assert_eq!(endpoint_of("3412"), None);
        assert_eq!(endpoint_of("3412\n"), None);
        let url = endpoint_of("3412\n/devtools/browser/7f").unwrap();
        assert_eq!(url.as_str(), "ws://127.0.0.1:3412/devtools/browser/7f");
    }

    #[test]
    fn keeps_the_last_lines() {
        let lines = LastLines::default();
        for line in 0..30 {
            lines.push(&line.to_string());
        }
        assert!(lines.text().starts_with("10\n"));
        assert!(lines.text().ends_with("29"));
    }
}
