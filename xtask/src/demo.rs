//! `cargo xtask demo`: the example document on the demo site, and whether what the site counted is what it says.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use aef_testkit::demo_site::{Counts, DemoSite, DemoSiteOptions, Record, messages};
use clap::Args;
use serde::Deserialize;

use crate::command::{self, Failure};
use crate::{binary, setup};

/// The document that the demo runs.
const DOCUMENT: &str = "examples/investor-update.aef.yaml";

/// How the demo is run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Run the document a second time on the same site and hold that it changes nothing.
    #[arg(long)]
    twice: bool,
}

/// What the document says it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
struct Told {
    records: u64,
    updated: u64,
    created: u64,
    deleted: u64,
}

/// Where the demo finds and puts its files.
struct Places {
    binary: PathBuf,
    chromium: PathBuf,
    directory: PathBuf,
}

/// Runs the demo and tells its outcome in the last line.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let chromium = setup::chromium()?;
    println!("demo: Chromium is {}", chromium.display());
    if setup::is_root()? {
        println!(
            "demo: running as root, where Chromium's sandbox cannot start, so it runs without (--no-sandbox)"
        );
    }
    let places = places(chromium)?;
    let site = DemoSite::start(DemoSiteOptions::default()).map_err(Failure::file(Path::new("127.0.0.1")))?;
    println!("demo: the site is {}", site.url());

    let told = run_document(&places, &site, "first")?;
    verify_first(told, &site)?;
    if options.twice {
        let counts = site.counts();
        let again = run_document(&places, &site, "second")?;
        verify_second(again, counts, &site)?;
        println!("demo: a second run found everything as it should be and changed nothing");
    }
    println!(
        "demo: {} records, {} updated, {} created, {} deleted; verified",
        told.records, told.updated, told.created, told.deleted
    );
    Ok(())
}

fn places(chromium: PathBuf) -> Result<Places, Failure> {
    println!("demo: building aef");
    let binary = binary::aef()?;
    let target = binary.ancestors().nth(2).unwrap_or(command::root());
    let directory = target.join("demo");
    // What an earlier demo left would be told as if this one had written it.
    match std::fs::remove_dir_all(&directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Failure::file(&directory)(error));
        }
        Ok(()) | Err(_) => {}
    }
    std::fs::create_dir_all(&directory).map_err(Failure::file(&directory))?;
    Ok(Places { binary, chromium, directory })
}

fn run_document(places: &Places, site: &DemoSite, name: &str) -> Result<Told, Failure> {
    let report = places.directory.join(format!("{name}.html"));
    let mut run = command::program(&places.binary);
    run.env(setup::CHROMIUM, &places.chromium)
        .args(["run", DOCUMENT])
        .arg("--input")
        .arg(format!("baseUrl={}", site.url()))
        .arg("--store")
        .arg(places.directory.join("aef.db"))
        .arg("--report")
        .arg(&report)
        .args(["--checkpoints", if can_ask() { "ask" } else { "approve" }])
        .stdin(Stdio::inherit());
    if setup::is_root()? {
        run.arg("--no-sandbox");
    }
    println!("demo: {}", command::shown(&run));
    let output = command::read(&mut run)?;
    println!("demo: the report is {}", report.display());
    if !report.is_file() {
        return Err(Failure::Wrong(format!("{} was not written", report.display())));
    }
    read_result(&output)
}

/// Whether there is a person who sees a question and can answer it.
fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Reads the result, which is all that `aef run` writes to its standard output.
fn read_result(output: &str) -> Result<Told, Failure> {
    serde_json::from_str(output)
        .map_err(|error| Failure::Wrong(format!("the run told no result ({error}): {output}")))
}

fn verify_first(told: Told, site: &DemoSite) -> Result<(), Failure> {
    let counts = site.counts();
    demand("what the document says", &told, &Told { records: 7, updated: 4, created: 3, deleted: 0 })?;
    demand(
        "what the site counted",
        &counts,
        &Counts { posts: 7, updated: 4, created: 3, ..Counts::default() },
    )?;
    verify_records(&site.records())
}

fn verify_second(told: Told, before: Counts, site: &DemoSite) -> Result<(), Failure> {
    demand("what the second run says", &told, &Told { records: 7, updated: 0, created: 0, deleted: 0 })?;
    demand("what the site counted after the second run", &site.counts(), &before)?;
    verify_records(&site.records())
}

/// Holds that each investor who wrote has one record, with what the message says.
fn verify_records(records: &[Record]) -> Result<(), Failure> {
    let wanted: BTreeMap<&str, [&str; 3]> = messages()
        .iter()
        .filter_map(|message| message.card.map(|card| (card.firm, [card.contact, card.stage, message.date])))
        .collect();
    demand("the number of records", &records.len(), &wanted.len())?;
    for record in records {
        let found = [record.contact.as_str(), record.stage.as_str(), record.last_contact.as_str()];
        demand(&format!("the record of {}", record.firm), &Some(&found), &wanted.get(record.firm.as_str()))?;
    }
    Ok(())
}

fn demand<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, wanted: &T) -> Result<(), Failure> {
    if found == wanted {
        return Ok(());
    }
    Err(Failure::Wrong(format!("{what} is {found:?}, not {wanted:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_has_every_number() {
        let told = read_result(
            "{\n  \"records\": 7,\n  \"updated\": 4,\n  \"created\": 3,\n  \"deleted\": 0,\n  \
             \"alreadyCurrent\": 0\n}\n",
        )
        .unwrap();
        assert_eq!(told, Told { records: 7, updated: 4, created: 3, deleted: 0 });
        assert!(read_result("").is_err());
        assert!(read_result("{\"records\": 7}").is_err());
    }

    #[test]
    fn outdated_or_double_records_are_told() {
        let site = DemoSite::start(DemoSiteOptions::default()).unwrap();
        let seven = current_records();
        verify_records(&seven).unwrap();
        assert!(verify_records(&site.records()).is_err());
        let mut outdated = seven.clone();
        outdated[2].stage = "Intro".to_owned();
        assert!(verify_records(&outdated).unwrap_err().to_string().starts_with("the record of"));
        let double = [seven.as_slice(), &seven[..1]].concat();
        assert!(verify_records(&double).unwrap_err().to_string().contains("is 8, not 7"));
    }

    fn current_records() -> Vec<Record> {
        messages()
            .iter()
            .filter_map(|message| {
                let card = message.card?;
                Some(Record {
                    id: card.firm.to_lowercase().replace(' ', "-"),
                    firm: card.firm.to_owned(),
                    contact: card.contact.to_owned(),
                    stage: card.stage.to_owned(),
                    last_contact: message.date.to_owned(),
                    notes: String::new(),
                })
            })
            .collect()
    }
}
