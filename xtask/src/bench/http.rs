//! `cargo xtask bench http`: requests to the HTTP surface beside the bare framework's, with few and with many executions.

use std::path::Path;

use aef_testkit::postgres::{Cluster, ClusterOptions};
use clap::Args;
use serde::Serialize;

use super::driver::Driver;
use super::table::{self, Row};
use super::tools::Tools;
use crate::command::Failure;
use crate::postgres;

/// How it is measured.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How often each side takes each measure, in turns.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How many requests a measure has; acts that are watched are a twentieth.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    requests: u32,
    /// How many executions there are in the end; in the beginning there are 100.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(101..))]
    executions: u32,
    /// Prints one JSON object a row, and what is installed to the standard error.
    #[arg(long)]
    json: bool,
}

/// What a side can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Measure {
    /// Has so many executions be there.
    Grow,
    Status,
    StatusRate,
    List,
    ListRate,
    FanOut,
    Submit,
    SubmitRate,
}

/// What is measured, in the order in which it is: what adds executions comes last.
const MEASURES: [Measure; 7] = [
    Measure::Status,
    Measure::StatusRate,
    Measure::List,
    Measure::ListRate,
    Measure::FanOut,
    Measure::Submit,
    Measure::SubmitRate,
];

impl Measure {
    const fn name(self) -> &'static str {
        match self {
            Self::Grow => "an execution that is added",
            Self::Status => "status",
            Self::StatusRate => "status, one of all a second",
            Self::List => "list of 20",
            Self::ListRate => "list of 20, one of all a second",
            Self::FanOut => "act to seen, 1,000 sockets on 100 executions",
            Self::Submit => "submit",
            Self::SubmitRate => "submit, one of all a second",
        }
    }

    const fn is_rate(self) -> bool {
        matches!(self, Self::StatusRate | Self::ListRate | Self::SubmitRate)
    }

    const fn steps(self, requests: u32) -> u32 {
        if matches!(self, Self::FanOut) { requests.div_ceil(20) } else { requests }
    }
}

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Postgres,
    Sqlite,
    Bare,
}

impl Side {
    const ALL: [Self; 3] = [Self::Postgres, Self::Sqlite, Self::Bare];

    fn start(self, tools: &Tools, cluster: &Cluster, folder: &Path) -> Result<Driver, Failure> {
        let mut command = tools.built("ours", "http");
        match self {
            Self::Postgres => {
                cluster.create_database("bench")?;
                command.arg("postgres").arg(cluster.url("bench"));
            }
            Self::Sqlite => {
                command.arg("sqlite").arg(folder);
            }
            Self::Bare => {
                command.arg("bare");
            }
        }
        Driver::start(command)
    }
}

/// Whether there are many executions, the side and the measure.
type Samples = table::Samples<(bool, Side, Measure)>;

/// Measures, and prints the table.
pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let tools = Tools::new();
    tools.build_ours("http")?;
    let folder = tools.scratch("http")?;
    let cluster = postgres::start(&ClusterOptions { durable: true, ..ClusterOptions::default() })?;
    let mut drivers = Vec::new();
    for side in Side::ALL {
        drivers.push((side, side.start(&tools, &cluster, &folder)?));
    }
    let mut samples = Samples::default();
    for many in [false, true] {
        if many {
            for (side, driver) in drivers.iter_mut().filter(|(side, _)| *side != Side::Bare) {
                eprintln!("bench: {side:?} grows to {} executions", options.executions);
                samples.add((many, *side, Measure::Grow), driver.take(Measure::Grow, options.executions)?);
            }
        }
        for measure in MEASURES {
            eprintln!("bench: {}{}", measure.name(), if many { ", many executions" } else { "" });
            for _ in 0..options.rounds {
                for (side, driver) in &mut drivers {
                    let reply = driver.take(measure, measure.steps(options.requests))?;
                    samples.add((many, *side, measure), reply);
                }
            }
        }
    }
    drivers.into_iter().try_for_each(|(_, driver)| driver.finish())?;
    std::fs::remove_dir_all(&folder).map_err(Failure::file(&folder))?;
    samples.print(&rows(&samples, options.executions), options.json);
    Ok(())
}

/// What the samples come to: each measure beside the bare framework, and then many executions beside few.
fn rows(samples: &Samples, executions: u32) -> Vec<Row> {
    let mut rows = Vec::new();
    for (side, store) in [(Side::Postgres, "Postgres"), (Side::Sqlite, "SQLite")] {
        for measure in MEASURES {
            let shares: &[_] = if measure.is_rate() { &[50] } else { &[50, 99] };
            let name = format!("{}, {store}", measure.name());
            let (few, many) = ((false, side, measure), (true, side, measure));
            let bare = (&(false, Side::Bare, measure), "axum 0.8, a constant");
            rows.extend(shares.iter().filter_map(|share| samples.row(&name, *share, &few, bare)));
            let name = format!("{name}, {executions} executions");
            let grown =
                shares.iter().filter_map(|share| samples.row(&name, *share, &many, (&few, "AEF, few")));
            rows.extend(grown);
        }
    }
    rows
}
