//! A browser seen from outside: its processes, its files, and what it answers on its port.

use std::future::Future;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// How long the end of something may take on a machine that is busy with other things.
const PATIENCE: Timespec = Timespec { tv_sec: 20, tv_nsec: 0 };

fn raw(pid: u32) -> Pid {
    i32::try_from(pid).ok().and_then(Pid::from_raw).unwrap()
}

/// Kills a process. One that has ended meanwhile is as good as killed.
pub(crate) fn kill(pid: u32) {
    match kill_process(raw(pid), Signal::KILL) {
        Ok(()) | Err(Errno::SRCH) => {}
        Err(error) => panic!("{pid} cannot be killed: {error}"),
    }
}

/// Waits for the end of a process, which is watched from the call on.
pub(crate) fn end_of(pid: u32) -> impl Future<Output = ()> {
    let watched = match pidfd_open(raw(pid), PidfdFlags::empty()) {
        Err(Errno::SRCH) => None,
        opened => Some(opened.unwrap()),
    };
    async move {
        if let Some(watched) = watched {
            readable(watched).await;
        }
    }
}

/// Waits until a directory is no longer there.
pub(crate) async fn removal_of(directory: &str) {
    let watch = inotify::init(inotify::CreateFlags::CLOEXEC).unwrap();
    match inotify::add_watch(&watch, directory, inotify::WatchFlags::DELETE_SELF) {
        Err(Errno::NOENT) => return,
        added => added.unwrap(),
    };
    readable(watch).await;
    assert!(!Path::new(directory).exists());
}

/// Waits until something is told by a file descriptor.
async fn readable(watched: OwnedFd) {
    let waiting = tokio::task::spawn_blocking(move || {
        poll(&mut [PollFd::new(&watched, PollFlags::IN)], Some(&PATIENCE)).unwrap()
    });
    assert_eq!(waiting.await.unwrap(), 1, "nothing ended within {} s", PATIENCE.tv_sec);
}

/// The processes of a browser that render pages.
pub(crate) fn renderers_of(browser: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok());
    let group = |pid: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse::<u32>().ok()
    };
    ids.filter(|pid| group(*pid) == Some(browser))
        .filter(|pid| {
            let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&command).contains("--type=renderer")
        })
        .collect()
}

/// The port on which a browser listens, and the path of its socket.
pub(crate) fn endpoint(profile: &str) -> (u16, String) {
    let file = std::fs::read_to_string(format!("{profile}/DevToolsActivePort")).unwrap();
    let (port, path) = file.split_once('\n').unwrap();
    (port.parse().unwrap(), path.to_owned())
}

pub(crate) fn profile_of(pid: u32) -> String {
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    let command = String::from_utf8_lossy(&command).into_owned();
    let argument = command.split('\0').find_map(|argument| argument.strip_prefix("--user-data-dir="));
    argument.unwrap().to_owned()
}

/// What a browser answers over HTTP on its port.
pub(crate) async fn devtools(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let (mut answer, mut line, mut length) = (BufReader::new(stream), String::new(), 0);
    while line != "\r\n" {
        if let Some(value) = line.strip_prefix("Content-Length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
        answer.read_line(&mut line).await.unwrap();
    }
    // The browser keeps the connection, so the end of the text is where it said.
    let mut body = vec![0; length];
    answer.read_exact(&mut body).await.unwrap();
    String::from_utf8(body).unwrap()
}
