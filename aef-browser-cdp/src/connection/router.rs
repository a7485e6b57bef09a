//! Who waits for what: answers by id, events by session, and the causes by which both end.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};

use super::envelope::{Event, Incoming};
use crate::error::{CdpError, Loss};

/// Events that may wait for the task of one context. A page that outruns it loses its session instead of
/// growing the queue, for an event that is dropped in silence could be a dialog or a stopped request.
const EVENT_LIMIT: usize = 16_384;

/// What comes back for a call.
pub(super) type Answer = Result<Box<RawValue>, CdpError>;

/// The state between the socket's reader and everybody else. Its lock is never held across an await.
#[derive(Debug, Default)]
pub(super) struct Router {
    state: Mutex<State>,
    ended: OnceLock<Loss>,
}

#[derive(Debug, Default)]
struct State {
    pending: HashMap<u64, Pending>,
    sessions: HashMap<Arc<str>, Route>,
    contexts: HashMap<Box<str>, mpsc::Sender<Event>>,
    browser: Option<mpsc::Sender<Event>>,
}

#[derive(Debug)]
struct Pending {
    session: Option<Arc<str>>,
    answer: oneshot::Sender<Answer>,
}

#[derive(Debug)]
struct Route {
    target: Box<str>,
    events: Option<mpsc::Sender<Event>>,
    lost: Option<Loss>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attached {
    session_id: String,
    target_info: AttachedTarget,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AttachedTarget {
    target_id: String,
    browser_context_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detached {
    session_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TargetEnded {
    target_id: String,
}

impl Router {
    /// Registers a call; refused at once where its session is already over.
    pub(super) fn expect(
        &self,
        id: u64,
        session: Option<&Arc<str>>,
    ) -> Result<oneshot::Receiver<Answer>, CdpError> {
        let mut state = self.state();
        if let Some(loss) = self.ended() {
            return Err(CdpError::Lost(loss));
        }
        if let Some(loss) = session.and_then(|id| state.sessions.get(id)).and_then(|route| route.lost.clone())
        {
            return Err(CdpError::Lost(loss));
        }
        let (answer, receiver) = oneshot::channel();
        state.pending.insert(id, Pending { session: session.cloned(), answer });
        Ok(receiver)
    }

    pub(super) fn forget(&self, id: u64) {
        self.state().pending.remove(&id);
    }

    pub(super) fn refuse(&self, ids: &[u64], error: &CdpError) {
        let mut state = self.state();
        for id in ids {
            if let Some(pending) = state.pending.remove(id) {
                let _ = pending.answer.send(Err(error.clone()));
            }
        }
    }

    pub(super) fn take_browser_events(&self) -> mpsc::Receiver<Event> {
        let (sender, receiver) = mpsc::channel(EVENT_LIMIT);
        self.state().browser = Some(sender);
        receiver
    }

    pub(super) fn register_context(&self, context: &str) -> mpsc::Receiver<Event> {
        let (sender, receiver) = mpsc::channel(EVENT_LIMIT);
        self.state().contexts.insert(context.into(), sender);
        receiver
    }

    pub(super) fn mark(&self, context: &str, mark: u64) {
        let mut state = self.state();
        if let Some(channel) = state.contexts.get(context).cloned() {
            state.push(&channel, Event::marking(mark));
        }
    }

    pub(super) fn forget_context(&self, context: &str) {
        let mut state = self.state();
        if let Some(sender) = state.contexts.remove(context) {
            state.fail_channel(&sender, &Loss::Closed);
        }
    }

    pub(super) fn ended(&self) -> Option<Loss> {
        self.ended.get().cloned()
    }

    /// The cause for a caller whose answer went away without one.
    pub(super) fn cause(&self) -> Loss {
        self.ended().unwrap_or(Loss::Closed)
    }

    /// Ends everything. The first cause stays.
    pub(super) fn end(&self, loss: Loss) {
        let mut state = self.state();
        let _ = self.ended.set(loss);
        let cause = self.cause();
        for (_, pending) in state.pending.drain() {
            let _ = pending.answer.send(Err(CdpError::Lost(cause.clone())));
        }
        state.sessions.clear();
        state.contexts.clear();
        state.browser = None;
    }

    /// Takes one message off the socket. A message that cannot be read is noted and passed over.
    pub(super) fn dispatch(&self, text: &str) {
        let incoming: Incoming<'_> = match serde_json::from_str(text) {
            Ok(incoming) => incoming,
            Err(error) => {
                tracing::warn!(%error, "unreadable message from the browser");
                return;
            }
        };
        let mut state = self.state();
        match (incoming.id, &incoming.method) {
            (Some(id), _) => state.answer(id, &incoming),
            (None, Some(method)) => state.event(method, &incoming),
            (None, None) => tracing::warn!("message without id and method from the browser"),
        }
    }

    #[cfg(test)]
    pub(super) fn pending_calls(&self) -> usize {
        self.state().pending.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while the lock was held leaves maps that are still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn answer(&mut self, id: u64, incoming: &Incoming<'_>) {
        // Answers to posted commands and to calls given up have nobody to go to.
        let Some(pending) = self.pending.remove(&id) else {
            if let Some(refusal) = &incoming.error {
                tracing::debug!(code = refusal.code, message = %refusal.message, "unawaited command refused");
            }
            return;
        };
        let answer = match (&incoming.error, incoming.result) {
            (Some(refusal), _) => Err(CdpError::refused(refusal.code, &refusal.message)),
            (None, Some(result)) => Ok(result.to_owned()),
            (None, None) => Ok(RawValue::NULL.to_owned()),
        };
        let _ = pending.answer.send(answer);
    }

    fn event(&mut self, method: &str, incoming: &Incoming<'_>) {
        let session = incoming.session.as_deref();
        match method {
            "Target.attachedToTarget" => return self.attached(session, incoming),
            "Target.detachedFromTarget" => {
                if let Some(ended) = read::<Detached>(incoming) {
                    self.detached(session, &ended.session_id, incoming);
                    self.end_session(&ended.session_id, &Loss::PageClosed);
                    self.sessions.remove(ended.session_id.as_str());
                    return;
                }
            }
            "Target.targetDestroyed" => {
                if let Some(ended) = read::<TargetEnded>(incoming) {
                    self.end_target(&ended.target_id, &Loss::PageClosed);
                }
            }
            "Target.targetCrashed" => {
                if let Some(ended) = read::<TargetEnded>(incoming) {
                    self.end_target(&ended.target_id, &Loss::PageCrashed);
                }
            }
            "Inspector.targetCrashed" => {
                if let Some(id) = session {
                    self.end_session(id, &Loss::PageCrashed);
                }
            }
            // The page was reloaded after a crash: its session works again.
            "Inspector.targetReloadedAfterCrash" => {
                if let Some(route) = session.and_then(|id| self.sessions.get_mut(id)) {
                    route.lost = None;
                }
            }
            _ => {}
        }
        self.deliver(session, method, incoming);
    }

    fn attached(&mut self, parent: Option<&str>, incoming: &Incoming<'_>) {
        let Some(attached) = read::<Attached>(incoming) else { return };
        let events = match parent {
            Some(parent) => self.sessions.get(parent).and_then(|route| route.events.clone()),
            None => attached
                .target_info
                .browser_context_id
                .as_deref()
                .and_then(|context| self.contexts.get(context).cloned()),
        };
        let event = Event::new(parent.map(Arc::from), "Target.attachedToTarget", incoming.params);
        if let Some(channel) = events.as_ref().or(self.browser.as_ref()).cloned() {
            self.push(&channel, event);
        }
        let route = Route { target: attached.target_info.target_id.into(), events, lost: None };
        self.sessions.insert(attached.session_id.into(), route);
    }

    /// The end of a session is told to whoever gets its events, for the event itself may stand on the browser.
    fn detached(&mut self, parent: Option<&str>, ended: &str, incoming: &Incoming<'_>) {
        let route = self.sessions.get(ended).and_then(|route| route.events.as_ref());
        if let Some(channel) = route.or(self.browser.as_ref()).cloned() {
            let event = Event::new(parent.map(Arc::from), "Target.detachedFromTarget", incoming.params);
            self.push(&channel, event);
        }
    }

    /// An event of a session that nobody registered goes to the browser's listener, like those without one.
    fn deliver(&mut self, session: Option<&str>, method: &str, incoming: &Incoming<'_>) {
        let entry = session.and_then(|id| self.sessions.get_key_value(id));
        let channel = entry.and_then(|(_, route)| route.events.as_ref()).or(self.browser.as_ref()).cloned();
        let session = entry.map(|(id, _)| Arc::clone(id)).or_else(|| session.map(Arc::from));
        if let Some(channel) = channel {
            self.push(&channel, Event::new(session, method, incoming.params));
        }
    }

    fn push(&mut self, channel: &mpsc::Sender<Event>, event: Event) {
        if let Err(mpsc::error::TrySendError::Full(event)) = channel.try_send(event) {
            tracing::warn!(method = %event.method, "event queue full, giving the context up");
            self.fail_channel(channel, &Loss::Overflow);
        }
    }

    /// Fails every session whose events go to this channel, and lets go of the channel.
    fn fail_channel(&mut self, channel: &mpsc::Sender<Event>, loss: &Loss) {
        let sessions: Vec<Arc<str>> = self
            .sessions
            .iter()
            .filter(|(_, route)| route.events.as_ref().is_some_and(|events| events.same_channel(channel)))
            .map(|(id, _)| Arc::clone(id))
            .collect();
        for id in sessions {
            self.end_session(&id, loss);
            if let Some(route) = self.sessions.get_mut(&id) {
                route.events = None;
            }
        }
        self.contexts.retain(|_, sender| !sender.same_channel(channel));
    }

    fn end_target(&mut self, target: &str, loss: &Loss) {
        let sessions: Vec<Arc<str>> = self
            .sessions
            .iter()
            .filter(|(_, route)| &*route.target == target)
            .map(|(id, _)| Arc::clone(id))
            .collect();
        for id in sessions {
            self.end_session(&id, loss);
        }
    }

    /// Fails what is pending on a session, and what will be asked of it. The first cause stays.
    fn end_session(&mut self, id: &str, loss: &Loss) {
        let loss = match self.sessions.get_mut(id) {
            Some(route) => route.lost.get_or_insert_with(|| loss.clone()).clone(),
            None => loss.clone(),
        };
        let ids: Vec<u64> = self
            .pending
            .iter()
            .filter(|(_, pending)| pending.session.as_deref() == Some(id))
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            if let Some(pending) = self.pending.remove(&id) {
                let _ = pending.answer.send(Err(CdpError::Lost(loss.clone())));
            }
        }
    }
}

fn read<'a, T: Deserialize<'a>>(incoming: &Incoming<'a>) -> Option<T> {
    serde_json::from_str(incoming.params?.get()).ok()
}
