//! Objects of a recording: their fields by type, with everything that is wrong told by its place.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::document::{Diagnostic, Position, Span};

/// The longest wait that a recording may ask for: a day.
const MAX_MILLIS: f64 = 86_400_000.0;

/// Errors with their places.
#[derive(Debug, Default)]
pub(super) struct Faults(pub(super) Vec<Diagnostic>);

/// One object.
#[derive(Debug)]
pub(super) struct Fields<'r> {
    pub(super) map: &'r Map<String, Value>,
    /// The JSON pointer of the object.
    pub(super) pointer: String,
    /// How a person finds it: `step 3`, `line 4`.
    pub(super) place: String,
    /// Where it stands in the text, if its pointer does not tell.
    pub(super) position: Option<Position>,
}

impl Fields<'_> {
    /// An error at one of the fields.
    pub(super) fn fault(&self, code: &'static str, key: &str, message: &str) -> Diagnostic {
        let pointer = if key.is_empty() { self.pointer.clone() } else { format!("{}/{key}", self.pointer) };
        let found = Diagnostic::error(code, pointer, format!("{}: {message}", self.place));
        found.with_position(self.position)
    }

    fn wrong(&self, key: &str, expected: &str) -> Diagnostic {
        self.fault("wrong_type", key, &format!("`{key}` is {expected}"))
    }

    fn missing(&self, key: &str) -> Diagnostic {
        self.fault("missing_field", key, &format!("`{key}` is missing"))
    }

    /// A field that is there and not null.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn optional_text(&self, key: &str) -> Result<Option<&str>, Diagnostic> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(key, "a text")),
        }
    }

    pub(super) fn text(&self, key: &str) -> Result<&str, Diagnostic> {
        self.optional_text(key)?.ok_or_else(|| self.missing(key))
    }

    pub(super) fn optional_number(&self, key: &str) -> Result<Option<f64>, Diagnostic> {
        match self.get(key) {
            None => Ok(None),
            Some(value) => value.as_f64().map(Some).ok_or_else(|| self.wrong(key, "a number")),
        }
    }

    pub(super) fn number(&self, key: &str) -> Result<f64, Diagnostic> {
        self.optional_number(key)?.ok_or_else(|| self.missing(key))
    }

    /// A whole number, not negative.
    pub(super) fn optional_count(&self, key: &str) -> Result<Option<u64>, Diagnostic> {
        match self.get(key) {
            None => Ok(None),
            Some(value) => {
                value.as_u64().map(Some).ok_or_else(|| self.wrong(key, "a whole number of 0 or more"))
            }
        }
    }

    /// False where it is not given.
    pub(super) fn flag(&self, key: &str) -> Result<bool, Diagnostic> {
        match self.get(key) {
            None => Ok(false),
            Some(value) => value.as_bool().ok_or_else(|| self.wrong(key, "true or false")),
        }
    }

    /// Empty where it is not given.
    pub(super) fn list(&self, key: &str) -> Result<&[Value], Diagnostic> {
        match self.get(key) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(self.wrong(key, "a list")),
        }
    }

    /// Empty where it is not given.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<String>, Diagnostic> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let texts: Option<Vec<String>> = self.list(key)?.iter().map(text).collect();
        texts.ok_or_else(|| self.wrong(key, "a list of texts"))
    }

    /// A length of time in milliseconds.
    pub(super) fn millis(&self, key: &str) -> Result<Option<Span>, Diagnostic> {
        let Some(millis) = self.optional_number(key)? else { return Ok(None) };
        if !(1.0..=MAX_MILLIS).contains(&millis) {
            return Err(self.fault("invalid_value", key, "a time lies between 1 ms and a day"));
        }
        Ok(Some(Span(Duration::from_millis(millis.round() as u64))))
    }
}
