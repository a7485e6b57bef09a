//! What is expected, held against what happened.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aef_core::browser::{ActionError, Effect, ObserveRequest, Performed, Session};
use aef_core::document::Condition;
use serde_json::{Value, json};

use crate::support::request;

/// Numbers of a page that are laid out may differ by so much.
const HALF_A_PIXEL: f64 = 0.6;

/// How what happened differs from what was expected.
#[derive(Debug)]
pub(super) struct Difference {
    expected: String,
    actual: String,
}

impl Difference {
    pub(super) fn new(expected: &str, actual: impl fmt::Display) -> Self {
        Self { expected: expected.to_owned(), actual: actual.to_string() }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "expected {}, and it was {}", self.expected, self.actual)
    }
}

/// An object matches one that has at least its members; a text that begins with `~`, any text that contains the rest.
pub(super) fn compare(expected: &Value, actual: &Value, place: &str) -> Result<(), Difference> {
    let equal = match (expected, actual) {
        (Value::Object(members), Value::Object(_)) => {
            return members.iter().try_for_each(|(key, value)| {
                compare(value, actual.get(key).unwrap_or(&Value::Null), &format!("{place}/{key}"))
            });
        }
        (Value::Array(items), Value::Array(others)) if items.len() == others.len() => {
            return items
                .iter()
                .zip(others)
                .enumerate()
                .try_for_each(|(index, (item, other))| compare(item, other, &format!("{place}/{index}")));
        }
        (Value::Number(one), Value::Number(other)) => {
            one.as_f64().zip(other.as_f64()).is_some_and(|(one, other)| (one - other).abs() <= HALF_A_PIXEL)
        }
        (Value::String(text), Value::String(other)) => match text.strip_prefix('~') {
            Some(part) => other.contains(part),
            None => text == other,
        },
        _ => expected == actual,
    };
    if equal { Ok(()) } else { Err(Difference::new(&format!("{place} to be {expected}"), actual)) }
}

/// `KIND`, `KIND/REASON`, and `KIND/REASON possible` where input had been sent.
pub(super) fn of_error(expected: &str, result: Result<Performed, ActionError>) -> Result<(), Difference> {
    let actual = match result {
        Ok(_) => "a success".to_owned(),
        Err(error) => {
            let told = told(&error);
            if told == expected {
                return Ok(());
            }
            format!("{told} ({error})")
        }
    };
    Err(Difference::new(&format!("the error {expected}"), actual))
}

/// Whether a condition holds within the time.
pub(super) async fn of_condition(
    session: &Arc<dyn Session>,
    condition: &Value,
    expected: bool,
    timeout: Duration,
) -> Result<(), Difference> {
    let parsed: Condition = serde_json::from_value(condition.clone()).unwrap();
    let observed = session.observe(ObserveRequest { conditions: vec![parsed], timeout }).await;
    let observed = observed.map_err(|error| Difference::new("an answer", error))?;
    let result = &observed.results[0];
    if result.holds == expected {
        return Ok(());
    }
    let verb = if expected { "to hold" } else { "not to hold" };
    Err(Difference::new(&format!("{condition} {verb}"), &result.detail))
}

/// An error as cases write it.
pub(super) fn told(error: &ActionError) -> String {
    let reason = error.failure.reason.as_deref().map_or_else(String::new, |reason| format!("/{reason}"));
    let effect = if error.effect == Effect::Possible { " possible" } else { "" };
    format!("{}{reason}{effect}", error.failure.kind)
}

/// Waits until an expression of the page has its value, and tells what it has where it never does.
pub(super) async fn of_state(
    session: &Arc<dyn Session>,
    expression: &str,
    expected: &Value,
    settling: Duration,
) -> Result<(), Difference> {
    let until = Instant::now() + settling;
    let mut pause = "";
    loop {
        let script = format!("{pause}return ({expression})");
        let read = json!({ "action": "evaluate", "script": script, "as": "state" });
        let performed = session.perform(request(read)).await;
        let actual = performed
            .map_err(|error| {
                Difference::new(&format!("{expression} to be read"), format!("{}: {error}", told(&error)))
            })?
            .value
            .unwrap_or(Value::Null);
        match compare(expected, &actual, expression) {
            Err(_) if Instant::now() < until => {
                // The page itself waits, so that it has the time to go on.
                pause = "await new Promise((resolve) => setTimeout(resolve, 30)); ";
            }
            result => return result,
        }
    }
}
