//! What is known of a browser context: its tabs, their documents, and what happened since the last report.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use aef_core::browser::{DialogRecord, Note, SecretSource, Write};
use aef_core::document::DialogPolicy;
use aef_core::live::HeldInput;
use aef_core::secrets::{ExposeSecret as _, SecretString};
use tokio::time::Instant;

use super::network::Network;
use super::policy::Rule;
use crate::error::{CdpError, Loss};
use crate::scratch::Scratch;

/// Remarks, dialogs and the like that are kept until an action reports them.
const RECORD_LIMIT: usize = 64;

/// Errors of a page's scripts that one report repeats, and their length in characters.
const COMPLAINT_LIMIT: usize = 8;
const COMPLAINT_LENGTH: usize = 300;

/// Shorter texts stand in pages for reasons of their own.
const SHORTEST_SECRET: usize = 4;

/// Loaders whose fate is remembered, for answers that come before or after the event that belongs to them.
const LOADER_LIMIT: usize = 32;

/// Dialogs of a document whose successor waits, after which the script that asks is ended.
const ASKED_LIMIT: u32 = 20;

/// Everything that the events of a context tell. Changed by one task, read by whoever waits.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Open tabs in the order of their opening.
    pub(crate) tabs: Vec<Tab>,
    /// The tab that actions mean.
    pub(crate) current: String,
    /// How dialogs are answered.
    pub(crate) dialogs: DialogPolicy,
    /// How many dialogs there were, and how many of them stand no longer.
    pub(crate) asked: u64,
    pub(crate) answered: u64,
    /// Whether the action in hand leaves the page, so that `beforeunload` is accepted.
    pub(crate) leaving: bool,
    /// How many tabs are being opened by us, and not by a page.
    pub(crate) opening: u32,
    /// The name for the next popup, where an action announced one.
    pub(crate) expected_popup: Option<String>,
    /// Where the script's worlds are, by frame.
    pub(crate) worlds: HashMap<Box<str>, World>,
    /// Sessions of tabs, frames and workers.
    pub(super) sessions: HashMap<Arc<str>, TargetSession>,
    /// What happened since the last report.
    pub(crate) record: Record,
    /// Downloads under way or done.
    pub(crate) downloads: HashMap<Box<str>, DownloadState>,
    /// A drag that the browser handed over instead of performing it.
    pub(crate) intercepted_drag: Option<serde_json::Value>,
    /// Who gives the secrets of the action in hand, or of the last one.
    pub(crate) secrets: Option<Arc<dyn SecretSource>>,
    /// Requests whose servers have been told who asks.
    pub(super) authenticated: VecDeque<String>,
    /// A file chooser that a page has opened and nobody has answered.
    pub(crate) chooser: Option<Chooser>,
    /// Secrets that were entered, which no report repeats.
    pub(crate) entered: Vec<SecretString>,
    /// What a person holds down.
    pub(crate) held: HeldInput,
    /// Whether a person's input was sent that nobody has ended.
    pub(crate) by_hand: bool,
    /// Hosts and ports that were not reached of late, and why.
    pub(super) unreached: VecDeque<(String, u16, &'static str)>,
    /// Documents are answered with an empty page, while storage is put back.
    pub(super) stub_documents: bool,
    /// The last mark read from the queue of events.
    pub(super) mark: u64,
    /// Files given to pages, which may read them until the end.
    pub(crate) kept_files: Vec<Scratch>,
    /// Why the session is over.
    pub(crate) lost: Option<Loss>,
    /// Whether the session was closed by its owner.
    pub(super) closed: bool,
    /// Why a target could not be set up, until somebody who waits for it takes it.
    pub(super) setup_error: Option<CdpError>,
    writes_of_closed: Vec<Write>,
    next_tab: usize,
}

/// The isolated world of one frame.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    /// The session in which it can be reached.
    pub(crate) session: Arc<str>,
    /// Its unique id.
    pub(crate) id: Box<str>,
}

/// A session of a target in this context.
#[derive(Debug)]
pub(super) struct TargetSession {
    /// The tab that it belongs to.
    pub(super) tab: String,
    /// Whether it is the tab's page itself, not a frame or a worker in it.
    pub(super) is_page: bool,
}

/// One tab.
#[derive(Debug)]
pub(crate) struct Tab {
    /// Its stable name.
    pub(crate) name: String,
    /// The target, which is also the id of the main frame.
    pub(crate) target: Box<str>,
    /// The session of the page.
    pub(crate) session: Arc<str>,
    /// The tab that opened it.
    pub(crate) opener: Option<String>,
    /// Whether the session has been set up.
    pub(crate) armed: bool,
    /// The document and what becomes of it.
    pub(crate) page: Page,
    pub(super) network: Network,
}

/// The document of a tab's main frame.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// Its address.
    pub(crate) url: String,
    /// Its loader.
    pub(crate) loader: Box<str>,
    /// How often the main frame came to another document or another place in it.
    pub(crate) arrivals: u64,
    /// Whether it is parsed.
    pub(crate) parsed: Option<Instant>,
    /// Whether it is loaded.
    pub(crate) loaded: bool,
    /// A navigation that has begun and stands neither committed nor failed.
    pub(crate) pending: Option<Pending>,
    /// What became of loaders: the status they were answered with, and the error by which they failed.
    fates: VecDeque<(Box<str>, Fate)>,
}

/// A navigation under way.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    /// The loader, once it is known.
    pub(crate) loader: Option<Box<str>>,
    /// Where it leads.
    pub(crate) url: String,
    /// How often the document that is left has asked something since.
    asked: u32,
}

/// What became of a loader.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fate {
    /// The status of the answer.
    pub(crate) status: Option<u16>,
    /// The error by which it ended.
    pub(crate) error: Option<String>,
    /// Whether it was committed, and thereby took the place of what stood in the frame.
    pub(crate) committed: bool,
    /// Whether it became a download.
    pub(crate) download: bool,
}

/// A download.
#[derive(Debug, Clone, Default)]
pub(crate) struct DownloadState {
    /// The name that the server suggests.
    pub(crate) name: String,
    /// Bytes so far.
    pub(crate) received: u64,
    /// Bytes in all, as announced; 0 where nothing was.
    pub(crate) total: u64,
    /// Whether it ended, and well.
    pub(crate) ended: Option<bool>,
}

/// A file chooser, as the page asked for it.
#[derive(Debug, Clone)]
pub(crate) struct Chooser {
    /// The session of the page or frame that opened it.
    pub(crate) session: Arc<str>,
    /// The input that takes the files, by the browser's number for it.
    pub(crate) input: i64,
    /// Whether it takes several.
    pub(crate) multiple: bool,
}

/// A request that the policy refused.
#[derive(Debug, Clone)]
pub(crate) struct Blocked {
    /// Its address.
    pub(crate) url: String,
    /// The rule.
    pub(crate) rule: Rule,
    /// The tab whose main frame would have gone there.
    pub(crate) main_frame_of: Option<String>,
}

/// What happened since the last report.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// Dialogs that were answered.
    pub(crate) dialogs: Vec<DialogRecord>,
    /// Tabs that opened.
    pub(crate) popups: Vec<String>,
    /// What the policy refused.
    pub(crate) blocked: Vec<Blocked>,
    /// Ids of downloads that began.
    pub(crate) downloads: Vec<Box<str>>,
    /// Remarks.
    pub(crate) notes: Vec<Note>,
    /// Main frames that began to navigate, by tab.
    pub(crate) navigations: Vec<String>,
}

impl State {
    /// The tab that actions mean.
    pub(crate) fn current_tab(&self) -> Option<&Tab> {
        self.tab(&self.current)
    }

    /// A tab by its name.
    pub(crate) fn tab(&self, name: &str) -> Option<&Tab> {
        self.tabs.iter().find(|tab| tab.name == name)
    }

    pub(super) fn tab_mut(&mut self, name: &str) -> Option<&mut Tab> {
        self.tabs.iter_mut().find(|tab| tab.name == name)
    }

    /// The requests since the last report that may have changed something, of all tabs.
    pub(crate) fn take_writes(&mut self) -> Vec<Write> {
        let mut writes = std::mem::take(&mut self.writes_of_closed);
        writes.extend(self.tabs.iter_mut().flat_map(|tab| tab.network.take_writes()));
        writes
    }

    /// Notes a secret that is about to be entered.
    pub(crate) fn remember_entered(&mut self, secret: &SecretString) {
        let text = secret.expose_secret();
        if text.len() >= SHORTEST_SECRET && !self.entered.iter().any(|known| known.expose_secret() == text) {
            self.entered.push(secret.clone());
        }
    }

    /// A text of the page without the secrets that were entered.
    pub(crate) fn without_secrets(&self, text: &str) -> String {
        self.entered.iter().fold(text.to_owned(), |text, secret| text.replace(secret.expose_secret(), "•••"))
    }

    /// The script's worlds in all frames of a tab.
    pub(crate) fn worlds_of(&self, tab: &str) -> Vec<World> {
        let belongs = |world: &&World| self.sessions.get(&world.session).is_some_and(|of| of.tab == tab);
        self.worlds.values().filter(belongs).cloned().collect()
    }

    /// Since when a tab has nothing in flight.
    pub(crate) fn quiet_since(&self, tab: &str) -> Option<Instant> {
        self.tab(tab)?.network.quiet_since()
    }

    /// The tab that a session belongs to.
    pub(super) fn tab_of(&mut self, session: &str) -> Option<&mut Tab> {
        let name = &self.sessions.get(session)?.tab;
        self.tabs.iter_mut().find(|tab| tab.name == *name)
    }

    /// The name of the tab whose main frame this is.
    pub(super) fn tab_of_main_frame(&self, frame: &str) -> Option<&str> {
        self.tabs.iter().find(|tab| &*tab.target == frame).map(|tab| tab.name.as_str())
    }

    /// Adds a tab. Its name is the announced one, or the next free number.
    pub(super) fn add_tab(
        &mut self,
        session: Arc<str>,
        target: &str,
        opener: Option<String>,
        url: &str,
    ) -> String {
        let announced = opener.as_ref().and_then(|_| self.expected_popup.take());
        let name = announced.filter(|name| self.tab(name).is_none()).unwrap_or_else(|| self.free_name());
        self.tabs.push(Tab {
            name: name.clone(),
            target: target.into(),
            session,
            opener,
            armed: false,
            // A tab that is just being made tells no address yet, but stands on the empty page.
            page: Page {
                url: if url.is_empty() { "about:blank" } else { url }.to_owned(),
                ..Page::default()
            },
            network: Network::default(),
        });
        name
    }

    /// Answers documents with an empty page from now on, or no longer.
    pub(crate) fn stub_documents(&mut self, stub: bool) {
        self.stub_documents = stub;
    }

    /// Makes a tab the current one, under the name that was asked for. Gives the name that it has then.
    pub(crate) fn take_over_tab(&mut self, name: &str, wanted: Option<&str>, opener: &str) -> String {
        let new = wanted.unwrap_or(name).to_owned();
        for session in self.sessions.values_mut().filter(|session| session.tab == name) {
            session.tab.clone_from(&new);
        }
        if let Some(tab) = self.tab_mut(name) {
            tab.name.clone_from(&new);
            tab.opener = Some(opener.to_owned());
        }
        self.current.clone_from(&new);
        new
    }

    /// Removes a tab; where it was the current one its opener is, or else the tab opened last.
    pub(super) fn remove_tab(&mut self, name: &str) {
        let Some(index) = self.tabs.iter().position(|tab| tab.name == name) else { return };
        let mut removed = self.tabs.remove(index);
        self.writes_of_closed.extend(removed.network.take_writes());
        self.sessions.retain(|_, session| session.tab != name);
        if self.current == name {
            let opener = removed.opener.filter(|opener| self.tab(opener).is_some());
            if let Some(next) = opener.or_else(|| self.tabs.last().map(|tab| tab.name.clone())) {
                self.current = next;
            }
        }
    }

    fn free_name(&mut self) -> String {
        loop {
            self.next_tab += 1;
            let name = format!("t{}", self.next_tab);
            if self.tab(&name).is_none() {
                return name;
            }
        }
    }
}

impl Page {
    /// Notes that a navigation has begun.
    pub(super) fn begin(&mut self, loader: Option<&str>, url: &str) {
        self.pending = Some(Pending { loader: loader.map(Into::into), url: url.to_owned(), asked: 0 });
    }

    /// Notes that a new document stands in the main frame.
    pub(super) fn commit(&mut self, loader: &str, url: String) {
        self.url = url;
        self.loader = loader.into();
        self.arrivals += 1;
        self.parsed = None;
        self.loaded = false;
        self.pending = None;
        self.fate_mut(loader).committed = true;
    }

    /// Notes a dialog; true each time when the document has asked too often since the next one was answered. A script that
    /// asks in a loop lets nothing take the place of its document.
    pub(super) fn keeps_asking(&mut self) -> bool {
        let is_answered = |loader: &str| self.fate(loader).status.is_some();
        if !self.pending.as_ref().and_then(|pending| pending.loader.as_deref()).is_some_and(is_answered) {
            return false;
        }
        let Some(pending) = &mut self.pending else { return false };
        pending.asked += 1;
        pending.asked.is_multiple_of(ASKED_LIMIT)
    }

    /// Notes that a navigation came to nothing. The document that stood there stays.
    pub(super) fn fail(&mut self, loader: &str, error: &str) {
        let is_pending =
            self.pending.as_ref().is_some_and(|pending| pending.loader.as_deref() == Some(loader));
        // Every request that fails comes by here; only those that load a document are remembered.
        if is_pending || self.fates.iter().any(|(id, _)| &**id == loader) {
            self.fate_mut(loader).error.get_or_insert_with(|| error.to_owned());
        }
        if is_pending {
            self.pending = None;
        }
    }

    /// What became of a loader.
    pub(crate) fn fate(&self, loader: &str) -> Fate {
        self.fates.iter().find(|(id, _)| &**id == loader).map(|(_, fate)| fate.clone()).unwrap_or_default()
    }

    /// Whether the last document was answered and broken off, as one that becomes a download is a moment before
    /// the download is told.
    pub(crate) fn may_become_download(&self) -> bool {
        self.fates.back().is_some_and(|(_, fate)| {
            let is_answered = fate
                .status
                .is_some_and(|status| (200..300).contains(&status) && status != 204 && status != 205);
            is_answered && fate.error.as_deref() == Some("net::ERR_ABORTED")
        })
    }

    pub(super) fn fate_mut(&mut self, loader: &str) -> &mut Fate {
        if let Some(index) = self.fates.iter().position(|(id, _)| &**id == loader) {
            return &mut self.fates[index].1;
        }
        if self.fates.len() == LOADER_LIMIT {
            self.fates.pop_front();
        }
        self.fates.push_back((loader.into(), Fate::default()));
        let last = self.fates.len() - 1;
        &mut self.fates[last].1
    }
}

impl Record {
    /// Adds a remark, unless the same one stands there or there are too many.
    pub(crate) fn note(&mut self, code: &str, message: impl Into<String>) {
        let note = Note { code: code.to_owned(), message: message.into() };
        if self.notes.len() < RECORD_LIMIT && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Adds what a page has complained of, as evidence. A page may complain without end.
    pub(super) fn complaint(&mut self, code: &str, text: &str) {
        let is_complaint = |note: &&Note| matches!(&*note.code, "page_error" | "console_error");
        if self.notes.iter().filter(is_complaint).count() < COMPLAINT_LIMIT {
            let line: String =
                text.lines().next().unwrap_or_default().chars().take(COMPLAINT_LENGTH).collect();
            self.note(code, line);
        }
    }

    pub(super) fn dialog(&mut self, dialog: DialogRecord) {
        if self.dialogs.len() < RECORD_LIMIT {
            self.dialogs.push(dialog);
        }
    }

    pub(super) fn blocked(&mut self, blocked: Blocked) {
        if self.blocked.len() < RECORD_LIMIT {
            self.blocked.push(blocked);
        }
    }

    pub(super) fn download(&mut self, guid: &str) {
        if self.downloads.len() < RECORD_LIMIT {
            self.downloads.push(guid.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabs_have_stable_names_and_the_opener_follows_a_closed_one() {
        let mut state = State::default();
        let first = state.add_tab("S1".into(), "T1", None, "");
        state.current = first.clone();
        let second = state.add_tab("S2".into(), "T2", Some(first.clone()), "");
        state.expected_popup = Some("print".into());
        let third = state.add_tab("S3".into(), "T3", Some(second.clone()), "");
        assert_eq!((&*first, &*second, &*third), ("t1", "t2", "print"));
        state.current = third;
        state.remove_tab("print");
        assert_eq!(state.current, "t2");
        state.remove_tab("t1");
        assert_eq!(state.add_tab("S4".into(), "T4", None, ""), "t3", "a name is not given twice");
    }

    #[test]
    fn a_failed_loader_ends_only_its_own_navigation() {
        let mut page = Page::default();
        page.begin(Some("L2"), "http://a/");
        page.fail("L1", "net::ERR_ABORTED");
        assert!(page.pending.is_some());
        page.fail("L2", "net::ERR_ABORTED");
        assert!(page.pending.is_none());
        assert_eq!(page.fate("L2").error.as_deref(), Some("net::ERR_ABORTED"));
    }
}
