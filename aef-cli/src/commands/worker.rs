//! `aef worker`.

use std::net::SocketAddr;
use std::time::Duration;

use aef::document::{InvalidSpan, Span};
use aef::engine::{Engine, PrivateOrigins, Shutdown, WorkerOptions};
use aef::ids::WorkerId;
use clap::Args;
use tokio::task::JoinHandle;

use crate::args::{LimitArgs, PerformArgs};
use crate::database::DatabaseArgs;
use crate::environment;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::internal::{InternalArgs, LiveService};
use crate::interrupts::Interrupts;
use crate::metrics::{self, Metrics};

/// The shortest lease: what is left of it after the worker's own margin must outlast a slow answer of the store.
const SHORTEST_LEASE: Duration = Duration::from_secs(2);

/// Perform what is due, whoever submitted it, until told to end
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The worker's name, which no other live worker may have [default: one of its own]
    #[arg(long, env = "AEF_WORKER", value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    limits: LimitArgs,
    /// How long an execution is its own without a sign of life: after a crash, others take it up so much later
    #[arg(long, default_value = "15s", value_name = "DURATION", value_parser = lease)]
    lease: Duration,
    /// A private or loopback address that documents may open, such as http://10.0.0.7:8080; may be given several times.
    /// `documents` allows what each document allows itself
    #[arg(long, value_name = "ORIGIN|documents")]
    private_origin: Vec<String>,
    /// Serve metrics for Prometheus at http://ADDRESS/metrics, and at /healthz whether the database answers
    #[arg(long, env = "AEF_METRICS", value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
    #[command(flatten)]
    internal: InternalArgs,
    #[command(flatten)]
    perform: PerformArgs,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Runs the command.
///
/// # Errors
/// Where the environment lacks something, or the worker ends by itself.
pub(crate) async fn run(options: Options) -> Result<Exit, Failure> {
    let interrupts = Interrupts::listen()?;
    let origins = private_origins(&options.private_origin);
    let metrics = options.metrics.map(|_| Metrics::new());
    let (engine, host) =
        environment::workshop(&options.database, &options.perform, origins, metrics.as_ref()).await?;
    if let (Some(address), Some(metrics)) = (options.metrics, metrics) {
        let address = metrics::serve(address, metrics, engine.store().clone()).await?;
        tracing::info!(%address, "metrics are served");
    }
    let worker = worker_options(&options);
    let live = options.internal.serve_live(&engine).await?;
    let shown = LiveService::advertise(live.as_ref(), host, &worker.id).await?;
    tracing::info!(
        worker = %worker.id,
        concurrency = worker.concurrency,
        owner_limit = worker.per_owner,
        global_limit = worker.global,
        lease = ?worker.lease,
        "the worker begins"
    );
    let worked = work(&engine, worker, &interrupts).await;
    if let Some(shown) = shown {
        shown.end().await;
    }
    worked
}

/// Works until it is told to end.
async fn work(engine: &Engine, options: WorkerOptions, interrupts: &Interrupts) -> Result<Exit, Failure> {
    let name = options.id.clone();
    let shutdown = Shutdown::new();
    let mut worker = tokio::spawn(engine.worker(options).run(shutdown.clone()));
    tokio::select! {
        ended = &mut worker => return Err(ended_by_itself(ended.err())),
        () = interrupts.first() => {}
    }
    tracing::info!(worker = %name, "the worker finishes what it has in hand; another signal ends it at once");
    shutdown.begin();
    let exit = drain(&shutdown, interrupts, worker).await;
    tracing::info!(worker = %name, "the worker has ended");
    Ok(exit)
}

async fn drain(shutdown: &Shutdown, interrupts: &Interrupts, mut worker: JoinHandle<()>) -> Exit {
    tokio::select! {
        // A worker that panicked has left what its journal can tell.
        _ = &mut worker => return Exit::Success,
        () = interrupts.second() => shutdown.at_once(),
    }
    drop(worker.await);
    Exit::Interrupted
}

fn ended_by_itself(error: Option<tokio::task::JoinError>) -> Failure {
    let failure = Failure::environment("the worker ended by itself");
    match error {
        Some(error) => failure.with_source(error),
        None => failure,
    }
}

fn worker_options(options: &Options) -> WorkerOptions {
    let defaults = options.limits.options();
    WorkerOptions {
        id: options.name.as_deref().map_or(defaults.id, WorkerId::new),
        lease: options.lease,
        // Two renewals may be lost before it is.
        renew_every: options.lease / 3,
        ..options.limits.options()
    }
}

/// Which private addresses documents may open.
pub(crate) fn private_origins(given: &[String]) -> PrivateOrigins {
    if given.iter().any(|origin| origin == "documents") {
        PrivateOrigins::AsDocuments
    } else {
        PrivateOrigins::Listed(given.to_vec())
    }
}

fn lease(text: &str) -> Result<Duration, String> {
    let Span(length) = text.parse().map_err(|error: InvalidSpan| error.to_string())?;
    if length < SHORTEST_LEASE {
        return Err(format!("a lease holds {SHORTEST_LEASE:?} or longer"));
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_a_duration_that_can_be_renewed_in_time() {
        assert_eq!(lease("15s"), Ok(Duration::from_secs(15)));
        assert_eq!(lease("1.5m"), Ok(Duration::from_secs(90)));
        for wrong in ["1s", "-15s", "soon"] {
            assert!(lease(wrong).is_err(), "{wrong}");
        }
    }
}
