//! `cargo xtask test` and `cargo xtask ci`: phases in order, each with its time, up to the first that fails.

use std::time::Instant;

use aef_testkit::postgres::{ClusterOptions, URL};

use crate::command::{self, Failure};
use crate::{postgres, setup, tidy};

/// Checks, then every test of the workspace.
pub(crate) fn test() -> Result<(), Failure> {
    let chromium = phase("chromium", setup::chromium)?;
    println!("chromium: {}", chromium.display());
    phase("format", || command::run(command::cargo().args(["fmt", "--all", "--check"])))?;
    phase("purity", purity)?;
    phase("tidy", tidy::run)?;
    let server = phase("postgres", || {
        setup::pooler()?;
        postgres::start(&ClusterOptions::default())
    })?;
    phase("tests", || {
        let mut tests = command::cargo();
        tests.env(setup::CHROMIUM, &chromium).env(URL, server.url("postgres"));
        command::run(tests.args(["test", "--workspace", "--all-features", "--no-fail-fast", "--quiet"]))
    })
}

/// What `cargo xtask test` does, then the lints and the documentation.
pub(crate) fn ci() -> Result<(), Failure> {
    test()?;
    phase("clippy", || {
        command::run(command::cargo().args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--",
            "--deny=warnings",
        ]))
    })?;
    phase("documentation", || {
        command::run(command::cargo().env("RUSTDOCFLAGS", "--deny=warnings").args([
            "doc",
            "--workspace",
            "--no-deps",
            "--all-features",
        ]))
    })
}

/// Lets the tests that compare what is committed write it instead: the schema of documents, the description of the HTTP
/// surface.
pub(crate) fn schema() -> Result<(), Failure> {
    let writers: [&[&str]; 2] = [
        &["--package=aef-core", "--lib", "document::schema"],
        &["--package=aef-http", "--test=http", "the_committed_description"],
    ];
    for writer in writers {
        let mut tests = command::cargo();
        tests.env("AEF_UPDATE_SCHEMA", "1").args(["test", "--all-features", "--quiet"]);
        command::run(tests.args(writer))?;
    }
    Ok(())
}

/// Holds that the core without features has no runtime beneath it.
fn purity() -> Result<(), Failure> {
    // `--package` and not `--workspace`, which unifies features and would hide a leak.
    let tree = command::read(command::cargo().args([
        "tree",
        "--package=aef-core",
        "--no-default-features",
        "--edges=normal",
        "--prefix=none",
        "--format={p}",
    ]))?;
    let leak = tree.lines().find(|line| line.split_whitespace().next() == Some("tokio"));
    match leak {
        None => Ok(()),
        Some(leak) => Err(Failure::Wrong(format!(
            "aef-core without features depends on {leak}: `cargo tree -p aef-core --no-default-features -e normal \
             -i tokio` tells through what"
        ))),
    }
}

fn phase<T>(name: &str, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    println!("== {name}");
    let start = Instant::now();
    let outcome = work();
    let verdict = if outcome.is_ok() { "ok" } else { "FAILED" };
    println!("== {name}: {verdict} after {:.1} s", start.elapsed().as_secs_f64());
    outcome
}
