//! A small web application on loopback: an inbox and a list of investors.
//!
//! The demo runs a document against it, and tests use it as the outside world whose state can be asked
//! afterwards. It counts every POST, so a write that was done twice, or never, is seen.
//!
//! | page | what it is |
//! |---|---|
//! | `/inbox`, `/inbox/{id}` | 14 messages, 7 of them from investors; a message from an investor carries a contact card |
//! | `/archive?page=1` | older messages, three pages of them |
//! | `/crm?who=…` | the investors, filtered; a record is edited in a `<dialog>` and saved by a POST of JSON |
//! | `/crm/{id}/print` | one record for printing, linked to open in a tab of its own |
//! | `/login` | with [`DemoSiteOptions::require_login`] |
//! | `/_witness` | the counters and the records as JSON, for tests whose site is in another process |
//!
//! # Examples
//! ```
//! use aef_testkit::demo_site::{DemoSite, DemoSiteOptions};
//!
//! let site = DemoSite::start(DemoSiteOptions::default())?;
//! assert!(site.url().starts_with("http://127.0.0.1:"));
//! assert_eq!(site.counts().posts, 0);
//! assert_eq!(site.records().len(), 4);
//! # std::io::Result::Ok(())
//! ```

mod data;
mod pages;
mod routes;
mod state;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

pub use data::{Card, Message, STAGES, messages, seed_records};
pub use state::{Counts, Record, RequestLine, Witness};

use state::State;

/// How long a stopping site waits for requests that are still being answered.
const STOP_GRACE: Duration = Duration::from_millis(500);

/// The user name that the log-in form accepts.
pub const USER: &str = "demo";

/// The password that the log-in form accepts.
pub const PASSWORD: &str = "open-sesame";

/// How the site behaves; the default is a well-behaved one.
#[derive(Clone, Debug)]
pub struct DemoSiteOptions {
    /// The port on 127.0.0.1, 0 (the default) for any free one.
    pub port: u16,
    /// The time between a write and its answer, 400 ms by default.
    ///
    /// The write stands before the delay begins: who goes away meanwhile has written without hearing of it.
    pub save_delay: Duration,
    /// How many writes are refused with 503 before the first is accepted, 0 by default.
    pub save_fails_first: u32,
    /// How often the edit dialog fails to open (503) before it does, 0 by default.
    pub dialog_fails_first: u32,
    /// Whether pages ask for a session, made by logging in as [`USER`] with [`PASSWORD`]; off by default.
    pub require_login: bool,
}

impl Default for DemoSiteOptions {
    fn default() -> Self {
        Self {
            port: 0,
            save_delay: Duration::from_millis(400),
            save_fails_first: 0,
            dialog_fails_first: 0,
            require_login: false,
        }
    }
}

/// A running demo site; dropping it stops it.
///
/// It has a thread and a runtime of its own, so it can be started from synchronous code, and a test that pauses
/// its own tokio clock does not pause the site.
#[derive(Debug)]
pub struct DemoSite {
    address: SocketAddr,
    state: Arc<State>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl DemoSite {
    /// Starts a site with fresh state.
    ///
    /// # Errors
    /// When the port cannot be bound, or the thread or its runtime cannot be started.
    pub fn start(options: DemoSiteOptions) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _entered = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let state = Arc::new(State::new(options));
        let router = routes::router(Arc::clone(&state));
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("demo-site".to_owned())
            .spawn(move || runtime.block_on(serve(listener, router, stopped)))?;
        Ok(Self { address, state, stop: Some(stop), thread: Some(thread) })
    }

    /// Ends every session on the server, as an administrator or a timeout would.
    pub fn end_sessions(&self) {
        self.state.end_sessions();
    }

    /// The base URL, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was posted since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.state.counts()
    }

    /// The investors as they stand now, in the order of the grid.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.state.records()
    }

    /// The requests in order of arrival, without those to `/_witness`.
    ///
    /// The last 10,000 are kept.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestLine> {
        self.state.requests()
    }
}

impl Drop for DemoSite {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The thread may have ended already; then nobody listens and there is nothing to stop.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            // A panic of the site's thread was reported when it happened; a drop must not panic again.
            let _ = thread.join();
        }
    }
}

async fn serve(listener: tokio::net::TcpListener, router: axum::Router, stopped: oneshot::Receiver<()>) {
    let (drain, drained) = oneshot::channel::<()>();
    let server = axum::serve(listener, router).with_graceful_shutdown(async {
        let _ = drained.await;
    });
    let server = tokio::spawn(async move { server.await });
    let _ = stopped.await;
    let _ = drain.send(());
    // A browser may hold its connections open for ever; the runtime drops what is left after the grace.
    let _ = tokio::time::timeout(STOP_GRACE, server).await;
}
