//! Conditions in words, and actions that hold some.

use aef::document::{
    Action, ActionKind, Condition, CountTest, NumberTest, PageCondition, StringTest, Target, Templated,
    TextTest,
};
use serde_json::Value;

use crate::describe::{self, Listed};

/// An action as a line; what it waits for and what it verifies is told in full.
pub(super) fn action(action: &Action) -> String {
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other action holds conditions")]
    match &action.kind {
        ActionKind::WaitFor(wait) => match &wait.condition {
            Some(condition) => format!("Wait until {}", words(condition)),
            None => describe::action(action),
        },
        ActionKind::Verify(verify) => format!("Verify that {}", all(&verify.conditions, "and")),
        ActionKind::Scroll(scroll) => match &scroll.until {
            Some(condition) => format!("Scroll until {}", words(condition)),
            None => describe::action(action),
        },
        _ => describe::action(action),
    }
}

/// A condition as a part of a sentence: `button "Save" is visible`.
pub(super) fn words(condition: &Condition) -> String {
    match condition {
        Condition::Expression(expression) => expression.clone(),
        Condition::Constant(value) => value.to_string(),
        Condition::Page(page) => of_page(page),
    }
}

fn of_page(page: &PageCondition) -> String {
    let states = [
        (&page.visible, "is visible"),
        (&page.hidden, "is not visible"),
        (&page.enabled, "can be used"),
        (&page.disabled, "cannot be used"),
        (&page.checked, "is checked"),
        (&page.editable, "can be edited"),
    ];
    if let Some((on, state)) = states.iter().find_map(|(on, state)| Some((on.as_ref()?, state))) {
        return format!("{} {state}", target(on));
    }
    if let Some(all_of) = &page.all {
        return all(all_of, "and");
    }
    if let Some(any_of) = &page.any {
        return all(any_of, "or");
    }
    if let Some(not) = &page.not {
        return format!("not: {}", words(not));
    }
    compared(page)
}

fn compared(page: &PageCondition) -> String {
    let strings = [(&page.url, "the address"), (&page.title, "the page's title")];
    if let Some((test, what)) = strings.iter().find_map(|(test, what)| Some((test.as_ref()?, what))) {
        return format!("{what} {}", string(test));
    }
    if let Some(test) = &page.text {
        return format!("the text of {} {}", target(&test.target), text(test));
    }
    if let Some(test) = &page.value {
        return format!("the value of {} {}", target(&test.target), text(test));
    }
    if let Some(test) = &page.attribute {
        let compared = comparison(test.equals.as_ref(), test.contains.as_ref(), test.matches.as_deref());
        return format!("`{}` of {} {compared}", test.name, target(&test.target));
    }
    if let Some(test) = &page.count {
        return format!("the number of {} {}", target(&test.target), count(test));
    }
    if let Some(test) = &page.number {
        return format!("the number in {} {}", target(&test.target), number(test));
    }
    "something holds".to_owned()
}

fn all(conditions: &[Condition], joint: &str) -> String {
    conditions.iter().map(words).collect::<Vec<_>>().join(&format!(" {joint} "))
}

fn string(test: &StringTest) -> String {
    let tests = [
        (&test.equals, "is"),
        (&test.contains, "contains"),
        (&test.starts_with, "starts with"),
        (&test.ends_with, "ends with"),
        (&test.matches, "matches"),
    ];
    let told: Vec<String> =
        tests.iter().filter_map(|(text, verb)| Some(format!("{verb} “{}”", text.as_ref()?))).collect();
    Listed(&told).to_string()
}

fn text(test: &TextTest) -> String {
    comparison(test.equals.as_ref(), test.contains.as_ref(), test.matches.as_deref())
}

fn comparison(equals: Option<&Value>, contains: Option<&Value>, matches: Option<&str>) -> String {
    match (equals, contains, matches) {
        (Some(value), ..) => format!("is “{}”", describe::line(value)),
        (_, Some(value), _) => format!("contains “{}”", describe::line(value)),
        (.., Some(pattern)) => format!("matches “{pattern}”"),
        (None, None, None) => "is there".to_owned(),
    }
}

fn count(test: &CountTest) -> String {
    bounds(&[(&test.equals, "is"), (&test.at_least, "is at least"), (&test.at_most, "is at most")])
}

fn number(test: &NumberTest) -> String {
    bounds(&[
        (&test.equals, "is"),
        (&test.less_than, "is less than"),
        (&test.at_most, "is at most"),
        (&test.at_least, "is at least"),
        (&test.greater_than, "is greater than"),
    ])
}

fn bounds<T: ToString>(tests: &[(&Option<Templated<T>>, &str)]) -> String {
    let told: Vec<String> = tests
        .iter()
        .filter_map(|(bound, verb)| {
            let bound = match bound.as_ref()? {
                Templated::Value(value) => value.to_string(),
                Templated::Template(template) => template.clone(),
            };
            Some(format!("{verb} {bound}"))
        })
        .collect();
    Listed(&told).to_string()
}

fn target(target: &Target) -> String {
    target.as_slice().first().map_or_else(|| "nothing".to_owned(), ToString::to_string)
}
