//! `cargo xtask bench`: what AEF costs beside its peers, on the same machine in the same run.

mod browser;
mod driver;
mod http;
mod store;
mod table;
mod tools;

use clap::Subcommand;

use crate::command::Failure;

/// What is measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Durable steps, work that is taken up and answers that are acted on, beside LangGraph, DBOS, duroxide and
    /// graphile-worker.
    Store(store::Options),
    /// Clicks, fields, pages and whole forms in Chromium, beside Playwright and Puppeteer.
    Browser(browser::Options),
    /// Requests to the HTTP surface beside the bare framework's, with few and with many executions.
    Http(http::Options),
}

/// Measures, and prints the table.
pub(crate) fn run(bench: &Bench) -> Result<(), Failure> {
    match bench {
        Bench::Store(options) => store::run(options),
        Bench::Browser(options) => browser::run(options),
        Bench::Http(options) => http::run(options),
    }
}
