//! The browser: one process, or one connection to somebody else's, for many sessions.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aef_core::browser::{Browser, BrowserError, Session, SessionOptions};
use async_trait::async_trait;
use chromiumoxide_cdp::cdp::browser_protocol::target::{DetachFromTargetParams, SetAutoAttachParams};
use chromiumoxide_cdp::cdp::js_protocol::runtime::RunIfWaitingForDebuggerParams;
use serde::Deserialize;
use tokio::sync::{Mutex, mpsc};
use url::Url;

use crate::connection::{Connection, DEFAULT_CALL_LIMIT, Event};
use crate::endpoint::Endpoint;
use crate::error::{CdpError, Loss};
use crate::launch::{self, BrowserProcess, LaunchOptions};
use crate::scratch::Scratch;
use crate::session::CdpSession;

/// How long a browser that lives may take to be connected to again.
const RECONNECT_LIMIT: Duration = Duration::from_secs(3);

/// How long the end of a page waits for the end of the process, which tells more. Most often there is none.
const EXPLANATION_LIMIT: Duration = Duration::from_millis(40);

/// The same for the end of the connection to a process of ours, which is as good as its own end: it is waited for as long
/// as a busy machine may take to tell of it.
const EXIT_LIMIT: Duration = Duration::from_millis(500);

/// What holds for every session of a browser.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConnectOptions {
    /// How long connecting may take. Default: 10 s.
    pub timeout: Duration,
    /// The largest file that a download may give. Default: 100 MiB.
    pub max_download: u64,
    /// A directory that a browser of somebody else sees under the same path, by which `upload` and `download` pass their
    /// files. A browser of our own needs none. Default: none, and both are refused.
    pub files: Option<PathBuf>,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(10), max_download: 100 << 20, files: None }
    }
}

/// Chromium, started by us or by somebody else.
///
/// Where only the connection ended, the browser is connected to again; one that died is started anew. Both happen when the
/// next session is opened.
#[derive(Debug)]
pub struct CdpBrowser {
    source: Source,
    live: Mutex<Option<Arc<Host>>>,
}

#[derive(Debug)]
enum Source {
    Launch(Box<LaunchOptions>),
    Connect(Endpoint, ConnectOptions),
}

/// A live browser.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) connection: Connection,
    /// The user agent that pages see unless a session says another.
    pub(crate) user_agent: String,
    /// Whether a proxy resolves names.
    pub(crate) has_proxy: bool,
    pub(crate) options: ConnectOptions,
    process: Option<Arc<BrowserProcess>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    #[serde(default)]
    user_agent: String,
    #[serde(default)]
    product: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Foreign {
    session_id: String,
}

impl CdpBrowser {
    /// Starts a browser of our own. It ends with the value, and leaves nothing behind.
    ///
    /// # Errors
    /// `Internal` where no browser is found or the options do not allow to start it (as root without
    /// `no_sandbox`), `Crashed` or `Disconnected` where it does not come up.
    pub async fn launch(options: LaunchOptions) -> Result<Self, BrowserError> {
        Self::start(Source::Launch(Box::new(options))).await
    }

    /// Connects to a browser that somebody else runs: at the `ws://…/devtools/browser/…` address that it tells, or at its
    /// `http://host:port`, which is asked for the other one each time.
    ///
    /// # Errors
    /// `Disconnected` where it cannot be reached.
    pub async fn connect(url: &str, options: ConnectOptions) -> Result<Self, BrowserError> {
        let endpoint = Endpoint::parse(url).map_err(|error| error.during("connect"))?;
        Self::start(Source::Connect(endpoint, options)).await
    }

    /// The process of the browser, where it is one of ours and runs.
    pub async fn process_id(&self) -> Option<u32> {
        self.live.lock().await.as_ref().and_then(|host| host.process.as_ref()).map(|process| process.id())
    }

    /// Whether it can be used without being started or connected to anew.
    pub(crate) async fn is_live(&self) -> bool {
        self.live.lock().await.as_ref().is_some_and(|host| host.connection.ended().is_none())
    }

    /// Connects again to a browser that lives although the connection ended; false where it does not.
    pub(crate) async fn revive(&self) -> bool {
        let mut live = self.live.lock().await;
        let process = live.as_ref().and_then(|host| host.process.clone());
        match self.source.reconnect(process).await {
            Some(host) => {
                *live = Some(host);
                true
            }
            None => false,
        }
    }

    /// The memory of the browser with all its helpers, in bytes; `None` where it is not one of ours.
    pub(crate) async fn memory(&self) -> Option<u64> {
        let process = self.live.lock().await.as_ref()?.process.clone()?;
        tokio::task::spawn_blocking(move || process.memory()).await.ok()
    }

    async fn start(source: Source) -> Result<Self, BrowserError> {
        let host = source.start().await.map_err(|error| error.during(source.operation()))?;
        Ok(Self { source, live: Mutex::new(Some(host)) })
    }

    async fn host(&self) -> Result<Arc<Host>, CdpError> {
        let mut live = self.live.lock().await;
        if let Some(host) = live.as_ref().filter(|host| host.connection.ended().is_none()) {
            return Ok(Arc::clone(host));
        }
        // Only the connection may have ended.
        let process = live.take().and_then(|host| host.process.clone());
        if let Some(host) = self.source.reconnect(process).await {
            *live = Some(Arc::clone(&host));
            return Ok(host);
        }
        let host = self.source.start().await?;
        *live = Some(Arc::clone(&host));
        Ok(host)
    }
}

#[async_trait]
impl Browser for CdpBrowser {
    async fn open(&self, options: SessionOptions) -> Result<Arc<dyn Session>, BrowserError> {
        let host = self.host().await.map_err(|error| error.during(self.source.operation()))?;
        let session = CdpSession::open(host, options).await.map_err(|error| error.during("open"))?;
        Ok(session)
    }
}

impl Source {
    const fn operation(&self) -> &'static str {
        match self {
            Self::Launch(_) => "launch",
            Self::Connect(..) => "connect",
        }
    }

    async fn start(&self) -> Result<Arc<Host>, CdpError> {
        match self {
            Self::Launch(options) => {
                let (process, endpoint) = launch::launch(options).await?;
                Host::connect(&endpoint, options.connect.clone(), Some(Arc::new(process)), has_proxy(options))
                    .await
            }
            Self::Connect(endpoint, options) => {
                let url = endpoint.resolve(options.timeout).await?;
                Host::connect(&url, options.clone(), None, false).await
            }
        }
    }

    /// Connects again to a browser of ours that lives. One that does not answer is left to its end.
    async fn reconnect(&self, process: Option<Arc<BrowserProcess>>) -> Option<Arc<Host>> {
        let (Self::Launch(options), Some(process)) = (self, process) else { return None };
        if !process.is_running() {
            return None;
        }
        let endpoint = process.endpoint(RECONNECT_LIMIT).await.ok()?;
        let connect = ConnectOptions { timeout: RECONNECT_LIMIT, ..options.connect.clone() };
        let connecting = Host::connect(&endpoint, connect, Some(process), has_proxy(options));
        match tokio::time::timeout(RECONNECT_LIMIT, connecting).await {
            Ok(Ok(host)) => Some(host),
            Ok(Err(error)) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the browser is not connected to again"
                );
                None
            }
            Err(_) => None,
        }
    }
}

fn has_proxy(options: &LaunchOptions) -> bool {
    options.proxy.is_some() || options.args.iter().any(|arg| arg.starts_with("--proxy"))
}

impl Host {
    async fn connect(
        url: &Url,
        options: ConnectOptions,
        process: Option<Arc<BrowserProcess>>,
        has_proxy: bool,
    ) -> Result<Arc<Self>, CdpError> {
        let connection = Connection::open(url, options.timeout).await?;
        let events = connection.browser_events();
        tokio::spawn(dismiss_foreign(connection.clone(), events));
        let browser = connection.browser();
        let version: Version = browser
            .call_as(
                &chromiumoxide_cdp::cdp::browser_protocol::browser::GetVersionParams::default(),
                DEFAULT_CALL_LIMIT,
            )
            .await?;
        tracing::debug!(product = %version.product, "connected to the browser");
        // On the browser, and not page by page: popups are stopped before their first request only so.
        let mut attach = SetAutoAttachParams::new(true, true);
        attach.flatten = Some(true);
        browser.call(attach).await?;
        Ok(Arc::new(Self { connection, user_agent: version.user_agent, has_proxy, options, process }))
    }

    /// Whether the browser is one of ours, and so runs on this machine.
    pub(crate) const fn is_local(&self) -> bool {
        self.process.is_some()
    }

    /// Whether files can be passed to the browser and from it.
    pub(crate) const fn shares_files(&self) -> bool {
        self.process.is_some() || self.options.files.is_some()
    }

    /// A directory for files on their way to or from the browser; an error where it shares none with us.
    pub(crate) fn scratch(&self) -> std::io::Result<Scratch> {
        match (&self.process, &self.options.files) {
            (Some(process), _) => process.scratch(),
            (None, Some(shared)) => Scratch::within(shared, true),
            (None, None) => Err(std::io::ErrorKind::Unsupported.into()),
        }
    }

    /// The cause behind the loss of a connection: a process that ended says how.
    pub(crate) async fn explain(&self, loss: Loss) -> Loss {
        let limit = match &loss {
            Loss::Disconnected { .. } => EXIT_LIMIT,
            Loss::PageClosed => EXPLANATION_LIMIT,
            Loss::Exited { .. } | Loss::PageCrashed | Loss::PageStuck | Loss::Overflow | Loss::Closed => {
                return loss;
            }
        };
        match &self.process {
            Some(process) => tokio::time::timeout(limit, process.exited()).await.unwrap_or(loss),
            None => loss,
        }
    }
}

/// Lets the targets of other contexts run: they are somebody else's, or the browser's first empty tab.
///
/// The task holds the connection only until it ends, which it does with the host's.
async fn dismiss_foreign(connection: Connection, mut events: mpsc::Receiver<Event>) {
    let weak = connection.downgrade();
    drop(connection);
    while let Some(event) = events.recv().await {
        if &*event.method != "Target.attachedToTarget" {
            continue;
        }
        let (Ok(foreign), Some(connection)) = (event.parse::<Foreign>(), weak.upgrade()) else { continue };
        connection.session(&foreign.session_id).post(&RunIfWaitingForDebuggerParams::default());
        let detach = DetachFromTargetParams { session_id: Some(foreign.session_id.into()) };
        connection.browser().post(&detach);
    }
}
