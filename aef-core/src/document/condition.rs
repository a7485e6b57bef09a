//! The one list of conditions: for `when`, `while`, `until`, `verify`, `wait_for` and branches.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::Span;
use super::locator::Target;
use super::text::Templated;

/// A condition: an expression, or a question to the page. Elsewhere than in `verify` and `wait_for` it is read
/// once unless it has a `timeout`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Condition {
    /// An expression that gives true or false.
    Expression(String),
    /// The value of an expression that has been evaluated. A document may write `true` and `false`.
    Constant(bool),
    /// A question to the page.
    Page(Box<PageCondition>),
}

/// A question to the page; exactly one of the fields but `timeout` is given.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PageCondition {
    /// An element is there and visible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visible: Option<Target>,
    /// No element matches, or it is not visible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<Target>,
    /// A control can be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<Target>,
    /// A control cannot be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<Target>,
    /// A box, switch or radio button is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<Target>,
    /// A control is enabled and not read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub editable: Option<Target>,
    /// The rendered text of an element.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<TextTest>,
    /// The value of a form control.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<TextTest>,
    /// An attribute of an element.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<AttributeTest>,
    /// How many elements match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<CountTest>,
    /// The first number in an element's text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<NumberTest>,
    /// The page's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<StringTest>,
    /// The page's title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<StringTest>,
    /// All of these hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<Vec<Condition>>,
    /// One of these holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub any: Option<Vec<Condition>>,
    /// This does not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not: Option<Box<Condition>>,
    /// How long to wait for it. Default: in `verify` and `wait_for` their own timeout; elsewhere it is read once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
}

/// A value that a text is compared with; numbers and booleans compare as their text.
pub type Expected = serde_json::Value;

/// Compares the text or value of an element; exactly one comparison is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TextTest {
    /// The element.
    pub target: Target,
    /// The whole text, after white space is normalised on both sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<Expected>,
    /// A part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<Expected>,
    /// A regular expression found in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matches: Option<String>,
}

/// Compares an attribute; exactly one comparison is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttributeTest {
    /// The element.
    pub target: Target,
    /// The attribute's name.
    pub name: String,
    /// The whole value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<Expected>,
    /// A part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<Expected>,
    /// A regular expression found in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matches: Option<String>,
}

/// Compares a number of elements; each comparison given must hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CountTest {
    /// The elements.
    pub target: Target,
    /// Exactly so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<Templated<u64>>,
    /// So many or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<Templated<u64>>,
    /// So many or fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<Templated<u64>>,
}

/// Compares the first number in an element's text; each comparison given must hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NumberTest {
    /// The element.
    pub target: Target,
    /// Equal to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<Templated<f64>>,
    /// Less than.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub less_than: Option<Templated<f64>>,
    /// Less than or equal to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<Templated<f64>>,
    /// Greater than or equal to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<Templated<f64>>,
    /// Greater than.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub greater_than: Option<Templated<f64>>,
}

/// Compares a URL or a title; exactly one comparison is given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StringTest {
    /// The whole of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<String>,
    /// A part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
    /// Its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_with: Option<String>,
    /// Its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_with: Option<String>,
    /// A regular expression found in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matches: Option<String>,
}

impl Condition {
    /// Its value, where no page is needed to know it and its expressions have been evaluated.
    #[must_use]
    pub fn constant(&self) -> Option<bool> {
        match self {
            Self::Constant(value) => Some(*value),
            Self::Expression(_) => None,
            Self::Page(page) => page.constant(),
        }
    }

    /// The condition's own timeout, if it has one.
    #[must_use]
    pub fn timeout(&self) -> Option<Span> {
        match self {
            Self::Page(page) => page.timeout,
            Self::Constant(_) | Self::Expression(_) => None,
        }
    }
}

impl PageCondition {
    fn constant(&self) -> Option<bool> {
        if let Some(all) = &self.all {
            let values: Vec<_> = all.iter().map(Condition::constant).collect();
            return if values.contains(&Some(false)) {
                Some(false)
            } else {
                values.iter().all(Option::is_some).then_some(true)
            };
        }
        if let Some(any) = &self.any {
            let values: Vec<_> = any.iter().map(Condition::constant).collect();
            return if values.contains(&Some(true)) {
                Some(true)
            } else {
                values.iter().all(Option::is_some).then_some(false)
            };
        }
        self.not.as_ref().and_then(|not| not.constant()).map(|value| !value)
    }
}
