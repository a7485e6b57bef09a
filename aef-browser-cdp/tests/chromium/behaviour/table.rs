//! The tables.

use std::path::Path;
use std::time::Duration;

use aef_core::document::{Action, BrowserConfig};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::support::Page;

/// How long what is expected may take.
const PATIENTLY: Duration = Duration::from_secs(5);
/// How long what is not expected is waited for.
const BRIEFLY: Duration = Duration::from_millis(700);

/// All cases.
#[derive(Debug)]
pub(super) struct Tables(Vec<Case>);

/// A page, what is done on it, and what has become of it then.
#[derive(Debug, Clone)]
pub(super) struct Case {
    file: String,
    group: String,
    name: String,
    number: usize,
    html: String,
    pages: Map<String, Value>,
    config: Value,
    pub(super) actions: Vec<Value>,
    pub(super) expectations: Vec<Expectation>,
    /// Which expectation was turned into its opposite.
    flipped: Option<usize>,
}

#[derive(Debug, Clone)]
pub(super) enum Expectation {
    /// What the last action failed with.
    Error(String),
    /// What the last action read.
    Value(Value),
    /// What the last action told about itself.
    Outcome(Value),
    /// The file that the last action brought.
    File(Value),
    /// A condition, before the last action, and whether it holds.
    Holds(Value, bool),
    /// An expression of the page, in the end.
    State(String, Value),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    group: String,
    html: Option<String>,
    cases: Vec<Written>,
}

/// A case as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    html: Option<String>,
    #[serde(default)]
    pages: Map<String, Value>,
    #[serde(default)]
    config: Value,
    #[serde(rename = "do", default)]
    actions: Value,
    error: Option<String>,
    value: Option<Value>,
    outcome: Option<Value>,
    file: Option<Value>,
    holds: Option<Value>,
    fails: Option<Value>,
    state: Option<String>,
    #[serde(default)]
    is: Value,
}

/// A page that is more than its text.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Served {
    #[serde(default = "ok")]
    status: u16,
    #[serde(rename = "type", default = "html")]
    media_type: String,
    #[serde(default)]
    headers: Map<String, Value>,
    #[serde(default)]
    body: String,
    /// In milliseconds.
    #[serde(default)]
    late: u64,
    redirect: Option<String>,
    #[serde(default)]
    never: bool,
}

const fn ok() -> u16 {
    200
}

fn html() -> String {
    "text/html; charset=utf-8".to_owned()
}

impl Tables {
    /// Reads all tables.
    pub(super) fn read() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/chromium/behaviour");
        let mut files: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
        files.sort();
        let mut cases: Vec<Case> = Vec::new();
        for file in files {
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&file).unwrap();
            // `on`, `y` and `no` are words, as in documents.
            let options = serde_saphyr::options! { strict_booleans: true };
            let groups: Value = serde_saphyr::from_str_with_options(&text, options)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            let groups: Vec<Group> =
                serde_json::from_value(groups).unwrap_or_else(|error| panic!("{name}: {error}"));
            for group in groups {
                for written in group.cases {
                    cases.push(Case::new(&name, &group.group, group.html.as_deref(), written, cases.len()));
                }
            }
        }
        let mut names: Vec<String> = cases.iter().map(Case::full_name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), cases.len(), "every case has a name of its own");
        Self(cases)
    }

    pub(super) fn cases(&self) -> impl Iterator<Item = &Case> {
        self.0.iter()
    }

    /// The pages of all cases, with their paths.
    pub(super) fn pages(&self) -> Vec<(String, Page)> {
        self.0.iter().flat_map(Case::served).collect()
    }
}

impl Case {
    fn new(file: &str, group: &str, html: Option<&str>, written: Written, number: usize) -> Self {
        let name = written.name;
        let mut expectations: Vec<Expectation> = Vec::new();
        expectations.extend(written.error.map(Expectation::Error));
        expectations.extend(written.value.map(Expectation::Value));
        expectations.extend(written.outcome.map(Expectation::Outcome));
        expectations.extend(written.file.map(Expectation::File));
        expectations.extend(written.holds.map(|condition| Expectation::Holds(condition, true)));
        expectations.extend(written.fails.map(|condition| Expectation::Holds(condition, false)));
        expectations.extend(written.state.map(|expression| Expectation::State(expression, written.is)));
        assert!(!expectations.is_empty(), "{file} / {group} / {name} expects nothing");
        let actions = match written.actions {
            Value::Null => Vec::new(),
            Value::Array(actions) => actions,
            action @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
                vec![action]
            }
        };
        for action in &actions {
            let read: Result<Action, _> = serde_json::from_value(action.clone());
            assert!(read.is_ok(), "{file} / {group} / {name}: {action} is no action: {read:?}");
        }
        let html = written.html.or_else(|| html.map(str::to_owned));
        Self {
            html: html.unwrap_or_else(|| panic!("{file} / {group} / {name} has no page")),
            file: file.to_owned(),
            group: group.to_owned(),
            name,
            number,
            pages: written.pages,
            config: written.config,
            actions,
            expectations,
            flipped: None,
        }
    }

    pub(super) fn full_name(&self) -> String {
        let flipped =
            self.flipped.map_or_else(String::new, |at| format!(" (the opposite of its expectation {at})"));
        format!("{} / {} / {}{flipped}", self.file, self.group, self.name)
    }

    /// The path of one of its pages.
    pub(super) fn path(&self, page: &str) -> String {
        format!("/{}/{page}", self.number)
    }

    pub(super) fn config(&self) -> BrowserConfig {
        if self.config.is_null() {
            return BrowserConfig::default();
        }
        serde_json::from_value(self.config.clone()).unwrap()
    }

    /// How long a condition is waited for: one that must not hold is read once.
    pub(super) const fn holding(&self, expected: bool) -> Duration {
        match (self.flipped, expected) {
            (Some(_), _) => BRIEFLY,
            (None, true) => PATIENTLY,
            (None, false) => Duration::ZERO,
        }
    }

    /// How long the page has to come to the state that is expected of it.
    pub(super) const fn settling(&self) -> Duration {
        if self.flipped.is_some() { BRIEFLY } else { PATIENTLY }
    }

    pub(super) fn expected_error(&self) -> Option<&str> {
        self.expectations.iter().find_map(|each| match each {
            Expectation::Error(error) => Some(error.as_str()),
            Expectation::Value(_)
            | Expectation::Outcome(_)
            | Expectation::File(_)
            | Expectation::Holds(..)
            | Expectation::State(..) => None,
        })
    }

    fn served(&self) -> Vec<(String, Page)> {
        let main = (self.path(""), Page::html(&self.placed(&self.html)));
        let others = self.pages.iter().map(|(name, page)| {
            let page = match page {
                Value::String(text) => Page::html(&self.placed(text)),
                other @ (Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::Array(_)
                | Value::Object(_)) => {
                    serde_json::from_value::<Served>(other.clone()).unwrap().page(|text| self.placed(text))
                }
            };
            (self.path(name), page)
        });
        std::iter::once(main).chain(others).collect()
    }

    /// A text with the addresses of the case's pages in it; the site fills in its port.
    fn placed(&self, text: &str) -> String {
        let near = format!("http://127.0.0.1:{{port}}/{}", self.number);
        let far = format!("http://localhost:{{port}}/{}", self.number);
        text.replace("{near}", &near).replace("{far}", &far)
    }

    /// The case once for each of its expectations, turned into its opposite.
    pub(super) fn opposites(&self) -> Vec<Self> {
        let flip = |at: usize| {
            let mut case = self.clone();
            case.flipped = Some(at);
            case.expectations[at] = match &self.expectations[at] {
                Expectation::Error(_) => Expectation::Error("internal/the_opposite".to_owned()),
                Expectation::Value(_) => Expectation::Value(json!("the opposite")),
                Expectation::Outcome(_) => Expectation::Outcome(json!({ "url": "the opposite" })),
                Expectation::File(_) => Expectation::File(json!({ "text": "the opposite" })),
                Expectation::Holds(condition, expected) => Expectation::Holds(condition.clone(), !expected),
                Expectation::State(expression, _) => {
                    Expectation::State(expression.clone(), json!("the opposite"))
                }
            };
            case
        };
        (0..self.expectations.len()).map(flip).collect()
    }
}

impl Served {
    fn page(self, placed: impl Fn(&str) -> String) -> Page {
        if self.never {
            return Page::never();
        }
        let mut page = match &self.redirect {
            Some(to) => Page::redirect(&placed(to)),
            None => Page::new(self.status, &self.media_type, &placed(&self.body)),
        };
        for (name, value) in &self.headers {
            page = page.header(name, value.as_str().unwrap_or_default());
        }
        if self.late > 0 { page.late(Duration::from_millis(self.late)) } else { page }
    }
}
