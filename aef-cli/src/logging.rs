//! The log, on stderr.

use std::io;

use clap::ValueEnum;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt};

use crate::args::{Arguments, Command};
#[cfg(feature = "otel")]
use crate::telemetry::Traces;

/// What logs at the level that `-v` asks for.
const OURS: [&str; 6] =
    ["aef", "aef_core", "aef_browser_cdp", "aef_http", "aef_store_sqlite", "aef_store_postgres"];

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    Text,
    /// A JSON object a line.
    Json,
}

/// What is kept as long as the process lives, so that what is on its way is still sent.
#[derive(Debug)]
pub(crate) struct Logging {
    #[cfg(feature = "otel")]
    _traces: Option<Traces>,
}

/// Logs what `RUST_LOG` says, or else what `-v` asks for; without either, warnings, and what a worker does. Sends traces
/// where the environment names a collector.
pub(crate) fn start(arguments: &Arguments) -> Logging {
    let least = u8::from(matches!(arguments.command, Command::Worker(_) | Command::Serve(_)));
    let verbose = arguments.verbose.max(least);
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(directives(verbose)));
    let lines = fmt::layer().with_writer(io::stderr).with_target(false);
    let lines = match arguments.log_format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let subscriber = tracing_subscriber::registry().with(lines.with_filter(filter));
    #[cfg(feature = "otel")]
    {
        let (traces, error) = match Traces::begin() {
            Ok(traces) => (traces, None),
            Err(error) => (None, Some(error)),
        };
        subscriber.with(traces.as_ref().map(Traces::layer)).init();
        if let Some(error) = error {
            tracing::warn!(%error, "no traces are sent");
        }
        Logging { _traces: traces }
    }
    #[cfg(not(feature = "otel"))]
    {
        subscriber.init();
        Logging {}
    }
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
