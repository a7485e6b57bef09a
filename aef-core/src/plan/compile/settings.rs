//! `config`, with its defaults filled in.

use std::time::Duration;

use serde_json::Value;

use super::super::{PlanSecret, Settings};
use super::Compiler;
use crate::document::{Config, Diagnostic, OnTimeout, RetryConfig, SecretKind, Span};
use crate::recovery::RetryPolicy;

const STEP_TIMEOUT: Duration = Duration::from_secs(30);
const ACTION_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_DURATION: Duration = Duration::from_secs(60 * 60);
const MAX_AGE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
const MAX_STEPS: u64 = 10_000;
const MAX_HOLD: Duration = Duration::from_secs(30 * 60);
const RECOVERY_WAIT: Duration = Duration::from_secs(24 * 60 * 60);
const CHECKPOINT_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// How checkpoints are raised where they do not say.
#[derive(Debug, Clone, Copy)]
pub(super) struct CheckpointDefaults {
    pub(super) timeout: Option<Duration>,
    pub(super) on_timeout: OnTimeout,
}

fn or(span: Option<Span>, default: Duration) -> Duration {
    span.map_or(default, |span| span.0)
}

impl Compiler<'_> {
    pub(super) fn settings(&mut self) -> Settings {
        let document = self.document;
        let config = &document.config;
        let recovery = config.recovery.clone().unwrap_or_default();
        Settings {
            checkpoint_mode: config
                .checkpoints
                .as_ref()
                .and_then(|checkpoints| checkpoints.mode)
                .unwrap_or_default(),
            step_timeout: or(config.step_timeout, STEP_TIMEOUT),
            action_timeout: or(config.action_timeout, ACTION_TIMEOUT),
            max_duration: or(config.max_duration, MAX_DURATION),
            max_age: or(config.max_age, MAX_AGE),
            max_steps: config.max_steps.unwrap_or(MAX_STEPS),
            max_hold: or(config.max_hold, MAX_HOLD),
            timezone: self.timezone(config),
            browser: self.browser(config),
            screenshots: config
                .evidence
                .as_ref()
                .and_then(|evidence| evidence.screenshots)
                .unwrap_or_default(),
            recovery_wait: or(recovery.wait, RECOVERY_WAIT),
            recovery_otherwise: recovery.otherwise.unwrap_or_default(),
            in_doubt: config.in_doubt.unwrap_or_default(),
            secrets: self.secrets(),
            given: std::collections::BTreeMap::new(),
        }
    }

    pub(super) fn checkpoint_defaults(&self) -> CheckpointDefaults {
        let config = self.document.config.checkpoints.clone().unwrap_or_default();
        CheckpointDefaults {
            timeout: waiting(or(config.timeout, CHECKPOINT_TIMEOUT)),
            on_timeout: config.on_timeout.unwrap_or_default(),
        }
    }

    fn timezone(&mut self, config: &Config) -> String {
        let name = config.timezone.as_deref().unwrap_or("UTC");
        if name != "UTC" && jiff::tz::TimeZone::get(name).is_err() {
            let message = format!("there is no time zone `{name}`");
            let found = Diagnostic::error("invalid_timezone", "/config/timezone", message);
            self.found.push(found.with_help("IANA names are read, for example Europe/Berlin"));
        }
        name.to_owned()
    }

    fn secrets(&mut self) -> Vec<PlanSecret> {
        let mut secrets: Vec<PlanSecret> = Vec::new();
        let document = self.document;
        for (index, declaration) in document.secrets.iter().enumerate() {
            let at = format!("/secrets/{index}");
            let name = &declaration.name;
            if !super::names::is_variable(name) {
                self.error("invalid_name", &format!("{at}/name"), format!("`{name}` is no name of a secret"));
            }
            if secrets.iter().any(|secret| secret.declaration.name == *name) {
                self.error("duplicate_secret", &format!("{at}/name"), format!("`{name}` is declared twice"));
            }
            if declaration.kind == SecretKind::Totp {
                self.error("not_supported", &format!("{at}/kind"), "one-time codes are not supported yet");
            }
            let origins = Value::from(declaration.origins.clone());
            let origins = self.json(&origins, &format!("{at}/origins"));
            self.check_origins(&declaration.origins, &format!("{at}/origins"));
            secrets.push(PlanSecret { declaration: declaration.clone(), origins });
        }
        secrets
    }

    /// The policy of a step: its own fields, then those of `config.retry`, then the defaults.
    pub(super) fn retry(&mut self, own: Option<&RetryConfig>, pointer: &str) -> RetryPolicy {
        let document = self.document;
        let shared = document.config.retry.as_ref();
        let default = RetryPolicy::default();
        fn pick<T: Clone>(
            own: Option<&RetryConfig>,
            shared: Option<&RetryConfig>,
            field: impl Fn(&RetryConfig) -> Option<T>,
        ) -> Option<T> {
            own.and_then(&field).or_else(|| shared.and_then(&field))
        }
        let policy = RetryPolicy {
            max_attempts: pick(own, shared, |retry| retry.max_attempts).unwrap_or(default.max_attempts),
            delay: pick(own, shared, |retry| retry.delay).map_or(default.delay, |span| span.0),
            backoff: pick(own, shared, |retry| retry.backoff).unwrap_or(default.backoff),
            kinds: pick(own, shared, |retry| retry.kinds.clone()).unwrap_or(default.kinds),
        };
        if let Some(own) = own {
            self.check_retry(own, pointer);
        }
        policy
    }

    pub(super) fn check_retry(&mut self, retry: &RetryConfig, pointer: &str) {
        if retry.max_attempts == Some(0) {
            self.error("invalid_value", &format!("{pointer}/maxAttempts"), "at least one attempt is made");
        }
        if retry.backoff.is_some_and(|backoff| !(1.0..=100.0).contains(&backoff)) {
            self.error("invalid_value", &format!("{pointer}/backoff"), "the factor lies between 1 and 100");
        }
    }
}

/// How long a person has; 0 is as long as the execution may live.
pub(super) fn waiting(timeout: Duration) -> Option<Duration> {
    (!timeout.is_zero()).then_some(timeout)
}
