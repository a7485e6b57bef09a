//! Tabs: by the names that a recording has for them, and by those of a document.

use crate::sop::names::{Unique, variable_of};

/// The tab that an execution begins with.
const FIRST: &str = "t1";

#[derive(Debug)]
pub(super) struct Tabs {
    known: Vec<Tab>,
    names: Unique,
    /// The tab that actions are performed in.
    current: String,
}

#[derive(Debug)]
struct Tab {
    /// The name of the document.
    name: String,
    /// The names of the recording: its own, and the addresses that it has been at.
    called: Vec<String>,
    opener: String,
}

impl Tabs {
    pub(super) fn new(first: String) -> Self {
        let mut names = Unique::default();
        names.reserve(FIRST);
        let tab = Tab { name: FIRST.to_owned(), called: vec![first], opener: FIRST.to_owned() };
        Self { known: vec![tab], names, current: FIRST.to_owned() }
    }

    pub(super) fn current(&self) -> &str {
        &self.current
    }

    pub(super) fn count(&self) -> usize {
        self.known.len()
    }

    /// The name of a tab in the document.
    pub(super) fn name(&self, called: &str) -> Option<String> {
        // The latest one: another tab may have been at the address before.
        let found = self.known.iter().rev().find(|tab| tab.called.iter().any(|each| each == called));
        found.map(|tab| tab.name.clone())
    }

    /// A tab that opens, beside the current one.
    pub(super) fn open(&mut self, called: &str, page: Option<&str>) -> String {
        let name = page.map(str::to_lowercase).and_then(|page| variable_of(&page));
        let name = self.names.take(name.unwrap_or_else(|| "popup".to_owned()));
        let opener = self.current.clone();
        self.known.push(Tab { name: name.clone(), called: vec![called.to_owned()], opener });
        name
    }

    /// Notes that a tab has come to an address, by which a recording may call it from then on.
    pub(super) fn moved(&mut self, name: &str, url: &str) {
        if let Some(tab) = self.known.iter_mut().find(|tab| tab.name == name) {
            tab.called.push(url.to_owned());
        }
    }

    pub(super) fn switch(&mut self, name: &str) {
        name.clone_into(&mut self.current);
    }

    /// A tab that is closed: its opener is current, if it was.
    pub(super) fn close(&mut self, name: &str) {
        let Some(at) = self.known.iter().position(|tab| tab.name == name) else { return };
        let closed = self.known.remove(at);
        if self.current == closed.name {
            let first = self.known.first().map_or(FIRST, |tab| tab.name.as_str());
            let opener = self.known.iter().find(|tab| tab.name == closed.opener);
            self.current = opener.map_or(first, |tab| tab.name.as_str()).to_owned();
        }
    }
}
