//! `cargo xtask bench store`: the sides, what each is asked for, and with whom it is compared.

use std::path::Path;

use aef_testkit::postgres::{Cluster, ClusterOptions};
use clap::Args;
use serde::Serialize;

use super::driver::Driver;
use super::table::{self, Percentile, Row};
use super::tools::Tools;
use crate::command::Failure;
use crate::postgres;

/// How it is measured.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How often each side takes each measure, in turns.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How many steps, jobs or answers a measure has.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(2..))]
    steps: u32,
    /// Prints one JSON object a row, and what is installed to the standard error.
    #[arg(long)]
    json: bool,
}

/// Where a side keeps what must not be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Store {
    Postgres,
    Sqlite,
}

/// What a side can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Measure {
    /// A bare insert with its commit.
    Insert,
    /// From one durable step to the next.
    Sequential,
    /// The same with 32 executions under way, for each step.
    InFlight,
    /// From the call that submits work to its first step.
    Enqueue,
    /// From the call that answers to the next step.
    Answer,
}

/// Which part of the steps each execution has where 32 are under way: enough that their beginnings do not count.
const IN_FLIGHT_SHARE: u32 = 8;

/// Every measure, in the order in which they are taken.
const MEASURES: [Measure; 5] =
    [Measure::Insert, Measure::Sequential, Measure::InFlight, Measure::Enqueue, Measure::Answer];

/// Who is measured, and on which store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    OursPostgres,
    Dbos,
    LangGraphPostgres,
    GraphileWorker,
    OursSqlite,
    Duroxide,
    LangGraphSqlite,
}

type Samples = table::Samples<(Side, Measure)>;

/// What is compared: the measure, the percentiles that are told, ours and the peer's.
const COMPARISONS: [(Measure, &[Percentile], Side, Side); 11] = [
    (Measure::Sequential, &[50, 95], Side::OursPostgres, Side::Dbos),
    (Measure::Sequential, &[50, 95], Side::OursPostgres, Side::LangGraphPostgres),
    (Measure::InFlight, &[50], Side::OursPostgres, Side::Dbos),
    (Measure::InFlight, &[50], Side::OursPostgres, Side::LangGraphPostgres),
    (Measure::Answer, &[50, 95], Side::OursPostgres, Side::LangGraphPostgres),
    (Measure::Enqueue, &[50, 95], Side::OursPostgres, Side::GraphileWorker),
    (Measure::Sequential, &[50, 95], Side::OursSqlite, Side::Duroxide),
    (Measure::Sequential, &[50, 95], Side::OursSqlite, Side::LangGraphSqlite),
    (Measure::InFlight, &[50], Side::OursSqlite, Side::Duroxide),
    (Measure::InFlight, &[50], Side::OursSqlite, Side::LangGraphSqlite),
    (Measure::Answer, &[50, 95], Side::OursSqlite, Side::LangGraphSqlite),
];

impl Measure {
    const fn name(self) -> &'static str {
        match self {
            Self::Insert => "bare insert",
            Self::Sequential => "sequential durable step",
            Self::InFlight => "durable step, 32 in flight",
            Self::Enqueue => "enqueue to first action",
            Self::Answer => "answer to next action",
        }
    }

    /// How many of the steps each of its executions has.
    fn steps(self, steps: u32) -> u32 {
        if self == Self::InFlight { steps.div_ceil(IN_FLIGHT_SHARE).max(2) } else { steps }
    }
}

impl Side {
    const ALL: [Self; 7] = [
        Self::OursPostgres,
        Self::Dbos,
        Self::LangGraphPostgres,
        Self::GraphileWorker,
        Self::OursSqlite,
        Self::Duroxide,
        Self::LangGraphSqlite,
    ];

    /// What it is called in the table, with the version that `benches/` pins.
    const fn name(self) -> &'static str {
        match self {
            Self::OursPostgres | Self::OursSqlite => "AEF",
            Self::Dbos => "dbos 0.5.0",
            Self::LangGraphPostgres => "LangGraph 1.2.22, checkpoint-postgres 3.2.0",
            Self::GraphileWorker => "graphile-worker 0.16.6",
            Self::Duroxide => "duroxide 0.1.32",
            Self::LangGraphSqlite => "LangGraph 1.2.22, checkpoint-sqlite 3.1.2",
        }
    }

    const fn store(self) -> Store {
        match self {
            Self::OursPostgres | Self::Dbos | Self::LangGraphPostgres | Self::GraphileWorker => {
                Store::Postgres
            }
            Self::OursSqlite | Self::Duroxide | Self::LangGraphSqlite => Store::Sqlite,
        }
    }

    const fn store_name(self) -> &'static str {
        match self.store() {
            Store::Postgres => "Postgres",
            Store::Sqlite => "SQLite",
        }
    }

    /// Whether it is asked for this measure when this store's turn comes.
    fn takes(self, store: Store, measure: Measure) -> bool {
        self.store() == store
            && match self {
                Self::OursPostgres | Self::OursSqlite => true,
                Self::Dbos | Self::Duroxide => matches!(measure, Measure::Sequential | Measure::InFlight),
                Self::LangGraphPostgres | Self::LangGraphSqlite => {
                    matches!(measure, Measure::Sequential | Measure::InFlight | Measure::Answer)
                }
                Self::GraphileWorker => measure == Measure::Enqueue,
            }
    }

    /// Starts it, with a database of its own where it keeps one in Postgres.
    fn start(
        self,
        tools: &Tools,
        cluster: &Cluster,
        database: &str,
        folder: &Path,
    ) -> Result<Driver, Failure> {
        let mut command = match self {
            Self::OursPostgres | Self::OursSqlite => tools.built("ours", "store"),
            Self::Dbos => tools.built("peers", "dbos"),
            Self::Duroxide => tools.built("peers", "duroxide"),
            Self::LangGraphPostgres | Self::LangGraphSqlite => tools.python("langgraph"),
            Self::GraphileWorker => tools.node("graphile-worker", "driver.js"),
        };
        let both = matches!(
            self,
            Self::OursPostgres | Self::OursSqlite | Self::LangGraphPostgres | Self::LangGraphSqlite
        );
        if self == Self::Duroxide {
            // It would say what goes wrong where its samples are read.
            command.env("RUST_LOG", "off");
        }
        match self.store() {
            Store::Postgres => {
                cluster.create_database(database)?;
                command.args(both.then_some("postgres")).arg(cluster.url(database));
            }
            Store::Sqlite => {
                command.args(both.then_some("sqlite")).arg(folder);
            }
        }
        Driver::start(command)
    }
}

/// Measures, and prints the table.
pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let tools = Tools::new();
    tools.build_ours("store")?;
    tools.build_peers()?;
    tools.install_python("langgraph")?;
    tools.install_node("graphile-worker")?;
    // Beside the tools and not in memory, which is what many a temporary folder is.
    let folder = tools.scratch("store")?;
    let cluster = postgres::start(&ClusterOptions { durable: true, ..ClusterOptions::default() })?;
    let mut drivers = Vec::new();
    for side in Side::ALL {
        let database = format!("bench_{}", drivers.len());
        drivers.push((side, side.start(&tools, &cluster, &database, &folder)?));
    }
    let mut samples = Samples::default();
    for round in 1..=options.rounds {
        eprintln!("bench: round {round} of {}", options.rounds);
        take_round(&mut drivers, options.steps, &mut samples)?;
    }
    drivers.into_iter().try_for_each(|(_, driver)| driver.finish())?;
    std::fs::remove_dir_all(&folder).map_err(Failure::file(&folder))?;
    samples.print(&rows(&samples), options.json);
    Ok(())
}

/// Has every side take a measure before the next measure begins, so that a disk that changes its mind changes all of them.
fn take_round(drivers: &mut [(Side, Driver)], steps: u32, samples: &mut Samples) -> Result<(), Failure> {
    for store in [Store::Postgres, Store::Sqlite] {
        for measure in MEASURES {
            for (side, driver) in drivers.iter_mut().filter(|(side, _)| side.takes(store, measure)) {
                samples.add((*side, measure), driver.take(measure, measure.steps(steps))?);
            }
        }
    }
    Ok(())
}

/// What the samples come to: each comparison, and then ours beside the bare insert.
fn rows(samples: &Samples) -> Vec<Row> {
    let name = |measure: Measure, side: Side| format!("{}, {}", measure.name(), side.store_name());
    let calibrated = [Side::OursPostgres, Side::OursSqlite].into_iter().flat_map(|side| {
        MEASURES.into_iter().filter(|measure| *measure != Measure::Insert).filter_map(move |measure| {
            let bare = (&(side, Measure::Insert), "bare insert and commit");
            samples.row(&name(measure, side), 50, &(side, measure), bare)
        })
    });
    let compared = COMPARISONS.into_iter().flat_map(|(measure, shares, ours, peer)| {
        shares.iter().filter_map(move |share| {
            samples.row(&name(measure, ours), *share, &(ours, measure), (&(peer, measure), peer.name()))
        })
    });
    compared.chain(calibrated).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compared_is_measured_on_the_same_store() {
        for (measure, _, ours, peer) in COMPARISONS {
            assert!(ours.takes(peer.store(), measure), "{ours:?} {measure:?}");
            assert!(peer.takes(ours.store(), measure), "{peer:?} {measure:?}");
        }
    }
}
