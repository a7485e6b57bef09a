//! The tabs of one session, and where they may go.

use std::collections::BTreeMap;
use std::sync::Arc;

use aef_core::browser::{NavigationPolicy, StorageState, TabState};
use aef_core::document::DialogPolicy;
use aef_core::recovery::{ErrorKind, Failure};
use serde_json::json;
use url::Url;

use super::dom::Dom;
use super::pointing::Hands;
use super::site::Server;

/// How many redirects a navigation follows.
const REDIRECTS: usize = 5;

/// Everything that a session holds and loses.
#[derive(Debug)]
pub(super) struct Tabs {
    pub(super) server: Arc<Server>,
    pub(super) policy: NavigationPolicy,
    pub(super) dialogs: DialogPolicy,
    pub(super) cookies: BTreeMap<String, String>,
    pub(super) crashed: bool,
    pub(super) hands: Hands,
    tabs: Vec<OpenTab>,
    /// Names of tabs, the current one last.
    order: Vec<String>,
    opened: u32,
}

/// One tab with its history.
#[derive(Debug)]
pub(super) struct OpenTab {
    pub(super) name: String,
    pub(super) dom: Dom,
    history: Vec<Url>,
    at: usize,
}

impl Tabs {
    /// One empty tab named `t1`.
    pub(super) fn new(server: Arc<Server>, policy: NavigationPolicy) -> Self {
        let mut tabs = Self {
            server,
            policy,
            dialogs: DialogPolicy::default(),
            cookies: BTreeMap::new(),
            crashed: false,
            hands: Hands::default(),
            tabs: Vec::new(),
            order: Vec::new(),
            opened: 0,
        };
        let name = tabs.add(None);
        tabs.order.push(name);
        tabs
    }

    pub(super) fn current(&self) -> &OpenTab {
        let name = self.order.last();
        self.tabs.iter().find(|tab| Some(&tab.name) == name).expect("one tab is always current")
    }

    pub(super) fn current_mut(&mut self) -> &mut OpenTab {
        let name = self.order.last();
        self.tabs.iter_mut().find(|tab| Some(&tab.name) == name).expect("one tab is always current")
    }

    /// Opens an address, or a path of the site, in the current tab; gives the status.
    pub(super) fn open(&mut self, url: &str, allow: &[u16]) -> Result<Option<u16>, Failure> {
        let base = if url.starts_with('/') { self.server.site.origin.as_str() } else { "" };
        let url = self.checked(&format!("{base}{url}"))?;
        let status = self.load(&url, allow)?;
        let tab = self.current_mut();
        tab.history.truncate(tab.at + 1);
        let landed = tab.dom.url.clone();
        tab.history.push(landed);
        tab.at = tab.history.len() - 1;
        Ok(status)
    }

    /// Goes to another place in the history; 0 loads the page again.
    pub(super) fn travel_to(&mut self, by: i64, allow: &[u16]) -> Result<Option<u16>, Failure> {
        let tab = self.current();
        let place = i64::try_from(tab.at).unwrap_or(i64::MAX).saturating_add(by);
        let found = usize::try_from(place).ok().and_then(|at| Some((at, tab.history.get(at)?.clone())));
        let Some((at, url)) = found else {
            return Err(Failure::new(ErrorKind::Navigation, "there is no such page in the history"));
        };
        let status = self.load(&url, allow)?;
        self.current_mut().at = at;
        Ok(status)
    }

    fn load(&mut self, url: &Url, allow: &[u16]) -> Result<Option<u16>, Failure> {
        if url.as_str() == "about:blank" {
            self.current_mut().dom = Dom::empty(url.clone());
            return Ok(None);
        }
        let mut url = url.clone();
        for _ in 0..REDIRECTS {
            let server = Arc::clone(&self.server);
            let page = server.site.pages.get(url.path());
            let elsewhere = page
                .and_then(|page| page.needs_cookie.as_ref())
                .filter(|(cookie, _)| !self.cookies.contains_key(cookie));
            if let Some((_, path)) = elsewhere {
                url.set_path(path);
                url.set_query(None);
                continue;
            }
            let status = page.map_or(404, |page| page.status);
            let dom =
                page.map_or_else(|| Dom::empty(url.clone()), |page| Dom::of(page, url.clone(), &server));
            self.current_mut().dom = dom;
            if status >= 400 && !allow.contains(&status) {
                let mut failure = Failure::new(ErrorKind::HttpStatus, format!("{url} answered {status}"));
                failure.transient = status >= 500 || status == 429;
                return Err(failure);
            }
            return Ok(Some(status));
        }
        Err(Failure::new(ErrorKind::Navigation, format!("{url} redirects without end")))
    }

    /// The address, if the policy allows it and the site is there.
    fn checked(&self, url: &str) -> Result<Url, Failure> {
        let parsed: Url = url.parse().map_err(|error| {
            Failure::new(ErrorKind::Navigation, format!("`{url}` is no address: {error}"))
        })?;
        if parsed.as_str() == "about:blank" {
            return Ok(parsed);
        }
        let refused = |rule: &str, says: &str| {
            Err(Failure::new(ErrorKind::Policy, format!("{parsed} may not be opened: {says}"))
                .with_reason(rule))
        };
        if !matches!(parsed.scheme(), "http" | "https") {
            return refused("scheme_refused", "only http and https documents may be opened");
        }
        let origin = parsed.origin().ascii_serialization();
        if !self.policy.allowed_origins.iter().any(|allowed| allows(allowed, &origin)) {
            return refused("origin_refused", "its origin is not in allowedOrigins");
        }
        if origin != self.server.site.origin {
            return Err(Failure::new(ErrorKind::Navigation, format!("nobody answers at {origin}")));
        }
        Ok(parsed)
    }

    fn add(&mut self, name: Option<&str>) -> String {
        self.opened += 1;
        let name = name.map_or_else(|| format!("t{}", self.opened), str::to_owned);
        let blank: Url = "about:blank".parse().expect("the address is sound");
        let dom = Dom::empty(blank.clone());
        self.tabs.push(OpenTab { name: name.clone(), dom, history: vec![blank], at: 0 });
        name
    }

    /// Opens an address in a new tab that is not current; gives its name.
    pub(super) fn open_tab(&mut self, name: Option<&str>, url: &str) -> Result<String, Failure> {
        let name = self.add(name);
        self.order.push(name.clone());
        let opened = self.open(url, &[]);
        self.order.pop();
        self.order.insert(0, name.clone());
        match opened {
            Ok(_) => Ok(name),
            Err(failure) => {
                self.forget(&name);
                Err(failure)
            }
        }
    }

    pub(super) fn switch_tab(&mut self, name: &str) -> Result<(), Failure> {
        let Some(place) = self.order.iter().position(|tab| tab == name) else {
            return Err(Failure::new(ErrorKind::Data, format!("there is no tab `{name}`")));
        };
        let name = self.order.remove(place);
        self.order.push(name);
        Ok(())
    }

    pub(super) fn close_tab(&mut self, name: &str) -> Result<(), Failure> {
        if !self.order.iter().any(|tab| tab == name) {
            return Err(Failure::new(ErrorKind::Data, format!("there is no tab `{name}`")));
        }
        if self.order.len() == 1 {
            return Err(Failure::new(ErrorKind::Data, "the last tab cannot be closed"));
        }
        self.forget(name);
        Ok(())
    }

    pub(super) fn rename_tab(&mut self, from: &str, to: &str) {
        let names = self.tabs.iter_mut().map(|tab| &mut tab.name).chain(&mut self.order);
        for name in names.filter(|name| *name == from) {
            to.clone_into(name);
        }
    }

    fn forget(&mut self, name: &str) {
        self.tabs.retain(|tab| tab.name != name);
        self.order.retain(|tab| tab != name);
    }

    /// What is needed to make the session again.
    pub(super) fn state(&self) -> StorageState {
        let cookies =
            self.cookies.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        let tabs = self.order.iter().rev().filter_map(|name| {
            let tab = self.tabs.iter().find(|tab| &tab.name == name)?;
            Some(TabState { name: name.clone(), url: tab.dom.url.to_string() })
        });
        StorageState { cookies, origins: Vec::new(), tabs: tabs.collect() }
    }

    /// Takes over what another session has kept.
    pub(super) fn restore(&mut self, state: &StorageState) -> Result<(), Failure> {
        for cookie in &state.cookies {
            if let (Some(name), Some(value)) = (cookie["name"].as_str(), cookie["value"].as_str()) {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let Some((current, others)) = state.tabs.split_first() else { return Ok(()) };
        self.rename_tab("t1", &current.name);
        if current.url != "about:blank" {
            self.open(&current.url, &[])?;
        }
        for tab in others {
            self.open_tab(Some(&tab.name), &tab.url)?;
        }
        Ok(())
    }
}

/// Whether an origin is this one, or below it where it begins with `https://*.`.
fn allows(allowed: &str, origin: &str) -> bool {
    match allowed.split_once("://*.") {
        Some((scheme, host)) => origin
            .strip_prefix(scheme)
            .and_then(|rest| rest.strip_prefix("://"))
            .is_some_and(|rest| rest.ends_with(&format!(".{host}"))),
        None => allowed.trim_end_matches('/') == origin,
    }
}
