//! Several browsers as one: places for sessions, replacement of the old and the dead, fail-over between remote ones.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aef_core::browser::{
    ActionError, ActionRequest, Browser, BrowserError, Capture, CaptureRequest, InputGate, Observation,
    ObserveRequest, Performed, Session, SessionOptions, StorageState,
};
use aef_core::live::{Frames, LiveInput};
use aef_core::recovery::ErrorKind;
use async_trait::async_trait;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::browser::{CdpBrowser, ConnectOptions};
use crate::launch::LaunchOptions;

/// How long a remote browser that could not be reached is left alone.
const BACK_OFF: Duration = Duration::from_secs(10);

/// How often the memory of a browser is looked at, at most.
const MEMORY_EVERY: Duration = Duration::from_secs(5);

/// How many browsers a pool has, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolOptions {
    /// How many browsers are started at most; of remote ones there are as many as endpoints. One that is being replaced
    /// lives on beside the new one until its last session closes. Default: 2.
    pub max_browsers: usize,
    /// How many sessions a browser has at a time. Default: 8.
    pub max_sessions: usize,
    /// How many sessions a browser has in all until it is replaced. Default: 100.
    pub max_uses: u64,
    /// How old a browser becomes until it is replaced. Default: 1 h.
    pub max_age: Duration,
    /// How much memory a browser with its helpers may take until it is replaced, in bytes. Default: 2 GiB.
    pub max_memory: u64,
    /// How long a session waits for a place. Default: 60 s.
    pub patience: Duration,
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self {
            max_browsers: 2,
            max_sessions: 8,
            max_uses: 100,
            max_age: Duration::from_secs(60 * 60),
            max_memory: 2 << 30,
            patience: Duration::from_secs(60),
        }
    }
}

/// What is known of one browser of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemberStats {
    /// Its process, where it is one of ours.
    pub process_id: Option<u32>,
    /// How many sessions it has.
    pub sessions: usize,
    /// How many sessions it has had in all.
    pub uses: u64,
    /// How old it is.
    pub age: Duration,
    /// Its memory in bytes, where it is one of ours.
    pub memory: Option<u64>,
}

/// Browsers that serve many executions, each in a context of its own.
///
/// ```no_run
/// # async fn run() -> Result<(), aef_core::browser::BrowserError> {
/// use aef_browser_cdp::{BrowserPool, LaunchOptions, PoolOptions};
///
/// let pool = BrowserPool::launch(LaunchOptions::default(), PoolOptions::default()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct BrowserPool {
    source: Source,
    options: PoolOptions,
    places: Arc<Semaphore>,
    /// Those that get new sessions. Others live as long as their sessions hold them.
    members: tokio::sync::Mutex<Vec<Arc<Member>>>,
}

#[derive(Debug)]
enum Source {
    Launch(Box<LaunchOptions>),
    Connect { endpoints: Vec<Remote>, options: ConnectOptions },
}

/// A remote browser, and until when it is left alone.
#[derive(Debug)]
struct Remote {
    url: String,
    shunned: Mutex<Option<Instant>>,
}

/// One browser, from its start to its end.
#[derive(Debug)]
struct Member {
    browser: CdpBrowser,
    /// Which of the endpoints it is.
    endpoint: Option<usize>,
    born: Instant,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    sessions: usize,
    uses: u64,
    memory: Option<(Instant, u64)>,
}

impl BrowserPool {
    /// Starts browsers of our own, the first one at once and others as they are needed. They end with the pool and its
    /// sessions, and leave nothing behind.
    ///
    /// # Errors
    /// As for [`CdpBrowser::launch`].
    pub async fn launch(launch: LaunchOptions, options: PoolOptions) -> Result<Self, BrowserError> {
        let browsers = options.max_browsers.max(1);
        let pool = Self::new(Source::Launch(Box::new(launch)), options, browsers);
        let first = pool.start(None).await?;
        pool.members.lock().await.push(first);
        Ok(pool)
    }

    /// Uses browsers that somebody else runs, at addresses as [`CdpBrowser::connect`] takes them. One that cannot be
    /// reached is passed over for a while.
    ///
    /// # Errors
    /// `Disconnected` where none can be reached, or none is named.
    pub async fn connect<Url: Into<String>>(
        endpoints: impl IntoIterator<Item = Url>,
        connect: ConnectOptions,
        options: PoolOptions,
    ) -> Result<Self, BrowserError> {
        let endpoints: Vec<Remote> =
            endpoints.into_iter().map(|url| Remote { url: url.into(), shunned: Mutex::default() }).collect();
        let browsers = endpoints.len();
        let pool = Self::new(Source::Connect { endpoints, options: connect }, options, browsers);
        let first = pool.start_any(&[]).await?;
        pool.members.lock().await.push(first);
        Ok(pool)
    }

    fn new(source: Source, options: PoolOptions, browsers: usize) -> Self {
        let places = (browsers * options.max_sessions.max(1)).min(Semaphore::MAX_PERMITS);
        Self {
            source,
            options,
            places: Arc::new(Semaphore::new(places)),
            members: tokio::sync::Mutex::default(),
        }
    }

    /// What is known of the browsers that get new sessions.
    pub async fn stats(&self) -> Vec<MemberStats> {
        let members = self.members.lock().await.clone();
        let mut stats = Vec::with_capacity(members.len());
        for member in members {
            let (sessions, uses) = member.counts(|counts| (counts.sessions, counts.uses));
            stats.push(MemberStats {
                process_id: member.browser.process_id().await,
                sessions,
                uses,
                age: member.born.elapsed(),
                memory: member.browser.memory().await,
            });
        }
        stats
    }

    /// A browser with a free place, and the place in it. The caller holds one of all places.
    async fn place(&self) -> Result<Place, BrowserError> {
        let mut members = self.members.lock().await;
        let mut kept = Vec::with_capacity(members.len());
        for member in members.drain(..) {
            if self.is_to_be_replaced(&member).await {
                tracing::info!(
                    uses = member.counts(|counts| counts.uses),
                    "a browser of the pool is replaced"
                );
            } else {
                kept.push(member);
            }
        }
        *members = kept;
        let free = members
            .iter()
            .filter(|member| member.counts(|counts| counts.sessions) < self.options.max_sessions);
        if let Some(member) = free.min_by_key(|member| member.counts(|counts| counts.sessions)) {
            return Ok(Place::of(member));
        }
        let taken: Vec<usize> = members.iter().filter_map(|member| member.endpoint).collect();
        let started = match &self.source {
            Source::Launch(_) => self.start(None).await,
            Source::Connect { .. } => self.start_any(&taken).await,
        };
        let member =
            match (started, members.iter().min_by_key(|member| member.counts(|counts| counts.sessions))) {
                (Ok(member), _) => {
                    members.push(Arc::clone(&member));
                    member
                }
                // The others take more than their share before an execution fails.
                (Err(error), Some(least)) => {
                    tracing::warn!(%error, "no further browser of the pool can be had");
                    Arc::clone(least)
                }
                (Err(error), None) => return Err(error),
            };
        Ok(Place::of(&member))
    }

    /// Whether a browser gets no more sessions. What is dead, old, worn or swollen goes when its last session closes.
    async fn is_to_be_replaced(&self, member: &Member) -> bool {
        let uses = member.counts(|counts| counts.uses);
        if uses >= self.options.max_uses || member.born.elapsed() >= self.options.max_age {
            return true;
        }
        if !member.browser.is_live().await && !member.browser.revive().await {
            return true;
        }
        member.memory().await.is_some_and(|memory| memory > self.options.max_memory)
    }

    async fn start(&self, endpoint: Option<usize>) -> Result<Arc<Member>, BrowserError> {
        let browser = match (&self.source, endpoint) {
            (Source::Launch(options), _) => CdpBrowser::launch((**options).clone()).await?,
            (Source::Connect { endpoints, options }, Some(index)) => {
                CdpBrowser::connect(&endpoints[index].url, options.clone()).await?
            }
            (Source::Connect { .. }, None) => return Err(unreachable()),
        };
        Ok(Arc::new(Member { browser, endpoint, born: Instant::now(), counts: Mutex::default() }))
    }

    /// Connects to the first endpoint that can be reached and is not in use; one that was shunned is tried last.
    async fn start_any(&self, taken: &[usize]) -> Result<Arc<Member>, BrowserError> {
        let Source::Connect { endpoints, .. } = &self.source else { return self.start(None).await };
        let mut order: Vec<usize> = (0..endpoints.len()).filter(|index| !taken.contains(index)).collect();
        order.sort_by_key(|index| endpoints[*index].is_shunned());
        let mut last = unreachable();
        for index in order {
            match self.start(Some(index)).await {
                Ok(member) => {
                    endpoints[index].shun(None);
                    return Ok(member);
                }
                Err(error) => {
                    tracing::warn!(endpoint = index, %error, "a remote browser cannot be reached");
                    endpoints[index].shun(Some(Instant::now() + BACK_OFF));
                    last = error;
                }
            }
        }
        Err(last)
    }
}

#[async_trait]
impl Browser for BrowserPool {
    async fn open(&self, options: SessionOptions) -> Result<Arc<dyn Session>, BrowserError> {
        let waiting = Arc::clone(&self.places).acquire_owned();
        let permit = match tokio::time::timeout(self.options.patience, waiting).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(closed)) => return Err(unreachable().with_source(closed)),
            Err(_) => {
                let message =
                    format!("no place came free in the browsers within {:?}", self.options.patience);
                return Err(BrowserError::new("open", ErrorKind::Timeout, message).with_reason("pool_full"));
            }
        };
        let mut place = self.place().await?;
        let session = match place.member.browser.open(options.clone()).await {
            // It may have died in this very moment; another one gets a chance.
            Err(error) if matches!(error.kind(), ErrorKind::Crashed | ErrorKind::Disconnected) => {
                tracing::warn!(%error, "the browser was lost while a session was opened; another one is tried");
                place = self.place().await?;
                place.member.browser.open(options).await?
            }
            opened => opened?,
        };
        Ok(Arc::new(PooledSession { inner: session, place: Mutex::new(Some((place, permit))) }))
    }
}

impl Remote {
    fn is_shunned(&self) -> bool {
        let until = *self.shunned.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    fn shun(&self, until: Option<Instant>) {
        *self.shunned.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}

impl Member {
    fn counts<R>(&self, look: impl FnOnce(&mut Counts) -> R) -> R {
        look(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Its memory, as it was a few seconds ago at most.
    async fn memory(&self) -> Option<u64> {
        if let Some((at, memory)) = self.counts(|counts| counts.memory)
            && at.elapsed() < MEMORY_EVERY
        {
            return Some(memory);
        }
        let memory = self.browser.memory().await?;
        self.counts(|counts| counts.memory = Some((Instant::now(), memory)));
        Some(memory)
    }
}

/// A place of a session in a browser. Dropping it gives the place back, and ends a browser that only it kept.
#[derive(Debug)]
struct Place {
    member: Arc<Member>,
}

impl Place {
    fn of(member: &Arc<Member>) -> Self {
        member.counts(|counts| {
            counts.sessions += 1;
            counts.uses += 1;
        });
        Self { member: Arc::clone(member) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.member.counts(|counts| counts.sessions = counts.sessions.saturating_sub(1));
    }
}

/// A session that has a place until it is closed or dropped.
#[derive(Debug)]
struct PooledSession {
    inner: Arc<dyn Session>,
    place: Mutex<Option<(Place, OwnedSemaphorePermit)>>,
}

#[async_trait]
impl Session for PooledSession {
    async fn perform(&self, request: ActionRequest) -> Result<Performed, ActionError> {
        self.inner.perform(request).await
    }

    async fn observe(&self, request: ObserveRequest) -> Result<Observation, BrowserError> {
        self.inner.observe(request).await
    }

    async fn capture(&self, request: CaptureRequest) -> Result<Capture, BrowserError> {
        self.inner.capture(request).await
    }

    async fn storage_state(&self) -> Result<StorageState, BrowserError> {
        self.inner.storage_state().await
    }

    async fn close(&self) -> Result<(), BrowserError> {
        let closed = self.inner.close().await;
        drop(self.place.lock().unwrap_or_else(PoisonError::into_inner).take());
        closed
    }

    async fn lost(&self) -> BrowserError {
        self.inner.lost().await
    }

    async fn frames(&self) -> Result<Frames, BrowserError> {
        self.inner.frames().await
    }

    async fn dispatch(&self, input: LiveInput, gate: InputGate) -> Result<(), BrowserError> {
        self.inner.dispatch(input, gate).await
    }

    async fn end_input(&self, gate: InputGate) -> Result<(), BrowserError> {
        self.inner.end_input(gate).await
    }
}

fn unreachable() -> BrowserError {
    BrowserError::new("connect", ErrorKind::Disconnected, "no browser of the pool can be reached")
}
