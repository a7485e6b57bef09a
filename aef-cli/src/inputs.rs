//! Inputs from the command line, read by the types that the document's schema gives them.

use std::fs;

use serde_json::{Map, Value};

/// Why an `--input` could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InputError {
    /// There is no `=` in it.
    #[error("`{0}` is neither NAME=VALUE nor @FILE")]
    Form(String),
    /// Its file cannot be used.
    #[error("the file of inputs {path}: {message}")]
    File {
        /// The file.
        path: String,
        /// Why.
        message: String,
    },
    /// Its value has not the type that the schema gives.
    #[error("`{given}` for input `{name}` is not {expected}")]
    Type {
        /// The input.
        name: String,
        /// What was typed.
        given: String,
        /// What is wanted.
        expected: String,
    },
    /// It is given twice.
    #[error("input `{0}` is given twice")]
    Twice(String),
}

/// Reads all `--input` options. Files are read first, so that single values override them.
///
/// # Errors
/// Everything that is wrong with them.
pub(crate) fn read(options: &[String], schema: Option<&Value>) -> Result<Value, Vec<InputError>> {
    let mut errors = Vec::new();
    let mut values = Map::new();
    for path in options.iter().filter_map(|option| option.strip_prefix('@')) {
        match file(path) {
            Ok(map) => values.extend(map),
            Err(error) => errors.push(error),
        }
    }
    let mut single = Map::new();
    for option in options.iter().filter(|option| !option.starts_with('@')) {
        match assignment(option, schema) {
            Ok((name, value)) => {
                if single.insert(name.clone(), value).is_some() {
                    errors.push(InputError::Twice(name));
                }
            }
            Err(error) => errors.push(error),
        }
    }
    values.extend(single);
    if errors.is_empty() { Ok(Value::Object(values)) } else { Err(errors) }
}

fn file(path: &str) -> Result<Map<String, Value>, InputError> {
    let wrong = |message: String| InputError::File { path: path.to_owned(), message };
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    match serde_json::from_str(&text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(wrong("it holds no JSON object".to_owned())),
        Err(error) => Err(wrong(error.to_string())),
    }
}

fn assignment(option: &str, schema: Option<&Value>) -> Result<(String, Value), InputError> {
    let (name, given) = option
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| InputError::Form(option.to_owned()))?;
    let property = schema.and_then(|schema| schema.get("properties")?.get(name));
    match typed(given, property) {
        Ok(value) => Ok((name.to_owned(), value)),
        Err(expected) => Err(InputError::Type { name: name.to_owned(), given: given.to_owned(), expected }),
    }
}

/// Reads a text by the type of its schema: the first of several that fits; without a type as JSON, and where it is
/// none as the text itself.
///
/// # Errors
/// What would have been right.
pub(crate) fn typed(text: &str, schema: Option<&Value>) -> Result<Value, String> {
    let types: Vec<&str> = match schema.and_then(|schema| schema.get("type")) {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if types.is_empty() {
        let allowed = schema.and_then(|schema| schema.get("enum")).and_then(Value::as_array);
        let literal = Value::from(text);
        if allowed.is_some_and(|allowed| allowed.contains(&literal)) {
            return Ok(literal);
        }
        return Ok(serde_json::from_str(text).unwrap_or(literal));
    }
    // A text is the last resort: `["string", "null"]` reads `null` as null.
    let (texts, others): (Vec<&str>, Vec<&str>) = types.iter().partition(|name| **name == "string");
    let found = others.iter().find_map(|name| of_type(text, name));
    match found {
        Some(value) => Ok(value),
        None if !texts.is_empty() => Ok(Value::from(text)),
        None => Err(types.iter().map(|name| article(name)).collect::<Vec<_>>().join(" or ")),
    }
}

fn of_type(text: &str, name: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(text.trim()).ok()?;
    let fits = match name {
        "integer" => {
            value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
        }
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    };
    fits.then_some(value)
}

fn article(name: &str) -> String {
    match name {
        "integer" => "a whole number".to_owned(),
        "number" => "a number".to_owned(),
        "boolean" => "true or false".to_owned(),
        "null" => "null".to_owned(),
        "array" => "a JSON array".to_owned(),
        "object" => "a JSON object".to_owned(),
        other => format!("of type {other}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn options(options: &[&str]) -> Vec<String> {
        options.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_schema_gives_the_type() {
        let schema = json!({ "properties": {
            "zip": { "type": "string" }, "amount": { "type": "number" }, "count": { "type": "integer" },
            "dry": { "type": "boolean" }, "names": { "type": "array" }, "note": { "type": ["string", "null"] },
        } });
        let given = options(&[
            "zip=01234",
            "amount=1.50",
            "count=3",
            "dry=true",
            "names=[\"a\"]",
            "note=null",
            "free=x=1",
        ]);
        assert_eq!(
            read(&given, Some(&schema)).unwrap(),
            json!({ "zip": "01234", "amount": 1.5, "count": 3, "dry": true, "names": ["a"], "note": null, "free": "x=1" })
        );
    }

    #[test]
    fn without_a_type_json_is_json_and_the_rest_is_text() {
        assert_eq!(read(&options(&["a=5", "b=five"]), None).unwrap(), json!({ "a": 5, "b": "five" }));
        let schema = json!({ "properties": { "mode": { "enum": ["1", "2"] } } });
        assert_eq!(read(&options(&["mode=1"]), Some(&schema)).unwrap(), json!({ "mode": "1" }));
    }

    #[test]
    fn everything_that_is_wrong_is_told() {
        let schema =
            json!({ "properties": { "count": { "type": "integer" }, "dry": { "type": "boolean" } } });
        let errors =
            read(&options(&["count=2.5", "dry=yes", "nothing", "x=1", "x=2"]), Some(&schema)).unwrap_err();
        let told: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "`2.5` for input `count` is not a whole number",
                "`yes` for input `dry` is not true or false",
                "`nothing` is neither NAME=VALUE nor @FILE",
                "input `x` is given twice",
            ]
        );
    }

    #[test]
    fn single_values_override_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("inputs.json");
        fs::write(&path, r#"{ "a": 1, "b": 2 }"#).unwrap();
        let given = [String::from("b=3"), format!("@{}", path.display())];
        assert_eq!(read(&given, None).unwrap(), json!({ "a": 1, "b": 3 }));
    }
}
