//! Texts that a document writes and a driver types: plain, templated, or with a secret in them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What `fill` and `type` enter. A document writes a string (a template), a number or a boolean; once rendered, a
/// text with secrets in it has parts, in which a secret stands by its name only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Text {
    /// A plain text.
    Plain(String),
    /// Entered as its shortest decimal form.
    Number(serde_json::Number),
    /// Entered as `true` or `false`.
    Boolean(bool),
    /// Rendered texts only: a document that writes parts is refused.
    #[schemars(skip)]
    Sealed {
        /// The pieces in order.
        parts: Vec<TextPart>,
    },
}

/// A piece of a [`Text::Sealed`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum TextPart {
    /// Text as it is.
    Plain {
        /// The text.
        text: String,
    },
    /// The value of a secret, known to the driver alone.
    Secret {
        /// The secret's name in the document.
        secret: String,
    },
}

impl Text {
    /// The names of the secrets inside.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let parts = match self {
            Self::Sealed { parts } => parts.as_slice(),
            Self::Plain(_) | Self::Number(_) | Self::Boolean(_) => &[],
        };
        parts.iter().filter_map(|part| match part {
            TextPart::Secret { secret } => Some(secret.as_str()),
            TextPart::Plain { .. } => None,
        })
    }
}

/// The text with secrets masked.
impl fmt::Display for Text {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => out.write_str(text),
            Self::Number(number) => number.fmt(out),
            Self::Boolean(value) => value.fmt(out),
            Self::Sealed { parts } => parts.iter().try_for_each(|part| match part {
                TextPart::Plain { text } => out.write_str(text),
                TextPart::Secret { .. } => out.write_str("••••••"),
            }),
        }
    }
}

/// A value that a document may also write as a template; a rendered one is always [`Templated::Value`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Templated<T> {
    /// The value itself.
    Value(T),
    /// A template that gives it.
    Template(String),
}

impl<T> Templated<T> {
    /// The value, unless it is still a template.
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Template(_) => None,
        }
    }
}

/// One thing, or several of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    /// One.
    One(T),
    /// Several, in order.
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    /// All of them, in order.
    pub fn as_slice(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}
