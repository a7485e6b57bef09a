//! Developer commands: `cargo xtask --help` lists them.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks on its streams")]

mod api_fuzz;
mod bench;
mod binary;
mod chaos;
mod command;
mod demo;
mod demo_site;
mod differential;
mod embed;
mod phases;
mod postgres;
mod setup;
mod tidy;

use std::error::Error as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Developer commands of this workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Checks format, purity and tidiness, then runs every test of the workspace.
    Test,
    /// Everything that `test` does, then clippy and the documentation with warnings as errors.
    Ci,
    /// Holds the rules on modules, files and crates that the compiler does not know.
    Tidy,
    /// Writes `schema/aef-document.v1.json` and `aef-http/openapi.json` anew, from types and routes.
    Schema,
    /// Makes the script of embedded forms anew, from `aef-http/src/form/embed.js`; needs npx.
    Embed,
    /// Installs Chromium, PostgreSQL and PgBouncer where they are missing and prints Chromium's path.
    Setup,
    /// Runs a command with a throw-away PostgreSQL server beside it.
    Postgres(postgres::Options),
    /// Runs the example document on the demo site and verifies what it did.
    Demo(demo::Options),
    /// Plays the same steps on the same pages in AEF and in Playwright, and compares how they end; needs npm.
    Differential,
    /// Serves the demo site until it is killed.
    DemoSite(demo_site::Options),
    /// Asks a server everything that its description allows, and more, with schemathesis; needs Python and PyPI.
    ApiFuzz(api_fuzz::Options),
    /// Lets everything happen to workers and their database, and verifies that nothing is lost, done twice or stuck.
    Chaos(chaos::Options),
    /// Measures what AEF costs beside its peers.
    #[command(subcommand)]
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Test => phases::test(),
        Task::Ci => phases::ci(),
        Task::Tidy => tidy::run(),
        Task::Schema => phases::schema(),
        Task::Embed => embed::run(),
        Task::Setup => setup::all().map(|path| println!("{}", path.display())),
        Task::Postgres(options) => postgres::run(&options),
        Task::Demo(options) => demo::run(&options),
        Task::Differential => differential::run(),
        Task::DemoSite(options) => demo_site::serve(&options),
        Task::ApiFuzz(options) => api_fuzz::run(&options),
        Task::Chaos(options) => chaos::run(&options),
        Task::Bench(bench) => bench::run(&bench),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            let mut cause = error.source();
            while let Some(source) = cause {
                eprintln!("  because: {source}");
                cause = source.source();
            }
            ExitCode::FAILURE
        }
    }
}
