//! Putting an engine together.

use std::collections::BTreeMap;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::memory::InMemory;

use super::actions::{ActResolver, ActionExecutor};
use super::artifacts::Artifacts;
use super::given::Given;
use super::live::LiveSessions;
use super::observer::{Observer, Observers};
use super::plans::Plans;
use super::policy::HostPolicy;
use super::{Engine, Inner};
use crate::browser::Browser;
use crate::live::LiveChannel;
use crate::plan::{CompileOptions, CustomActionSpec, Filters};
use crate::secrets::SecretProvider;
use crate::store::Store;

/// Puts an [`Engine`] together. All but the store is optional.
#[derive(Debug)]
pub struct EngineBuilder {
    store: Arc<dyn Store>,
    browser: Option<Arc<dyn Browser>>,
    secrets: Option<Arc<dyn SecretProvider>>,
    artifacts: Option<Arc<dyn ObjectStore>>,
    policy: HostPolicy,
    actions: BTreeMap<String, Arc<dyn ActionExecutor>>,
    filters: Filters,
    resolver: Option<Arc<dyn ActResolver>>,
    observers: Observers,
    state_keys: StateKeys,
    channel: Option<Arc<dyn LiveChannel>>,
}

/// Keys that are not printed.
#[derive(Default)]
struct StateKeys(Vec<[u8; 32]>);

impl std::fmt::Debug for StateKeys {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} keys", self.0.len())
    }
}

impl EngineBuilder {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            browser: None,
            secrets: None,
            artifacts: None,
            policy: HostPolicy::default(),
            actions: BTreeMap::new(),
            filters: Filters::default(),
            resolver: None,
            observers: Observers::default(),
            state_keys: StateKeys::default(),
            channel: None,
        }
    }

    /// The browser. Without one, an execution that needs a page fails.
    #[must_use]
    pub fn browser(mut self, browser: Arc<dyn Browser>) -> Self {
        self.browser = Some(browser);
        self
    }

    /// Where the values of secrets come from.
    #[must_use]
    pub fn secrets(mut self, secrets: impl SecretProvider) -> Self {
        self.secrets = Some(Arc::new(secrets));
        self
    }

    /// Where pictures, downloads and input files are kept. Default in memory; engines that share a store must share
    /// this, too.
    #[must_use]
    pub fn artifacts(mut self, artifacts: Arc<dyn ObjectStore>) -> Self {
        self.artifacts = Some(artifacts);
        self
    }

    /// What documents may do. Default: no private addresses, no scripts.
    #[must_use]
    pub fn policy(mut self, policy: HostPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Whether `evaluate` may run scripts.
    #[must_use]
    pub const fn allow_evaluate(mut self, allow: bool) -> Self {
        self.policy.allow_evaluate = allow;
        self
    }

    /// Adds an action of the host's own, `NAMESPACE.NAME`.
    #[must_use]
    pub fn action(mut self, name: impl Into<String>, executor: impl ActionExecutor) -> Self {
        self.actions.insert(name.into(), Arc::new(executor));
        self
    }

    /// The host's own filters of expressions and templates, in place of those given before.
    #[must_use]
    pub fn filters(mut self, filters: Filters) -> Self {
        self.filters = filters;
        self
    }

    /// Finds the actions that `act` describes in words. Without one, `act` fails.
    #[must_use]
    pub fn resolver(mut self, resolver: Arc<dyn ActResolver>) -> Self {
        self.resolver = Some(resolver);
        self
    }

    /// Adds one who is told each event when it is durable.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observers.add(observer);
        self
    }

    /// The way to the live view of executions that other processes perform. Without one, those of this process can be
    /// watched and taken in hand.
    #[must_use]
    pub fn live_channel(mut self, channel: Arc<dyn LiveChannel>) -> Self {
        self.channel = Some(channel);
        self
    }

    /// The key under which cookies and storage are kept while an execution is parked. Without one they are not kept: a
    /// parked execution begins in an empty browser again.
    #[must_use]
    pub fn state_key(self, key: [u8; 32]) -> Self {
        self.state_keys([key])
    }

    /// The same with several keys: the first encrypts, each of them decrypts. To change the key, put the new one first
    /// everywhere, and take the old one away when all that was parked under it has gone on. Replaces what was set.
    #[must_use]
    pub fn state_keys(mut self, keys: impl IntoIterator<Item = [u8; 32]>) -> Self {
        self.state_keys = StateKeys(keys.into_iter().collect());
        self
    }

    /// The engine.
    #[must_use]
    pub fn build(self) -> Engine {
        let artifacts = self.artifacts.unwrap_or_else(|| Arc::new(InMemory::new()));
        let inner = Inner {
            store: self.store,
            browser: self.browser,
            secrets: self.secrets,
            artifacts: Artifacts::new(artifacts, self.state_keys.0),
            policy: self.policy,
            plans: Plans::new(CompileOptions {
                actions: self.actions.iter().map(spec).collect(),
                filters: self.filters,
            }),
            actions: self.actions,
            resolver: self.resolver,
            observers: self.observers,
            live: Arc::new(LiveSessions::default()),
            channel: self.channel,
            given: Given::default(),
        };
        Engine { inner: Arc::new(inner) }
    }
}

/// What a document must know of an action of the host's own.
fn spec((name, executor): (&String, &Arc<dyn ActionExecutor>)) -> (String, CustomActionSpec) {
    let spec = CustomActionSpec {
        input: executor.input(),
        risk: executor.risk(),
        repeatable: executor.repeatable(),
    };
    (name.clone(), spec)
}
