//! Duroxide behind the line protocol of `cargo xtask bench store`: `duroxide FOLDER`. A step is an activity that only notes
//! when it was run, and the orchestration awaits each before it schedules the next.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aef_bench_protocol::{Failure, IN_FLIGHT, Reply, Request, StoreMeasure, Times, between, for_each, serve};
use duroxide::providers::sqlite::SqliteProvider;
use duroxide::runtime::registry::ActivityRegistry;
use duroxide::runtime::{ObservabilityConfig, Runtime, RuntimeOptions};
use duroxide::{ActivityContext, Client, OrchestrationContext, OrchestrationRegistry, OrchestrationStatus};
use futures::future::try_join_all;
use sqlx::{Connection as _, SqlitePool};
use uuid::Uuid;

/// How often its dispatchers look for work. Its default of 100 ms would be all that is measured.
const POLL: Duration = Duration::from_millis(1);

/// How many dispatchers it has of either kind: SQLite writes one thing at a time, and more only stand in the way.
const DISPATCHERS: usize = 4;

/// How often a measure is begun: it may fail an orchestration for good where its own dispatchers lock its file.
const TRIES: usize = 5;

/// Longer than a measure can take.
const PATIENCE: Duration = Duration::from_secs(600);

struct Bench {
    provider: Arc<SqliteProvider>,
    times: Times<String>,
}

impl Bench {
    async fn open(folder: &Path) -> Result<Self, Failure> {
        let file = folder.join("duroxide.db");
        let provider = SqliteProvider::new(&format!("sqlite:{}?mode=rwc", file.display()), None).await?;
        Ok(Self { provider: Arc::new(provider), times: Times::default() })
    }

    /// Takes a measure with a runtime of its own, which would otherwise look for work while others are measured.
    async fn take(&self, request: Request<StoreMeasure>) -> Result<Reply, Failure> {
        let note = commit_to_disk(self.provider.get_pool()).await?;
        let mut failed = 0;
        loop {
            let runtime = self.start().await;
            let samples = self.measure(request).await;
            runtime.shutdown(None).await;
            match samples {
                Ok(samples) if failed == 0 => return Ok(Reply { samples, note: Some(note) }),
                Ok(samples) => {
                    let note = format!("{note}; {failed} measures failed and were taken again");
                    return Ok(Reply { samples, note: Some(note) });
                }
                Err(error) if failed + 1 == TRIES => return Err(error),
                Err(_) => failed += 1,
            }
        }
    }

    async fn measure(&self, request: Request<StoreMeasure>) -> Result<Vec<f64>, Failure> {
        match request.measure {
            StoreMeasure::Sequential => Ok(between(&self.run(request.steps).await?)),
            StoreMeasure::InFlight => {
                let runs = try_join_all((0..IN_FLIGHT).map(|_| self.run(request.steps))).await?;
                for_each(runs.into_iter().flatten().collect())
            }
            other => Err(format!("it has no measure {other:?}").into()),
        }
    }

    async fn start(&self) -> Arc<Runtime> {
        let times = self.times.clone();
        let activities =
            ActivityRegistry::builder().register("work", move |_: ActivityContext, run: String| {
                times.note(run);
                std::future::ready(Ok(String::new()))
            });
        let orchestrations = OrchestrationRegistry::builder().register_typed(
            "steps",
            |context: OrchestrationContext, (run, steps): (String, usize)| async move {
                for _ in 0..steps {
                    context.schedule_activity("work", run.clone()).await?;
                }
                Ok(())
            },
        );
        let options = RuntimeOptions {
            dispatcher_min_poll_interval: POLL,
            orchestration_concurrency: DISPATCHERS,
            worker_concurrency: DISPATCHERS,
            observability: ObservabilityConfig { log_level: "error".to_owned(), ..Default::default() },
            ..RuntimeOptions::default()
        };
        Runtime::start_with_options(
            self.provider.clone(),
            activities.build(),
            orchestrations.build(),
            options,
        )
        .await
    }

    async fn run(&self, steps: usize) -> Result<Vec<std::time::Instant>, Failure> {
        let client = Client::new(self.provider.clone());
        let run = Uuid::new_v4().to_string();
        client.start_orchestration_typed(&run, "steps", (&run, steps)).await?;
        match client.wait_for_orchestration(&run, PATIENCE).await? {
            OrchestrationStatus::Completed { .. } => Ok(self.times.take(&run)),
            other => Err(format!("it did not complete: {other:?}").into()),
        }
    }
}

/// Has every connection of the pool sync its commits, as the other sides do, and gives what it reads back.
async fn commit_to_disk(pool: &SqlitePool) -> Result<String, Failure> {
    let count = pool.options().get_max_connections();
    // All of them at once, or the same one would be told again and again.
    let connections = try_join_all((0..count).map(|_| pool.acquire())).await?;
    let mut settings = Vec::new();
    for mut connection in connections {
        connection.ping().await?;
        let before: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut *connection).await?;
        sqlx::query("PRAGMA synchronous = FULL").execute(&mut *connection).await?;
        let after: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut *connection).await?;
        let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *connection).await?;
        settings.push((journal, before, after));
    }
    match settings.first() {
        Some((journal, _, 2)) if settings.iter().all(|(other, _, after)| (other, after) == (journal, &2)) => {
            Ok(format!("duroxide: journal_mode={journal}, synchronous=2 (FULL) on its {count} connections"))
        }
        _ => Err(format!("its connections do not sync their commits: {settings:?}").into()),
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let folder = std::env::args().nth(1).ok_or("usage: duroxide FOLDER")?;
    let bench = Bench::open(Path::new(&folder)).await?;
    serve(async |request| bench.take(request).await).await
}
