//! A scripted site and its server.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::element::{Element, Post};
use crate::witness::Witness;

/// A site of a few pages.
///
/// ```
/// use aef_testkit::scripted_browser::{Element, Page, ScriptedSite};
///
/// let site = ScriptedSite::new("https://crm.test")
///     .page("/crm", Page::new("CRM")
///         .with(Element::field("Contact").value("{query:who}"))
///         .with(Element::button("Save")
///             .posts("save", "{value:Contact}")
///             .shows(Element::new("p").test_id("saved").text("Saved {value:Contact}"))));
/// ```
#[derive(Debug, Clone)]
pub struct ScriptedSite {
    pub(super) origin: String,
    pub(super) pages: BTreeMap<String, Page>,
    pub(super) latency: Duration,
}

impl ScriptedSite {
    /// A site without pages at this origin, such as `https://crm.test`.
    #[must_use]
    pub fn new(origin: &str) -> Self {
        Self {
            origin: origin.trim_end_matches('/').to_owned(),
            pages: BTreeMap::new(),
            latency: Duration::ZERO,
        }
    }

    /// The same with a page at this path, whatever the query.
    #[must_use]
    pub fn page(mut self, path: &str, page: Page) -> Self {
        self.pages.insert(path.to_owned(), page);
        self
    }

    /// The same, and each action takes so long.
    #[must_use]
    pub const fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }
}

/// A page of a scripted site, as the server sends it.
#[derive(Debug, Clone)]
pub struct Page {
    pub(super) title: String,
    pub(super) status: u16,
    pub(super) needs_cookie: Option<(String, String)>,
    pub(super) elements: Vec<Element>,
}

impl Page {
    /// An empty page with this title.
    #[must_use]
    pub fn new(title: &str) -> Self {
        Self { title: title.to_owned(), status: 200, needs_cookie: None, elements: Vec::new() }
    }

    /// The same with this status instead of 200.
    #[must_use]
    pub const fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same, and browsers without this cookie are sent to another path.
    #[must_use]
    pub fn needs_cookie(mut self, name: &str, otherwise: &str) -> Self {
        self.needs_cookie = Some((name.to_owned(), otherwise.to_owned()));
        self
    }

    /// The same with an element at its end.
    #[must_use]
    pub fn with(mut self, element: Element) -> Self {
        self.elements.push(element);
        self
    }

    /// The same with elements at its end.
    #[must_use]
    pub fn with_all(mut self, elements: impl IntoIterator<Item = Element>) -> Self {
        self.elements.extend(elements);
        self
    }
}

/// What outlives sessions: the pages and what was written.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) site: ScriptedSite,
    pub(super) witness: Witness,
    refused: Mutex<BTreeMap<String, u32>>,
}

impl Server {
    pub(super) fn new(site: ScriptedSite) -> Arc<Self> {
        Arc::new(Self { site, witness: Witness::new(), refused: Mutex::default() })
    }

    /// Accepts or refuses a write; gives the status that the browser sees, if it sees one.
    pub(super) fn post(&self, post: &Post, key: &str) -> Option<u16> {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = refused.entry(post.kind.clone()).or_default();
        if *refused < post.refused_first {
            *refused += 1;
            return Some(503);
        }
        self.witness.record(&post.kind, key);
        post.answered.then_some(200)
    }
}
