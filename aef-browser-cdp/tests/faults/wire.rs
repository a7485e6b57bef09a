//! A wire between driver and browser that a fault strikes at a given message.

use std::io;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aef_browser_cdp::CdpBrowser;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::processes::{devtools, end_of, endpoint, kill, profile_of, renderers_of};

/// What the browser says when the session with a target has ended.
const DETACHED: &[u8] = b"Target.detachedFromTarget";

/// How long a fault may take to have its effect.
const PATIENCE: Duration = Duration::from_secs(20);

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    KillBrowser,
    KillRenderers,
    CutSocket,
    CloseTarget,
}

/// How far a fault has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strike {
    None,
    /// It is under way.
    Begun(Fault),
    /// It has had its effect: from here on the driver can know of it.
    Done(Instant),
}

/// A wire to a browser.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) address: String,
    pub(crate) pid: u32,
    pub(crate) port: u16,
    plan: Arc<Plan>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug)]
struct Plan {
    /// How many writes to the browser are let pass before the fault; below zero there is none.
    left: AtomicI64,
    written: AtomicI64,
    fault: Mutex<Option<Fault>>,
    strike: watch::Sender<Strike>,
    pid: u32,
    port: u16,
}

impl Wire {
    pub(crate) async fn to(browser: &CdpBrowser) -> Self {
        let pid = browser.process_id().await.unwrap();
        let (port, path) = endpoint(&profile_of(pid));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("ws://{}{path}", listener.local_addr().unwrap());
        let plan = Arc::new(Plan {
            left: AtomicI64::new(-1),
            written: AtomicI64::new(0),
            fault: Mutex::default(),
            strike: watch::Sender::new(Strike::None),
            pid,
            port,
        });
        let shared = Arc::clone(&plan);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(carry(stream, Arc::clone(&shared)));
            }
        });
        Self { address, pid, port, plan, task }
    }

    /// How often the driver has written so far.
    pub(crate) fn written(&self) -> i64 {
        self.plan.written.load(Ordering::SeqCst)
    }

    /// Arms a fault behind so many more writes.
    pub(crate) fn arm(&self, fault: Fault, after: i64) {
        *self.plan.fault.lock().unwrap() = Some(fault);
        self.plan.strike.send_replace(Strike::None);
        self.plan.left.store(after, Ordering::SeqCst);
    }

    /// Disarms it; gives the moment at which it had its effect, if it was set off.
    pub(crate) async fn disarm(&self) -> Option<Instant> {
        self.plan.left.store(-1, Ordering::SeqCst);
        let mut strike = self.plan.strike.subscribe();
        let ended = strike.wait_for(|strike| !matches!(strike, Strike::Begun(_)));
        match *tokio::time::timeout(PATIENCE, ended).await.expect("the fault has its effect").unwrap() {
            Strike::Done(at) => Some(at),
            Strike::None | Strike::Begun(_) => None,
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Plan {
    /// Whether this message is the one at which the fault is to strike.
    fn is_due(&self) -> Option<Fault> {
        let due = self.left.load(Ordering::SeqCst) >= 0 && self.left.fetch_sub(1, Ordering::SeqCst) == 0;
        due.then(|| self.fault.lock().unwrap().unwrap())
    }

    /// Notes that a fault of this kind has had its effect, where one is under way.
    fn done(&self, fault: Fault) {
        let now = Instant::now();
        self.strike.send_if_modified(|strike| {
            let is_it = *strike == Strike::Begun(fault);
            if is_it {
                *strike = Strike::Done(now);
            }
            is_it
        });
    }

    async fn strike(&self, fault: Fault) {
        self.strike.send_replace(Strike::Begun(fault));
        match fault {
            // Its socket ends with it, which the other direction sees.
            Fault::KillBrowser => kill(self.pid),
            Fault::KillRenderers => {
                let renderers = renderers_of(self.pid);
                let ends: Vec<_> = renderers.iter().map(|renderer| end_of(*renderer)).collect();
                renderers.into_iter().for_each(kill);
                futures::future::join_all(ends).await;
                self.done(fault);
            }
            // The caller lets go of it.
            Fault::CutSocket => {}
            // The browser says when it is closed, which the other direction sees.
            Fault::CloseTarget => {
                for target in pages(self.port).await {
                    devtools(self.port, &format!("/json/close/{target}")).await;
                }
            }
        }
    }
}

/// Carries messages both ways until one of the ends is gone, or the wire is cut.
async fn carry(mut near: TcpStream, plan: Arc<Plan>) -> io::Result<()> {
    let mut far = TcpStream::connect(("127.0.0.1", plan.port)).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let ended = {
        let (near_read, near_write) = near.split();
        let (far_read, far_write) = far.split();
        tokio::select! {
            ended = forth(near_read, far_write, &plan) => ended,
            ended = back(far_read, near_write, &plan) => ended,
        }
    };
    drop((near, far));
    // Whichever direction has seen it.
    plan.done(Fault::CutSocket);
    plan.done(Fault::KillBrowser);
    ended
}

/// From the driver to the browser.
async fn forth(
    mut from: tokio::net::tcp::ReadHalf<'_>,
    mut to: tokio::net::tcp::WriteHalf<'_>,
    plan: &Plan,
) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..read]).await?;
        plan.written.fetch_add(1, Ordering::SeqCst);
        if let Some(fault) = plan.is_due() {
            plan.strike(fault).await;
            if fault == Fault::CutSocket {
                return Ok(());
            }
        }
    }
}

/// From the browser to the driver.
async fn back(
    mut from: tokio::net::tcp::ReadHalf<'_>,
    mut to: tokio::net::tcp::WriteHalf<'_>,
    plan: &Plan,
) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    // A name may be cut in two by the end of the buffer, so the end of the last one is looked at again.
    let mut seen: Vec<u8> = Vec::new();
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        if read == 0 {
            plan.done(Fault::KillBrowser);
            return Ok(());
        }
        seen.extend_from_slice(&buffer[..read]);
        if seen.windows(DETACHED.len()).any(|part| part == DETACHED) {
            plan.done(Fault::CloseTarget);
        }
        seen.drain(..seen.len().saturating_sub(DETACHED.len() - 1));
        to.write_all(&buffer[..read]).await?;
    }
}

/// The pages of all contexts but the browser's own first one.
pub(crate) async fn pages(port: u16) -> Vec<String> {
    let listed: Value = serde_json::from_str(&devtools(port, "/json/list").await).unwrap_or_default();
    let pages = listed.as_array().cloned().unwrap_or_default();
    let ours = pages.iter().filter(|page| page["type"] == "page" && page["url"] != "about:blank");
    ours.filter_map(|page| page["id"].as_str().map(str::to_owned)).collect()
}
