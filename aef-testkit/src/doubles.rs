//! Small stand-ins for what a browser is given.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aef_core::browser::{ActionRequest, InputGate, NavigationPolicy, SecretSource, SessionOptions};
use aef_core::document::{Action, ActionKind, BrowserConfig};
use aef_core::ids::ExecutionId;
use aef_core::secrets::{SecretError, SecretString};
use async_trait::async_trait;
use uuid::Uuid;

/// Secrets by name, each allowed on some origins. Tells where each was revealed.
#[derive(Debug, Default)]
pub struct FixedSecrets {
    values: BTreeMap<String, (SecretString, Vec<String>)>,
    revealed: Mutex<Vec<(String, String)>>,
}

impl FixedSecrets {
    /// No secrets.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with one more, for pages of this origin.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str, origin: impl Into<String>) -> Self {
        self.values.insert(name.to_owned(), (value.into(), vec![origin.into()]));
        self
    }

    /// What was revealed so far: name and origin, in order.
    #[must_use]
    pub fn revealed(&self) -> Vec<(String, String)> {
        self.revealed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl SecretSource for FixedSecrets {
    async fn reveal(&self, name: &str, origin: &str) -> Result<SecretString, SecretError> {
        let (value, origins) = self.values.get(name).ok_or_else(|| SecretError::Missing {
            name: name.to_owned(),
            help: "the test has not given it".to_owned(),
        })?;
        if !origins.iter().any(|allowed| allowed == origin) {
            return Err(SecretError::OriginRefused { name: name.to_owned(), origin: origin.to_owned() });
        }
        self.revealed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((name.to_owned(), origin.to_owned()));
        Ok(value.clone())
    }
}

/// Options of a session that may open pages of `origin` and of nowhere else, private or not.
#[must_use]
pub fn session_options(origin: &str) -> SessionOptions {
    SessionOptions {
        execution: ExecutionId::from_uuid(Uuid::from_u128(1)),
        config: BrowserConfig::default(),
        timezone: None,
        policy: NavigationPolicy {
            allowed_origins: vec![origin.to_owned()],
            allowed_private_origins: vec![origin.to_owned()],
            ..NavigationPolicy::default()
        },
        restore: None,
        url: None,
    }
}

/// A request to perform `action` within five seconds, with an open gate and no secrets.
#[must_use]
pub fn action_request(action: Action) -> ActionRequest {
    ActionRequest {
        action,
        timeout: Duration::from_secs(5),
        gate: InputGate::open(),
        secrets: Arc::new(FixedSecrets::new()),
        files: Vec::new(),
    }
}

/// An action of this kind that says no more.
#[must_use]
pub const fn action(kind: ActionKind) -> Action {
    Action { kind, timeout: None, repeatable: None, description: None, popup: None }
}

/// The action that this JSON says, as a document would.
///
/// # Panics
/// Where it says none.
#[must_use]
pub fn action_of(json: serde_json::Value) -> Action {
    serde_json::from_value(json).expect("the JSON is an action")
}
