//! Imperative English sentences, read as actions.
//!
//! [`read`] knows a small grammar: verbs of the keyboard, the pointer and the address bar, things named in quotes, by
//! templates or by the noun that follows their name, and the few tails that change nothing (“to continue”, “on the
//! page”). A text is read as a whole or not at all: a sentence of which a word is left over, that holds a condition, or
//! that names nothing definite (“the right button”) is for a person. The reader does not guess.
//!
//! ```
//! use aef_core::phrases::{self, UnreadReason};
//!
//! let phrases = phrases::read("Type {{email}} into the Email field, then click the 'Save' button.")?;
//! let actions: Vec<_> = phrases.iter().map(|phrase| phrase.action.to_string()).collect();
//! assert_eq!(actions, ["fill label \"Email\" with {{email}}", "click button \"Save\""]);
//!
//! let unread = phrases::read("Click 'Save' if the amount is right").unwrap_err();
//! assert_eq!(unread.reason, UnreadReason::Conditional);
//! # Ok::<(), phrases::Unread>(())
//! ```

mod clauses;
mod element;
mod entering;
mod looking;
mod moving;
mod pointing;
#[cfg(test)]
mod tests;
mod tokens;
mod words;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use self::moving::names_address;
use self::words::Words;
use crate::document::{Action, ActionKind};

/// The longest text that is read, in bytes.
pub const MAX_TEXT: usize = 4_096;

/// How many actions a text may hold.
pub const MAX_CLAUSES: usize = 32;

/// How sure a reading is: a share of 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(into = "f64", from = "f64")]
#[schemars(extend("minimum" = 0, "maximum" = 1))]
pub struct Confidence(u8);

impl Confidence {
    /// So many percent; more than 100 is 100.
    #[must_use]
    pub const fn percent(percent: u8) -> Self {
        Self(if percent > 100 { 100 } else { percent })
    }

    /// In percent.
    #[must_use]
    pub const fn as_percent(self) -> u8 {
        self.0
    }
}

impl From<Confidence> for f64 {
    fn from(confidence: Confidence) -> Self {
        Self::from(confidence.0) / 100.0
    }
}

/// Rounded to percents; what is no number is 0.
impl From<f64> for Confidence {
    fn from(share: f64) -> Self {
        // A cast of a float saturates, and makes 0 of what is no number.
        Self::percent((share * 100.0).round() as u8)
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} %", self.0)
    }
}

/// One action and the words that ask for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Phrase {
    /// The words.
    pub text: String,
    /// What they ask for. Templates stand in it as they stood in the text.
    pub action: Action,
    /// How sure the reading is.
    pub confidence: Confidence,
}

/// Why a text was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UnreadReason {
    /// There is nothing in it.
    Empty,
    /// It is longer than [`MAX_TEXT`], or holds more than [`MAX_CLAUSES`] clauses.
    TooLong,
    /// A quotation mark has no partner.
    Quotes,
    /// A template is not closed, or is a statement.
    Template,
    /// It begins with no verb that is known.
    Verb,
    /// Something depends on something else: if, unless, each, or.
    Conditional,
    /// The verb is known, and what follows is not, or names nothing definite.
    Object,
    /// It would enter a password that stands in the text.
    Password,
}

impl UnreadReason {
    /// What to tell a person.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "there is nothing to read",
            Self::TooLong => "the text is too long",
            Self::Quotes => "a quotation mark has no partner",
            Self::Template => "a template is not closed",
            Self::Verb => "it begins with no known verb",
            Self::Conditional => "it depends on a condition",
            Self::Object => "it does not name one thing to act on",
            Self::Password => "it holds a password in plain words",
        }
    }
}

/// A text that was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: “{clause}”", reason.as_str())]
pub struct Unread {
    /// The words at which it ended, at most 200 characters.
    pub clause: String,
    /// Why.
    pub reason: UnreadReason,
}

impl Unread {
    fn new(reason: UnreadReason, clause: &str) -> Self {
        Self { clause: clause.trim().chars().take(200).collect(), reason }
    }
}

/// Reads a text as the actions that it asks for, in their order.
///
/// # Errors
/// Where a part of it is not understood; then none of it is read.
pub fn read(text: &str) -> Result<Vec<Phrase>, Unread> {
    if text.trim().is_empty() {
        return Err(Unread::new(UnreadReason::Empty, ""));
    }
    if text.len() > MAX_TEXT {
        return Err(Unread::new(UnreadReason::TooLong, text));
    }
    let tokens = tokens::tokens(text).map_err(|reason| Unread::new(reason, text))?;
    let clauses = clauses::split(&tokens);
    if clauses.is_empty() {
        return Err(Unread::new(UnreadReason::Empty, text));
    }
    if clauses.len() > MAX_CLAUSES {
        return Err(Unread::new(UnreadReason::TooLong, text));
    }
    clauses
        .into_iter()
        .map(|clause| {
            let words = clauses::text(text, clause);
            let read = clause_read(Words::new(clause)).map_err(|reason| Unread::new(reason, words))?;
            let action = Action {
                kind: read.action,
                timeout: read.timeout,
                repeatable: None,
                description: None,
                popup: None,
            };
            Ok(Phrase { text: words.to_owned(), action, confidence: Confidence::percent(read.sure) })
        })
        .collect()
}

/// A clause that was understood.
struct Clause {
    action: ActionKind,
    timeout: Option<crate::document::Span>,
    /// In percent.
    sure: u8,
}

impl Clause {
    const fn new(action: ActionKind, sure: u8) -> Self {
        Self { action, timeout: None, sure }
    }
}

/// What a family of verbs makes of a clause: `None` where the verb is not one of its.
type Outcome = Option<Result<Clause, UnreadReason>>;

/// What is taken from how sure a reading is where a tail was left out.
const TAIL: u8 = 5;

fn clause_read(words: Words<'_, '_>) -> Result<Clause, UnreadReason> {
    let families: [fn(Words<'_, '_>) -> Outcome; 4] =
        [moving::read, looking::read, entering::read, pointing::read];
    // “Go to” leads to an address and to a tab: what one family does not understand, another may.
    let read = |words: Words<'_, '_>| {
        let outcomes = families.iter().filter_map(|family| family(words));
        outcomes.reduce(|first, next| if first.is_ok() { first } else { next.or(first) })
    };
    let whole = read(words).unwrap_or(Err(UnreadReason::Verb));
    if whole.is_ok() {
        return whole;
    }
    if let Some(main) = clauses::without_purpose(words)
        && let Some(Ok(clause)) = read(main)
    {
        return Ok(Clause { sure: clause.sure - TAIL, ..clause });
    }
    whole.map_err(|reason| {
        let is_unknown = matches!(reason, UnreadReason::Verb | UnreadReason::Object);
        if is_unknown && clauses::is_conditional(words) { UnreadReason::Conditional } else { reason }
    })
}
