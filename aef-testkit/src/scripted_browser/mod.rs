//! A browser without a browser.
//!
//! [`ScriptedBrowser::new`] opens the pages of a [`ScriptedSite`] and behaves as a real one in what matters to an engine: a
//! page is lost with its session and made anew by a navigation, actions wait for their elements, and a write counts at the
//! server, where the [`Witness`] sees it whatever becomes of the browser.
//! [`ScriptedBrowser::permissive`] accepts every action. Both tell afterwards what they were asked to do.

mod conditions;
mod dom;
mod element;
mod extract;
mod life;
mod locate;
mod perform;
mod permissive;
mod pointing;
mod screen;
mod session;
mod site;
mod tabs;
#[cfg(test)]
mod tests;
mod trace;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use aef_core::browser::{Browser, BrowserError, Session, SessionOptions};
use aef_core::document::Action;
use aef_core::live::LiveInput;
use aef_core::recovery::ErrorKind;
use async_trait::async_trait;
use serde_json::Value;

pub use element::{Element, Post, Reaction};
pub(crate) use life::Life;
use permissive::PermissiveSession;
use session::SiteSession;
use site::Server;
pub use site::{Page, ScriptedSite};
use trace::Trace;

use crate::witness::Witness;

/// A browser that follows a script. Clones are the same browser.
///
/// ```
/// use aef_testkit::ScriptedBrowser;
/// use serde_json::json;
///
/// let browser = ScriptedBrowser::permissive().with_value("mails", json!([{ "from": "ann@example.org" }]));
/// assert!(browser.trace().is_empty());
/// ```
#[derive(Debug, Clone)]
pub struct ScriptedBrowser {
    mode: Mode,
    trace: Trace,
    sessions: Arc<Mutex<Vec<Weak<Life>>>>,
}

#[derive(Debug, Clone)]
enum Mode {
    Site(Arc<Server>),
    Permissive(Arc<BTreeMap<String, Value>>),
}

impl ScriptedBrowser {
    /// A browser for a site. Its sessions find nothing else on the network.
    #[must_use]
    pub fn new(site: ScriptedSite) -> Self {
        Self::with_mode(Mode::Site(Server::new(site)))
    }

    /// A browser in which every action succeeds and every condition holds. `extract` gives an empty list or null,
    /// unless a value is given for its variable.
    #[must_use]
    pub fn permissive() -> Self {
        Self::with_mode(Mode::Permissive(Arc::default()))
    }

    fn with_mode(mode: Mode) -> Self {
        Self { mode, trace: Trace::default(), sessions: Arc::default() }
    }

    /// The same with the value that an action gives which sets the variable `name`; for permissive browsers.
    #[must_use]
    pub fn with_value(mut self, name: impl Into<String>, value: Value) -> Self {
        if let Mode::Permissive(values) = &mut self.mode {
            Arc::make_mut(values).insert(name.into(), value);
        }
        self
    }

    /// What the site's server has seen; nothing for permissive browsers.
    #[must_use]
    pub fn witness(&self) -> Witness {
        match &self.mode {
            Mode::Site(server) => server.witness.clone(),
            Mode::Permissive(_) => Witness::new(),
        }
    }

    /// The actions that all sessions have performed so far, rendered, in order.
    #[must_use]
    pub fn trace(&self) -> Vec<Action> {
        self.trace.actions()
    }

    /// The input that people have sent to all sessions so far, in order, with what was released in the end.
    #[must_use]
    pub fn inputs(&self) -> Vec<LiveInput> {
        self.trace.inputs()
    }

    /// Loses every open session, as a crash of the browser does.
    pub fn lose_sessions(&self, kind: ErrorKind) {
        for life in self.sessions().drain(..) {
            if let Some(life) = life.upgrade() {
                life.lose(kind);
            }
        }
    }

    /// How many sessions are open.
    #[must_use]
    pub fn open_sessions(&self) -> usize {
        self.sessions().iter().filter_map(Weak::upgrade).filter(|life| life.check("count").is_ok()).count()
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Life>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, life: &Arc<Life>) {
        let mut sessions = self.sessions();
        sessions.retain(|life| life.strong_count() > 0);
        sessions.push(Arc::downgrade(life));
    }
}

#[async_trait]
impl Browser for ScriptedBrowser {
    async fn open(&self, options: SessionOptions) -> Result<Arc<dyn Session>, BrowserError> {
        match &self.mode {
            Mode::Site(server) => {
                let session = SiteSession::open(server, self.trace.clone(), options)?;
                self.keep(&session.life);
                Ok(Arc::new(session))
            }
            Mode::Permissive(values) => {
                let session = PermissiveSession::new(self.trace.clone(), Arc::clone(values), options);
                self.keep(&session.life);
                Ok(Arc::new(session))
            }
        }
    }
}
