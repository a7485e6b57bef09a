//! `cargo xtask bench`: what AEF costs beside its peers, on the same server and the same file system.

mod drivers;
mod rows;

use aef_testkit::postgres::ClusterOptions;
use clap::{Args, Subcommand};

use self::drivers::{Driver, Side};
use self::rows::{MEASURES, Row, Samples, Store};
use crate::command::Failure;
use crate::postgres;

/// What is measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Durable steps, work that is taken up and answers that are acted on, beside LangGraph and graphile-worker.
    Store(Options),
}

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

/// Measures, and prints the table.
pub(crate) fn run(bench: &Bench) -> Result<(), Failure> {
    let Bench::Store(options) = bench;
    let tools = drivers::prepare()?;
    // Beside the tools and not in memory, which is what many a temporary folder is.
    let folder = tools.scratch()?;
    let cluster = postgres::start(&ClusterOptions { durable: true, ..ClusterOptions::default() })?;
    let mut drivers = Vec::new();
    for side in Side::ALL {
        let database = format!("bench_{}", drivers.len());
        drivers.push(tools.start(side, &cluster, &database, &folder)?);
    }
    let mut samples = Samples::default();
    for round in 1..=options.rounds {
        eprintln!("bench: round {round} of {}", options.rounds);
        take_round(&mut drivers, options.steps, &mut samples)?;
    }
    drivers.into_iter().try_for_each(Driver::finish)?;
    std::fs::remove_dir_all(&folder).map_err(Failure::file(&folder))?;
    print(&rows::rows(&samples), options.json)
}

/// Has every side take a measure before the next measure begins, so that a disk that changes its mind changes all of them.
fn take_round(drivers: &mut [Driver], steps: u32, samples: &mut Samples) -> Result<(), Failure> {
    for store in [Store::Postgres, Store::Sqlite] {
        for measure in MEASURES {
            for driver in drivers.iter_mut().filter(|driver| driver.side().takes(store, measure)) {
                let taken = driver.take(measure, steps)?;
                samples.add(driver.side(), measure, taken);
            }
        }
    }
    Ok(())
}

fn print(rows: &[Row], json: bool) -> Result<(), Failure> {
    if json {
        for row in rows {
            let row = serde_json::to_string(row).expect("a row is text and numbers");
            println!("{row}");
        }
        return Ok(());
    }
    println!("{:<48} {:>12} {:>12} {:>7}  beside", "measure", "ours", "peer", "ratio");
    for row in rows {
        println!(
            "{:<48} {:>12} {:>12} {:>7.3}  {}",
            row.name,
            format!("{:.1} {}", row.ours, row.unit),
            format!("{:.1} {}", row.peer, row.unit),
            row.ratio,
            row.peer_name
        );
    }
    Ok(())
}
