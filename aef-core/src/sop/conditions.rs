//! Conditions that an SOP writes so plainly that no person need be asked: `{{amount}} > 1000`.

use super::choices::Way;
use super::locators::quoted;
use super::model::Node;
use super::texts::{Inputs, Scope};

/// What a decision does without asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conditions {
    /// The expression of each way; nothing for the one that is taken where no other is.
    pub(super) when: Vec<Option<String>>,
}

/// How two values are compared, in an SOP's words; of each pair one holds where the other does not.
const COMPARISONS: [(&str, Comparison); 12] = [
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("=", Comparison::Equal),
    (">", Comparison::More),
    ("<", Comparison::Less),
    ("is not", Comparison::NotEqual),
    ("is", Comparison::Equal),
    ("equals", Comparison::Equal),
    ("does not contain", Comparison::NotContaining),
    ("contains", Comparison::Containing),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    More,
    AtMost,
    Less,
    AtLeast,
    Containing,
    NotContaining,
}

impl Comparison {
    const fn opposite(self) -> Self {
        match self {
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::More => Self::AtMost,
            Self::AtMost => Self::More,
            Self::Less => Self::AtLeast,
            Self::AtLeast => Self::Less,
            Self::Containing => Self::NotContaining,
            Self::NotContaining => Self::Containing,
        }
    }
}

/// `{{name}} comparison literal`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Written {
    name: String,
    comparison: Comparison,
    literal: String,
}

/// The conditions of a decision, where its edges, or its own words for yes and no, say them and all names in them are
/// known.
pub(super) fn conditions(
    node: &Node,
    ways: &[Way],
    inputs: &mut Inputs,
    scope: &Scope,
) -> Option<Conditions> {
    let written = if let [first, second] = ways
        && let ("yes", "no") | ("no", "yes") = (first.option.as_str(), second.option.as_str())
    {
        let own = node.text("condition").or_else(|| node.text("label"))?;
        let own = Written::read(own)?;
        let of = |way: &Way| (way.option == "yes").then(|| own.clone());
        vec![of(first), of(second)]
    } else {
        of_labels(ways)?
    };
    let when = written.into_iter().map(|written| match written {
        Some(written) => written.expression(inputs, scope).map(Some),
        None => Some(None),
    });
    when.collect::<Option<Vec<_>>>().map(|when| Conditions { when })
}

/// What the labels say: one of them may be for what is left over, or the last two are each other's opposite.
fn of_labels(ways: &[Way]) -> Option<Vec<Option<Written>>> {
    let mut written: Vec<Option<Written>> = Vec::with_capacity(ways.len());
    for way in ways {
        let left_over = matches!(way.option.to_lowercase().as_str(), "no" | "else" | "otherwise" | "default");
        match Written::read(&way.label) {
            Some(condition) => written.push(Some(condition)),
            None if left_over => written.push(None),
            None => return None,
        }
    }
    let left_over = written.iter().filter(|written| written.is_none()).count();
    if let ([.., Some(first), Some(last)], 0) = (written.as_slice(), left_over)
        && written.len() == 2
        && (&first.name, &first.literal) == (&last.name, &last.literal)
        && first.comparison.opposite() == last.comparison
    {
        written[1] = None;
        return Some(written);
    }
    (left_over == 1 && written.len() > 1).then_some(written)
}

impl Written {
    fn read(text: &str) -> Option<Self> {
        let text = text.trim().trim_end_matches('?').trim_end();
        let (name, rest) = text.strip_prefix("{{")?.split_once("}}")?;
        let rest = rest.trim();
        let (word, comparison) = COMPARISONS.iter().find(|(word, _)| rest.starts_with(word))?;
        let after = &rest[word.len()..];
        let worded = word.ends_with(char::is_alphabetic);
        if worded && !after.starts_with(char::is_whitespace) {
            return None;
        }
        let literal = literal(after.trim())?;
        Some(Self { name: name.trim().to_owned(), comparison: *comparison, literal })
    }

    fn expression(&self, inputs: &mut Inputs, scope: &Scope) -> Option<String> {
        let name = inputs.known(&self.name, scope)?;
        let literal = &self.literal;
        // What a page or a person gives is often a text; it is compared as a number where a number is written.
        let number = literal.parse::<f64>().is_ok();
        let value = if number { format!("({name} | number)") } else { name.clone() };
        Some(match self.comparison {
            Comparison::Equal => format!("{value} == {literal}"),
            Comparison::NotEqual => format!("{value} != {literal}"),
            Comparison::More => format!("{value} > {literal}"),
            Comparison::AtMost => format!("{value} <= {literal}"),
            Comparison::Less => format!("{value} < {literal}"),
            Comparison::AtLeast => format!("{value} >= {literal}"),
            Comparison::Containing => format!("{literal} in {name}"),
            Comparison::NotContaining => format!("{literal} not in {name}"),
        })
    }
}

/// A number, true, false, or a text in quotes, as an expression writes it.
fn literal(text: &str) -> Option<String> {
    if text.parse::<f64>().is_ok_and(f64::is_finite)
        && text.starts_with(|c: char| c.is_ascii_digit() || c == '-')
    {
        return Some(text.to_owned());
    }
    if matches!(text, "true" | "false") {
        return Some(text.to_owned());
    }
    let inside = quoted(text).next()?;
    // The quotes hold all of it, and nothing in it that would end a text or begin a template.
    let whole = text.chars().count() == inside.chars().count() + 2;
    let plain = !inside.contains(['"', '\\', '{', '}', '%']);
    (whole && plain).then(|| format!("\"{inside}\""))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sop::flow::Target;

    fn read(label: &str, ways: &[&str]) -> Option<Vec<Option<String>>> {
        let fields = json!({ "label": label }).as_object().cloned().unwrap();
        let node = Node {
            id: "d".to_owned(),
            kind: crate::sop::model::NodeKind::Decision,
            parent: None,
            children: Vec::new(),
            fields,
        };
        let way =
            |text: &&str| Way { option: (*text).to_owned(), label: (*text).to_owned(), target: Target::Exit };
        let ways: Vec<Way> = ways.iter().map(way).collect();
        let mut inputs = Inputs::of(json!({ "limit": 5 }).as_object().unwrap());
        let scope = Scope { items: vec!["row".to_owned()], ..Scope::default() };
        conditions(&node, &ways, &mut inputs, &scope).map(|found| found.when)
    }

    #[test]
    fn plain_conditions_are_read() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            read("{{row.amount}} > 1000?", &["no", "yes"]),
            Some(vec![None, some("(row.amount | number) > 1000")])
        );
        assert_eq!(
            read("?", &["{{row}} is 'new'", "{{ row }} contains \"old\"", "otherwise"]),
            Some(vec![some("row == \"new\""), some("\"old\" in row"), None])
        );
        assert_eq!(
            read("?", &["{{limit}} >= 3", "{{limit}} < 3"]),
            Some(vec![some("(inputs.limit | number) >= 3"), None])
        );
    }

    #[test]
    fn what_is_not_plain_or_not_known_is_asked() {
        assert_eq!(read("Is {{row}} new?", &["yes", "no"]), None);
        assert_eq!(read("{{nobody}} > 3", &["yes", "no"]), None);
        assert_eq!(read("?", &["{{row}} > 3", "{{row}} < 3"]), None, "three is neither");
        assert_eq!(read("?", &["{{row}} is 'a'", "new"]), None);
        assert_eq!(read("{{row}} == 'a\"b'", &["yes", "no"]), None);
        assert_eq!(read("{{row}} island", &["yes", "no"]), None);
    }
}
