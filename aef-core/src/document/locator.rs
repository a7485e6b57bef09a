//! How an element is named.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::{OneOrMany, Templated};

/// One locator, or a ranked list of them: the first that matches exactly one element wins.
pub type Target = OneOrMany<Locator>;

/// Names one element of a page. Exactly one of `testId`, `role`, `label`, `placeholder`, `altText`, `title`, `text`,
/// `css` and `xpath` stands in it; the rest narrows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Locator {
    /// The value of the test id attribute (`data-testid` unless the document says another), exactly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_id: Option<String>,
    /// The ARIA role, explicit or implied by the element.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// With `role`: the accessible name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether name, label, text, placeholder, altText and title match the whole string with case. Default false: a
    /// case-insensitive substring.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exact: bool,
    /// The text of the label of a form control.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The placeholder of a form control.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<String>,
    /// The alternative text of an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alt_text: Option<String>,
    /// The `title` attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The text of the innermost element that contains it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A CSS selector; open shadow roots are pierced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub css: Option<String>,
    /// An XPath expression, relative inside `within` or a list item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xpath: Option<String>,
    /// The element inside which to look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Box<Target>>,
    /// The frame in which to look: one locator of an `iframe`, or a chain from the outermost in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<Box<OneOrMany<Self>>>,
    /// Which of several matches, from 0; negative counts from the end. May be a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<Templated<i64>>,
    /// The first of several matches.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub first: bool,
    /// The last of several matches.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub last: bool,
    /// Only elements whose text contains this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has_text: Option<String>,
    /// Only elements that are (or are not) visible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visible: Option<bool>,
    /// What the element was when it was recorded. A match by a lower-ranked locator that disagrees is an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
}

/// What tells an element from another one that happens to match.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Fingerprint {
    /// The ARIA role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The accessible name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The tag name in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

impl Locator {
    /// The strategies that are given, by their names in the document. A sound locator has exactly one.
    #[must_use]
    pub fn strategies(&self) -> Vec<(&'static str, &str)> {
        [
            ("testId", &self.test_id),
            ("role", &self.role),
            ("label", &self.label),
            ("placeholder", &self.placeholder),
            ("altText", &self.alt_text),
            ("title", &self.title),
            ("text", &self.text),
            ("css", &self.css),
            ("xpath", &self.xpath),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.as_deref().map(|value| (name, value)))
        .collect()
    }
}

/// The locator for a person: `button "Save"`, `css ".row" in testId "grid"`.
impl fmt::Display for Locator {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.strategies().first() {
            Some(("role", role)) => match &self.name {
                Some(name) => write!(out, "{role} \"{name}\"")?,
                None => out.write_str(role)?,
            },
            Some((strategy, value)) => write!(out, "{strategy} \"{value}\"")?,
            None => out.write_str("nothing")?,
        }
        if let Some(Templated::Value(nth)) = &self.nth {
            write!(out, " number {nth}")?;
        }
        if let Some(text) = &self.has_text {
            write!(out, " with \"{text}\"")?;
        }
        match self.within.as_deref().and_then(|within| within.as_slice().first()) {
            Some(within) => write!(out, " in {within}"),
            None => Ok(()),
        }
    }
}
