//! Performing actions: what is asked of the page, what is sent to it, and what became of it.

mod files;
mod form;
mod hand;
mod input;
mod keyboard;
mod keys;
mod navigate;
mod picture;
mod pointer;
mod read;
mod tabs;

use std::sync::Arc;
use std::time::Duration;

use aef_core::browser::{
    ActionError, ActionOutcome, ActionRequest, Effect, FileContent, InputGate, Note, Performed, SecretSource,
};
use aef_core::document::{Action, ActionKind, Target};
use aef_core::recovery::{ErrorKind, Failure};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::error::{CdpError, Fault};
use crate::session::{Blocked, Context, Found, Record, Settled, World, gate_ms};

/// What an action may take beyond its timeout to tell what became of it.
const GRACE: Duration = Duration::from_millis(500);

/// How long before an interceptor shuts it is told of a lease that was renewed.
const RENEW_BEFORE: Duration = Duration::from_secs(3);

/// How long the title after an action may be waited for.
const TITLE_LIMIT: Duration = Duration::from_millis(300);

/// One action on its way.
pub(crate) struct Acting {
    context: Arc<Context>,
    deadline: Instant,
    gate: InputGate,
    secrets: Arc<dyn SecretSource>,
    files: Vec<FileContent>,
    /// The tab that was the current one when the action began.
    tab: String,
    effect: Effect,
    outcome: ActionOutcome,
    /// Address and title as the page told them last.
    page: Option<PageInfo>,
    /// Whether the element stands in the main frame.
    in_main_frame: bool,
    value: Option<Value>,
    file: Option<FileContent>,
    /// The interceptor that was armed last.
    interceptor: Option<Interceptor>,
    /// What happened before the action's own report was due.
    record: Record,
}

/// An interceptor in the page that lets input through for a while.
struct Interceptor {
    world: World,
    token: String,
    until: Instant,
}

/// A page's address and title.
#[derive(Debug, Clone, Default, Deserialize)]
struct PageInfo {
    url: String,
    title: String,
}

/// What `prepare` answers, as far as all actions use it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Prepared {
    #[serde(default, rename = "ref")]
    reference: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    page: PageInfo,
    #[serde(default)]
    done: bool,
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    point: Option<Place>,
    #[serde(default)]
    fingerprint: Map<String, Value>,
    #[serde(default, rename = "box")]
    area: Option<Area>,
    #[serde(default)]
    page_box: Option<Area>,
    #[serde(default)]
    at_end: bool,
    #[serde(default)]
    chooser: bool,
}

/// A point in CSS px.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
struct Place {
    x: f64,
    y: f64,
}

/// A box in CSS px.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
struct Area {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

/// Performs one action, within its timeout.
pub(crate) async fn perform(
    context: &Arc<Context>,
    request: ActionRequest,
) -> Result<Performed, ActionError> {
    let started = Instant::now();
    let deadline = started + request.timeout;
    let Ok(_turn) = tokio::time::timeout_at(deadline, context.acting.lock()).await else {
        let failure = Failure::new(ErrorKind::Timeout, "another action is still being performed");
        return Err(ActionError::without_effect(failure));
    };
    if let Some(loss) = context.read(|state| state.lost.clone()) {
        let loss = context.host.explain(loss).await;
        let mut error = ActionError::without_effect(CdpError::Lost(loss.clone()).failure());
        error.source = Some(Box::new(loss));
        return Err(error);
    }
    let ActionRequest { action, gate, secrets, files, .. } = request;
    let mut acting = Acting::begin(context, deadline, gate, secrets, files, &action);
    let result = match tokio::time::timeout_at(deadline + GRACE, acting.run(&action)).await {
        Ok(result) => result,
        Err(_) => Err(CdpError::Page(acting.late(&action))),
    };
    // A page that answers, if only that it has waited in vain, runs no script without end.
    let is_silent =
        |error: &CdpError| !matches!(error, CdpError::Fault(_)) && error.failure().kind == ErrorKind::Timeout;
    if result.as_ref().is_err_and(is_silent) {
        context.end_endless_scripts(&acting.tab).await;
    }
    acting.finish(&action, result, started).await
}

impl Acting {
    fn begin(
        context: &Arc<Context>,
        deadline: Instant,
        gate: InputGate,
        secrets: Arc<dyn SecretSource>,
        files: Vec<FileContent>,
        action: &Action,
    ) -> Self {
        let tab = context.update(|state| {
            state.record.navigations.clear();
            state.record.blocked.clear();
            state.chooser = None;
            state.secrets = Some(Arc::clone(&secrets));
            state.expected_popup = action.popup.as_ref().map(|popup| popup.name.clone());
            state.current.clone()
        });
        Self {
            context: Arc::clone(context),
            deadline,
            gate,
            secrets,
            files,
            tab,
            effect: Effect::None,
            outcome: ActionOutcome::default(),
            page: None,
            in_main_frame: true,
            value: None,
            file: None,
            interceptor: None,
            record: Record::default(),
        }
    }

    async fn run(&mut self, action: &Action) -> Result<(), CdpError> {
        if needs_document(&action.kind) {
            self.settle().await?;
        }
        self.dispatch(&action.kind).await?;
        if let Some(popup) = &action.popup {
            self.await_popup(&popup.name).await?;
        }
        self.refuse_what_was_blocked()
    }

    async fn dispatch(&mut self, kind: &ActionKind) -> Result<(), CdpError> {
        match kind {
            ActionKind::Navigate(navigate) => self.navigate(navigate).await,
            ActionKind::Back(history) => self.travel(-1, history).await,
            ActionKind::Forward(history) => self.travel(1, history).await,
            ActionKind::Reload(history) => self.reload(history).await,
            ActionKind::Click(click) => self.click(click).await,
            ActionKind::Hover(hover) => self.hover(hover).await,
            ActionKind::Fill(fill) => self.fill(&fill.target, &fill.value).await,
            ActionKind::Type(typed) => self.type_text(typed).await,
            ActionKind::Clear(on) => self.in_page("clear", &on.target, Map::new()).await.map(drop),
            ActionKind::Press(press) => self.press(press).await,
            ActionKind::Select(select) => self.select(select).await,
            ActionKind::Check(on) => self.check(&on.target, "check").await,
            ActionKind::Uncheck(on) => self.check(&on.target, "uncheck").await,
            ActionKind::Scroll(scroll) => self.scroll(scroll).await,
            ActionKind::WaitFor(wait) => self.wait_for(wait).await,
            ActionKind::Extract(extract) => self.extract(extract).await,
            ActionKind::Verify(verify) => self.verify(verify).await,
            ActionKind::Screenshot(screenshot) => self.screenshot(screenshot).await,
            ActionKind::Upload(upload) => self.upload(upload).await,
            ActionKind::Download(download) => self.download(download).await,
            ActionKind::Drag(drag) => self.drag(drag).await,
            ActionKind::SelectText(select) => self.select_text(select).await,
            ActionKind::Tab(tab) => self.tab(tab).await,
            ActionKind::Dialog(policy) => {
                self.context.update(|state| state.dialogs = policy.clone());
                Ok(())
            }
            ActionKind::Evaluate(evaluate) => self.evaluate(evaluate).await,
            ActionKind::Set(_) | ActionKind::Act(_) | ActionKind::Custom(_) => {
                let message = format!("`{}` is not performed by a browser", kind.name());
                Err(CdpError::Page(Failure::new(ErrorKind::Internal, message).with_reason("unsupported")))
            }
        }
    }

    /// The time left.
    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Waits for the document that a navigation under way will bring, and until it is parsed.
    async fn settle(&mut self) -> Result<(), CdpError> {
        match self.context.await_document(&self.tab, self.deadline).await? {
            Settled::Parsed => Ok(()),
            Settled::Unparsed => {
                self.note("load_incomplete", "the document was not parsed when the action began");
                Ok(())
            }
            Settled::Unanswered => Err(self.unanswered()),
        }
    }

    /// The error of a navigation that no server answered.
    fn unanswered(&self) -> CdpError {
        let url = self.context.read(|state| {
            state.tab(&self.tab).and_then(|tab| tab.page.pending.as_ref()).map(|pending| pending.url.clone())
        });
        let message = format!("{} has not answered", url.as_deref().unwrap_or("the server"));
        let mut failure = Failure::new(ErrorKind::Timeout, message).with_reason("navigation");
        failure.transient = true;
        CdpError::Page(failure)
    }

    /// Asks the script to prepare an action on a target.
    async fn prepare(
        &mut self,
        action: &str,
        target: Option<&Target>,
        extra: Map<String, Value>,
    ) -> Result<(Prepared, Found), CdpError> {
        let mut request = extra;
        request.insert("action".into(), json!(action));
        let asked = Instant::now() + self.gate.left();
        let gate = self.gate.clone();
        let found =
            self.context.ask("prepare", "target", target, &request, self.deadline, Some(&gate)).await?;
        let prepared: Prepared = serde_json::from_value(found.value.clone())
            .map_err(|source| CdpError::malformed("prepare", source))?;
        self.armed(&found.frame.world, &prepared, asked);
        self.matched(&prepared, &found);
        Ok((prepared, found))
    }

    /// Notes an interceptor that was armed, and until when it lets input through. The lease may be renewed meanwhile, so
    /// this is the earliest end.
    fn armed(&mut self, world: &World, prepared: &Prepared, until: Instant) {
        if let Some(token) = &prepared.token {
            self.interceptor = Some(Interceptor { world: world.clone(), token: token.clone(), until });
        }
    }

    /// Tells the interceptor of a long gesture that the lease was renewed.
    async fn keep_gate_open(&mut self) -> Result<(), CdpError> {
        let Some(interceptor) = &self.interceptor else { return Ok(()) };
        let now = Instant::now();
        if interceptor.until > now + RENEW_BEFORE || now + self.gate.left() <= interceptor.until {
            return Ok(());
        }
        let (world, until) = (interceptor.world.clone(), now + self.gate.left());
        let mut request = Map::new();
        request.insert("token".into(), json!(interceptor.token));
        request.insert("gateMs".into(), json!(self.gate_ms()));
        if self.ask_again(&world, "extend", request).await?.is_some()
            && let Some(interceptor) = &mut self.interceptor
        {
            interceptor.until = until;
        }
        Ok(())
    }

    fn matched(&mut self, prepared: &Prepared, found: &Found) {
        if let Some(description) = &prepared.description {
            self.outcome.matched = Some(description.clone());
        }
        // What `prepare` says of the page holds before the input; the verdict, if there is one, tells it anew.
        self.page = None;
        self.in_main_frame = found.frame.path.is_empty();
    }

    /// Takes the address and the title as the page tells them after an action.
    fn saw_page(&mut self, answer: &Value) {
        if self.in_main_frame {
            self.page = serde_json::from_value(answer["page"].clone()).ok();
        }
    }

    /// The milliseconds for which input may still reach the page.
    fn gate_ms(&self) -> u64 {
        gate_ms(self.gate.left())
    }

    /// Asks the script in a world that was found before. A world that is gone gives `None`.
    async fn ask_again(
        &self,
        world: &World,
        operation: &str,
        request: Map<String, Value>,
    ) -> Result<Option<Value>, CdpError> {
        let limit = self.left().max(Duration::from_millis(200)) + GRACE;
        match self.context.ask_world(world, operation, request, None, limit).await {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.is_document_gone() => Ok(None),
            // The tab closed itself in answer to the input; the others go on.
            Err(CdpError::Lost(_)) if self.has_other_tabs().await => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the tab of the action is gone and others are there. A call of a closed tab fails at once, maybe
    /// before the state tells of it.
    async fn has_other_tabs(&self) -> bool {
        let caught_up = self.context.catch_up().await.is_ok();
        caught_up && self.context.read(|state| state.tab(&self.tab).is_none() && !state.tabs.is_empty())
    }

    /// Performs what the script does by itself: nothing is sent, the page changes while it is asked.
    async fn in_page(
        &mut self,
        action: &str,
        target: &Target,
        extra: Map<String, Value>,
    ) -> Result<Prepared, CdpError> {
        self.require_open_gate()?;
        self.effect = Effect::Possible;
        let result = self.prepare(action, Some(target), extra).await;
        match result {
            Ok((prepared, found)) => {
                self.saw_page(&found.value);
                self.context.release_handles(&found.frame);
                self.follow_navigation(None).await?;
                Ok(prepared)
            }
            Err(error) => {
                if matches!(&error, CdpError::Fault(fault) if fault.is_before_effect()) {
                    self.effect = Effect::None;
                }
                Err(error)
            }
        }
    }

    fn require_open_gate(&self) -> Result<(), CdpError> {
        if self.gate.is_shut() { Err(CdpError::GateClosed) } else { Ok(()) }
    }

    /// A main document that the policy refused is what the action led to: it fails.
    fn refuse_what_was_blocked(&self) -> Result<(), CdpError> {
        let is_ours = |blocked: &&Blocked| blocked.main_frame_of.as_deref() == Some(&self.tab);
        match self.context.read(|state| state.record.blocked.iter().find(is_ours).cloned()) {
            Some(blocked) => Err(policy_failure(&blocked)),
            None => Ok(()),
        }
    }

    fn note(&mut self, code: &str, message: impl Into<String>) {
        self.outcome.notes.push(Note { code: code.to_owned(), message: message.into() });
    }

    fn late(&self, action: &Action) -> Failure {
        let mut failure = Failure::new(
            ErrorKind::Timeout,
            format!("`{}` did not end within its timeout", action.kind.name()),
        );
        failure.transient = matches!(
            action.kind,
            ActionKind::Navigate(_) | ActionKind::Back(_) | ActionKind::Forward(_) | ActionKind::Reload(_)
        );
        failure
    }

    /// Tells what became of the action.
    async fn finish(
        mut self,
        action: &Action,
        result: Result<(), CdpError>,
        started: Instant,
    ) -> Result<Performed, ActionError> {
        let is_lost = self.context.read(|state| state.lost.is_some());
        if !is_lost {
            self.read_title().await;
        }
        let writes = self.context.update(|state| {
            state.leaving = false;
            if state.chooser.take().is_some() {
                state
                    .record
                    .note("file_chooser", "a file chooser opened and was left alone: `upload` answers it");
            }
            state.expected_popup = None;
            self.record = std::mem::take(&mut state.record);
            for note in &mut self.record.notes {
                note.message = state.without_secrets(&note.message);
            }
            for dialog in &mut self.record.dialogs {
                dialog.message = state.without_secrets(&dialog.message);
            }
            if let Some(tab) = state.current_tab() {
                self.outcome.url.clone_from(&tab.page.url);
            }
            state.take_writes()
        });
        self.report(writes);
        self.outcome.duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        match result {
            Ok(()) => Ok(Performed { outcome: self.outcome, value: self.value, file: self.file }),
            Err(error) => {
                let error = if let CdpError::Lost(loss) = error {
                    CdpError::Lost(self.context.host.explain(loss).await)
                } else {
                    error
                };
                let mut failure = error.failure();
                if failure.kind == ErrorKind::Timeout && failure.reason.is_none() {
                    failure.transient = self.late(action).transient;
                }
                Err(ActionError {
                    failure,
                    effect: self.effect,
                    outcome: Box::new(self.outcome),
                    source: Some(Box::new(error)),
                })
            }
        }
    }

    /// Asks for the title where the page has not told it, or another one stands there by now.
    async fn read_title(&mut self) {
        let until = Instant::now() + TITLE_LIMIT;
        let parsed = self.context.wait(until, |state| match state.current_tab() {
            Some(tab)
                if tab.page.pending.is_some() || (tab.page.arrivals > 0 && tab.page.parsed.is_none()) =>
            {
                None
            }
            tab => Some(tab.map(|tab| (tab.page.url.clone(), state.worlds.get(&tab.target).cloned()))),
        });
        let Ok(Some(Some((url, Some(world))))) = parsed.await else { return };
        if let Some(page) = self.page.as_ref().filter(|page| page.url == url) {
            self.outcome.title.clone_from(&page.title);
            return;
        }
        let asked = self.context.ask_world(&world, "ping", Map::new(), None, TITLE_LIMIT).await;
        if let Ok(page) = asked.map(|value| serde_json::from_value::<PageInfo>(value).unwrap_or_default()) {
            self.outcome.title = page.title;
        }
    }

    fn report(&mut self, writes: Vec<aef_core::browser::Write>) {
        let record = std::mem::take(&mut self.record);
        self.outcome.navigated = record.navigations.contains(&self.tab);
        for name in &record.popups {
            self.note("popup", format!("tab {name} opened"));
        }
        if self.file.is_none() {
            for _ in &record.downloads {
                self.note("download", "a download began and was refused: no action had asked for it");
            }
        }
        self.outcome.popups = record.popups;
        self.outcome.dialogs = record.dialogs;
        self.outcome.writes = writes;
        self.outcome.notes.extend(record.notes);
    }
}

/// The failure of a document that may not be opened.
fn policy_failure(blocked: &Blocked) -> CdpError {
    let message = format!("{} may not be opened: {}", blocked.url, blocked.rule.says());
    CdpError::Page(Failure::new(ErrorKind::Policy, message).with_reason(blocked.rule.code()))
}

/// Whether an action looks at the document that stands in the tab, and so waits for the one that is coming.
const fn needs_document(kind: &ActionKind) -> bool {
    !matches!(
        kind,
        ActionKind::Navigate(_)
            | ActionKind::Back(_)
            | ActionKind::Forward(_)
            | ActionKind::Reload(_)
            | ActionKind::Tab(_)
            | ActionKind::Dialog(_)
            | ActionKind::Set(_)
            | ActionKind::Act(_)
            | ActionKind::Custom(_)
    )
}

/// A fault that this crate finds itself, in the words of the script's.
fn fault(kind: &str, reason: &str, message: impl Into<String>) -> CdpError {
    CdpError::Fault(Fault {
        kind: kind.to_owned(),
        reason: Some(reason.to_owned()),
        message: message.into(),
        ..Fault::default()
    })
}
