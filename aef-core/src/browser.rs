//! The browser, as the engine sees it.
//!
//! A [`Browser`] opens [`Session`]s: one browser context with its tabs, for one execution. A session performs rendered
//! [`Action`]s, answers questions to the page, and gives evidence. It knows nothing of plans and journals.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::document::{Action, BrowserConfig, Condition, Fingerprint, ImageFormat, Target};
use crate::ids::ExecutionId;
use crate::live::{Frames, LiveInput};
use crate::recovery::{ErrorKind, Failure};
use crate::secrets::{SecretError, SecretString};

/// Opens sessions.
#[async_trait]
pub trait Browser: fmt::Debug + Send + Sync + 'static {
    /// Opens a session: a context of its own, with nothing in it that another session left, one tab named `t1`.
    ///
    /// **Guarantees.** On success the session is ready: state restored, its address open where one was given. On
    /// error nothing is left behind.
    ///
    /// # Errors
    /// `Crashed` or `Disconnected` where the browser cannot be started or reached, `Navigation` where the address
    /// cannot be opened, `Policy` where it may not, `Internal` where an option is not supported.
    async fn open(&self, options: SessionOptions) -> Result<Arc<dyn Session>, BrowserError>;
}

/// One open browser context. All methods may be called while another is under way; actions are given one at a time.
#[async_trait]
pub trait Session: fmt::Debug + Send + Sync + 'static {
    /// Performs one action.
    ///
    /// **Guarantees.** Ends within `timeout` and a second, whatever the page does. Input is sent only while the gate is
    /// open. On error, `effect` is [`Effect::None`] only where no input was sent or the page was kept from seeing it.
    ///
    /// # Errors
    /// Each [`ErrorKind`] that document actions have; the session's loss as `Crashed`, `Disconnected` or `PageLost`.
    async fn perform(&self, request: ActionRequest) -> Result<Performed, ActionError>;

    /// Answers conditions. With a timeout it waits until all hold, else it reads once.
    ///
    /// **Guarantees.** Results stand in the order of the conditions. A condition that names several elements where one
    /// is asked for does not hold, and says why. The page is not changed.
    ///
    /// # Errors
    /// The session's loss.
    async fn observe(&self, request: ObserveRequest) -> Result<Observation, BrowserError>;

    /// Takes evidence of the current tab.
    ///
    /// **Guarantees.** Fields that hold secrets are masked before the bytes leave the driver.
    ///
    /// # Errors
    /// The session's loss; `Timeout` where the page does not answer.
    async fn capture(&self, request: CaptureRequest) -> Result<Capture, BrowserError>;

    /// Gives what is needed to open the session again elsewhere. It holds credentials: keep it encrypted.
    ///
    /// # Errors
    /// The session's loss.
    async fn storage_state(&self) -> Result<StorageState, BrowserError>;

    /// Closes the context with all its tabs. Closing twice is no error.
    ///
    /// # Errors
    /// Where it is not known whether the context is gone.
    async fn close(&self) -> Result<(), BrowserError>;

    /// Waits until the session is lost and tells why; within 100 ms of it. Never ends for one that is closed by
    /// [`Session::close`].
    async fn lost(&self) -> BrowserError;

    /// Shows the current tab, whichever it is, until the session ends.
    ///
    /// **Guarantees.** Pictures are taken only while somebody holds such a stream. Everybody gets the newest frame
    /// first, also of a page that does not change, and a slow reader holds nobody up. Secrets that were entered are not
    /// to be seen.
    ///
    /// # Errors
    /// The session's loss; `Internal` with the reason `unsupported` where the browser has no live view, which is the
    /// default.
    async fn frames(&self) -> Result<Frames, BrowserError> {
        Err(BrowserError::unsupported("frames"))
    }

    /// Sends a person's input to the current tab and does not wait for what the page makes of it. Whoever calls it has
    /// seen to it that no action is under way.
    ///
    /// **Guarantees.** Nothing is sent once the gate is shut. Input arrives in the order of the calls.
    ///
    /// # Errors
    /// The session's loss; `Timeout` with the reason `lease_ended` where the gate is shut; `Internal` with the reason
    /// `unsupported` where the browser takes no such input, which is the default.
    async fn dispatch(&self, input: LiveInput, gate: InputGate) -> Result<(), BrowserError> {
        let _ = (input, gate);
        Err(BrowserError::unsupported("dispatch"))
    }

    /// Ends a person's input.
    ///
    /// **Guarantees.** Keys and buttons that are held down are released, where the gate is open. What the person caused
    /// is told as the doing of no action that comes later. Without input it does nothing.
    ///
    /// # Errors
    /// The session's loss.
    async fn end_input(&self, gate: InputGate) -> Result<(), BrowserError> {
        let _ = gate;
        Ok(())
    }
}

/// How a session is set up.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// The execution it is for.
    pub execution: ExecutionId,
    /// Viewport, language and the like, with templates rendered.
    pub config: BrowserConfig,
    /// The IANA time zone of the pages.
    pub timezone: Option<String>,
    /// What may be opened.
    pub policy: NavigationPolicy,
    /// What is restored first.
    pub restore: Option<StorageState>,
    /// The address that is opened then, with a GET request.
    pub url: Option<String>,
}

/// What documents may be opened: only http and https, and only from these origins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NavigationPolicy {
    /// Origins as `https://example.org` or with a port; `https://*.example.org` for all below it.
    pub allowed_origins: Vec<String>,
    /// Whether subresources may come only from there, too.
    pub strict_origins: bool,
    /// Origins on private, loopback and link-local addresses that may be opened and asked nevertheless.
    pub allowed_private_origins: Vec<String>,
    /// Whether `evaluate` may run scripts.
    pub allow_evaluate: bool,
}

/// One action to perform.
#[derive(Debug, Clone)]
pub struct ActionRequest {
    /// The action, rendered.
    pub action: Action,
    /// How long it may take.
    pub timeout: Duration,
    /// Until when input may be sent.
    pub gate: InputGate,
    /// Where secrets come from.
    pub secrets: Arc<dyn SecretSource>,
    /// The files that it uploads, in the order that the action names them.
    pub files: Vec<FileContent>,
}

/// The secrets of one execution, bound to owner, document and step.
#[async_trait]
pub trait SecretSource: fmt::Debug + Send + Sync + 'static {
    /// Gives a secret's value for a page of this origin.
    ///
    /// # Errors
    /// As for [`SecretProvider::resolve`](crate::secrets::SecretProvider::resolve); also where the document does not
    /// allow it on this origin.
    async fn reveal(&self, name: &str, origin: &str) -> Result<SecretString, SecretError>;
}

/// Says how long input may still be sent: what is left of the worker's lease.
#[derive(Clone)]
pub struct InputGate(Arc<dyn Fn() -> Duration + Send + Sync>);

impl InputGate {
    /// A gate that asks `left` for the time left; zero is shut.
    pub fn new(left: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self(Arc::new(left))
    }

    /// A gate that never shuts, where no other worker can exist.
    #[must_use]
    pub fn open() -> Self {
        Self::new(|| Duration::from_secs(24 * 60 * 60))
    }

    /// The time left; zero where the gate is shut.
    #[must_use]
    pub fn left(&self) -> Duration {
        (self.0)()
    }

    /// Whether no input may be sent any more.
    #[must_use]
    pub fn is_shut(&self) -> bool {
        self.left().is_zero()
    }
}

impl fmt::Debug for InputGate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("InputGate").field(&self.left()).finish()
    }
}

/// A file on its way to or from the browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileContent {
    /// Its name, without directories.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Bytes,
}

/// An action that was performed.
#[derive(Debug, Clone, PartialEq)]
pub struct Performed {
    /// What is journalled about it.
    pub outcome: ActionOutcome,
    /// What it read, where it reads.
    pub value: Option<Value>,
    /// The picture it took, or the file it downloaded.
    pub file: Option<FileContent>,
}

/// What happened when an action was performed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActionOutcome {
    /// The locator that matched, for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched: Option<String>,
    /// The current tab's address afterwards.
    #[serde(default)]
    pub url: String,
    /// Its title.
    #[serde(default)]
    pub title: String,
    /// How long it took, in ms.
    #[serde(default)]
    pub duration_ms: u64,
    /// The status of the document, where a navigation ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Whether the main frame began to navigate.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub navigated: bool,
    /// The names of tabs that opened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub popups: Vec<String>,
    /// Dialogs that opened and were answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dialogs: Vec<DialogRecord>,
    /// Requests that may have changed something.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<Write>,
    /// What a person should know: a code such as `load_incomplete` and a sentence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
}

/// A dialog and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DialogRecord {
    /// alert, confirm, prompt or beforeunload.
    pub kind: String,
    /// What it said.
    pub message: String,
    /// Whether it was accepted.
    pub accepted: bool,
}

/// A request that may have changed something at the other end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Write {
    /// The method; `BEACON` and `WEBSOCKET` for those.
    pub method: String,
    /// The address, without query and fragment.
    pub url: String,
    /// The answer's status, where it came in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

/// A remark of the driver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// A stable word: `load_incomplete`, `blocked_request`, `console_error`, `popup`, …
    pub code: String,
    /// A sentence.
    pub message: String,
}

/// Whether an action that failed may have had an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Nothing reached the page.
    None,
    /// Something may have.
    Possible,
}

/// An action that failed.
#[derive(Debug)]
pub struct ActionError {
    /// What went wrong.
    pub failure: Failure,
    /// Whether it may have had an effect.
    pub effect: Effect,
    /// What is known about it all the same.
    pub outcome: Box<ActionOutcome>,
    /// The cause below.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl ActionError {
    /// An action that failed before anything reached the page.
    #[must_use]
    pub fn without_effect(failure: Failure) -> Self {
        Self { failure, effect: Effect::None, outcome: Box::default(), source: None }
    }

    /// An action of which it is not known what it did.
    #[must_use]
    pub fn with_possible_effect(failure: Failure) -> Self {
        Self { failure, effect: Effect::Possible, outcome: Box::default(), source: None }
    }
}

impl fmt::Display for ActionError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.failure.fmt(out)
    }
}

impl std::error::Error for ActionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}

/// Conditions to answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ObserveRequest {
    /// The conditions, rendered: no expressions, only constants in their place.
    pub conditions: Vec<Condition>,
    /// How long to wait until all hold; zero reads once.
    pub timeout: Duration,
}

/// What a page answered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Observation {
    /// One for each condition.
    pub results: Vec<ConditionResult>,
    /// The current tab's address.
    pub url: String,
    /// Its title.
    pub title: String,
}

/// What became of one condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConditionResult {
    /// Whether it holds.
    pub holds: bool,
    /// What was seen, for a person: `text was "Draft"`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// What to take as evidence.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CaptureRequest {
    /// A picture of the viewport in this format.
    pub screenshot: Option<ImageFormat>,
    /// Elements whose fingerprints are wanted.
    pub fingerprints: Vec<Target>,
}

/// Evidence as it was taken.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Capture {
    /// The current tab's address.
    pub url: String,
    /// Its title.
    pub title: String,
    /// The picture.
    pub screenshot: Option<FileContent>,
    /// One for each element asked for; `None` where none or several match.
    pub fingerprints: Vec<Option<Fingerprint>>,
}

/// What is needed to open a session again: cookies, storage and tabs. It holds credentials.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageState {
    /// Cookies, in the form of the DevTools protocol.
    pub cookies: Vec<Value>,
    /// Local and session storage by origin.
    pub origins: Vec<OriginStorage>,
    /// Open tabs: name and address; the first is the current one.
    pub tabs: Vec<TabState>,
}

impl fmt::Debug for StorageState {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("StorageState")
            .field("cookies", &self.cookies.len())
            .field("origins", &self.origins.len())
            .field("tabs", &self.tabs)
            .finish()
    }
}

/// The storage of one origin.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OriginStorage {
    /// The origin.
    pub origin: String,
    /// `localStorage`.
    pub local: Vec<(String, String)>,
    /// `sessionStorage`.
    pub session: Vec<(String, String)>,
}

/// One open tab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TabState {
    /// Its name.
    pub name: String,
    /// Its address.
    pub url: String,
}

/// The reason of what a browser cannot do at all.
const UNSUPPORTED: &str = "unsupported";

/// An error of a browser or a session.
#[derive(Debug)]
pub struct BrowserError {
    operation: &'static str,
    kind: ErrorKind,
    message: String,
    reason: Option<Cow<'static, str>>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl BrowserError {
    /// An error of `operation`.
    #[must_use]
    pub fn new(operation: &'static str, kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { operation, kind, message: message.into(), reason: None, source: None }
    }

    /// The error of a browser that cannot do it at all.
    #[must_use]
    pub fn unsupported(operation: &'static str) -> Self {
        Self::new(operation, ErrorKind::Internal, "this browser cannot do it").with_reason(UNSUPPORTED)
    }

    /// The same with a stable word for what is behind the kind.
    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// The same with its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What kind of error it is.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The word for what is behind the kind, where there is one.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// Whether the browser cannot do it at all.
    #[must_use]
    pub fn is_unsupported(&self) -> bool {
        self.reason() == Some(UNSUPPORTED)
    }

    /// What was being done.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        self.operation
    }

    /// Whether a new session may help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::Crashed
                | ErrorKind::Disconnected
                | ErrorKind::Navigation
                | ErrorKind::Network
                | ErrorKind::Timeout
        )
    }

    /// The error as a failure of the execution.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let mut failure = Failure::new(self.kind, self.to_string());
        failure.transient = self.is_retryable();
        failure.reason = self.reason().map(str::to_owned);
        failure
    }
}

impl fmt::Display for BrowserError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.operation, self.message)
    }
}

impl std::error::Error for BrowserError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
