//! The run: everything is started, everything goes wrong, and in the end everything is counted.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aef_core::engine::{Engine, SubmitOptions};
use aef_core::store::{ListQuery, Scope};
use aef_testkit::demo_site::{DemoSite, DemoSiteOptions};
use aef_testkit::postgres::{Cluster, ClusterOptions, TestDatabase};
use clap::Args;
use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use crate::dice::Dice;
use crate::documents::{Kind, Order};
use crate::failure::Failure;
use crate::fleet::{Berth, Fleet};
use crate::people::People;
use crate::scene::{Placed, Scene};
use crate::storm::Storm;
use crate::verdict::Verdict;
use crate::{monitor, report, worker};

/// How long the site takes to answer a write that has happened: so long a kill leaves a doubt.
const SAVE_DELAY: Duration = Duration::from_millis(150);

/// How long the work may take that is left when nothing goes wrong any more, beside the lease.
const REST: Duration = Duration::from_secs(90);

/// How the run is made.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Repeats the choices of a run [default: by the clock]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// How many executions are submitted
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(u32).range(7..=900))]
    pub(crate) executions: u32,
    /// How many worker processes there are
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=32))]
    pub(crate) workers: u32,
    /// For how long faults happen
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    pub(crate) seconds: u64,
    /// How long the leases hold
    #[arg(long, default_value_t = 5, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(2..=60))]
    pub(crate) lease: u64,
    /// Where the workers' logs are left [default: nowhere]
    #[arg(long, value_name = "DIR")]
    pub(crate) logs: Option<PathBuf>,
}

/// Makes the run and tells what came of it; gives whether all is as it must be.
///
/// # Errors
/// Where the run itself cannot be made.
pub(crate) async fn run(options: &Options) -> Result<bool, Failure> {
    let seed = options.seed.unwrap_or_else(|| {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| u64::from(time.subsec_nanos()))
    });
    report::begin(options, seed);
    let durable = ClusterOptions { durable: true, ..ClusterOptions::default() };
    let cluster = tokio::task::block_in_place(|| Cluster::start(&durable));
    let cluster = cluster.map_err(Failure::to("there is no database server"))?;
    let database = TestDatabase::on(&cluster.url("postgres")).await;
    let directory = tempfile::tempdir().map_err(Failure::to("cannot make a directory"))?;
    for made in options.logs.iter().chain([&directory.path().join("artifacts")]) {
        std::fs::create_dir_all(made).map_err(Failure::to("cannot make a directory"))?;
    }
    let site = DemoSite::start(DemoSiteOptions { save_delay: SAVE_DELAY, ..DemoSiteOptions::default() })
        .map_err(Failure::to("the site does not start"))?;
    let engine = Engine::builder(worker::connect(database.url()).await?).build();
    let scene = Arc::new(Scene::new(engine, site));

    let lease = Duration::from_secs(options.lease);
    let berth = Berth {
        database_url: database.url().to_owned(),
        directory: options.logs.clone().unwrap_or_else(|| directory.path().to_owned()),
        artifacts: directory.path().join("artifacts"),
        lease,
        seed,
    };
    let fleet = Fleet::start(berth, options.workers as usize)?;
    let storm = Storm::new(scene.clone(), &cluster, database.name(), fleet, Dice::new(seed ^ 1));
    play(options, seed, scene, storm).await
}

/// Submits, lets it storm, waits until all has come to its end, and counts.
async fn play(
    options: &Options,
    seed: u64,
    scene: Arc<Scene>,
    mut storm: Storm<'_>,
) -> Result<bool, Failure> {
    let begun = Instant::now();
    let chaos = Duration::from_secs(options.seconds);
    let over = CancellationToken::new();
    let people = Arc::new(People::new(scene.clone(), seed ^ 2));
    let attending = tokio::spawn({
        let (people, over) = (people.clone(), over.clone());
        async move { people.attend(over).await }
    });
    let watching = tokio::spawn(monitor::watch(scene.clone(), over.clone()));
    let submitting = tokio::spawn(submit(scene.clone(), options.executions, chaos, Dice::new(seed ^ 3)));

    storm.rage(begun + chaos).await?;
    storm.calm()?;
    submitting.await.map_err(Failure::to("submitting ended"))??;
    let patience = Instant::now() + storm.lease + REST;
    while Instant::now() < patience && !all_settled(&scene).await {
        storm.tend()?;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    over.cancel();
    attending.await.map_err(Failure::to("attending ended"))?;
    let seen = watching.await.map_err(Failure::to("watching ended"))?;
    for place in 0..storm.fleet.size() {
        storm.fleet.drain(place).await?;
    }
    let deeds = people.deeds().clone();
    let mut verdict = Verdict::on(&scene, &deeds).await?;
    verdict.violations.extend(seen.stuck.iter().cloned());
    report::end(&storm.tally, &verdict, &deeds, &seen, begun.elapsed());
    Ok(verdict.violations.is_empty())
}

/// Submits everything over most of the time in which things go wrong.
async fn submit(scene: Arc<Scene>, executions: u32, chaos: Duration, mut dice: Dice) -> Result<(), Failure> {
    let plans: Vec<_> = Kind::ALL.into_iter().map(Kind::plan).collect::<Result<_, _>>()?;
    let pace = chaos.mul_f64(0.7) / executions;
    for number in 0..executions {
        let order = Order::any(number, &scene.site.url(), chaos, &mut dice);
        let kind = Kind::ALL.iter().position(|kind| *kind == order.kind).unwrap_or_default();
        let delay = order.delay.and_then(|delay| SignedDuration::try_from(delay).ok());
        let options = SubmitOptions {
            // The database may be away at any moment; what is sent again under the same key is made once.
            idempotency_key: Some(format!("order {number}")),
            priority: order.priority,
            start_at: delay.map(|delay| jiff::Timestamp::now() + delay),
            ..SubmitOptions::default()
        };
        let scope = scene.engine.scope(order.owner);
        let handle = loop {
            match scope.submit(&plans[kind], order.inputs.clone(), options.clone()).await {
                Ok(handle) => break handle,
                Err(error) if error.is_retryable() => tokio::time::sleep(Duration::from_millis(200)).await,
                Err(error) => return Err(Failure::wrong("it cannot be submitted").with_source(error)),
            }
        };
        scene.orders().insert(handle.id(), Placed { order: Arc::new(order), at: Instant::now() });
        tokio::time::sleep(pace).await;
    }
    Ok(())
}

async fn all_settled(scene: &Scene) -> bool {
    let query = ListQuery { limit: 1000, ..ListQuery::default() };
    let Ok(page) = scene.engine.store().list(&Scope::System, query).await else { return false };
    page.records
        .iter()
        .all(|record| scene.placed(record.id).is_some_and(|placed| placed.is_settled(record.summary.status)))
}
