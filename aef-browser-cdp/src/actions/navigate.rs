//! Going from document to document, and waiting for them.

use std::time::Duration;

use aef_core::browser::Effect;
use aef_core::document::{History, Navigate, WaitUntil};
use aef_core::recovery::{ErrorKind, Failure};
use chromiumoxide_cdp::cdp::browser_protocol::page::{
    GetNavigationHistoryParams, NavigateParams, NavigateToHistoryEntryParams, ReloadParams, StopLoadingParams,
};
use chromiumoxide_types::Command;
use serde::Deserialize;
use tokio::time::Instant;
use url::Url;

use super::{Acting, policy_failure};
use crate::connection::Link;
use crate::error::CdpError;
use crate::session::{Blocked, Context, State};

/// How long after a document is parsed its `load` is waited for.
const LOAD_CAP: Duration = Duration::from_secs(5);

/// How long nothing may be in flight until the network counts as idle.
const QUIET: Duration = Duration::from_millis(500);

/// How long a document that was broken off may take to be told as a download.
const DOWNLOAD_LIMIT: Duration = Duration::from_millis(500);

/// How a navigation ends that somebody broke off: the page, the policy, a download, or the end of the renderer.
const ABORTED: &str = "net::ERR_ABORTED";

/// How long after it the loss of the page may be told.
const LOSS_LIMIT: Duration = Duration::from_millis(50);

/// How long a document that is about to arrive is waited for until the browser is asked again.
const BETWEEN: Duration = Duration::from_millis(50);

/// How long opening an address may take when a session is opened.
const OPEN_LIMIT: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Navigated {
    loader_id: Option<String>,
    error_text: Option<String>,
    #[serde(default)]
    is_download: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entries {
    current_index: i64,
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    id: i64,
}

/// What came of a navigation.
#[derive(Debug, Default)]
pub(super) struct Arrival {
    pub(super) status: Option<u16>,
    pub(super) note: Option<(&'static str, String)>,
}

impl Acting {
    pub(super) async fn navigate(&mut self, navigate: &Navigate) -> Result<(), CdpError> {
        self.require_open_gate()?;
        require_allowed(&self.context, &navigate.url).await?;
        self.effect = Effect::Possible;
        let tab = self.tab.clone();
        let arrival = open(&self.context, &tab, &navigate.url, navigate.wait_until, self.deadline).await?;
        self.arrived(arrival, &navigate.allow_status)
    }

    /// Goes back or forward by one entry of the history.
    pub(super) async fn travel(&mut self, by: i64, history: &History) -> Result<(), CdpError> {
        self.require_open_gate()?;
        let link = self.context.page_link()?;
        let entries: Entries = loop {
            match link.call_as(&GetNavigationHistoryParams::default(), self.left()).await {
                Err(error) if self.may_ask_again(&error).await? => {}
                result => break result?,
            }
        };
        let index = usize::try_from(entries.current_index + by).ok();
        let Some(entry) = index.and_then(|index| entries.entries.get(index)) else {
            let direction = if by < 0 { "back" } else { "forward" };
            let message = format!("the tab's history has no page to go {direction} to");
            return Err(CdpError::Page(
                Failure::new(ErrorKind::Navigation, message).with_reason("no_history"),
            ));
        };
        let before = self.leave_by(&link, NavigateToHistoryEntryParams::new(entry.id)).await?;
        self.arrive_after(before, history).await
    }

    pub(super) async fn reload(&mut self, history: &History) -> Result<(), CdpError> {
        self.require_open_gate()?;
        let link = self.context.page_link()?;
        let before = self.leave_by(&link, ReloadParams::default()).await?;
        self.arrive_after(before, history).await
    }

    /// Follows a navigation that input started until it is committed, or further where that is asked for.
    pub(super) async fn follow_navigation(&mut self, until: Option<WaitUntil>) -> Result<(), CdpError> {
        self.context.catch_up().await?;
        let tab = self.tab.clone();
        let committed = self.context.wait(self.deadline, |state| match state.tab(&tab) {
            Some(tab) if tab.page.pending.is_some() => None,
            _ => Some(state.record.navigations.contains(&tab)),
        });
        let Some(navigated) = committed.await? else { return Err(self.unanswered()) };
        if !navigated {
            return Ok(());
        }
        if let Some(failure) = self.context.read(|state| failed_page(state, &tab)) {
            return Err(failure);
        }
        if self.context.read(|state| state.tab(&tab).is_some_and(|tab| tab.page.may_become_download())) {
            let begun = Instant::now() + DOWNLOAD_LIMIT;
            self.context.wait(begun, |state| (!state.record.downloads.is_empty()).then_some(())).await?;
        }
        if let Some(until) = until {
            let note = wait_until(&self.context, &tab, Some(until), self.deadline).await?;
            self.outcome
                .notes
                .extend(note.map(|(code, message)| aef_core::browser::Note { code: code.into(), message }));
        }
        self.outcome.status = self.context.read(|state| {
            let page = &state.tab(&tab)?.page;
            page.fate(&page.loader).status
        });
        Ok(())
    }

    fn leave(&mut self) -> u64 {
        self.effect = Effect::Possible;
        let tab = &self.tab;
        self.context.update(|state| {
            state.leaving = true;
            state.tab(tab).map_or(0, |tab| tab.page.arrivals)
        })
    }

    /// Leaves the document by a command; gives the count of arrivals before it.
    async fn leave_by(&mut self, link: &Link, command: impl Command + Clone) -> Result<u64, CdpError> {
        loop {
            let before = self.leave();
            match link.call_within(command.clone(), self.left()).await {
                Err(error) if self.may_ask_again(&error).await? => {}
                result => return result.map(|_| before),
            }
        }
    }

    /// Whether a call was refused because the page was about to go elsewhere by itself. Then that is waited for.
    async fn may_ask_again(&self, error: &CdpError) -> Result<bool, CdpError> {
        if !error.is_between_documents() || Instant::now() >= self.deadline {
            return Ok(false);
        }
        let arrivals = |state: &State| state.tab(&self.tab).map(|tab| tab.page.arrivals);
        let before = self.context.read(arrivals);
        let until = self.deadline.min(Instant::now() + BETWEEN);
        self.context.wait(until, |state| (arrivals(state) != before).then_some(())).await?;
        Ok(true)
    }

    async fn arrive_after(&mut self, before: u64, history: &History) -> Result<(), CdpError> {
        let tab = self.tab.clone();
        let arrived = self.context.wait(self.deadline, |state| {
            let page = &state.tab(&tab)?.page;
            (page.arrivals > before
                || state.record.blocked.iter().any(|blocked| blocked.main_frame_of.as_deref() == Some(&tab)))
            .then_some(())
        });
        if arrived.await?.is_none() {
            return Err(self.unanswered());
        }
        self.refuse_what_was_blocked()?;
        if let Some(failure) = self.context.read(|state| failed_page(state, &tab)) {
            return Err(failure);
        }
        let note = wait_until(&self.context, &tab, history.wait_until, self.deadline).await?;
        let status = self.context.read(|state| {
            let page = &state.tab(&tab)?.page;
            page.fate(&page.loader).status
        });
        self.arrived(Arrival { status, note }, &history.allow_status)
    }

    fn arrived(&mut self, arrival: Arrival, allowed: &[u16]) -> Result<(), CdpError> {
        self.outcome.status = arrival.status;
        if let Some((code, message)) = arrival.note {
            self.note(code, message);
        }
        match arrival.status {
            Some(status) if status >= 400 && !allowed.contains(&status) => {
                let mut failure =
                    Failure::new(ErrorKind::HttpStatus, format!("the page answered with {status}"))
                        .with_reason(status.to_string());
                failure.transient = status >= 500 || status == 429;
                Err(CdpError::Page(failure))
            }
            _ => Ok(()),
        }
    }
}

impl Context {
    /// Opens an empty page that stands for an address, while documents are answered so.
    pub(crate) async fn open_stub(&self, tab: &str, url: &str) -> Result<(), CdpError> {
        open(self, tab, url, Some(WaitUntil::DomContentLoaded), Instant::now() + OPEN_LIMIT).await?;
        Ok(())
    }

    /// Opens an address in the current tab, outside of any action.
    pub(crate) async fn open_address(&self, url: &str) -> Result<(), CdpError> {
        require_allowed(self, url).await?;
        let tab = self.read(|state| state.current.clone());
        open(self, &tab, url, None, Instant::now() + OPEN_LIMIT).await?;
        // The opening is no action's: nothing of it is reported with the first one.
        self.update(|state| {
            state.record = crate::session::Record::default();
            state.take_writes();
        });
        Ok(())
    }
}

/// Refuses an address that is none, or that may not be opened, before the browser hears of it.
pub(super) async fn require_allowed(context: &Context, url: &str) -> Result<(), CdpError> {
    if let Err(error) = Url::parse(url) {
        let failure = Failure::new(ErrorKind::Data, format!("`{url}` is no absolute address: {error}"));
        return Err(CdpError::Page(failure.with_reason("invalid_url")));
    }
    match context.refusal(url).await {
        None => Ok(()),
        Some(rule) => Err(policy_failure(&Blocked { url: url.to_owned(), rule, main_frame_of: None })),
    }
}

/// Opens an address in a tab and waits for its document.
pub(super) async fn open(
    context: &Context,
    tab: &str,
    url: &str,
    until: Option<WaitUntil>,
    deadline: Instant,
) -> Result<Arrival, CdpError> {
    let session = context.update(|state| {
        state.leaving = true;
        state.tab(tab).map(|tab| tab.session.clone())
    });
    let link = context.link(&session.ok_or(CdpError::Lost(crate::error::Loss::PageClosed))?);
    let left = deadline.saturating_duration_since(Instant::now());
    let navigated: Navigated = match link.call_as(&NavigateParams::new(url), left).await {
        Ok(navigated) => navigated,
        Err(CdpError::Timeout { .. }) => {
            link.post(&StopLoadingParams::default());
            return Err(late(format!("{url} has not answered")));
        }
        Err(error) => return Err(error),
    };
    context.catch_up().await?;
    if let Some(error) = navigated.error_text {
        let loader = navigated.loader_id.as_deref();
        let result = not_opened(context, tab, url, loader, &error, navigated.is_download);
        return or_loss(context, result).await;
    }
    // Another place in the same document: there is nothing to wait for.
    let Some(loader) = navigated.loader_id else { return Ok(Arrival::default()) };
    let committed = context.wait(deadline, |state| {
        let fate = state.tab(tab)?.page.fate(&loader);
        (fate.committed || fate.error.is_some()).then_some(fate)
    });
    let fate = committed.await?.ok_or_else(|| late(format!("{url} was answered but not opened")))?;
    if let Some(error) = &fate.error {
        return or_loss(context, not_opened(context, tab, url, Some(&loader), error, fate.download)).await;
    }
    let status = fate.status.or_else(|| context.read(|state| state.tab(tab)?.page.fate(&loader).status));
    if status.is_some_and(|status| status >= 400) {
        return Ok(Arrival { status, note: None });
    }
    let note = wait_until(context, tab, until, deadline).await?;
    Ok(Arrival { status, note })
}

/// The loss of the page, where that is why it could not be opened: a renderer that dies takes the navigation along, and
/// its end is told a moment later.
async fn or_loss(context: &Context, result: Result<Arrival, CdpError>) -> Result<Arrival, CdpError> {
    let is_abort = result.as_ref().is_err_and(|error| error.failure().reason.as_deref() == Some(ABORTED));
    if is_abort {
        // Nothing but the loss ends the wait early.
        context.wait(Instant::now() + LOSS_LIMIT, |_| None::<()>).await?;
    }
    result
}

/// A navigation that left the document that stood there. Not each is a failure: some answers are no documents.
fn not_opened(
    context: &Context,
    tab: &str,
    url: &str,
    loader: Option<&str>,
    error: &str,
    is_download: bool,
) -> Result<Arrival, CdpError> {
    let refused = context.read(|state| {
        state.record.blocked.iter().find(|blocked| blocked.main_frame_of.as_deref() == Some(tab)).cloned()
    });
    if let Some(blocked) = refused {
        return Err(policy_failure(&blocked));
    }
    let fate = context.read(|state| Some(state.tab(tab)?.page.fate(loader?))).unwrap_or_default();
    if is_download || fate.download {
        let note = Some(("download", format!("{url} is a download; the page that stood there stays")));
        return Ok(Arrival { status: fate.status, note });
    }
    if let Some(status @ (204 | 205)) = fate.status {
        let note =
            Some(("no_content", format!("{url} answered with {status}; the page that stood there stays")));
        return Ok(Arrival { status: Some(status), note });
    }
    let error = context.true_error(url, error);
    let failure = Failure::new(ErrorKind::Navigation, format!("{url} could not be opened: {error}"));
    Err(CdpError::Page(failure.with_reason(error)))
}

/// Waits until the document of a tab has come as far as is asked.
pub(super) async fn wait_until(
    context: &Context,
    tab: &str,
    until: Option<WaitUntil>,
    deadline: Instant,
) -> Result<Option<(&'static str, String)>, CdpError> {
    if until == Some(WaitUntil::Commit) {
        return Ok(None);
    }
    let parsed = context.wait(deadline, |state| match state.tab(tab) {
        Some(tab) => tab.page.parsed,
        None => Some(Instant::now()),
    });
    let parsed = parsed.await?.ok_or_else(|| late("the document was not parsed in time".to_owned()))?;
    match until {
        Some(WaitUntil::Commit | WaitUntil::DomContentLoaded) => Ok(None),
        Some(WaitUntil::NetworkIdle) => {
            if network_idle(context, tab, deadline).await? {
                Ok(None)
            } else {
                Err(late("the network did not become idle in time".to_owned()))
            }
        }
        Some(WaitUntil::Load) | None => {
            let cap = parsed + LOAD_CAP;
            let loaded = context.wait(deadline.min(cap), |state| match state.tab(tab) {
                Some(tab) => tab.page.loaded.then_some(()),
                None => Some(()),
            });
            if loaded.await?.is_some() {
                return Ok(None);
            }
            if deadline < cap {
                return Err(late("the document was parsed but not loaded in time".to_owned()));
            }
            let message = format!("the page was not loaded {} s after it was parsed", LOAD_CAP.as_secs());
            Ok(Some(("load_incomplete", message)))
        }
    }
}

/// Waits until nothing has been in flight for a while.
pub(super) async fn network_idle(context: &Context, tab: &str, deadline: Instant) -> Result<bool, CdpError> {
    loop {
        let quiet = context.wait(deadline, |state| state.quiet_since(tab)).await?;
        let Some(since) = quiet else { return Ok(false) };
        let enough = since + QUIET;
        if Instant::now() >= enough {
            return Ok(true);
        }
        if enough > deadline {
            return Ok(false);
        }
        // Whatever is sent meanwhile moves the beginning of the quiet.
        context.wait(enough, |state| (state.quiet_since(tab) != Some(since)).then_some(())).await?;
    }
}

/// The failure of a tab that shows the browser's own error page.
fn failed_page(state: &State, tab: &str) -> Option<CdpError> {
    let page = &state.tab(tab)?.page;
    if !page.url.starts_with("chrome-error:") {
        return None;
    }
    let error = page.fate(&page.loader).error.unwrap_or_else(|| "net::ERR_FAILED".to_owned());
    let failure = Failure::new(ErrorKind::Navigation, format!("the page could not be opened: {error}"));
    Some(CdpError::Page(failure.with_reason(error)))
}

fn late(message: String) -> CdpError {
    let mut failure = Failure::new(ErrorKind::Timeout, message).with_reason("navigation");
    failure.transient = true;
    CdpError::Page(failure)
}
