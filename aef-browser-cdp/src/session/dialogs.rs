//! Dialogs: what a page asks is answered at once, by the document's policy.

use std::sync::Arc;
use std::time::Duration;

use aef_core::browser::DialogRecord;
use chromiumoxide_cdp::cdp::browser_protocol::page::HandleJavaScriptDialogParams;
use chromiumoxide_cdp::cdp::browser_protocol::target::CloseTargetParams;
use chromiumoxide_cdp::cdp::js_protocol::runtime::TerminateExecutionParams;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::Context;
use super::payloads::DialogOpening;
use crate::connection::{DEFAULT_CALL_LIMIT, Reply};
use crate::error::Loss;

/// How long a document may take to arrive when the one before it has asked something that cannot be answered.
const STUCK_LIMIT: Duration = Duration::from_secs(3);

/// How often meanwhile the answer is tried again: the navigation may come to nothing.
const ANSWER_AGAIN: Duration = Duration::from_millis(100);

/// Takes a dialog in, and answers it.
pub(super) fn on_dialog(context: &Arc<Context>, session: &str, dialog: &DialogOpening) {
    let mut answer = HandleJavaScriptDialogParams::new(false);
    let keeps_asking = context.update(|state| {
        let is_leaving = dialog.kind == "beforeunload" && state.leaving;
        answer.accept = is_leaving || state.dialogs.accept == Some(true) || state.dialogs.answer.is_some();
        answer.prompt_text = state.dialogs.answer.clone();
        state.asked += 1;
        state.record.dialog(DialogRecord {
            kind: dialog.kind.clone(),
            message: dialog.message.clone(),
            accepted: answer.accept,
        });
        let keeps_asking = state.tab_of(session).is_some_and(|tab| tab.page.keeps_asking());
        if keeps_asking {
            state
                .record
                .note("script_ended", "a script that asked on and on while its page was left was ended");
        }
        keeps_asking
    });
    let link = context.link(session);
    if keeps_asking {
        // It ends as soon as it has its answer.
        link.post(&TerminateExecutionParams::default());
    }
    let mut batch = link.batch();
    let sent = batch.push_as::<_, Box<RawValue>>(&answer).and_then(|reply| batch.send(None).map(|()| reply));
    match sent {
        Ok(reply) => {
            let (context, session) = (Arc::clone(context), session.to_owned());
            tokio::spawn(async move { context.see_through(&session, answer, reply).await });
        }
        Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, "dialog not answered"),
    }
}

impl Context {
    /// Waits for what became of an answer, and gives a tab up whose dialog nobody can answer.
    ///
    /// Once the next document of a tab is ready, Chromium takes no answers for the one that still stands there. Where
    /// both are in one process, the new one cannot come before the dialog has been answered: the tab is stuck, and only
    /// to close it helps. Browsers that we start keep a page's frame host from one document to the next, which avoids
    /// that; one that somebody else runs may not.
    async fn see_through(
        &self,
        session: &str,
        answer: HandleJavaScriptDialogParams,
        reply: Reply<Box<RawValue>>,
    ) {
        let answered = reply.raw_within(DEFAULT_CALL_LIMIT).await;
        self.update(|state| state.answered += 1);
        if !answered.is_err_and(|error| error.is_between_documents()) {
            return;
        }
        let tab = self.update(|state| {
            let tab = state.tab_of(session)?;
            Some((tab.name.clone(), tab.target.clone(), tab.page.arrivals))
        });
        let Some((name, target, arrivals)) = tab else { return };
        let until = Instant::now() + STUCK_LIMIT;
        while Instant::now() < until {
            let moved = self.wait(Instant::now() + ANSWER_AGAIN, |state| match state.tab(&name) {
                Some(tab) if tab.page.arrivals == arrivals => None,
                Some(_) | None => Some(()),
            });
            if !matches!(moved.await, Ok(None)) {
                return;
            }
            let again = self.link(session).call_within(answer.clone(), STUCK_LIMIT).await;
            if !again.is_err_and(|error| error.is_between_documents()) {
                return;
            }
        }
        self.update(|state| {
            state.record.note("tab_stuck", format!("tab {name} was closed: {}", Loss::PageStuck));
            if state.current == name {
                state.lost.get_or_insert(Loss::PageStuck);
            }
        });
        self.browser.post(&CloseTargetParams::new(target.to_string()));
    }
}
