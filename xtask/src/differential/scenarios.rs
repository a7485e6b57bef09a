//! The scenarios: cases of the behaviour tables that both sides can play.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::command::{self, Failure};

/// What both sides can do.
const ACTIONS: [&str; 14] = [
    "navigate", "back", "forward", "reload", "click", "hover", "fill", "type", "clear", "press", "select",
    "check", "uncheck", "drag",
];

/// Fields that only AEF has, or of which the other side has another idea.
const FOREIGN: [&str; 7] = ["popup", "via", "waitUntil", "allowStatus", "delay", "parts", "fingerprint"];

/// The tables whose cases are played.
const TABLES: [&str; 4] = ["actionability", "choices", "clicks", "dialogs"];

/// Cases in which AEF does on purpose what Playwright does not, with the reason.
const APART: [(&str, &str); 5] = [
    (
        "choices / lists / what is chosen already tells nothing",
        "a choice that changes nothing is no event to a page",
    ),
    ("choices / boxes / hidden behind a label that is drawn", "the label is clicked, as a person does"),
    ("choices / boxes / a state that comes late", "the state is waited for"),
    ("clicks / kinds of clicks / at a place", "places count from the border's edge, not from inside of it"),
    (
        "clicks / what is in the way / a label's text over its input",
        "a label passes its clicks on to its control",
    ),
];

/// How long a page may take to come to the state that is expected, in milliseconds.
const SETTLING: u32 = 3000;

/// A page, what is done on it, and a script that tells how it ended.
#[derive(Debug, Serialize)]
pub(super) struct Scenario {
    pub(super) name: String,
    html: String,
    pages: Map<String, Value>,
    pub(super) actions: Vec<Value>,
    pub(super) script: String,
}

#[derive(Debug, Deserialize)]
struct Group {
    group: String,
    html: Option<String>,
    cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    html: Option<String>,
    #[serde(default)]
    pages: Map<String, Value>,
    config: Option<Value>,
    #[serde(rename = "do", default)]
    actions: Value,
    error: Option<Value>,
    state: Option<String>,
    #[serde(default)]
    is: Value,
}

/// Reads the tables.
pub(super) fn read() -> Result<Vec<Scenario>, Failure> {
    let folder = command::root().join("aef-browser-cdp/tests/chromium/behaviour");
    let entries = std::fs::read_dir(&folder).map_err(Failure::file(&folder))?;
    let mut files = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(Failure::file(&folder))?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    let mut scenarios = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).map_err(Failure::file(&file))?;
        let table = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if !TABLES.contains(&table.as_str()) {
            continue;
        }
        let wrong = |error: &dyn std::fmt::Display| Failure::Wrong(format!("{}: {error}", file.display()));
        let options = serde_saphyr::options! { strict_booleans: true };
        let value: Value =
            serde_saphyr::from_str_with_options(&text, options).map_err(|error| wrong(&error))?;
        let groups: Vec<Group> = serde_json::from_value(value).map_err(|error| wrong(&error))?;
        for group in groups {
            let named = format!("{table} / {}", group.group);
            scenarios.extend(
                group.cases.into_iter().filter_map(|case| scenario(&named, group.html.as_deref(), case)),
            );
        }
    }
    Ok(scenarios)
}

fn scenario(group: &str, html: Option<&str>, case: Case) -> Option<Scenario> {
    let name = format!("{group} / {}", case.name);
    let actions = match case.actions {
        Value::Array(actions) => actions,
        Value::Null => Vec::new(),
        action @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => vec![action],
    };
    let html = case.html.or_else(|| html.map(str::to_owned))?;
    let state = case.state?;
    let known = |action: &Value| action["action"].as_str().is_some_and(|name| ACTIONS.contains(&name));
    let playable = case.error.is_none()
        && case.config.is_none()
        && case.pages.values().all(|page| page.as_str().is_some_and(|page| !page.contains("{far}")))
        && !html.contains("{far}")
        && !actions.is_empty()
        && actions.iter().all(|action| known(action) && !is_foreign(action))
        && !APART.iter().any(|(apart, _)| *apart == name);
    let script = format!(
        "const until = Date.now() + {SETTLING}; for (;;) {{ const state = ({state}); \
         if (JSON.stringify(state) === JSON.stringify({expected}) || Date.now() > until) return state; \
         await new Promise((resolve) => setTimeout(resolve, 30)); }}",
        expected = case.is
    );
    playable.then_some(Scenario { name, html, pages: case.pages, actions, script })
}

/// Whether an action has a field that the other side does not know, or a list of locators of which it would take one.
fn is_foreign(action: &Value) -> bool {
    match action {
        Value::Object(members) => members.iter().any(|(key, value)| {
            FOREIGN.contains(&key.as_str()) || (key == "target" && value.is_array()) || is_foreign(value)
        }),
        Value::Array(items) => items.iter().any(is_foreign),
        Value::String(text) => text.contains("{far}") || text.contains("://"),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
