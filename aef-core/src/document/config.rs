//! A document's settings and the small types that steps share.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::duration::Span;
use crate::recovery::ErrorMatcher;

/// What a step may change outside.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Nothing.
    #[default]
    Read,
    /// Something that can be mended.
    Write,
    /// Something that cannot.
    Destructive,
}

/// Where a person is asked without a step saying so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckpointMode {
    /// Before every task.
    All,
    /// Before every step whose risk is above read.
    Risky,
    /// Where a step says so.
    #[default]
    Declared,
    /// Only where a step says so with `required: true`.
    None,
}

/// What happens when nobody answers a checkpoint in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnTimeout {
    /// The execution pauses; the checkpoint stays answerable and an answer resumes it.
    #[default]
    Pause,
    /// As if rejected: the execution stops.
    Reject,
    /// As if skipped.
    Skip,
    /// As if approved. Refused on steps whose risk is above read.
    Approve,
}

/// What is done when a page is lost in the middle of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resume {
    /// The work is entered again where that repeats nothing.
    #[default]
    Reenter,
    /// A person is asked.
    Ask,
}

/// When pictures are taken as evidence without a step saying so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Screenshots {
    /// Never.
    Never,
    /// When a step fails.
    #[default]
    OnFailure,
    /// After each step, too.
    EachStep,
}

/// What is done about an action whose outcome is unknown and cannot be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InDoubtPolicy {
    /// A person is asked.
    #[default]
    Ask,
    /// The execution fails.
    Fail,
}

/// `config`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// Where a person is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoints: Option<CheckpointConfig>,
    /// How long a step may work; waits for people are not counted. Default 30 s, or the sum of the timeouts that a step's
    /// actions name themselves, where that is longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_timeout: Option<Span>,
    /// How long an action may take. Default 10 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_timeout: Option<Span>,
    /// How long the execution may run; waits for people and timers are not counted. Default 1 h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_duration: Option<Span>,
    /// How old the execution may become, waits included. Default 30 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Span>,
    /// How many steps it may enter. Default 10 000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_steps: Option<u64>,
    /// How long a browser is held for a person where the page could not be made again. Default 30 min.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_hold: Option<Span>,
    /// The IANA time zone of the `date` filter and of the browser. Default UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// How failed steps are tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryConfig>,
    /// How the browser is set up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<BrowserConfig>,
    /// What is kept as evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceConfig>,
    /// How long a person has to choose how to recover.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<RecoveryConfig>,
    /// What is done about an action in doubt. Default ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_doubt: Option<InDoubtPolicy>,
}

/// `config.checkpoints`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckpointConfig {
    /// Where a person is asked. Default declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<CheckpointMode>,
    /// How long. Default 5 min.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// What then. Default pause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_timeout: Option<OnTimeout>,
}

/// `config.retry`, and `retry` of a step.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetryConfig {
    /// How often in all. Default 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u32>,
    /// The wait before the second attempt. Default 30 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<Span>,
    /// What the wait is multiplied by each time. Default 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backoff: Option<f64>,
    /// Which errors: kinds, or `transient`, `persistent`, `any`. Default `[transient]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<ErrorMatcher>>,
}

/// A size in CSS px.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Viewport {
    /// Across.
    #[schemars(range(min = 1, max = 16384))]
    pub width: u32,
    /// Down.
    #[schemars(range(min = 1, max = 16384))]
    pub height: u32,
}

/// `config.browser`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BrowserConfig {
    /// The size of the page. Default 1280 × 720.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub viewport: Option<Viewport>,
    /// Physical px to a CSS px. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_scale_factor: Option<f64>,
    /// The origins whose documents may be opened, as templates of `inputs`. Default: those that the plan's `navigate`
    /// actions name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_origins: Vec<String>,
    /// Whether subresources, too, may come only from there. Default false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict_origins: bool,
    /// The language, as a BCP 47 tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// The user agent string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The attribute that `testId` reads. Default `data-testid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_id_attribute: Option<String>,
    /// Whether bad certificates are accepted. Default false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignore_https_errors: bool,
    /// Headers sent with each request.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Where pages that ask are told that they are. It includes the permission to ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geolocation: Option<Geolocation>,
    /// What pages may do without anybody being asked. Default: what the browser allows by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<Permission>,
    /// What servers are told that ask for a name and a password by HTTP authentication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<HttpCredentials>,
}

/// A place on the earth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Geolocation {
    /// Degrees north.
    #[schemars(range(min = -90, max = 90))]
    pub latitude: f64,
    /// Degrees east.
    #[schemars(range(min = -180, max = 180))]
    pub longitude: f64,
    /// How far off it may be, in metres. Default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
}

/// Something that a browser asks people for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Where they are.
    Geolocation,
    /// Notifications.
    Notifications,
    /// Reading what they have copied.
    ClipboardRead,
    /// Their camera.
    Camera,
    /// Their microphone.
    Microphone,
}

/// `config.browser.credentials`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpCredentials {
    /// The name.
    pub username: String,
    /// The name of the secret that is the password. Only the origins that the secret is for are told it.
    pub secret: String,
}

/// `config.evidence`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvidenceConfig {
    /// When pictures are taken. Default on failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screenshots: Option<Screenshots>,
}

/// `config.recovery`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecoveryConfig {
    /// How long. Default 24 h; 0 fails at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Span>,
    /// What then. Only `fail`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<RecoveryOtherwise>,
}

/// What happens when nobody chose how to recover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecoveryOtherwise {
    /// The execution fails.
    #[default]
    Fail,
    /// The step is skipped.
    Skip,
}

/// An entry of `secrets`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretDeclaration {
    /// Its name in `{{ secrets.NAME }}`.
    pub name: String,
    /// What it is. Default password.
    #[serde(default)]
    pub kind: SecretKind,
    /// The origins on which it may be entered, as templates of `inputs`. Default `allowedOrigins`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<String>,
    /// What a person should know about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What a secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretKind {
    /// A password.
    #[default]
    Password,
    /// A user name, or another text that is not shown.
    Text,
    /// A token.
    Token,
    /// A seed of one-time codes; not supported yet.
    Totp,
}

/// A JSON Schema, as a document writes it.
pub type InlineSchema = Value;

/// One answer that may be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AskOption {
    /// What an answer names.
    pub id: String,
    /// What a person reads.
    pub label: String,
}
