//! From the values of expressions to JSON and to text.

use minijinja::Value;
use minijinja::value::ValueKind;
use serde_json::{Map, Number};

use super::expression::ExpressionErrorKind;

/// The largest value that an expression may give: 1 MiB, counted as JSON.
pub const MAX_VALUE: usize = 1024 * 1024;

/// The deepest nesting of a value.
const MAX_DEPTH: usize = 64;

type Refusal = (ExpressionErrorKind, String);

pub(crate) fn to_json(value: &Value) -> Result<serde_json::Value, Refusal> {
    let mut room = MAX_VALUE;
    convert(value, &mut room, MAX_DEPTH)
}

fn too_large() -> Refusal {
    (ExpressionErrorKind::TooLarge, "the result is larger than 1 MiB".to_owned())
}

#[expect(clippy::wildcard_enum_match_arm, reason = "bytes and whatever minijinja adds are no JSON")]
fn convert(value: &Value, room: &mut usize, depth: usize) -> Result<serde_json::Value, Refusal> {
    let depth = depth.checked_sub(1).ok_or_else(too_large)?;
    *room = room.checked_sub(cost(value)).ok_or_else(too_large)?;
    match value.kind() {
        ValueKind::Undefined => {
            Err((ExpressionErrorKind::Undefined, "a part of the result is undefined".to_owned()))
        }
        ValueKind::None => Ok(serde_json::Value::Null),
        ValueKind::Bool => Ok(serde_json::Value::Bool(value.is_true())),
        ValueKind::Number => number(value).map(serde_json::Value::Number),
        ValueKind::String => Ok(serde_json::Value::String(value.as_str().unwrap_or_default().to_owned())),
        ValueKind::Seq | ValueKind::Iterable => {
            let mut items = Vec::with_capacity(value.len().unwrap_or_default().min(1024));
            for item in value.try_iter().map_err(failed)? {
                items.push(convert(&item, room, depth)?);
            }
            Ok(serde_json::Value::Array(items))
        }
        ValueKind::Map => {
            let mut fields = Map::new();
            for key in value.try_iter().map_err(failed)? {
                let field = value.get_item(&key).map_err(failed)?;
                let key = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
                *room = room.checked_sub(key.len() + 4).ok_or_else(too_large)?;
                fields.insert(key, convert(&field, room, depth)?);
            }
            Ok(serde_json::Value::Object(fields))
        }
        _ => Err((ExpressionErrorKind::Type, format!("the result is a {}", value.kind()))),
    }
}

fn cost(value: &Value) -> usize {
    2 + value.as_str().map_or(0, str::len)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` takes")]
fn failed(error: minijinja::Error) -> Refusal {
    (ExpressionErrorKind::Evaluation, error.to_string())
}

fn number(value: &Value) -> Result<Number, Refusal> {
    if value.is_integer() {
        if let Some(integer) = value.as_i64() {
            return Ok(integer.into());
        }
        if let Ok(integer) = u64::try_from(value.clone()) {
            return Ok(integer.into());
        }
    }
    f64::try_from(value.clone())
        .ok()
        .and_then(Number::from_f64)
        .ok_or_else(|| (ExpressionErrorKind::Type, "the result is not a finite number".to_owned()))
}

/// Appends a value to a text. Numbers stand in their shortest form, lists and maps as JSON.
pub(crate) fn append_text(value: &Value, null: Null, out: &mut String) -> Result<(), Refusal> {
    if let Some(text) = value.as_str() {
        out.push_str(text);
    } else {
        append_json_text(&to_json(value)?, null, out)?;
    }
    if out.len() > MAX_VALUE { Err(too_large()) } else { Ok(()) }
}

/// What null gives in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Null {
    /// An error: nobody looks for an element named `null`.
    Refused,
    /// The word `null`.
    Shown,
}

fn append_json_text(value: &serde_json::Value, null: Null, out: &mut String) -> Result<(), Refusal> {
    use std::fmt::Write as _;
    match value {
        serde_json::Value::Null if null == Null::Refused => {
            return Err((ExpressionErrorKind::Type, "the result is null, which is no text".to_owned()));
        }
        serde_json::Value::Number(number) => out.push_str(&number_text(number)),
        serde_json::Value::String(text) => out.push_str(text),
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Array(_)
        | serde_json::Value::Object(_) => write!(out, "{value}").expect("writing to a string cannot fail"),
    }
    Ok(())
}

/// The shortest decimal form: a whole number has no fraction, however it was written.
pub(crate) fn number_text(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if !number.is_i64() && !number.is_u64() && float.fract() == 0.0 && float.abs() < 1e15 => {
            format!("{float:.0}")
        }
        _ => number.to_string(),
    }
}
