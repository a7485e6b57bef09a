//! `aef serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aef::engine::{Shutdown, WorkerOptions};
use aef::http::{
    Advertisement, Authenticator, HttpOptions, JwtAuthenticator, JwtOptions, LiveViews, Rate, router,
};
use aef::store::HostStore;
use clap::Args;
use jiff::SignedDuration;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

use crate::args::{LimitArgs, PerformArgs};
use crate::commands::worker::private_origins;
use crate::database::DatabaseArgs;
use crate::enrichers::EnrichArgs;
use crate::environment::{self, Shop};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::internal::{InternalArgs, LiveService, secret};
use crate::interrupts::Interrupts;
use crate::keys::Key;
use crate::metrics::{Metrics, Source};
use crate::output;
use crate::rates::{self, Budget};

/// How long requests under way are waited for at the end.
const DRAIN: Duration = Duration::from_secs(30);

/// How long the audit log is kept, and how often what is older is removed.
const AUDIT_KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);
const TRIMMED_EVERY: Duration = Duration::from_secs(600);

/// How many entries of the audit log are removed at a time.
const TRIMMED: u32 = 10_000;

/// Serve documents and executions over HTTP, and perform them
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where to listen; port 0 takes a free one, which is printed
    #[arg(long, env = "AEF_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// The address under which clients reach the server, behind a proxy or under a prefix
    #[arg(long, env = "AEF_PUBLIC_URL", value_name = "URL")]
    public_url: Option<Url>,
    /// An origin whose pages may call /api/aef, such as https://desk.example; may be given several times
    #[arg(long, value_name = "ORIGIN")]
    origin: Vec<String>,
    /// A prefix under which all is served a second time, such as /functions/v1; may be given several times
    #[arg(long, value_name = "PATH", value_parser = alias)]
    alias: Vec<String>,
    /// Take the last address in X-Forwarded-For for the caller's: only behind a proxy that sets it
    #[arg(long)]
    trust_forwarded: bool,
    /// Accept tokens (HS256) that are signed with the secret in this file [env: AEF_JWT_SECRET, the secret itself]
    #[arg(long, value_name = "FILE")]
    jwt_secret: Option<PathBuf>,
    /// Accept tokens that are signed with a key of the JSON Web Key Set in this file
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// Accept tokens that are signed with a key of the JSON Web Key Set at this address: https, or http on this machine
    #[arg(long, value_name = "URL", conflicts_with = "jwks")]
    jwks_url: Option<Url>,
    /// The issuer that tokens must name
    #[arg(long, value_name = "NAME")]
    jwt_issuer: Option<String>,
    /// The audience that tokens must name
    #[arg(long, value_name = "NAME")]
    jwt_audience: Option<String>,
    /// The value of a token's claim `role` that makes its bearer a service, such as service_role
    #[arg(long, value_name = "ROLE")]
    service_role: Option<String>,
    /// Answer /metrics, for Prometheus, to anybody who asks
    #[arg(long)]
    metrics: bool,
    /// How often may be asked in a minute, and at once; NAME is address, reads, writes or starts; may be given several
    /// times
    #[arg(long, value_name = "NAME=N[/BURST]", value_parser = rates::rate)]
    rate: Vec<(Budget, Rate)>,
    /// Perform nothing here: workers elsewhere do, or a cron that calls /process-executions
    #[arg(long)]
    no_worker: bool,
    #[command(flatten)]
    limits: LimitArgs,
    /// A private or loopback address that documents may open, such as http://10.0.0.7:8080; may be given several times.
    /// `documents` allows what each document allows itself
    #[arg(long, value_name = "ORIGIN|documents")]
    private_origin: Vec<String>,
    #[command(flatten)]
    internal: InternalArgs,
    #[command(flatten)]
    enrich: EnrichArgs,
    #[command(flatten)]
    perform: PerformArgs,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Runs the command.
///
/// # Errors
/// Where the environment lacks something, or the server ends by itself.
pub(crate) async fn run(options: Options) -> Result<Exit, Failure> {
    let interrupts = Interrupts::listen()?;
    let origins = private_origins(&options.private_origin);
    let shutdown = Shutdown::new();
    let worker = options.limits.options();
    let internal_secret = options.internal.secret()?;
    let neighbours = internal_secret.clone().map(|secret| (secret, worker.id.clone()));
    let metrics = options.metrics.then(Metrics::new);
    let (database, perform) = (&options.database, &options.perform);
    let shop = environment::shop(database, perform, origins, neighbours, metrics.as_ref()).await?;
    let live = options.internal.serve_live(&shop.engine).await?;
    let live_views = LiveViews::default();
    let http = HttpOptions {
        authenticators: authenticators(&options)?,
        internal_secret,
        signing_key: shop.keys.first().map(signing_key),
        secrets: Some(shop.secrets.clone()),
        enricher: options.enrich.enricher()?,
        public_base_url: options.public_url.clone(),
        origins: options.origin.clone(),
        aliases: options.alias.clone(),
        limits: rates::limits(&options.rate),
        trust_forwarded: options.trust_forwarded,
        metrics: metrics.map(|metrics| Arc::new(Source::new(metrics, shop.engine.store().clone())) as _),
        worker: worker.clone(),
        live_place: live.as_ref().map(|live| live.place().clone()),
        live_views: live_views.clone(),
        shutdown: shutdown.clone(),
        ..HttpOptions::new(shop.host.clone())
    };
    let app = router(shop.engine.clone(), http)
        .map_err(|error| Failure::environment("the server cannot be set up").with_source(error))?;
    let listener = TcpListener::bind(options.listen).await.map_err(|error| {
        Failure::environment(format!("cannot listen on {}", options.listen)).with_source(error)
    })?;
    let address = listener.local_addr().unwrap_or(options.listen);
    let working = if options.no_worker {
        None
    } else {
        Some(Working::begin(live.as_ref(), &shop, worker, &shutdown).await?)
    };
    output::result(format_args!("listening on http://{address}"));
    let trimming = tokio::spawn(trim(shop.host));
    let served = serve(listener, app, &live_views, &shutdown, &interrupts).await;
    shutdown.begin();
    trimming.abort();
    let exit = match working {
        Some(working) => working.finish(&shutdown, &interrupts).await,
        None => Exit::Success,
    };
    served.map(|()| exit)
}

/// The worker beside the server.
struct Working {
    worker: JoinHandle<()>,
    shown: Option<Advertisement>,
}

impl Working {
    async fn begin(
        live: Option<&LiveService>,
        shop: &Shop,
        options: WorkerOptions,
        shutdown: &Shutdown,
    ) -> Result<Self, Failure> {
        let shown = LiveService::advertise(live, shop.host.clone(), &options.id).await?;
        let worker = tokio::spawn(shop.engine.worker(options).run(shutdown.clone()));
        Ok(Self { worker, shown })
    }

    /// Lets the worker hand over what it has in hand.
    async fn finish(mut self, shutdown: &Shutdown, interrupts: &Interrupts) -> Exit {
        let exit = tokio::select! {
            // A worker that panicked has left what its journal can tell.
            _ = &mut self.worker => Exit::Success,
            () = interrupts.second() => {
                shutdown.at_once();
                drop(self.worker.await);
                Exit::Interrupted
            }
        };
        if let Some(shown) = self.shown {
            shown.end().await;
        }
        exit
    }
}

/// Serves until it is told to end; then no more connections are taken, requests under way are finished, and sockets are
/// closed with a reason.
async fn serve(
    listener: TcpListener,
    app: axum::Router,
    live_views: &LiveViews,
    shutdown: &Shutdown,
    interrupts: &Interrupts,
) -> Result<(), Failure> {
    let (told, ending) = (interrupts.clone(), shutdown.clone());
    let end = async move {
        told.first().await;
        tracing::info!("the server finishes what is under way; another signal ends it at once");
        ending.begin();
    };
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    let serving = async {
        axum::serve(listener, service).with_graceful_shutdown(end).await?;
        live_views.closed().await;
        Ok(())
    };
    let late = async {
        shutdown.begun().await;
        tokio::select! {
            () = tokio::time::sleep(DRAIN) => {}
            () = interrupts.second() => {}
        }
    };
    tokio::select! {
        served = serving => {
            served.map_err(|error: std::io::Error| {
                Failure::environment("the server ended by itself").with_source(error)
            })
        }
        () = late => Ok(()),
    }
}

/// Keeps the audit log from growing for ever.
async fn trim(host: Arc<dyn HostStore>) {
    let mut tick = tokio::time::interval(TRIMMED_EVERY);
    loop {
        tick.tick().await;
        let before = jiff::Timestamp::now() - AUDIT_KEPT;
        match host.trim_audit(before, TRIMMED).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "old entries of the audit log were removed"),
            Err(error) => tracing::warn!(%error, "the audit log was not trimmed"),
        }
    }
}

fn authenticators(options: &Options) -> Result<Vec<Arc<dyn Authenticator>>, Failure> {
    let jwt = || JwtOptions {
        issuer: options.jwt_issuer.clone(),
        audience: options.jwt_audience.clone(),
        service_role: options.service_role.clone(),
    };
    let mut all: Vec<Arc<dyn Authenticator>> = Vec::new();
    if let Some(secret) = secret(options.jwt_secret.as_deref(), "AEF_JWT_SECRET")? {
        all.push(Arc::new(JwtAuthenticator::hs256(&secret, jwt())));
    }
    if let Some(path) = &options.jwks {
        let keys = JwtAuthenticator::jwks_file(path, jwt()).map_err(|error| {
            Failure::environment(format!("cannot use the keys in {}", path.display())).with_source(error)
        })?;
        all.push(Arc::new(keys));
    }
    if let Some(url) = &options.jwks_url {
        let keys = JwtAuthenticator::jwks_url(url, jwt()).map_err(|error| {
            Failure::environment(format!("cannot use the keys at {url}")).with_source(error)
        })?;
        all.push(Arc::new(keys));
    }
    Ok(all)
}

/// What status tokens are signed with: made from the key that all processes of a host share.
fn signing_key(key: &Key) -> [u8; 32] {
    Sha256::new().chain_update(b"aef status tokens").chain_update(key).finalize().into()
}

fn alias(text: &str) -> Result<String, String> {
    let fits =
        text.starts_with('/') && text.len() > 1 && !text.ends_with('/') && !text.contains(['{', '}', '*']);
    if fits { Ok(text.to_owned()) } else { Err("a prefix is written as /functions/v1".to_owned()) }
}
