//! The browser: one process, or one connection to somebody else's, for many sessions.

use std::sync::Arc;
use std::time::Duration;

use aef_core::browser::{Browser, BrowserError, Session, SessionOptions};
use aef_core::recovery::ErrorKind;
use async_trait::async_trait;
use chromiumoxide_cdp::cdp::browser_protocol::target::{DetachFromTargetParams, SetAutoAttachParams};
use chromiumoxide_cdp::cdp::js_protocol::runtime::RunIfWaitingForDebuggerParams;
use serde::Deserialize;
use tokio::sync::{Mutex, mpsc};
use url::Url;

use crate::connection::{Connection, DEFAULT_CALL_LIMIT, Event};
use crate::error::{CdpError, Loss};
use crate::launch::{self, BrowserProcess, LaunchOptions};
use crate::session::CdpSession;

/// How long the end of a connection waits for the end of the process, which tells more.
const EXPLANATION_LIMIT: Duration = Duration::from_millis(40);

/// What holds for every session of a browser.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConnectOptions {
    /// How long connecting may take. Default: 10 s.
    pub timeout: Duration,
    /// The largest file that a download may give. Default: 100 MiB.
    pub max_download: u64,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(10), max_download: 100 << 20 }
    }
}

/// Chromium, started by us or by somebody else.
///
/// A browser that died is started, or connected to, anew when the next session is opened.
#[derive(Debug)]
pub struct CdpBrowser {
    source: Source,
    live: Mutex<Option<Arc<Host>>>,
}

#[derive(Debug)]
enum Source {
    Launch(Box<LaunchOptions>),
    Connect(Url, ConnectOptions),
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
    process: Option<BrowserProcess>,
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

    /// Connects to a browser that somebody else runs: the `ws://…/devtools/browser/…` address that it tells.
    ///
    /// # Errors
    /// `Disconnected` where it cannot be reached.
    pub async fn connect(url: &str, options: ConnectOptions) -> Result<Self, BrowserError> {
        let url = Url::parse(url).map_err(|error| {
            BrowserError::new("connect", ErrorKind::Disconnected, format!("`{url}` is no address"))
                .with_source(error)
        })?;
        Self::start(Source::Connect(url, options)).await
    }

    /// The process of the browser, where it is one of ours and runs.
    pub async fn process_id(&self) -> Option<u32> {
        self.live.lock().await.as_ref().and_then(|host| host.process.as_ref()).map(BrowserProcess::id)
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
        *live = None;
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
                let has_proxy =
                    options.proxy.is_some() || options.args.iter().any(|arg| arg.starts_with("--proxy"));
                Host::connect(&endpoint, options.connect.clone(), Some(process), has_proxy).await
            }
            Self::Connect(url, options) => Host::connect(url, options.clone(), None, false).await,
        }
    }
}

impl Host {
    async fn connect(
        url: &Url,
        options: ConnectOptions,
        process: Option<BrowserProcess>,
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

    /// Whether the browser runs on this machine, with the same files.
    pub(crate) const fn is_local(&self) -> bool {
        self.process.is_some()
    }

    /// The cause behind the loss of a connection: a process that ended says how.
    pub(crate) async fn explain(&self, loss: Loss) -> Loss {
        match (&loss, &self.process) {
            (Loss::Disconnected { .. } | Loss::PageClosed, Some(process)) => {
                tokio::time::timeout(EXPLANATION_LIMIT, process.exited()).await.unwrap_or(loss)
            }
            _ => loss,
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
