//! `cargo xtask differential`: the same steps on the same pages, performed by AEF and by Playwright, end in the same state.
//!
//! The scenarios are cases of `aef-browser-cdp/tests/chromium/behaviour`: those of one page or several, that succeed, in
//! which everything is done by actions that both sides know. AEF runs them as one document, with its engine and a database;
//! Playwright runs them through `xtask/differential/driver.js`, which serves the pages of both.

mod peer;
mod scenarios;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use self::peer::{Peer, Played};
use self::scenarios::Scenario;
use crate::command::{self, Failure};
use crate::{binary, setup};

/// How many scenarios there are at least.
const LEAST: usize = 40;

/// Plays all scenarios on both sides and compares how they end.
pub(crate) fn run() -> Result<(), Failure> {
    let chromium = setup::chromium()?;
    let scenarios = scenarios::read()?;
    if scenarios.len() < LEAST {
        return Err(Failure::Wrong(format!("{} scenarios were found, not {LEAST}", scenarios.len())));
    }
    let package = command::root().join("xtask/differential/package.json");
    let folder = command::target().join("differential");
    command::install_node(&folder, &package)?;
    let binary = binary::aef()?;
    println!("differential: {} scenarios", scenarios.len());
    let mut peer = Peer::start(&folder, &chromium, &scenarios)?;
    let ours = ours(&binary, &folder, &chromium, peer.origin(), &scenarios)?;
    let theirs = peer.play()?;
    report(&scenarios, &ours, &theirs)
}

/// Runs the scenarios as one document, and gives the states that they ended in.
fn ours(
    binary: &Path,
    folder: &Path,
    chromium: &Path,
    origin: &str,
    scenarios: &[Scenario],
) -> Result<Vec<Played>, Failure> {
    let path = folder.join("scenarios.aef.json");
    let document = document(origin, scenarios).to_string();
    std::fs::write(&path, document).map_err(Failure::file(&path))?;
    let mut run = command::program(binary);
    run.env(setup::CHROMIUM, chromium)
        .arg("run")
        .arg(&path)
        .arg("--allow-scripts")
        .arg("--store")
        .arg(store(folder)?);
    if setup::is_root()? {
        run.arg("--no-sandbox");
    }
    println!("differential: {}", command::shown(&run));
    let output = command::read(&mut run)?;
    let wrong = |error| Failure::Wrong(format!("the run told no result ({error}): {output}"));
    let result: Map<String, Value> = serde_json::from_str(&output).map_err(wrong)?;
    let played = |number: usize| Played {
        state: result.get(&variable(number)).cloned().unwrap_or_default(),
        error: None,
    };
    Ok((0..scenarios.len()).map(played).collect())
}

/// A database that no run has written to.
fn store(folder: &Path) -> Result<PathBuf, Failure> {
    let directory = folder.join("store");
    match std::fs::remove_dir_all(&directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Failure::file(&directory)(error));
        }
        Ok(()) | Err(_) => {}
    }
    std::fs::create_dir_all(&directory).map_err(Failure::file(&directory))?;
    Ok(directory.join("aef.db"))
}

fn variable(number: usize) -> String {
    format!("state_{number}")
}

/// One step for each scenario. One that fails is left, and its state stays unknown.
fn document(origin: &str, scenarios: &[Scenario]) -> Value {
    let steps = scenarios.iter().enumerate().map(|(number, scenario)| {
        let near = format!("{origin}/{number}");
        let mut actions = vec![json!({ "action": "navigate", "url": format!("{near}/") })];
        actions.extend(scenario.actions.iter().map(|action| placed(action, &near)));
        actions.push(json!({ "action": "evaluate", "script": scenario.script, "as": variable(number) }));
        json!({
            "id": format!("scenario_{number}"), "name": scenario.name, "risk": "read", "timeout": 60, "actions": actions,
            "onError": [{ "kinds": ["any"], "then": "skip" }],
        })
    });
    let known: Map<String, Value> = (0..scenarios.len())
        .map(|number| (variable(number), json!(format!("{{{{ {} }}}}", variable(number)))))
        .collect();
    let unknown: Map<String, Value> = known.keys().map(|name| (name.clone(), Value::Null)).collect();
    let steps: Vec<Value> = steps.chain([json!({ "id": "told", "type": "end", "result": known })]).collect();
    json!({
        "aef": 1, "id": "differential", "vars": unknown, "steps": steps,
        "config": { "checkpoints": { "mode": "none" }, "retry": { "maxAttempts": 1 }, "inDoubt": "fail",
                    "browser": { "allowedOrigins": [origin] }, "evidence": { "screenshots": "never" } },
    })
}

/// An action with the address of its scenario's pages in it.
fn placed(action: &Value, near: &str) -> Value {
    match action {
        Value::String(text) => json!(text.replace("{near}", near)),
        Value::Array(items) => items.iter().map(|item| placed(item, near)).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(key, value)| (key.clone(), placed(value, near))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => action.clone(),
    }
}

/// Prints a line for each scenario; a difference is a failure.
fn report(scenarios: &[Scenario], ours: &[Played], theirs: &[Played]) -> Result<(), Failure> {
    let mut different = 0;
    for ((scenario, ours), theirs) in scenarios.iter().zip(ours).zip(theirs) {
        let same = ours.state == theirs.state && theirs.error.is_none();
        let verdict = if same { "same" } else { "DIFFERENT" };
        println!("{verdict:<10} {}", scenario.name);
        if !same {
            different += 1;
            println!("           AEF:        {}", ours.shown());
            println!("           Playwright: {}", theirs.shown());
        }
    }
    println!("differential: {} scenarios, {different} different", scenarios.len());
    if different == 0 {
        Ok(())
    } else {
        Err(Failure::Wrong(format!("{different} scenarios end in different states")))
    }
}
