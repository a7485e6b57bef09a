//! One browser context for one execution: its state, what keeps it true, and the [`Session`] made of it.

mod arm;
mod dialogs;
mod events;
mod frames;
mod gateway;
mod guard;
mod live;
mod network;
mod payloads;
mod policy;
mod state;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aef_core::browser::{
    ActionError, ActionRequest, BrowserError, Capture, CaptureRequest, InputGate, Observation,
    ObserveRequest, Performed, Session, SessionOptions, StorageState,
};
use aef_core::document::{BrowserConfig, Permission};
use aef_core::live::{Frames, LiveInput};
use async_trait::async_trait;
use chromiumoxide_cdp::cdp::browser_protocol::browser::{
    BrowserContextId, PermissionDescriptor, PermissionSetting, SetDownloadBehaviorBehavior,
    SetDownloadBehaviorParams, SetPermissionParams,
};
use chromiumoxide_cdp::cdp::browser_protocol::target::{
    CreateBrowserContextParams, CreateTargetParams, DisposeBrowserContextParams,
};
use chromiumoxide_cdp::cdp::js_protocol::runtime::TerminateExecutionParams;
use serde_json::Map;
use tokio::sync::watch;
use tokio::time::Instant;

pub(crate) use self::frames::{Found, FrameRef, gate_ms, split_frame};
use self::gateway::Gateway;
use self::live::Screen;
use self::policy::Policy;
pub(crate) use self::state::{Blocked, Chooser, DownloadState, Record, State, World};
use crate::browser::Host;
use crate::connection::{Connection, DEFAULT_CALL_LIMIT, Link};
use crate::error::{CdpError, Loss};

/// How long a context may take to be gone once it is asked to.
const CLOSE_LIMIT: Duration = Duration::from_secs(10);

/// How long a new tab may take to be there.
const OPEN_LIMIT: Duration = Duration::from_secs(20);

/// How long a new document is waited for to be parsed; what is looked for may stand in its first part.
const PARSE_LIMIT: Duration = Duration::from_secs(5);

/// How long a page that has let an action time out may take to answer a plain question.
const ENDLESS: Duration = Duration::from_secs(1);

/// How far the document of a tab has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// It stands, and is parsed.
    Parsed,
    /// It stands, and is still being read.
    Unparsed,
    /// A navigation is under way that nobody has answered.
    Unanswered,
}

/// The default size of a page.
const VIEWPORT: (u32, u32) = (1280, 720);

/// What the tasks of one session share.
pub(crate) struct Context {
    pub(crate) host: Arc<Host>,
    pub(crate) browser: Link,
    pub(crate) id: String,
    pub(crate) options: SessionOptions,
    pub(crate) policy: Arc<Policy>,
    state: Mutex<State>,
    version: watch::Sender<u64>,
    screen: Screen,
    /// Actions are performed one at a time; whoever takes evidence does not wait for them.
    pub(crate) acting: tokio::sync::Mutex<()>,
}

impl fmt::Debug for Context {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Context").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Context {
    /// Changes the state and wakes everybody who waits for a change.
    pub(crate) fn update<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let result = change(&mut self.state());
        self.version.send_modify(|version| *version = version.wrapping_add(1));
        result
    }

    /// Looks at the state.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.state())
    }

    /// Waits until `look` sees what it looks for; `None` when the deadline comes first.
    pub(crate) async fn wait<R>(
        &self,
        deadline: Instant,
        mut look: impl FnMut(&State) -> Option<R>,
    ) -> Result<Option<R>, CdpError> {
        let mut version = self.version.subscribe();
        loop {
            version.borrow_and_update();
            let (seen, lost) = self.read(|state| (look(state), state.lost.clone()));
            match (seen, lost) {
                (Some(seen), _) => return Ok(Some(seen)),
                (None, Some(loss)) => return Err(CdpError::Lost(loss)),
                (None, None) => {}
            }
            if tokio::time::timeout_at(deadline, version.changed()).await.is_err() {
                return Ok(None);
            }
        }
    }

    /// Waits until every event that stood on the socket before the last answer has been taken in.
    pub(crate) async fn catch_up(&self) -> Result<(), CdpError> {
        let mark = self.connection().mark(&self.id);
        self.wait(Instant::now() + DEFAULT_CALL_LIMIT, |state| (state.mark >= mark).then_some(())).await?;
        Ok(())
    }

    /// Waits for the document that a navigation under way brings to a tab, and until it is parsed.
    pub(crate) async fn await_document(&self, tab: &str, deadline: Instant) -> Result<Settled, CdpError> {
        self.catch_up().await?;
        let arrived = self.wait(deadline, |state| match state.tab(tab) {
            Some(tab) if tab.page.pending.is_some() => None,
            _ => Some(()),
        });
        if arrived.await?.is_none() {
            return Ok(Settled::Unanswered);
        }
        let parsed = self.wait(deadline.min(Instant::now() + PARSE_LIMIT), |state| match state.tab(tab) {
            Some(tab) if tab.page.arrivals > 0 && tab.page.parsed.is_none() => None,
            _ => Some(()),
        });
        Ok(if parsed.await?.is_some() { Settled::Parsed } else { Settled::Unparsed })
    }

    pub(crate) fn connection(&self) -> &Connection {
        self.browser.connection()
    }

    pub(crate) fn link(&self, session: &str) -> Link {
        self.connection().session(session)
    }

    /// The link to the page of the current tab.
    pub(crate) fn page_link(&self) -> Result<Link, CdpError> {
        let session = self.read(|state| state.current_tab().map(|tab| Arc::clone(&tab.session)));
        session.map(|session| self.link(&session)).ok_or(CdpError::Lost(Loss::PageClosed))
    }

    /// The size of the pages in CSS px.
    pub(crate) fn viewport(&self) -> (u32, u32) {
        self.options.config.viewport.map_or(VIEWPORT, |viewport| (viewport.width, viewport.height))
    }

    /// Opens an empty tab and waits until it has been set up.
    pub(crate) async fn open_tab(&self) -> Result<String, CdpError> {
        self.update(|state| state.opening += 1);
        let opened = self.make_tab().await;
        self.update(|state| state.opening -= 1);
        opened
    }

    async fn make_tab(&self) -> Result<String, CdpError> {
        let mut create = CreateTargetParams::new("about:blank");
        create.browser_context_id = Some(BrowserContextId::new(self.id.clone()));
        let target = self.browser.call_within(create, OPEN_LIMIT).await?.target_id;
        let opened = self
            .wait(Instant::now() + OPEN_LIMIT, |state| {
                if let Some(error) = &state.setup_error {
                    return Some(Err(error.clone()));
                }
                let is_ours = |tab: &&state::Tab| *tab.target == *target.inner() && tab.armed;
                let tab = state.tabs.iter().find(is_ours)?;
                state.worlds.contains_key(&tab.target).then(|| Ok(tab.name.clone()))
            })
            .await?;
        opened.unwrap_or_else(|| Err(CdpError::Timeout { method: "a new tab".into(), limit: OPEN_LIMIT }))
    }

    /// Ends the scripts of a tab that runs one without end: its page does not even answer a plain question.
    pub(crate) async fn end_endless_scripts(&self, tab: &str) {
        let worlds = self.read(|state| state.worlds_of(tab));
        let asking = worlds.iter().map(|world| async move {
            let asked = self.ask_world(world, "ping", Map::new(), None, ENDLESS).await;
            if matches!(asked, Err(CdpError::Timeout { .. })) {
                let message = format!("a script of tab {tab} that did not end was ended");
                self.update(|state| state.record.note("script_ended", message));
                self.link(&world.session).post(&TerminateExecutionParams::default());
            }
        });
        futures::future::join_all(asking).await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is changed event by event; a panic in between leaves a state that is still consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session in Chromium.
#[derive(Debug)]
pub(crate) struct CdpSession {
    context: Arc<Context>,
    /// Where pages get out; none where somebody else's proxy stands there, or the browser is elsewhere.
    _gateway: Option<Gateway>,
}

impl CdpSession {
    /// Makes a context with one tab, restores what is to be restored, and opens the address.
    pub(crate) async fn open(host: Arc<Host>, options: SessionOptions) -> Result<Arc<Self>, CdpError> {
        let browser = host.connection.browser();
        let policy = Arc::new(Policy::new(&options.policy));
        let gateway = if host.is_local() && !host.has_proxy {
            let opened = Gateway::open(Arc::clone(&policy)).await;
            Some(opened.map_err(|source| CdpError::Gateway(Arc::new(source)))?)
        } else {
            None
        };
        let create = CreateBrowserContextParams {
            dispose_on_detach: Some(true),
            proxy_server: gateway.as_ref().map(Gateway::url),
            proxy_bypass_list: gateway.as_ref().map(|_| policy.beyond_judgement()),
            ..CreateBrowserContextParams::default()
        };
        let id = browser.call(create).await?.browser_context_id.inner().clone();
        let events = host.connection.context_events(&id);
        let context = Arc::new(Context {
            policy,
            host,
            browser,
            id,
            options,
            state: Mutex::default(),
            version: watch::Sender::new(0),
            screen: Screen::default(),
            acting: tokio::sync::Mutex::new(()),
        });
        tokio::spawn(events::follow(Arc::clone(&context), events));
        if let Some(gateway) = &gateway {
            gateway.tell(&context);
        }
        let session = Arc::new(Self { context, _gateway: gateway });
        // From here on the drop of the session disposes of the context.
        session.prepare().await?;
        Ok(session)
    }

    async fn prepare(&self) -> Result<(), CdpError> {
        let context = &self.context;
        let mut downloads = SetDownloadBehaviorParams::new(SetDownloadBehaviorBehavior::Deny);
        downloads.browser_context_id = Some(BrowserContextId::new(context.id.clone()));
        downloads.events_enabled = Some(true);
        context.browser.call(downloads).await?;
        for name in granted(&context.options.config) {
            let mut grant =
                SetPermissionParams::new(PermissionDescriptor::new(name), PermissionSetting::Granted);
            grant.browser_context_id = Some(BrowserContextId::new(context.id.clone()));
            context.browser.call(grant).await?;
        }
        let first = context.open_tab().await?;
        context.update(|state| state.current = first);
        if let Some(restore) = &context.options.restore {
            context.restore(restore).await?;
        }
        if let Some(url) = &context.options.url {
            context.open_address(url).await?;
        }
        Ok(())
    }
}

/// What pages may do without asking, by the names of the Permissions API.
fn granted(config: &BrowserConfig) -> impl Iterator<Item = &'static str> {
    let named = config.permissions.iter().map(|permission| match permission {
        Permission::Geolocation => "geolocation",
        Permission::Notifications => "notifications",
        Permission::ClipboardRead => "clipboard-read",
        Permission::Camera => "camera",
        Permission::Microphone => "microphone",
    });
    named.chain(config.geolocation.map(|_| "geolocation"))
}

impl Drop for CdpSession {
    fn drop(&mut self) {
        let id = BrowserContextId::new(self.context.id.clone());
        self.context.browser.post(&DisposeBrowserContextParams::new(id));
        self.context.connection().forget_context(&self.context.id);
    }
}

#[async_trait]
impl Session for CdpSession {
    async fn perform(&self, request: ActionRequest) -> Result<Performed, ActionError> {
        crate::actions::perform(&self.context, request).await
    }

    async fn observe(&self, request: ObserveRequest) -> Result<Observation, BrowserError> {
        self.context.observe(&request).await.map_err(|error| error.during("observe"))
    }

    async fn capture(&self, request: CaptureRequest) -> Result<Capture, BrowserError> {
        self.context.capture(&request).await.map_err(|error| error.during("capture"))
    }

    async fn storage_state(&self) -> Result<StorageState, BrowserError> {
        self.context.storage_state().await.map_err(|error| error.during("storage state"))
    }

    async fn close(&self) -> Result<(), BrowserError> {
        let context = &self.context;
        let was_closed = context.update(|state| {
            state.lost.get_or_insert(Loss::Closed);
            std::mem::replace(&mut state.closed, true)
        });
        if was_closed {
            return Ok(());
        }
        let id = BrowserContextId::new(context.id.clone());
        let disposed = context.browser.call_within(DisposeBrowserContextParams::new(id), CLOSE_LIMIT).await;
        context.connection().forget_context(&context.id);
        match disposed {
            // With its browser a context is gone, too.
            Ok(_) | Err(CdpError::Lost(_)) => Ok(()),
            Err(error) => Err(error.during("close")),
        }
    }

    async fn lost(&self) -> BrowserError {
        let mut version = self.context.version.subscribe();
        let loss = loop {
            version.borrow_and_update();
            let (lost, closed) = self.context.read(|state| (state.lost.clone(), state.closed));
            match lost {
                _ if closed => std::future::pending::<()>().await,
                Some(loss) => break loss,
                None => {}
            }
            // The sender lives as long as the session.
            let _ = version.changed().await;
        };
        CdpError::Lost(self.context.host.explain(loss).await).during("session")
    }

    async fn frames(&self) -> Result<Frames, BrowserError> {
        self.context.frames().map_err(|error| error.during("frames"))
    }

    async fn dispatch(&self, input: LiveInput, gate: InputGate) -> Result<(), BrowserError> {
        self.context.dispatch(&input, gate).await.map_err(|error| error.during("dispatch"))
    }

    async fn end_input(&self, gate: InputGate) -> Result<(), BrowserError> {
        self.context.end_input(&gate).await.map_err(|error| error.during("end input"))
    }
}
