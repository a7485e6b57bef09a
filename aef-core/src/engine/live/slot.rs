//! Where the browsers of this process are, and who may put a hand on them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::control::control;
use super::not_taken_over;
use crate::browser::{BrowserError, InputGate, Session};
use crate::ids::ExecutionId;
use crate::live::{Frames, LiveChannel, LiveControl, LiveError, LiveErrorKind, LiveInput};

/// How long a controller who does nothing keeps mouse and keyboard where somebody else wants them.
pub(super) const CONTROL_LEASE: Duration = Duration::from_secs(30);

/// How long a browser may take to accept an input, or to begin a screencast.
const ACCEPT_LIMIT: Duration = Duration::from_secs(5);

/// The browser of one driver: its worker finds it here if the driver panics, the live view while it performs.
#[derive(Debug, Clone)]
pub(in crate::engine) struct SessionSlot(Arc<Slot>);

#[derive(Debug)]
struct Slot {
    execution: ExecutionId,
    gate: InputGate,
    session: Mutex<Option<Arc<dyn Session>>>,
    /// Whether automation is parked, so that a person's input is accepted.
    open: watch::Sender<bool>,
    /// Locked while input is on its way to the browser, so that a hand-back comes behind it.
    seat: tokio::sync::Mutex<Seat>,
    changed: Arc<watch::Sender<u64>>,
}

/// Who has mouse and keyboard.
#[derive(Debug, Default)]
struct Seat {
    holder: Option<u64>,
    /// Each holder gets a number that none had before.
    last_holder: u64,
    used: Option<Instant>,
}

impl SessionSlot {
    pub(in crate::engine) fn get(&self) -> Option<Arc<dyn Session>> {
        self.0.session.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(in crate::engine) fn take(&self) -> Option<Arc<dyn Session>> {
        self.0.open.send_replace(false);
        let taken = self.0.session.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.0.tell();
        taken
    }

    pub(in crate::engine) fn put(&self, session: Arc<dyn Session>) {
        *self.0.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(session);
        self.0.tell();
    }

    /// Lets a person's input in while the execution is taken over. When it no longer is, this returns only when what
    /// the person held down is released: what automation sends then comes behind it.
    pub(in crate::engine) async fn follow(&self, taken_over: bool) {
        if taken_over == *self.0.open.borrow() {
            return;
        }
        if taken_over {
            if self.get().is_some() {
                self.0.open.send_replace(true);
                self.0.tell();
            }
            return;
        }
        self.0.open.send_replace(false);
        let mut seat = self.0.seat.lock().await;
        seat.holder = None;
        self.0.release().await;
    }

    /// A reference that does not keep the browser.
    pub(super) fn downgrade(&self) -> WeakSlot {
        WeakSlot(Arc::downgrade(&self.0))
    }

    pub(super) fn opened(&self) -> watch::Receiver<bool> {
        self.0.open.subscribe()
    }

    async fn frames(&self) -> Result<Frames, LiveError> {
        let session = self.get().ok_or_else(not_open)?;
        match timeout(ACCEPT_LIMIT, session.frames()).await {
            Ok(frames) => frames.map_err(of_browser),
            Err(_) => Err(LiveError::new(LiveErrorKind::Unavailable, "the browser did not begin in time")),
        }
    }

    /// Gives mouse and keyboard to somebody new.
    async fn seat(&self) -> Result<u64, LiveError> {
        let mut seat = self.0.seat.lock().await;
        self.get().ok_or_else(not_open)?;
        if !*self.0.open.borrow() {
            return Err(not_taken_over());
        }
        if seat.holder.is_some() {
            if seat.used.is_some_and(|used| used.elapsed() < CONTROL_LEASE) {
                return Err(controlled());
            }
            self.0.release().await;
        }
        seat.last_holder += 1;
        seat.holder = Some(seat.last_holder);
        seat.used = Some(Instant::now());
        Ok(seat.last_holder)
    }
}

impl Slot {
    fn tell(&self) {
        self.changed.send_modify(|version| *version = version.wrapping_add(1));
    }

    /// Ends what a person has held down. Under the seat's lock.
    async fn release(&self) {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(session) = session else { return };
        match timeout(ACCEPT_LIMIT, session.end_input(self.gate.clone())).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "held keys could not be released"),
            Err(_) => tracing::warn!("held keys were not released in time"),
        }
    }
}

/// A slot that goes with its driver.
#[derive(Debug, Clone)]
pub(super) struct WeakSlot(Weak<Slot>);

impl WeakSlot {
    /// Sends an input of this holder.
    pub(super) async fn deliver(&self, holder: u64, input: LiveInput) -> Result<(), LiveError> {
        let slot = SessionSlot(self.0.upgrade().ok_or_else(not_open)?);
        let mut seat = slot.0.seat.lock().await;
        if !*slot.0.open.borrow() {
            return Err(not_taken_over());
        }
        match seat.holder {
            Some(other) if other != holder => return Err(controlled()),
            Some(_) => {}
            None => return Err(not_taken_over()),
        }
        seat.used = Some(Instant::now());
        let session = slot.get().ok_or_else(not_open)?;
        match timeout(ACCEPT_LIMIT, session.dispatch(input, slot.0.gate.clone())).await {
            Ok(sent) => sent.map_err(of_browser),
            Err(_) => Err(LiveError::new(LiveErrorKind::Unavailable, "the browser did not take it in time")),
        }
    }

    /// Gives mouse and keyboard up, unless somebody else has them by now.
    pub(super) async fn leave(&self, holder: u64) {
        let Some(slot) = self.0.upgrade() else { return };
        let mut seat = slot.seat.lock().await;
        if seat.holder == Some(holder) {
            seat.holder = None;
            slot.release().await;
            slot.tell();
        }
    }
}

/// The slots of the drivers of this process.
#[derive(Debug, Default)]
pub(in crate::engine) struct LiveSessions {
    slots: Mutex<BTreeMap<ExecutionId, Weak<Slot>>>,
    changed: Arc<watch::Sender<u64>>,
}

impl LiveSessions {
    /// The slot of a new driver. A later one for the same execution takes its place.
    pub(in crate::engine) fn add(&self, execution: ExecutionId, gate: InputGate) -> SessionSlot {
        let slot = Arc::new(Slot {
            execution,
            gate,
            session: Mutex::default(),
            open: watch::Sender::new(false),
            seat: tokio::sync::Mutex::default(),
            changed: Arc::clone(&self.changed),
        });
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|_, slot| slot.strong_count() > 0);
        slots.insert(slot.execution, Arc::downgrade(&slot));
        SessionSlot(slot)
    }

    /// Tells of every session that opens, closes or changes hands.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn find(&self, execution: ExecutionId) -> Result<SessionSlot, LiveError> {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.get(&execution).and_then(Weak::upgrade).map(SessionSlot).ok_or_else(not_open)
    }
}

#[async_trait]
impl LiveChannel for LiveSessions {
    async fn frames(&self, execution: ExecutionId) -> Result<Frames, LiveError> {
        self.find(execution)?.frames().await
    }

    async fn control(&self, execution: ExecutionId) -> Result<Box<dyn LiveControl>, LiveError> {
        let slot = self.find(execution)?;
        let holder = slot.seat().await?;
        Ok(control(&slot, holder))
    }
}

fn not_open() -> LiveError {
    LiveError::new(LiveErrorKind::NotOpen, "no browser of it is open here")
}

fn controlled() -> LiveError {
    LiveError::new(LiveErrorKind::Controlled, "somebody else has mouse and keyboard")
}

fn of_browser(error: BrowserError) -> LiveError {
    let kind = if error.is_unsupported() { LiveErrorKind::Unsupported } else { LiveErrorKind::Unavailable };
    LiveError::new(kind, "the browser did not do it").with_source(error)
}
