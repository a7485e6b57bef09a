//! The task of one context: it reads the events in their order and keeps [`State`] true.
//!
//! It never waits for an answer of the browser: commands are posted, and what must be awaited is spawned.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Context;
use super::dialogs::on_dialog;
use super::payloads::{
    AttachedToTarget, AuthRequired, ConsoleCalled, ContextCreated, ContextDestroyed, DetachedFromTarget,
    DownloadProgress, DownloadWillBegin, DragIntercepted, ExceptionDetails, ExceptionThrown,
    FileChooserOpened, FrameDetached, FrameNavigated, FrameRequestedNavigation, FrameStartedNavigating,
    LifecycleEvent, LoadingFailed, LoadingFinished, NavigatedWithinDocument, Printed, RequestPaused,
    RequestWillBeSent, ResponseReceived, WebSocketClosed, WebSocketCreated, WebSocketFrameSent,
};
use super::policy::Verdict;
use super::state::{Blocked, Chooser, DownloadState, State, TargetSession, World};
use crate::connection::{Event, MARK};
use crate::error::Loss;
use crate::script;

/// Reads events until the context is forgotten or the connection ends.
pub(super) async fn follow(context: Arc<Context>, mut events: mpsc::Receiver<Event>) {
    while let Some(event) = events.recv().await {
        handle(&context, &event);
    }
    let ended = context.connection().ended();
    context.update(|state| {
        let loss = if state.closed { Loss::Closed } else { ended.unwrap_or(Loss::Overflow) };
        state.lost.get_or_insert(loss);
    });
}

fn handle(context: &Arc<Context>, event: &Event) {
    let session = event.session.as_deref().unwrap_or_default();
    match &*event.method {
        MARK => with(event, |mark: u64| context.update(|state| state.mark = mark)),
        "Target.attachedToTarget" => with(event, |attached| on_attached(context, session, &attached)),
        "Target.detachedFromTarget" => with(event, |detached| on_detached(context, &detached)),
        "Inspector.targetCrashed" => on_crashed(context, session),
        "Page.javascriptDialogOpening" => with(event, |dialog| on_dialog(context, session, &dialog)),
        "Fetch.requestPaused" => with(event, |paused| on_paused(context, session, paused)),
        "Fetch.authRequired" => with(event, |required| on_auth(context, session, required)),
        "Page.screencastFrame" => with(event, |frame| context.on_frame(session, frame)),
        "Page.frameNavigated" => with(event, |navigated| on_navigated(context, session, navigated)),
        // One update for all the rest: each only changes the state.
        method => match method.split_once('.') {
            Some(("Page", _)) => context.update(|state| on_page(state, session, event)),
            Some(("Network", _)) => context.update(|state| on_network(state, session, event)),
            Some(("Runtime", _)) => context.update(|state| on_runtime(state, session, event)),
            Some(("Input", "dragIntercepted")) => context.update(|state| {
                with(event, |drag: DragIntercepted| state.intercepted_drag = Some(drag.data));
            }),
            Some(_) | None => {}
        },
    }
}

/// Hands the payload over, or notes that it cannot be read.
fn with<T: DeserializeOwned>(event: &Event, then: impl FnOnce(T)) {
    match event.parse() {
        Ok(payload) => then(payload),
        Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "event passed over"),
    }
}

fn on_attached(context: &Arc<Context>, parent: &str, attached: &AttachedToTarget) {
    let id: Arc<str> = attached.session_id.as_str().into();
    let info = &attached.target_info;
    let is_page = info.kind == "page";
    context.update(|state| {
        let tab = if is_page {
            let opener = info.opener_id.as_deref().and_then(|target| state.tab_of_main_frame(target));
            // What opens beside its page, by Control or the middle button, names no opener; nor do we.
            let is_ours = info.opener_id.is_none() && state.opening > 0;
            let opener = opener.map(ToOwned::to_owned).or_else(|| (!is_ours).then(|| state.current.clone()));
            let is_popup = opener.is_some();
            let name = state.add_tab(Arc::clone(&id), &info.target_id, opener, &info.url);
            if is_popup {
                state.record.popups.push(name.clone());
            }
            name
        } else {
            state.sessions.get(parent).map_or_else(|| state.current.clone(), |session| session.tab.clone())
        };
        state.sessions.insert(Arc::clone(&id), TargetSession { tab, is_page });
    });
    let context = Arc::clone(context);
    let (kind, target) = (info.kind.clone(), info.target_id.clone());
    tokio::spawn(async move { context.arm(&id, &kind, &target).await });
}

fn on_detached(context: &Context, detached: &DetachedFromTarget) {
    context.update(|state| {
        let id = detached.session_id.as_str();
        state.worlds.retain(|_, world| &*world.session != id);
        let Some(session) = state.sessions.remove(id) else { return };
        if session.is_page {
            state.remove_tab(&session.tab);
            if state.tabs.is_empty() {
                state.lost.get_or_insert(Loss::PageClosed);
            }
        }
    });
}

fn on_crashed(context: &Context, session: &str) {
    context.update(|state| {
        let Some(crashed) = state.sessions.get(session).filter(|crashed| crashed.is_page) else { return };
        let tab = crashed.tab.clone();
        if tab == state.current {
            state.lost.get_or_insert(Loss::PageCrashed);
        } else {
            state.record.note("tab_crashed", format!("tab {tab} crashed"));
            state.remove_tab(&tab);
        }
    });
}

fn on_paused(context: &Arc<Context>, session: &str, paused: RequestPaused) {
    let is_document = paused.resource_type == "Document";
    if is_document && context.read(|state| state.stub_documents) {
        return context.answer_with_stub(session, &paused.request_id);
    }
    match context.judge(&paused.request.url, is_document) {
        Verdict::Allowed => context.let_pass(session, &paused.request_id),
        Verdict::Refused(rule) => on_refused(context, session, paused, rule),
        Verdict::AllowedIfPublic => {
            let (context, session) = (Arc::clone(context), session.to_owned());
            tokio::spawn(async move {
                match context.judge_resolved(&paused.request.url).await {
                    None => context.let_pass(&session, &paused.request_id),
                    Some(rule) => on_refused(&context, &session, paused, rule),
                }
            });
        }
    }
}

fn on_auth(context: &Arc<Context>, session: &str, required: AuthRequired) {
    let (context, session) = (Arc::clone(context), session.to_owned());
    tokio::spawn(async move { context.authenticate(&session, required).await });
}

fn on_refused(context: &Context, session: &str, paused: RequestPaused, rule: super::policy::Rule) {
    let main_frame_of =
        context.read(|state| state.tab_of_main_frame(&paused.frame_id).map(ToOwned::to_owned));
    let is_main = main_frame_of.is_some() && paused.resource_type == "Document";
    context.refuse(session, &paused.request_id, is_main);
    context.block(Blocked {
        url: paused.request.url,
        rule,
        main_frame_of: main_frame_of.filter(|_| is_main),
    });
}

/// A document took its place. The address is looked at once more, for some ways into a frame pass no request.
fn on_navigated(context: &Context, session: &str, navigated: FrameNavigated) {
    let frame = navigated.frame;
    let url = format!("{}{}", frame.url, frame.url_fragment);
    let is_main =
        frame.parent_id.is_none() && context.read(|state| state.tab_of_main_frame(&frame.id).is_some());
    if !is_main {
        return;
    }
    let refused = context.refuses_arrival(&frame.url);
    context.update(|state| {
        let Some(tab) = state.tab_of(session) else { return };
        tab.page.commit(&frame.loader_id, url);
        tab.network.committed(&frame.loader_id);
        let name = tab.name.clone();
        state.record.navigations.push(name.clone());
        if let Some(rule) = refused {
            state.record.blocked(Blocked { url: frame.url.clone(), rule, main_frame_of: Some(name) });
        }
    });
    if refused.is_some() {
        context.leave_for_blank(session);
    }
}

fn on_page(state: &mut State, session: &str, event: &Event) {
    match &*event.method {
        "Page.frameRequestedNavigation" => with(event, |requested: FrameRequestedNavigation| {
            if requested.disposition == "currentTab" || requested.disposition.is_empty() {
                begin(state, session, &requested.frame_id, None, &requested.url);
            }
        }),
        "Page.frameStartedNavigating" => with(event, |started: FrameStartedNavigating| {
            if !started.navigation_type.starts_with("sameDocument")
                && started.navigation_type != "historySameDocument"
            {
                begin(state, session, &started.frame_id, Some(&started.loader_id), &started.url);
            }
        }),
        "Page.navigatedWithinDocument" => with(event, |moved: NavigatedWithinDocument| {
            let Some(tab) = state.tab_of(session).filter(|tab| *tab.target == *moved.frame_id) else {
                return;
            };
            tab.page.url = moved.url;
            tab.page.arrivals += 1;
            if tab.page.pending.as_ref().is_some_and(|pending| pending.loader.is_none()) {
                tab.page.pending = None;
            }
        }),
        "Page.lifecycleEvent" => {
            with(event, |lifecycle: LifecycleEvent| on_lifecycle(state, session, &lifecycle))
        }
        "Page.frameDetached" => with(event, |detached: FrameDetached| {
            // A frame that moves to another process keeps its id; its new world may already be known.
            if detached.reason != "swap" {
                state.worlds.remove(detached.frame_id.as_str());
            }
        }),
        "Page.fileChooserOpened" => with(event, |opened: FileChooserOpened| {
            state.chooser = opened.backend_node_id.map(|input| Chooser {
                session: session.into(),
                input,
                multiple: opened.mode == "selectMultiple",
            });
        }),
        "Page.downloadWillBegin" => with(event, |download: DownloadWillBegin| {
            state.record.download(&download.guid);
            if let Some(tab) = state.tab_of(session).filter(|tab| *tab.target == *download.frame_id)
                && let Some(loader) = tab.page.pending.take().and_then(|pending| pending.loader)
            {
                tab.page.fate_mut(&loader).download = true;
            }
            let known = DownloadState { name: download.suggested_filename, ..DownloadState::default() };
            state.downloads.insert(download.guid.into(), known);
        }),
        "Page.downloadProgress" => with(event, |progress: DownloadProgress| {
            if let Some(download) = state.downloads.get_mut(progress.guid.as_str()) {
                download.received = progress.received_bytes.max(0.0) as u64;
                download.total = progress.total_bytes.max(0.0) as u64;
                download.ended = match progress.state.as_str() {
                    "completed" => Some(true),
                    "canceled" => Some(false),
                    _ => None,
                };
            }
        }),
        _ => {}
    }
}

fn begin(state: &mut State, session: &str, frame: &str, loader: Option<&str>, url: &str) {
    let Some(tab) = state.tab_of(session).filter(|tab| &*tab.target == frame) else { return };
    // The browser may have answered the navigation before its beginning is told.
    if loader.is_some_and(|loader| tab.page.fate(loader).error.is_some() || *tab.page.loader == *loader) {
        return;
    }
    tab.page.begin(loader, url);
    let name = tab.name.clone();
    if state.record.navigations.last() != Some(&name) {
        state.record.navigations.push(name);
    }
}

fn on_lifecycle(state: &mut State, session: &str, lifecycle: &LifecycleEvent) {
    let Some(tab) = state.tab_of(session).filter(|tab| *tab.target == *lifecycle.frame_id) else { return };
    if *tab.page.loader != *lifecycle.loader_id {
        // The first document of a tab is committed before anybody listens.
        if !tab.page.loader.is_empty() {
            return;
        }
        tab.page.loader = lifecycle.loader_id.as_str().into();
    }
    match lifecycle.name.as_str() {
        "DOMContentLoaded" => tab.page.parsed = tab.page.parsed.or_else(|| Some(Instant::now())),
        "load" => {
            tab.page.parsed = tab.page.parsed.or_else(|| Some(Instant::now()));
            tab.page.loaded = true;
        }
        _ => {}
    }
}

fn on_network(state: &mut State, session: &str, event: &Event) {
    if &*event.method == "Network.requestWillBeSent" {
        return with(event, |sent: RequestWillBeSent| on_sent(state, session, &sent));
    }
    let Some(tab) = state.tab_of(session) else { return };
    match &*event.method {
        "Network.responseReceived" => with(event, |received: ResponseReceived| {
            tab.network.answered(&received.request_id, &received.kind, received.response.status);
            if received.kind == "Document" {
                let status = u16::try_from(received.response.status).ok();
                tab.page.fate_mut(&received.request_id).status = status;
            }
        }),
        "Network.loadingFinished" => {
            with(event, |finished: LoadingFinished| tab.network.ended(&finished.request_id))
        }
        "Network.loadingFailed" => with(event, |failed: LoadingFailed| {
            tab.network.ended(&failed.request_id);
            tab.page.fail(&failed.request_id, &failed.error_text);
        }),
        "Network.webSocketCreated" => with(event, |created: WebSocketCreated| {
            tab.network.socket_opened(&created.request_id, &created.url);
        }),
        "Network.webSocketFrameSent" => with(event, |sent: WebSocketFrameSent| {
            // Text and binary; the control frames carry nothing of the page.
            if sent.response.opcode == 1.0 || sent.response.opcode == 2.0 {
                tab.network.socket_sent(&sent.request_id);
            }
        }),
        "Network.webSocketClosed" => {
            with(event, |closed: WebSocketClosed| tab.network.socket_closed(&closed.request_id))
        }
        _ => {}
    }
}

fn on_sent(state: &mut State, session: &str, sent: &RequestWillBeSent) {
    let Some(tab) = state.tab_of(session) else { return };
    let request = &sent.request;
    tab.network.sent(&sent.request_id, &sent.loader_id, &request.method, &request.url, &sent.kind);
    let is_document = sent.kind == "Document" && sent.request_id == sent.loader_id;
    if let Some(frame) = sent.frame_id.as_deref().filter(|frame| is_document && *frame == &*tab.target) {
        begin(state, session, frame, Some(&sent.loader_id), &request.url);
    }
}

fn on_runtime(state: &mut State, session: &str, event: &Event) {
    match &*event.method {
        "Runtime.executionContextCreated" => with(event, |created: ContextCreated| {
            let frame = created.context.aux_data.and_then(|data| data.frame_id);
            if let Some(frame) = frame.filter(|_| created.context.name == script::WORLD) {
                let world = World { session: session.into(), id: created.context.unique_id.into() };
                state.worlds.insert(frame.into(), world);
            }
        }),
        "Runtime.executionContextDestroyed" => with(event, |destroyed: ContextDestroyed| {
            let id = destroyed.execution_context_unique_id.unwrap_or_default();
            state.worlds.retain(|_, world| *world.id != *id);
        }),
        "Runtime.exceptionThrown" => with(event, |thrown: ExceptionThrown| {
            let ExceptionDetails { text, exception } = thrown.exception_details;
            let said = exception.map(|exception| exception.text()).filter(|said| !said.is_empty());
            state.record.complaint("page_error", &said.unwrap_or(text));
        }),
        "Runtime.consoleAPICalled" => with(event, |called: ConsoleCalled| {
            if called.kind == "error" || called.kind == "assert" {
                let said: Vec<String> = called.args.iter().map(Printed::text).collect();
                state.record.complaint("console_error", &said.join(" "));
            }
        }),
        "Runtime.executionContextsCleared" => state.worlds.retain(|_, world| &*world.session != session),
        _ => {}
    }
}
