//! `cargo xtask bench browser`: actions in Chromium beside Playwright and Puppeteer, near and far.

mod chromium;
mod pages;
mod relay;

use std::path::Path;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use self::chromium::Chromium;
use super::driver::Driver;
use super::table::{self, Row};
use super::tools::Tools;
use crate::command::Failure;
use crate::setup;

/// How it is measured.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How often each side takes each measure, in turns.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How many clicks, fields or pictures a measure has; slow ones have a tenth.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..))]
    steps: u32,
    /// How long messages between a far browser and its driver take, there and back, in ms.
    #[arg(long, default_value_t = 40)]
    round_trip: u64,
    /// Prints one JSON object a row, and what is installed to the standard error.
    #[arg(long)]
    json: bool,
}

/// What a side can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Measure {
    Click,
    Fill,
    Select,
    Wait,
    Extract,
    Screenshot,
    Navigate,
    Context,
    Form,
    /// The form as a durable execution, which only ours has.
    Journalled,
}

/// Every measure, in the order in which they are taken.
const MEASURES: [Measure; 10] = [
    Measure::Click,
    Measure::Fill,
    Measure::Select,
    Measure::Wait,
    Measure::Extract,
    Measure::Screenshot,
    Measure::Navigate,
    Measure::Context,
    Measure::Form,
    Measure::Journalled,
];

impl Measure {
    const fn name(self) -> &'static str {
        match self {
            Self::Click => "click, with all checks",
            Self::Fill => "fill",
            Self::Select => "select",
            Self::Wait => "late element, from there to noticed",
            Self::Extract => "extract 50 texts",
            Self::Screenshot => "screenshot",
            Self::Navigate => "navigate",
            Self::Context => "new context with its page",
            Self::Form => "form of 50 actions in a new context",
            Self::Journalled => "the same form, journalled in SQLite",
        }
    }

    /// How many of it a measure has, where a quick one has `steps`.
    const fn steps(self, steps: u32) -> u32 {
        match self {
            Self::Click | Self::Fill | Self::Select | Self::Extract | Self::Screenshot | Self::Navigate => {
                steps
            }
            Self::Wait | Self::Context | Self::Form | Self::Journalled => steps.div_ceil(10),
        }
    }

    /// What the peers are asked for where ours is asked for this.
    const fn of_peer(self) -> Self {
        if matches!(self, Self::Journalled) { Self::Form } else { self }
    }
}

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Ours,
    Playwright,
    Puppeteer,
}

impl Side {
    const ALL: [Self; 3] = [Self::Ours, Self::Playwright, Self::Puppeteer];

    /// What it is called in the table, with the version that `benches/` pins.
    const fn name(self) -> &'static str {
        match self {
            Self::Ours => "AEF",
            Self::Playwright => "playwright-core 1.65.1",
            Self::Puppeteer => "puppeteer-core 25.16.0",
        }
    }

    const fn takes(self, measure: Measure) -> bool {
        matches!(self, Self::Ours) || !matches!(measure, Measure::Journalled)
    }

    /// Starts it with the browser at `ws`.
    fn start(self, tools: &Tools, ws: &str, origin: &str, folder: &Path) -> Result<Driver, Failure> {
        let mut command = match self {
            Self::Ours => tools.built("ours", "browser"),
            Self::Playwright | Self::Puppeteer => tools.node("browser", "driver.js"),
        };
        match self {
            Self::Ours => command.args([ws, origin]).arg(folder),
            Self::Playwright => command.args(["playwright", ws, origin]),
            Self::Puppeteer => command.args(["puppeteer", ws, origin]),
        };
        Driver::start(command)
    }
}

/// Whether messages are delayed, the side and the measure.
type Samples = table::Samples<(bool, Side, Measure)>;

/// Measures, and prints the table.
pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let executable = setup::chromium()?;
    let tools = Tools::new();
    tools.build_ours("browser")?;
    tools.install_node("browser")?;
    let origin = pages::serve()?;
    let mut samples = Samples::default();
    for far in [false, true] {
        let folder = tools.scratch("browser")?;
        // They end before their folder goes.
        let mut browsers = Vec::new();
        let mut drivers = Vec::new();
        for side in Side::ALL {
            let browser = Chromium::start(&executable, &folder.join(side.name()))?;
            let address = if far {
                let delay = Duration::from_millis(options.round_trip) / 2;
                relay::start(browser.address, delay)
                    .map_err(Failure::file(Path::new("a port of this machine")))?
            } else {
                browser.address
            };
            drivers.push((side, side.start(&tools, &browser.url(address), &origin, &folder)?));
            browsers.push(browser);
        }
        for round in 1..=options.rounds {
            let place = if far { "far" } else { "near" };
            eprintln!("bench: {place} browsers, round {round} of {}", options.rounds);
            take_round(far, &mut drivers, options.steps, &mut samples)?;
        }
        drivers.into_iter().try_for_each(|(_, driver)| driver.finish())?;
        drop(browsers);
        std::fs::remove_dir_all(&folder).map_err(Failure::file(&folder))?;
    }
    samples.print(&rows(&samples, options.round_trip), options.json);
    Ok(())
}

/// Has every side take a measure before the next measure begins.
fn take_round(
    far: bool,
    drivers: &mut [(Side, Driver)],
    steps: u32,
    samples: &mut Samples,
) -> Result<(), Failure> {
    for measure in MEASURES {
        for (side, driver) in drivers.iter_mut().filter(|(side, _)| side.takes(measure)) {
            samples.add((far, *side, measure), driver.take(measure, measure.steps(steps))?);
        }
    }
    Ok(())
}

/// What the samples come to: each measure beside each peer, near and then far.
fn rows(samples: &Samples, round_trip: u64) -> Vec<Row> {
    let mut rows = Vec::new();
    for far in [false, true] {
        for measure in MEASURES {
            let name = if far {
                format!("{}, {round_trip} ms away", measure.name())
            } else {
                measure.name().to_owned()
            };
            for peer in [Side::Playwright, Side::Puppeteer] {
                let theirs = (far, peer, measure.of_peer());
                rows.extend([50, 95].into_iter().filter_map(|share| {
                    samples.row(&name, share, &(far, Side::Ours, measure), (&theirs, peer.name()))
                }));
            }
        }
    }
    rows
}
