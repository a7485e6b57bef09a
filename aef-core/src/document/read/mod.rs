//! Reading documents: JSON and YAML, with everything that is wrong told at once.

mod build;
mod shape;
mod shapes;
mod strict;

use std::path::Path;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use self::strict::{DUPLICATE, Strict};
use super::diagnostics::{Diagnostic, Diagnostics, Position};
use super::nul::nul_in;
use super::root::Document;
use super::source_map::{SourceMap, unquoted_template};

/// The longest text that is read: 8 MiB.
pub const MAX_SOURCE: usize = 8 * 1024 * 1024;
/// How many steps a document may have, those in containers included.
pub const MAX_STEPS: usize = 20_000;
/// How deep steps may stand in steps.
pub const MAX_LEVELS: usize = 100;

/// The deepest nesting of JSON in a document: four levels for each level of steps (a branch in a list, its steps in a
/// list), and the inside of a step.
const MAX_DEPTH: usize = 4 * MAX_LEVELS + 64;

/// Why a file could not be read as a document.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is no document.
    #[error("{path} is not a valid document")]
    Invalid {
        /// The file.
        path: String,
        /// What is wrong.
        #[source]
        source: Diagnostics,
    },
}

impl Document {
    /// Reads a file: JSON where its name ends in `.json`, else YAML.
    ///
    /// # Errors
    /// Where it cannot be read, or is no document.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, LoadError> {
        let path = path.as_ref();
        let shown = path.display().to_string();
        let text =
            std::fs::read_to_string(path).map_err(|source| LoadError::Io { path: shown.clone(), source })?;
        let json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        let read = if json { Self::from_json(&text) } else { Self::from_yaml(&text) };
        read.map_err(|source| LoadError::Invalid { path: shown, source })
    }

    /// Reads a JSON text.
    ///
    /// # Errors
    /// Everything that is wrong with it, with places in the text.
    pub fn from_json(text: &str) -> Result<Self, Diagnostics> {
        check_size(text)?;
        let value = parse_json(text)?;
        Self::from_value(value).map_err(|found| found.locate(&SourceMap::new(text)))
    }

    /// Reads a YAML text. JSON is YAML, too; [`Document::from_json`] is faster.
    ///
    /// # Errors
    /// Everything that is wrong with it, with places in the text.
    pub fn from_yaml(text: &str) -> Result<Self, Diagnostics> {
        check_size(text)?;
        let value = parse_yaml(text)?;
        Self::from_value(value).map_err(|found| found.locate(&SourceMap::new(text)))
    }

    /// Reads a JSON value.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn from_value(value: Value) -> Result<Self, Diagnostics> {
        let mut found = shape::check(&value);
        if let Some(pointer) = nul_in(&value) {
            let message = "a text holds a NUL (U+0000), which not every store keeps";
            found.push(Diagnostic::error("nul", pointer, message).with_help("leave it out"));
        }
        if !found.is_empty() {
            return Err(Diagnostics::new(found));
        }
        build::document(value).map_err(Diagnostics::new)
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

fn check_size(text: &str) -> Result<(), Diagnostics> {
    if text.len() <= MAX_SOURCE {
        return Ok(());
    }
    let message = format!("the document has {} bytes; at most {MAX_SOURCE} are read", text.len());
    Err(Diagnostic::error("document_too_large", "", message).into())
}

fn too_deep() -> Diagnostic {
    Diagnostic::error("too_deep", "", format!("the document is nested more than {MAX_DEPTH} levels deep"))
}

/// Parses JSON in which no key stands twice.
pub(crate) fn parse_json(text: &str) -> Result<Value, Diagnostics> {
    if json_depth(text) > MAX_DEPTH {
        return Err(too_deep().into());
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    // The depth has just been bounded, at more than serde_json's own limit of 128.
    deserializer.disable_recursion_limit();
    let parsed =
        Strict::deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value.0));
    parsed.map_err(|error| {
        let offset =
            text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
        let position = Position {
            line: error.line(),
            column: error.column(),
            offset: (offset + error.column().saturating_sub(1)).min(text.len()),
            length: 0,
        };
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default();
        let found = match message.strip_prefix(DUPLICATE) {
            Some(key) => Diagnostic::error("duplicate_key", "", format!("the key {key} stands twice")),
            None => Diagnostic::error("syntax", "", format!("not JSON: {message}")),
        };
        found.with_position(Some(position)).into()
    })
}

/// The deepest nesting of brackets outside of strings.
pub(crate) fn json_depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn read_yaml(text: &str) -> Result<Value, Diagnostics> {
    if let Some(position) = unquoted_template(text) {
        let message = "`{{` begins a map here";
        let help = "put the whole value in quotes: \"{{ … }}\"";
        let found = Diagnostic::error("unquoted_template", "", message).with_help(help);
        return Err(found.with_position(Some(position)).into());
    }
    let budget = serde_saphyr::budget! {
        max_depth: MAX_DEPTH,
        // The limit above tells which fault it is; this one would only say that the syntax is wrong.
        flow_nesting_limit: MAX_SOURCE,
        max_documents: 1,
        max_nodes: 4_000_000,
        max_events: 8_000_000,
        max_total_scalar_bytes: 2 * MAX_SOURCE,
    };
    let options = serde_saphyr::options! {
        budget: budget,
        with_snippet: false,
        // YAML 1.2: `no`, `on` and `y` are words, as labels need them.
        strict_booleans: true,
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 200_000 },
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| yaml_error(text, &error).into())
}

/// Stack for reading YAML: the deserializer takes some 5 KiB for each level, 25 KiB where it is not optimised.
const YAML_STACK: usize = 32 * 1024 * 1024;

/// Reads YAML on a stack of its own, so that the deepest document that is allowed fits however little is left here.
fn parse_yaml(text: &str) -> Result<Value, Diagnostics> {
    std::thread::scope(|scope| {
        let reader =
            std::thread::Builder::new().stack_size(YAML_STACK).spawn_scoped(scope, || read_yaml(text));
        match reader {
            Ok(reader) => reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(error) => {
                let message = format!("no thread to read the document with: {error}");
                Err(Diagnostic::error("syntax", "", message).into())
            }
        }
    })
}

fn yaml_error(text: &str, error: &serde_saphyr::Error) -> Diagnostic {
    use serde_saphyr::Error;
    let error = error.without_snippet();
    let position = error.location().map(|location| {
        let line = usize::try_from(location.line()).unwrap_or(1).max(1);
        let column = usize::try_from(location.column()).unwrap_or(1).max(1);
        let before = text.split_inclusive('\n').take(line - 1).map(str::len).sum::<usize>();
        let rest = text.get(before..).unwrap_or_default();
        let within = rest.char_indices().nth(column - 1).map_or(rest.len(), |(byte, _)| byte);
        Position { line, column, offset: before + within, length: 0 }
    });
    #[expect(clippy::wildcard_enum_match_arm, reason = "all other kinds are faults of the syntax")]
    let (code, message) = match error {
        Error::DuplicateMappingKey { key, .. } => match key {
            Some(key) => ("duplicate_key", format!("the key `{key}` stands twice")),
            None => ("duplicate_key", "a key stands twice".to_owned()),
        },
        Error::Budget { breach: serde_saphyr::budget::BudgetBreach::Depth { .. }, .. } => {
            ("too_deep", too_deep().message)
        }
        Error::Budget { breach: serde_saphyr::budget::BudgetBreach::Documents { .. }, .. } => {
            ("syntax", "the text holds more than one document".to_owned())
        }
        other => {
            let message = without_place(&other.to_string()).to_owned();
            // The scanner's own limits are known by their words alone.
            let deep = message.contains("recursion limit");
            if deep { ("too_deep", too_deep().message) } else { ("syntax", format!("not YAML: {message}")) }
        }
    };
    Diagnostic::error(code, "", message).with_position(position)
}

/// The first line of a message, without the place that stands beside it anyway.
fn without_place(message: &str) -> &str {
    let line = message.lines().next().unwrap_or_default();
    line.split(" at line ").next().unwrap_or(line)
}

#[cfg(test)]
mod tests;
