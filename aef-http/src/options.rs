//! How the surface is set up.

use std::fmt;
use std::sync::Arc;

use aef_core::engine::{SealedSecrets, Shutdown, WorkerOptions};
use aef_core::enrich::Enricher;
use aef_core::secrets::SecretString;
use aef_core::store::HostStore;
use async_trait::async_trait;
use url::Url;

use crate::auth::Authenticator;
use crate::limits::Limits;
use crate::live::LiveViews;
use crate::relay::LivePlace;

/// The media type of what a [`MetricsSource`] gives.
pub const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Gives what `/metrics` answers.
#[async_trait]
pub trait MetricsSource: fmt::Debug + Send + Sync + 'static {
    /// What was measured, in the text format of OpenMetrics, which Prometheus reads; `None` where it cannot be told.
    async fn open_metrics(&self) -> Option<String>;
}

/// How the surface is set up. [`HttpOptions::new`] gives the defaults.
#[derive(Clone)]
pub struct HttpOptions {
    /// Where keys, secrets, SOP documents, tickets and the audit log are kept: most often the engine's store.
    pub host: Arc<dyn HostStore>,
    /// Who may recognise callers beside API keys: [`JwtAuthenticator`](crate::JwtAuthenticator), or the host's own.
    /// Default none.
    pub authenticators: Vec<Arc<dyn Authenticator>>,
    /// What services of the host show in `X-Internal-Auth`. Without it there are no `/process-executions` and
    /// `/internal-execute` for it. Default none.
    pub internal_secret: Option<SecretString>,
    /// The key with which status tokens are signed; processes behind one address share it. Default: one that only this
    /// process knows.
    pub signing_key: Option<[u8; 32]>,
    /// Where owners may give secrets. Default nowhere: the routes answer `not_configured`.
    pub secrets: Option<SealedSecrets>,
    /// Who proposes actions for the steps that SOPs tell in words only, when documents are made of them. Default nobody: a
    /// person does those steps.
    pub enricher: Option<Arc<dyn Enricher>>,
    /// The address under which clients reach the surface, where that is another than the one they name in `Host`: behind
    /// a proxy, or under a prefix. Default none.
    pub public_base_url: Option<Url>,
    /// The origins of pages that may call `/api/aef`. Default none.
    pub origins: Vec<String>,
    /// Prefixes under which all is served a second time, such as `/functions/v1`. Default none.
    pub aliases: Vec<String>,
    /// How much callers may ask for.
    pub limits: Limits,
    /// Whether the last address in `X-Forwarded-For` is the caller's: only behind a proxy that sets it. Default false.
    pub trust_forwarded: bool,
    /// What `/metrics` answers, to anybody who asks. Default nothing: the route answers `not_configured`.
    pub metrics: Option<Arc<dyn MetricsSource>>,
    /// How executions are performed for hosts without a worker; `concurrency` bounds one call.
    pub worker: WorkerOptions,
    /// Where this process serves the live views of what `/process-executions` performs to other processes. Default nowhere:
    /// they are seen at this one alone.
    pub live_place: Option<LivePlace>,
    /// The live views that are open. Wait until they are [closed](LiveViews::closed) behind the end of the requests, for
    /// sockets outlive the requests that opened them.
    pub live_views: LiveViews,
    /// Begins when the server is to end: from then on requests are refused and sockets closed.
    pub shutdown: Shutdown,
}

impl HttpOptions {
    /// The defaults, with what has none.
    #[must_use]
    pub fn new(host: Arc<dyn HostStore>) -> Self {
        Self {
            host,
            authenticators: Vec::new(),
            internal_secret: None,
            signing_key: None,
            secrets: None,
            enricher: None,
            public_base_url: None,
            origins: Vec::new(),
            aliases: Vec::new(),
            limits: Limits::default(),
            trust_forwarded: false,
            metrics: None,
            worker: WorkerOptions::default(),
            live_place: None,
            live_views: LiveViews::default(),
            shutdown: Shutdown::new(),
        }
    }
}

impl fmt::Debug for HttpOptions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("HttpOptions")
            .field("host", &self.host)
            .field("authenticators", &self.authenticators)
            .field("public_base_url", &self.public_base_url)
            .field("origins", &self.origins)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
