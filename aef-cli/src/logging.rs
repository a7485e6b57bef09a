//! The log, on stderr.

use std::io;

use clap::ValueEnum;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt};

use crate::args::{Arguments, Command};

/// What logs at the level that `-v` asks for.
const OURS: [&str; 4] = ["aef", "aef_core", "aef_browser_cdp", "aef_store_sqlite"];

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    Text,
    /// A JSON object a line.
    Json,
}

/// Logs what `RUST_LOG` says, or else what `-v` asks for; without either, warnings, and what a worker does.
pub(crate) fn start(arguments: &Arguments) {
    let verbose = match arguments.command {
        Command::Worker(_) => arguments.verbose.max(1),
        _ => arguments.verbose,
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(directives(verbose)));
    let lines = fmt::layer().with_writer(io::stderr).with_target(false);
    let lines = match arguments.log_format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(lines).init();
}

fn directives(verbose: u8) -> String {
    let (others, ours) = match verbose {
        0 => return "warn".to_owned(),
        1 => ("warn", "info"),
        2 => ("info", "debug"),
        _ => return "trace".to_owned(),
    };
    OURS.iter().fold(others.to_owned(), |all, target| format!("{all},{target}={ours}"))
}
