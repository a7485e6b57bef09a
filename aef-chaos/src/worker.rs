//! A worker in a process of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aef_core::engine::{Engine, HostPolicy, PrivateOrigins, Shutdown, WorkerOptions};
use aef_core::ids::WorkerId;
use aef_core::store::Store;
use aef_store_postgres::{PostgresOptions, PostgresStore};
use clap::Args;
use object_store::local::LocalFileSystem;
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Failure;
use crate::site_browser::SiteBrowser;

/// How many executions a worker performs at a time: so many that none ever waits for room.
const CONCURRENCY: u32 = 64;

/// Under which key browser state is kept; what is tried here is that it comes back, not that it is secret.
const STATE_KEY: [u8; 32] = [7; 32];

/// How a worker is started.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[arg(long)]
    name: String,
    #[arg(long, env = "AEF_DATABASE_URL", hide_env_values = true)]
    database_url: String,
    #[arg(long)]
    artifacts: PathBuf,
    #[arg(long)]
    lease_ms: u64,
    #[arg(long)]
    seed: u64,
}

/// Works until it is told to end: by the first SIGTERM gently, by the second at once.
///
/// # Errors
/// Where the database or the directory cannot be used.
pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    end_with_input();
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::to("cannot listen to signals"))?;
    let store = connect(&options.database_url).await?;
    let artifacts = LocalFileSystem::new_with_prefix(&options.artifacts)
        .map_err(Failure::to("cannot use the directory of artifacts"))?;
    let policy = HostPolicy { private_origins: PrivateOrigins::AsDocuments, ..HostPolicy::default() };
    let engine = Engine::builder(store)
        .browser(Arc::new(SiteBrowser::new(options.seed)))
        .artifacts(Arc::new(artifacts))
        .state_key(STATE_KEY)
        .policy(policy)
        .build();
    let lease = Duration::from_millis(options.lease_ms);
    let worker = WorkerOptions {
        id: WorkerId::new(options.name),
        concurrency: CONCURRENCY,
        lease,
        renew_every: lease / 3,
        ..WorkerOptions::default()
    };
    let shutdown = Shutdown::new();
    let told = shutdown.clone();
    tokio::spawn(async move {
        terminate.recv().await;
        told.begin();
        terminate.recv().await;
        told.at_once();
    });
    engine.worker(worker).run(shutdown).await;
    Ok(())
}

/// Ends this process when nobody holds the other end of its input any more.
fn end_with_input() {
    std::thread::spawn(|| {
        // Whatever it reads, and whatever goes wrong, nobody is left.
        drop(std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
        std::process::exit(1);
    });
}

/// The store, as the workers and those who watch them have it.
///
/// # Errors
/// Where the database cannot be reached.
pub(crate) async fn connect(url: &str) -> Result<Arc<dyn Store>, Failure> {
    let options = PostgresOptions::new(url).map_err(Failure::to("the URL of the database"))?;
    let store = PostgresStore::connect(options).await.map_err(Failure::to("cannot open the database"))?;
    Ok(Arc::new(store))
}
