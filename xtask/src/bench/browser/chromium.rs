//! A Chromium of its own for each side, started the same way for all of them.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::command::{self, Failure};
use crate::setup;

/// Keeps the browser from doing anything on its own account and from throttling pages that are not in front.
const ARGUMENTS: [&str; 12] = [
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-renderer-backgrounding",
    "--disable-sync",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--no-first-run",
    "--password-store=basic",
    "--remote-debugging-port=0",
];

/// What it writes when it can be connected to.
const LISTENING: &str = "DevTools listening on ";

/// A browser that runs. It ends with this.
#[derive(Debug)]
pub(super) struct Chromium {
    child: Child,
    /// Where its protocol is spoken.
    pub(super) address: SocketAddr,
    /// The path of its browser target.
    path: String,
}

impl Chromium {
    /// Starts one with an empty profile.
    pub(super) fn start(executable: &Path, profile: &Path) -> Result<Self, Failure> {
        let mut command = Command::new(executable);
        command.args(ARGUMENTS).arg(format!("--user-data-dir={}", profile.display()));
        if !executable.to_string_lossy().contains("headless-shell") {
            command.arg("--headless=new");
        }
        if setup::is_root()? {
            command.arg("--no-sandbox");
        }
        command.arg("about:blank").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let program = command::shown(&command);
        let mut child = command.spawn().map_err(|source| Failure::NotStarted { program, source })?;
        let mut lines = BufReader::new(child.stderr.take().expect("the output is piped")).lines();
        let told = lines.by_ref().map_while(Result::ok).find_map(|line| endpoint(&line));
        // It must not be held up by a pipe that nobody reads.
        std::thread::spawn(move || lines.for_each(drop));
        match told {
            Some((address, path)) => Ok(Self { child, address, path }),
            None => {
                let _ = child.kill();
                let _ = child.wait();
                Err(Failure::Wrong(format!("{} tells no DevTools address", executable.display())))
            }
        }
    }

    /// Its address for who reaches it at `address`.
    pub(super) fn url(&self, address: SocketAddr) -> String {
        format!("ws://{address}{}", self.path)
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Its helpers end when their pipes to it do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Address and path, where the line tells them.
fn endpoint(line: &str) -> Option<(SocketAddr, String)> {
    let (address, path) = line.strip_prefix(LISTENING)?.strip_prefix("ws://")?.split_once('/')?;
    Some((address.parse().ok()?, format!("/{path}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_is_read_of_its_line_alone() {
        let line = "DevTools listening on ws://127.0.0.1:4321/devtools/browser/0-1";
        let (address, path) = endpoint(line).expect("it is told");
        assert_eq!((address.port(), path.as_str()), (4321, "/devtools/browser/0-1"));
        assert_eq!(endpoint("[0101/000000.000000:ERROR:bus.cc] no bus"), None);
    }
}
