//! Names: ids of steps and documents, variables, and what makes them unique.

use std::collections::{BTreeMap, BTreeSet};

/// The longest id.
const MAX_ID: usize = 128;
/// The longest name of a variable.
const MAX_VARIABLE: usize = 64;
/// Names that expressions read otherwise.
const TAKEN: [&str; 22] = [
    "inputs",
    "execution",
    "step",
    "secrets",
    "error",
    "range",
    "dict",
    "loop",
    "true",
    "True",
    "false",
    "False",
    "none",
    "None",
    "not",
    "and",
    "or",
    "in",
    "is",
    "if",
    "else",
    "self",
];

/// Makes names unique: the first of `name`, `name_2`, `name_3`, … that is not taken yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unique {
    taken: BTreeSet<String>,
    /// The next number for each name that was wanted twice.
    next: BTreeMap<String, usize>,
}

impl Unique {
    /// Takes a name if nobody has it.
    pub(crate) fn reserve(&mut self, name: &str) -> bool {
        self.taken.insert(name.to_owned())
    }

    /// Gives the name, or one with a number behind it.
    pub(crate) fn take(&mut self, name: String) -> String {
        if self.reserve(&name) {
            return name;
        }
        let mut number = self.next.get(&name).copied().unwrap_or(2);
        loop {
            let numbered = format!("{name}_{number}");
            number += 1;
            if self.reserve(&numbered) {
                self.next.insert(name, number);
                return numbered;
            }
        }
    }
}

/// A text as the id of a step or document, with other characters as `_`; nothing where none of it is left.
pub(crate) fn id_of(text: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let mut id = String::with_capacity(text.len());
    for c in text.trim().chars() {
        if allowed(c) {
            id.push(c);
        } else if !id.ends_with('_') {
            id.push('_');
        }
    }
    // Room for a number behind it.
    id.truncate(MAX_ID - 12);
    id.chars().any(|c| c.is_ascii_alphanumeric()).then_some(id)
}

/// Whether a text may be the id of a step or document as it is.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

/// A text as the name of a variable; nothing where none of it is left.
pub(crate) fn variable_of(text: &str) -> Option<String> {
    let mut name = String::with_capacity(text.len());
    for c in text.trim().chars() {
        if c.is_ascii_alphanumeric() {
            name.push(c);
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
    }
    name.truncate(MAX_VARIABLE - 12);
    let name = name.trim_end_matches('_');
    if name.is_empty() {
        return None;
    }
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic());
    Some(if starts && !TAKEN.contains(&name) { name.to_owned() } else { format!("_{name}") })
}
