//! Tabs and popups.

use aef_core::browser::Effect;
use aef_core::document::{Tab, TabOpen};
use aef_core::recovery::{ErrorKind, Failure};
use chromiumoxide_cdp::cdp::browser_protocol::page::{BringToFrontParams, CloseParams};

use super::navigate::{open, require_allowed};
use super::{Acting, fault};
use crate::error::CdpError;

/// How many tabs a session may have.
const TAB_LIMIT: usize = 50;

impl Acting {
    pub(super) async fn tab(&mut self, tab: &Tab) -> Result<(), CdpError> {
        self.require_open_gate()?;
        if let Some(open) = &tab.open {
            return self.open_tab(open).await;
        }
        if let Some(name) = &tab.switch {
            return self.switch_tab(name).await;
        }
        if let Some(name) = &tab.close {
            return self.close_tab(name).await;
        }
        Err(fault("data", "invalid_request", "tab needs open, switch or close"))
    }

    async fn open_tab(&mut self, wanted: &TabOpen) -> Result<(), CdpError> {
        require_allowed(&self.context, &wanted.url).await?;
        let (count, is_taken) = self.context.read(|state| {
            (state.tabs.len(), wanted.name.as_ref().is_some_and(|name| state.tab(name).is_some()))
        });
        if is_taken {
            return Err(fault("data", "tab_exists", "a tab of this name is open"));
        }
        if count >= TAB_LIMIT {
            let message = format!("{TAB_LIMIT} tabs are open");
            return Err(CdpError::Page(Failure::new(ErrorKind::LimitExceeded, message).with_reason("tabs")));
        }
        self.effect = Effect::Possible;
        let opened = self.context.open_tab().await?;
        let opener = self.tab.clone();
        let name = self.context.update(|state| state.take_over_tab(&opened, wanted.name.as_deref(), &opener));
        self.tab.clone_from(&name);
        let arrival = open(&self.context, &name, &wanted.url, None, self.deadline).await?;
        self.outcome.status = arrival.status;
        if let Some((code, message)) = arrival.note {
            self.note(code, message);
        }
        Ok(())
    }

    async fn switch_tab(&mut self, name: &str) -> Result<(), CdpError> {
        let session = self.context.read(|state| state.tab(name).map(|tab| tab.session.clone()));
        let session = session.ok_or_else(|| no_tab(name))?;
        self.context.link(&session).call_within(BringToFrontParams::default(), self.left()).await?;
        self.context.update(|state| state.current = name.to_owned());
        name.clone_into(&mut self.tab);
        Ok(())
    }

    async fn close_tab(&mut self, name: &str) -> Result<(), CdpError> {
        let found = self.context.update(|state| {
            state.leaving = true;
            state.tab(name).map(|tab| (tab.session.clone(), state.tabs.len()))
        });
        let (session, count) = found.ok_or_else(|| no_tab(name))?;
        if count == 1 {
            return Err(fault("data", "last_tab", "the last tab stays open"));
        }
        self.effect = Effect::Possible;
        let closing = self.context.link(&session).call_within(CloseParams::default(), self.left()).await;
        // The session may end before the answer is written.
        if let Err(error) = closing
            && !matches!(error, CdpError::Lost(_))
        {
            return Err(error);
        }
        let gone = self
            .context
            .wait(self.deadline, |state| state.tab(name).is_none().then(|| state.current.clone()));
        match gone.await? {
            Some(current) => {
                self.tab = current;
                Ok(())
            }
            None => Err(CdpError::Page(Failure::new(ErrorKind::Timeout, format!("tab {name} stays open")))),
        }
    }

    /// Waits for the popup that the action was to open, and for its first document.
    pub(super) async fn await_popup(&mut self, name: &str) -> Result<(), CdpError> {
        let opened = self.context.wait(self.deadline, |state| {
            let tab = state.tab(name)?;
            (tab.armed && tab.page.pending.is_none() && state.worlds.contains_key(&tab.target)).then_some(())
        });
        if opened.await?.is_some() {
            return Ok(());
        }
        let message = format!("the popup that was to be named {name} did not open in time");
        Err(CdpError::Page(Failure::new(ErrorKind::Timeout, message).with_reason("popup")))
    }
}

fn no_tab(name: &str) -> CdpError {
    fault("data", "no_such_tab", format!("there is no tab {name}"))
}
