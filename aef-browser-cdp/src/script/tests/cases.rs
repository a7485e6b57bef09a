//! Tables of cases: a page, what is asked of it or done to it, and the part of the answer that matters.
//!
//! An expected object matches one that has at least its members, a text that begins with `~` any text that contains
//! the rest, null also what is absent; numbers may differ by half a pixel.

use serde::Deserialize;
use serde_json::{Value, json};

use super::laboratory::Laboratory;

const HALF_A_PIXEL: f64 = 0.6;

/// The groups of one file.
pub(super) struct Table(Vec<Group>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    group: String,
    html: Option<String>,
    cases: Vec<Case>,
}

/// One page and what happens on it: some steps, or a single call written in place.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) name: String,
    html: Option<String>,
    #[serde(default)]
    steps: Vec<Step>,
    call: Option<String>,
    #[serde(default)]
    with: Value,
    ok: Option<Value>,
    error: Option<Value>,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Step {
    /// An operation of the script; `token: $` is the last one that was answered.
    Call { call: String, with: Value, ok: Option<Value>, error: Option<Value> },
    /// Input, at the last point that was answered.
    Send { send: Input },
    /// A look at the page from inside.
    Run { run: String, gives: Option<Value> },
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Input {
    Click,
    Hover,
    Text(String),
    Key(String),
}

/// A case that did not go as it says.
#[derive(Debug, thiserror::Error)]
#[error("step {step}")]
pub(super) struct Failed {
    step: usize,
    #[source]
    difference: Difference,
}

/// How an answer differs from what was expected.
#[derive(Debug, thiserror::Error)]
pub(super) enum Difference {
    #[error("a call without an expectation")]
    Unspoken,
    #[error("{path} is {actual}, not {expected}")]
    Value { path: String, expected: Box<Value>, actual: Box<Value> },
}

/// What earlier steps answered.
#[derive(Default)]
struct Memory {
    token: Value,
    point: Value,
}

impl Table {
    pub(super) fn parse(text: &str) -> Self {
        let value: Value = serde_saphyr::from_str(text).unwrap();
        let mut groups: Vec<Group> = serde_json::from_value(value).unwrap();
        for group in &mut groups {
            for case in &mut group.cases {
                case.complete(group.html.as_ref());
            }
        }
        Self(groups)
    }

    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|group| group.cases.len()).sum()
    }

    pub(super) fn cases(&self) -> impl Iterator<Item = (&str, &Case)> {
        self.0.iter().flat_map(|group| group.cases.iter().map(|case| (group.group.as_str(), case)))
    }
}

impl Case {
    fn complete(&mut self, html: Option<&String>) {
        self.html = self.html.take().or_else(|| html.cloned());
        if let Some(call) = self.call.take() {
            let (with, ok, error) = (self.with.take(), self.ok.take(), self.error.take());
            self.steps.push(Step::Call { call, with, ok, error });
        }
        assert!(self.html.is_some() && !self.steps.is_empty(), "the case {} is not complete", self.name);
    }

    /// Runs the case.
    pub(super) async fn run(&self, laboratory: &mut Laboratory) -> Result<(), Failed> {
        laboratory.load(self.html.as_deref().unwrap_or_default()).await;
        let mut memory = Memory::default();
        for (number, step) in self.steps.iter().enumerate() {
            let result = step.run(laboratory, &mut memory).await;
            result.map_err(|difference| Failed { step: number + 1, difference })?;
        }
        Ok(())
    }
}

impl Step {
    async fn run(&self, laboratory: &Laboratory, memory: &mut Memory) -> Result<(), Difference> {
        match self {
            Self::Call { call, with, ok, error } => {
                let answer = laboratory.call(call, &memory.filled(with)).await;
                memory.keep(&answer["ok"]);
                match (ok, error) {
                    (_, Some(error)) => compare(&json!({"error": error, "ok": null}), &answer, ""),
                    (Some(ok), None) => compare(&json!({"ok": ok, "error": null}), &answer, ""),
                    (None, None) => Err(Difference::Unspoken),
                }
            }
            Self::Send { send } => {
                send.perform(laboratory, &memory.point).await;
                Ok(())
            }
            Self::Run { run, gives } => {
                let value = laboratory.evaluate(run).await;
                gives.as_ref().map_or(Ok(()), |gives| compare(gives, &value, run))
            }
        }
    }
}

impl Input {
    async fn perform(&self, laboratory: &Laboratory, point: &Value) {
        match self {
            Self::Click => laboratory.click(point).await,
            Self::Hover => laboratory.hover(point).await,
            Self::Text(text) => laboratory.insert_text(text).await,
            Self::Key(key) => laboratory.press(key).await,
        }
    }
}

impl Memory {
    fn filled(&self, request: &Value) -> Value {
        let mut request = request.clone();
        if let Some(token) = request.get_mut("token").filter(|token| **token == "$") {
            *token = self.token.clone();
        }
        request
    }

    fn keep(&mut self, answer: &Value) {
        for (key, place) in [("token", &mut self.token), ("point", &mut self.point)] {
            if let Some(value) = answer.get(key) {
                *place = value.clone();
            }
        }
    }
}

fn compare(expected: &Value, actual: &Value, path: &str) -> Result<(), Difference> {
    match (expected, actual) {
        (Value::Object(members), Value::Object(_)) => members.iter().try_for_each(|(key, value)| {
            compare(value, actual.get(key).unwrap_or(&Value::Null), &format!("{path}/{key}"))
        }),
        (Value::Array(items), Value::Array(others)) if items.len() == others.len() => items
            .iter()
            .zip(others)
            .enumerate()
            .try_for_each(|(index, (item, other))| compare(item, other, &format!("{path}/{index}"))),
        (Value::String(text), Value::String(other))
            if text.strip_prefix('~').is_some_and(|part| other.contains(part)) =>
        {
            Ok(())
        }
        (Value::Number(one), Value::Number(other)) if near(one.as_f64(), other.as_f64()) => Ok(()),
        _ if expected == actual => Ok(()),
        _ => {
            let (expected, actual) = (expected.clone(), actual.clone());
            Err(Difference::Value {
                path: path.to_owned(),
                expected: Box::new(expected),
                actual: Box::new(actual),
            })
        }
    }
}

fn near(one: Option<f64>, other: Option<f64>) -> bool {
    one.zip(other).is_some_and(|(one, other)| (one - other).abs() <= HALF_A_PIXEL)
}
