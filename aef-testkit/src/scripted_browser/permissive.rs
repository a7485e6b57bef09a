//! A session that does whatever it is asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aef_core::browser::{
    ActionError, ActionOutcome, ActionRequest, BrowserError, Capture, CaptureRequest, ConditionResult,
    FileContent, InputGate, Observation, ObserveRequest, Performed, Session, SessionOptions, StorageState,
    TabState,
};
use aef_core::document::{Action, ActionKind, Condition, Tab};
use aef_core::live::{Frames, LiveInput};
use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;

use super::life::Life;
use super::screen::Screen;
use super::trace::Trace;

/// The least that reads as a PNG: one transparent pixel.
pub(super) const PIXEL: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0,
    0, 1, 8, 6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 0x0d, b'I', b'D', b'A', b'T', 0x78, 0x9c, 0x63, 0,
    1, 0, 0, 5, 0, 1, 0x0d, 0x0a, 0x2d, 0xb4, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];

/// The only tab.
const TAB: &str = "t1";

/// A picture for evidence.
pub(super) fn picture() -> FileContent {
    FileContent {
        name: "page.png".to_owned(),
        media_type: "image/png".to_owned(),
        bytes: Bytes::from_static(PIXEL),
    }
}

#[derive(Debug)]
pub(super) struct PermissiveSession {
    pub(super) life: Arc<Life>,
    trace: Trace,
    values: Arc<BTreeMap<String, Value>>,
    url: Mutex<String>,
    screen: Screen,
}

impl PermissiveSession {
    pub(super) fn new(trace: Trace, values: Arc<BTreeMap<String, Value>>, options: SessionOptions) -> Self {
        let url = options.url.unwrap_or_else(|| "about:blank".to_owned());
        let screen = Screen::new();
        screen.show(TAB, &url);
        Self { life: Arc::new(Life::new()), trace, values, url: Mutex::new(url), screen }
    }

    fn url(&self) -> String {
        self.url.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn follow(&self, action: &Action) -> bool {
        let url = if let ActionKind::Navigate(navigate) = &action.kind {
            &navigate.url
        } else if let ActionKind::Tab(Tab { open: Some(open), .. }) = &action.kind {
            &open.url
        } else {
            return false;
        };
        self.url.lock().unwrap_or_else(PoisonError::into_inner).clone_from(url);
        true
    }
}

/// What an action reads where no value was given for it.
fn nothing(kind: &ActionKind) -> Option<Value> {
    if let ActionKind::Extract(extract) = kind {
        return Some(if extract.list.is_some() { Value::Array(Vec::new()) } else { Value::Null });
    }
    matches!(kind, ActionKind::Evaluate(_)).then_some(Value::Null)
}

/// The file that an action makes.
fn file(kind: &ActionKind) -> Option<FileContent> {
    if matches!(kind, ActionKind::Screenshot(_)) {
        return Some(picture());
    }
    matches!(kind, ActionKind::Download(_)).then(|| FileContent {
        name: "download.txt".to_owned(),
        media_type: "text/plain".to_owned(),
        bytes: Bytes::from_static(b"content"),
    })
}

#[async_trait]
impl Session for PermissiveSession {
    async fn perform(&self, request: ActionRequest) -> Result<Performed, ActionError> {
        self.life.check("perform").map_err(|error| ActionError::without_effect(error.failure()))?;
        self.trace.record(&request.action);
        let navigated = self.follow(&request.action);
        self.screen.show(TAB, &self.url());
        let kind = &request.action.kind;
        let value = kind.variable().and_then(|name| self.values.get(name)).cloned().or_else(|| nothing(kind));
        let file = file(kind);
        let outcome = ActionOutcome {
            matched: request
                .action
                .kind
                .target()
                .and_then(|target| target.as_slice().first())
                .map(ToString::to_string),
            url: self.url(),
            status: navigated.then_some(200),
            navigated,
            ..ActionOutcome::default()
        };
        Ok(Performed { outcome, value, file })
    }

    async fn observe(&self, request: ObserveRequest) -> Result<Observation, BrowserError> {
        self.life.check("observe")?;
        let holds = |condition: &Condition| condition.constant().unwrap_or(true);
        let results = request
            .conditions
            .iter()
            .map(|condition| ConditionResult { holds: holds(condition), detail: String::new() })
            .collect();
        Ok(Observation { results, url: self.url(), title: String::new() })
    }

    async fn capture(&self, request: CaptureRequest) -> Result<Capture, BrowserError> {
        self.life.check("capture")?;
        Ok(Capture {
            url: self.url(),
            title: String::new(),
            screenshot: request.screenshot.map(|_| picture()),
            fingerprints: vec![None; request.fingerprints.len()],
        })
    }

    async fn storage_state(&self) -> Result<StorageState, BrowserError> {
        self.life.check("storage_state")?;
        let tabs = vec![TabState { name: TAB.to_owned(), url: self.url() }];
        Ok(StorageState { tabs, ..StorageState::default() })
    }

    async fn close(&self) -> Result<(), BrowserError> {
        self.life.close();
        Ok(())
    }

    async fn lost(&self) -> BrowserError {
        self.life.lost().await
    }

    async fn frames(&self) -> Result<Frames, BrowserError> {
        self.life.check("frames")?;
        Ok(self.screen.frames(&self.life))
    }

    async fn dispatch(&self, input: LiveInput, _: InputGate) -> Result<(), BrowserError> {
        self.life.check("dispatch")?;
        self.trace.record_input(&input);
        Ok(())
    }
}
