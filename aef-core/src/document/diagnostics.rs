//! What is wrong with a document, all of it at once, each with its place.
//!
//! | code | severity | meaning |
//! |---|---|---|
//! | `syntax` | error | the text is neither JSON nor YAML |
//! | `unquoted_template` | error | YAML reads an unquoted `{{` as a map |
//! | `duplicate_key` | error | a key stands twice in one object |
//! | `document_too_large` | error | the text is longer than 8 MiB |
//! | `too_deep` | error | steps, conditions, locators or values are nested too deeply |
//! | `too_many_steps` | error | there are more than 20,000 steps |
//! | `unsupported_version` | error | `aef` is not 1 |
//! | `wrong_type` | error | a value has another type than its place asks for |
//! | `unknown_key` | error | there is no such key in this place |
//! | `missing_field` | error | a required key is not given |
//! | `invalid_value` | error | a value has the right type and is none of those allowed |
//! | `unknown_action` | error | there is no such action |
//! | `not_supported` | error | a part of the format that this version does not run |
//! | `invalid_id` | error | an id has other characters than `A-Z a-z 0-9 _ . -` |
//! | `duplicate_id` | error | two steps have the same id |
//! | `empty_task` | error | a task has neither actions nor conditions nor outputs |
//! | `unknown_target` | error | `then`, `goto`, `break` or `continue` names no step |
//! | `jump_into_container` | error | a jump leads into a container, or to a step that is not around it |
//! | `not_in_loop` | error | `break` or `continue` names something else than a loop around the step |
//! | `unbounded_loop` | error | a loop has no `maxIterations`, or one of 0 |
//! | `loop_kind` | error | a loop has not exactly one of `forEach`, `while` and `until` |
//! | `otherwise_required` | error | a decision may find no branch to take |
//! | `invalid_branch` | error | a branch has no condition, or names no option of the question |
//! | `invalid_locator` | error | a locator has not exactly one strategy, or contradicts itself |
//! | `invalid_condition` | error | a condition or action has not exactly one of several fields |
//! | `invalid_pattern` | error | a regular expression cannot be compiled |
//! | `invalid_url` | error | an address is not http or https, or an origin is none |
//! | `invalid_schema` | error | a JSON Schema cannot be compiled |
//! | `invalid_timezone` | error | there is no such time zone |
//! | `approve_risky` | error | a checkpoint of a step that changes something approves itself |
//! | `expression_syntax` | error | an expression or template cannot be parsed |
//! | `expression_braces` | error | `{{` in what is an expression already |
//! | `expression_unknown` | error | an expression names a filter, test or function that there is not |
//! | `statement_not_allowed` | error | a template holds a statement, `{% … %}` |
//! | `invalid_name` | error | a variable has a name that expressions cannot read, or that is taken |
//! | `undefined_name` | error | an expression reads a name that nothing sets |
//! | `secret_not_allowed` | error | a secret stands elsewhere than in what `fill` and `type` enter |
//! | `unknown_secret` | error | a secret is not declared |
//! | `duplicate_secret` | error | a secret is declared twice |
//! | `unknown_step` | error | a subset names a step that there is not |
//! | `invalid_input` | error | an input does not satisfy the schema |
//! | `maybe_unset` | warning | a name is read where it may not have been set |
//! | `unreachable` | warning | a step can never be reached |
//! | `nth_in_for_each` | warning | `nth` in the body of a `forEach`, where rows move |
//! | `fixed_wait` | warning | a wait for a fixed time |
//! | `checkpoint_needs_page_state` | warning | a checkpoint in a block that cannot be entered again |
//! | `unused_secret` | warning | a declared secret is entered nowhere |

use std::cmp::Ordering;
use std::fmt;

use serde::Serialize;

use super::source_map::SourceMap;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The document cannot be run.
    Error,
    /// The document can be run, and something is probably not meant.
    Warning,
}

/// A place in the text of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// In bytes, from 0.
    pub offset: usize,
    /// In bytes.
    pub length: usize,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Which, as the table in this module lists them.
    pub code: &'static str,
    /// How bad.
    pub severity: Severity,
    /// Where: a JSON pointer into the document.
    pub pointer: String,
    /// What, for a person.
    pub message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Where in the text, if the text is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
}

impl Diagnostic {
    /// An error.
    #[must_use]
    pub fn error(code: &'static str, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            pointer: pointer.into(),
            message: message.into(),
            help: None,
            position: None,
        }
    }

    /// A warning.
    #[must_use]
    pub fn warning(code: &'static str, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, pointer, message) }
    }

    /// The same with advice.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same with a place in the text.
    #[must_use]
    pub fn with_position(mut self, position: Option<Position>) -> Self {
        self.position = position;
        self
    }
}

/// One line: `error[unknown_key] at 3:5 (/steps/0): there is no key …`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(out, "{severity}[{}]", self.code)?;
        if let Some(position) = &self.position {
            write!(out, " at {}:{}", position.line, position.column)?;
        }
        if !self.pointer.is_empty() {
            write!(out, " ({})", self.pointer)?;
        }
        write!(out, ": {}", self.message)?;
        match &self.help {
            Some(help) => write!(out, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong, in the order of the places.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Sorts what was found by its place.
    #[must_use]
    pub fn new(mut found: Vec<Diagnostic>) -> Self {
        found.sort_by(compare_places);
        Self(found)
    }

    /// Whether one of them is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Adds the places in the text from which the document was read.
    #[must_use]
    pub fn locate(mut self, map: &SourceMap) -> Self {
        for diagnostic in &mut self.0 {
            let on_key = diagnostic.code == "unknown_key";
            diagnostic.position = diagnostic.position.or_else(|| map.position(&diagnostic.pointer, on_key));
        }
        Self::new(self.0)
    }

    /// All of them.
    #[must_use]
    pub fn into_vec(self) -> Vec<Diagnostic> {
        self.0
    }
}

impl std::ops::Deref for Diagnostics {
    type Target = [Diagnostic];
    fn deref(&self) -> &[Diagnostic] {
        &self.0
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            if index > 0 {
                out.write_str("\n")?;
            }
            diagnostic.fmt(out)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

fn compare_places(left: &Diagnostic, right: &Diagnostic) -> Ordering {
    let offsets = match (&left.position, &right.position) {
        (Some(left), Some(right)) => left.offset.cmp(&right.offset),
        _ => Ordering::Equal,
    };
    offsets.then_with(|| compare_pointers(&left.pointer, &right.pointer))
}

/// Compares segment by segment, numbers as numbers; names keep the order in which they were found.
fn compare_pointers(left: &str, right: &str) -> Ordering {
    for (left, right) in left.split('/').zip(right.split('/')) {
        let order = match (left.parse::<usize>(), right.parse::<usize>()) {
            (Ok(left), Ok(right)) => left.cmp(&right),
            _ => left.cmp(right),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    left.matches('/').count().cmp(&right.matches('/').count())
}

/// Escapes a key for a JSON pointer.
pub(crate) fn escape_key(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The candidate that `word` is most likely meant to be, if one is near.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (distance(&lower, &candidate.to_lowercase()), candidate))
        .filter(|&(distance, candidate)| distance <= 1 + candidate.len().max(word.len()) / 4)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// The edit distance, with a swap of neighbours as one edit; long words are not compared.
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    if left.len() > 64 || right.len() > 64 {
        return usize::MAX;
    }
    let mut rows = vec![vec![0usize; right.len() + 1]; left.len() + 1];
    for (index, row) in rows.iter_mut().enumerate() {
        row[0] = index;
    }
    for (index, cell) in rows[0].iter_mut().enumerate() {
        *cell = index;
    }
    for i in 1..=left.len() {
        for j in 1..=right.len() {
            let change = usize::from(left[i - 1] != right[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + change);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_sort_as_numbers() {
        let found = ["/steps/10", "/steps/2", "/steps/2/id", "/id"];
        let sorted = Diagnostics::new(found.map(|pointer| Diagnostic::error("syntax", pointer, "")).to_vec());
        let pointers: Vec<_> = sorted.iter().map(|diagnostic| diagnostic.pointer.as_str()).collect();
        assert_eq!(pointers, ["/id", "/steps/2", "/steps/2/id", "/steps/10"]);
    }

    #[test]
    fn a_slip_of_the_pen_finds_its_word() {
        assert_eq!(nearest("checkpiont", ["checkpoint", "context"]), Some("checkpoint"));
        assert_eq!(nearest("for_each", ["forEach", "while"]), Some("forEach"));
        assert_eq!(nearest("entirely", ["forEach", "while"]), None);
    }
}
