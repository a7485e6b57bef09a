//! AEF behind the line protocol of `cargo xtask bench store`: `store postgres URL` or `store sqlite FOLDER`. A step is an
//! action that only notes when it was performed; stores and workers have their defaults.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use aef::document::{Document, Risk};
use aef::engine::{
    ActionExecutor, CustomError, CustomRequest, Engine, Handle, Outcome, Shutdown, SubmitOptions,
    WorkerOptions,
};
use aef::execution::Answer;
use aef::ids::ExecutionId;
use aef::plan::Plan;
use aef::postgres::{PostgresOptions, PostgresStore};
use aef::sqlite::{SqliteOptions, SqliteStore};
use aef::store::Store;
use aef_bench_protocol::{
    Failure, IN_FLIGHT, Reply, Request, StoreMeasure, Times, between, for_each, micros, serve,
};
use async_trait::async_trait;
use futures::future::try_join_all;
use serde_json::{Value, json};
use sqlx::{ConnectOptions as _, Connection as _};

/// What a row of the calibrator holds, in bytes: what an action of ours writes.
const ROW: usize = 600;

/// The step that does nothing.
#[derive(Debug)]
struct Nothing(Times<ExecutionId>);

#[async_trait]
impl ActionExecutor for Nothing {
    fn input(&self) -> Option<Value> {
        None
    }

    fn risk(&self) -> Risk {
        Risk::Read
    }

    fn repeatable(&self) -> bool {
        true
    }

    async fn execute(&self, request: CustomRequest) -> Result<Value, CustomError> {
        self.0.note(request.execution);
        Ok(Value::Null)
    }
}

/// What is measured.
struct Bench {
    engine: Engine,
    times: Times<ExecutionId>,
    bare: Bare,
}

/// A connection of the driver, with nothing of ours between.
enum Bare {
    Postgres(sqlx::PgConnection),
    Sqlite(sqlx::SqliteConnection),
}

impl Bare {
    async fn insert(&mut self, row: &[u8]) -> Result<(), sqlx::Error> {
        match self {
            Self::Postgres(connection) => {
                sqlx::query("INSERT INTO public.bare (data) VALUES ($1)")
                    .bind(row)
                    .execute(connection)
                    .await?;
            }
            Self::Sqlite(connection) => {
                sqlx::query("INSERT INTO bare (data) VALUES (?)").bind(row).execute(connection).await?;
            }
        }
        Ok(())
    }

    /// What its commits hang on, as the database tells it.
    async fn settings(&mut self) -> Result<String, sqlx::Error> {
        match self {
            Self::Postgres(connection) => {
                let fsync: String = sqlx::query_scalar("SHOW fsync").fetch_one(&mut *connection).await?;
                let commit: String =
                    sqlx::query_scalar("SHOW synchronous_commit").fetch_one(connection).await?;
                Ok(format!("Postgres of all sides: fsync={fsync}, synchronous_commit={commit}"))
            }
            Self::Sqlite(connection) => {
                let journal: String =
                    sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *connection).await?;
                let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(connection).await?;
                Ok(format!("bare insert on SQLite: journal_mode={journal}, synchronous={synchronous}"))
            }
        }
    }
}

impl Bench {
    async fn open(kind: &str, place: &str) -> Result<Self, Failure> {
        let (store, bare): (Arc<dyn Store>, _) = match kind {
            "postgres" => {
                let store = PostgresStore::connect(PostgresOptions::new(place)?).await?;
                let mut bare = sqlx::PgConnection::connect(place).await?;
                sqlx::raw_sql("CREATE TABLE public.bare (no bigserial PRIMARY KEY, data bytea NOT NULL)")
                    .execute(&mut bare)
                    .await?;
                (Arc::new(store), Bare::Postgres(bare))
            }
            "sqlite" => {
                let folder = Path::new(place);
                let store = SqliteStore::open(folder.join("ours.db"), SqliteOptions::default()).await?;
                let options = sqlx::sqlite::SqliteConnectOptions::new()
                    .filename(folder.join("bare.db"))
                    .create_if_missing(true)
                    .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
                    .synchronous(sqlx::sqlite::SqliteSynchronous::Full);
                let mut bare = options.connect().await?;
                sqlx::raw_sql("CREATE TABLE bare (no INTEGER PRIMARY KEY, data BLOB NOT NULL)")
                    .execute(&mut bare)
                    .await?;
                (Arc::new(store), Bare::Sqlite(bare))
            }
            other => return Err(format!("no store is called {other}").into()),
        };
        let times = Times::default();
        let engine = Engine::builder(store).action("bench.nothing", Nothing(times.clone())).build();
        Ok(Self { engine, times, bare })
    }

    async fn take(&mut self, request: Request<StoreMeasure>) -> Result<Reply, Failure> {
        let samples = match request.measure {
            StoreMeasure::Insert => {
                let samples = self.insert(request.steps).await?;
                return Ok(Reply { samples, note: Some(self.bare.settings().await?) });
            }
            StoreMeasure::Sequential => self.sequential(request.steps).await?,
            StoreMeasure::InFlight => self.in_flight(request.steps).await?,
            StoreMeasure::Enqueue => self.enqueue(request.steps).await?,
            StoreMeasure::Answer => self.answer(request.steps).await?,
        };
        Ok(samples.into())
    }

    /// Each insert with its commit.
    async fn insert(&mut self, count: usize) -> Result<Vec<f64>, Failure> {
        let mut samples = Vec::with_capacity(count);
        for _ in 0..count {
            let start = Instant::now();
            self.bare.insert(&[b'e'; ROW]).await?;
            samples.push(micros(start, Instant::now()));
        }
        Ok(samples)
    }

    /// From each step to the next.
    async fn sequential(&self, steps: usize) -> Result<Vec<f64>, Failure> {
        let run = self.submit(&self.plan(steps, false)?).await?;
        finish(&run).await?;
        Ok(between(&self.times.take(&run.id())))
    }

    /// The time from the first step to the last, divided by the steps.
    async fn in_flight(&self, steps: usize) -> Result<Vec<f64>, Failure> {
        let plan = self.plan(steps, false)?;
        let runs = try_join_all((0..IN_FLIGHT).map(|_| self.submit(&plan))).await?;
        try_join_all(runs.iter().map(finish)).await?;
        for_each(runs.iter().flat_map(|run| self.times.take(&run.id())).collect())
    }

    /// From the call that submits to the first step, one after the other.
    async fn enqueue(&self, count: usize) -> Result<Vec<f64>, Failure> {
        let plan = self.plan(1, false)?;
        let mut samples = Vec::with_capacity(count);
        for _ in 0..count {
            let start = Instant::now();
            let run = self.submit(&plan).await?;
            finish(&run).await?;
            samples.push(micros(start, self.first(&run)?));
        }
        Ok(samples)
    }

    /// From the call that answers to the next step, one after the other.
    async fn answer(&self, count: usize) -> Result<Vec<f64>, Failure> {
        let plan = self.plan(1, true)?;
        let mut samples = Vec::with_capacity(count);
        for _ in 0..count {
            let run = self.submit(&plan).await?;
            let Outcome::Waiting(state) = run.wait().await? else {
                return Err("it did not wait for an answer".into());
            };
            let checkpoint = state.checkpoint.ok_or("it waits for more than an answer")?;
            let start = Instant::now();
            run.answer(checkpoint.id, Answer::approve()).await?;
            finish(&run).await?;
            samples.push(micros(start, self.first(&run)?));
        }
        Ok(samples)
    }

    fn first(&self, run: &Handle) -> Result<Instant, Failure> {
        self.times.take(&run.id()).first().copied().ok_or_else(|| "no step was performed".into())
    }

    fn plan(&self, steps: usize, asks: bool) -> Result<Plan, Failure> {
        let actions = vec![json!({ "action": "bench.nothing" }); steps];
        let mut step = json!({ "id": "work", "actions": actions });
        if asks {
            step["checkpoint"] = json!({ "before": { "title": "Go on?" } });
        }
        let document = json!({ "aef": 1, "id": "bench", "steps": [step] });
        Ok(self.engine.compile(&Document::from_yaml(&document.to_string())?)?)
    }

    async fn submit(&self, plan: &Plan) -> Result<Handle, Failure> {
        Ok(self.engine.scope("bench").submit(plan, json!({}), SubmitOptions::default()).await?)
    }
}

/// Waits for the end, which must be a good one.
async fn finish(run: &Handle) -> Result<(), Failure> {
    match run.wait().await? {
        Outcome::Finished(_) => Ok(()),
        Outcome::Waiting(state) => {
            Err(format!("it stands still as {}: {:?}", state.status, state.failure).into())
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, place] = &arguments[..] else {
        return Err("usage: store postgres URL | sqlite FOLDER".into());
    };
    let mut bench = Bench::open(kind, place).await?;
    let shutdown = Shutdown::new();
    let options = WorkerOptions { concurrency: IN_FLIGHT, ..WorkerOptions::default() };
    let worker = tokio::spawn(bench.engine.worker(options).run(shutdown.clone()));
    // The worker has threads of its own beside the one that waits for requests.
    serve(async |request| bench.take(request).await).await?;
    shutdown.begin();
    worker.await?;
    Ok(())
}
