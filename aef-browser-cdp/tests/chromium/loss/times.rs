//! How soon a loss is known, measured: from just before the blow to the end of the call in hand and of the session.

use std::fmt;
use std::future::Future;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

use super::*;
use crate::processes::devtools;

/// How often each kind of loss is tried.
const TRIES: usize = 20;

/// Half of the tries are known within this.
const MEDIAN: Duration = Duration::from_millis(100);

/// Every try is, however busy the machine. The limit of the call itself is two minutes.
const LONGEST: Duration = Duration::from_secs(5);

/// Holds what is measured apart: browsers that start beside it would be measured, too.
static ALONE: Mutex<()> = Mutex::const_new(());

/// The times of one kind of loss, shortest first.
struct Times(Vec<Duration>);

impl Times {
    /// Strikes again and again, and checks what is told of it.
    async fn measure(cause: ErrorKind, mut strike: impl AsyncFnMut(usize) -> Struck) -> Self {
        let _alone = ALONE.lock().await;
        let mut times = Vec::with_capacity(TRIES);
        for number in 0..TRIES {
            let Struck { at, call, session } = strike(number).await;
            let (kind, call_ended) = call.await.unwrap();
            let (error, session_ended) = session.await.unwrap();
            assert_eq!((kind, error.kind()), (cause, cause), "{error}");
            times.push(call_ended.max(session_ended) - at);
        }
        times.sort_unstable();
        Self(times)
    }

    /// Shows the times beside the test's name, and holds them against what is promised.
    #[expect(clippy::print_stderr, reason = "the times are what a reader of the test's output looks for")]
    fn check(&self, what: &str) {
        eprintln!("{what}: {self}");
        assert!(self.0[TRIES / 2] < MEDIAN, "{what}: {self}");
        assert!(self.0[TRIES - 1] < LONGEST, "{what}: {self}");
    }
}

impl fmt::Display for Times {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (median, longest) = (self.0[TRIES / 2], self.0[TRIES - 1]);
        write!(out, "known after {median:.1?} (median of {TRIES}), {longest:.1?} at most")
    }
}

/// A blow, and what ends by it.
struct Struck {
    at: Instant,
    call: JoinHandle<(ErrorKind, Instant)>,
    session: JoinHandle<(BrowserError, Instant)>,
}

impl Struck {
    /// Begins a call in this session, and strikes when the page has it in hand.
    async fn by(
        session: &Arc<dyn Session>,
        site: &Site,
        number: usize,
        blow: impl Future<Output = ()>,
    ) -> Self {
        let (call, session) = (wait(session), loss(session));
        site.asked("/underway", number + 1).await;
        let at = Instant::now();
        blow.await;
        Self { at, call, session }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_browser_is_known_in_no_time() {
    let (browser, site) = (&browser().await, &site().await);
    let times = Times::measure(ErrorKind::Crashed, async |number| {
        let session = scripting(browser, site).await;
        let pid = browser.process_id().await.unwrap();
        Struck::by(&session, site, number, async { kill(pid) }).await
    });
    times.await.check("browser killed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crashed_page_is_known_in_no_time() {
    let (browser, site) = (&browser().await, &site().await);
    let times = Times::measure(ErrorKind::Crashed, async |number| {
        let session = scripting(browser, site).await;
        let renderers = renderers_of(browser.process_id().await.unwrap());
        Struck::by(&session, site, number, async { renderers.into_iter().for_each(kill) }).await
    });
    times.await.check("page crashed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_known_in_no_time() {
    let (theirs, site) = (browser().await, &site().await);
    let (port, path) = &endpoint(&profile_of(theirs.process_id().await.unwrap()));
    let times = Times::measure(ErrorKind::Disconnected, async |number| {
        let line = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}{path}", line.local_addr().unwrap());
        let between = tokio::spawn(pass_on(line, *port));
        let ours = CdpBrowser::connect(&url, ConnectOptions::default()).await.unwrap();
        let session = scripting(&ours, site).await;
        Struck::by(&session, site, number, async { between.abort() }).await
    });
    times.await.check("connection lost");
}

/// Stands between a browser and the one who controls it, until it is aborted.
async fn pass_on(line: TcpListener, port: u16) {
    let (mut near, _) = line.accept().await.unwrap();
    let mut far = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    drop(tokio::io::copy_bidirectional(&mut near, &mut far).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_page_is_known_in_no_time() {
    let (browser, site) = (&browser().await, &site().await);
    let (port, _) = endpoint(&profile_of(browser.process_id().await.unwrap()));
    let times = Times::measure(ErrorKind::PageLost, async |number| {
        let session = scripting(browser, site).await;
        let pages: serde_json::Value = serde_json::from_str(&devtools(port, "/json/list").await).unwrap();
        let is_ours = |page: &&serde_json::Value| page["url"] == site.url("/");
        let page = pages.as_array().unwrap().iter().find(is_ours).unwrap()["id"].as_str().unwrap().to_owned();
        Struck::by(&session, site, number, async move {
            devtools(port, &format!("/json/close/{page}")).await;
        })
        .await
    });
    times.await.check("page closed");
}
