//! Verbs that look: wait, verify, extract, take a screenshot.

use super::element::{Element, Noun};
use super::tokens::{Kind, Token};
use super::words::Words;
use super::{Clause, Outcome, UnreadReason};
use crate::document::{
    ActionKind, Condition, Extract, Locator, OneOrMany, PageCondition, Read, Screenshot, Span, StringTest,
    Templated, TextTest, Verify, WaitFor, WaitUntil,
};

/// How sure a reading is that leaves nothing open.
const CERTAIN: u8 = 95;

/// The longest wait for a fixed time that is read.
const LONGEST_WAIT: Span = Span::seconds(60);

/// Ends of clauses that say that something can be seen.
pub(super) const SHOWN: [&str; 17] = [
    "is visible",
    "is shown",
    "is displayed",
    "is present",
    "is on the page",
    "appears",
    "shows up",
    "has appeared",
    "exists",
    "to appear",
    "to be visible",
    "to be shown",
    "to be displayed",
    "to be present",
    "to show up",
    "be visible",
    "comes into view",
];

const HIDDEN: [&str; 15] = [
    "disappears",
    "is hidden",
    "is gone",
    "has disappeared",
    "goes away",
    "vanishes",
    "is not visible",
    "is not shown",
    "is not displayed",
    "is no longer visible",
    "is no longer shown",
    "closes",
    "to disappear",
    "to be hidden",
    "to close",
];

const ENABLED: [&str; 4] = ["is enabled", "becomes enabled", "to be enabled", "becomes clickable"];

const DISABLED: [&str; 3] = ["is disabled", "becomes disabled", "to be disabled"];

const CHECKED: [&str; 4] = ["is checked", "is ticked", "is selected", "is switched on"];

const UNCHECKED: [&str; 4] = ["is not checked", "is unchecked", "is not ticked", "is not selected"];

/// Reads a clause that begins with one of these verbs.
pub(super) fn read(mut words: Words<'_, '_>) -> Outcome {
    if words.phrase("wait") {
        return Some(wait(words).ok_or(UnreadReason::Object));
    }
    if words.any(&["take a screenshot", "take screenshot", "capture a screenshot", "make a screenshot"]) {
        return Some(screenshot(words).ok_or(UnreadReason::Object));
    }
    // “Check 'Express'” ticks a box, and “check if” asks: only “check that” verifies.
    let verifies = ["verify", "confirm", "ensure", "make sure", "assert", "validate"];
    if words.phrase("check that") || words.any(&verifies) {
        words.phrase("that");
        return Some(condition(words).map(verify).ok_or(UnreadReason::Object));
    }
    if words.any(&["extract", "read", "copy", "get", "note", "capture", "save", "record", "grab"]) {
        return Some(extract(words).ok_or(UnreadReason::Object));
    }
    None
}

fn verify((condition, sure): (PageCondition, u8)) -> Clause {
    let conditions = vec![Condition::Page(Box::new(condition))];
    Clause::new(ActionKind::Verify(Verify { conditions, soft: false }), sure)
}

fn wait(mut words: Words<'_, '_>) -> Option<Clause> {
    if let Some(fixed) = fixed_wait(words) {
        return Some(fixed);
    }
    let timeout = limit(&mut words);
    if !words.any(&["until", "for", "till"]) {
        return None;
    }
    let timeout = timeout.or_else(|| limit(&mut words));
    let (wait, sure) = match load(words) {
        Some(load) => (WaitFor { load: Some(load), ..WaitFor::default() }, CERTAIN),
        None => {
            let (condition, sure) = condition(words).or_else(|| seen(words))?;
            let condition = Some(Condition::Page(Box::new(condition)));
            (WaitFor { condition, ..WaitFor::default() }, sure)
        }
    };
    Some(Clause { timeout, ..Clause::new(ActionKind::WaitFor(wait), sure) })
}

/// `wait 2 seconds`, `wait for 500 ms`.
fn fixed_wait(mut words: Words<'_, '_>) -> Option<Clause> {
    const SURE: u8 = 90;
    words.phrase("for");
    let span = span(&mut words).filter(|span| *span <= LONGEST_WAIT)?;
    let wait = WaitFor { duration: Some(Templated::Value(span)), ..WaitFor::default() };
    words.is_empty().then(|| Clause::new(ActionKind::WaitFor(wait), SURE))
}

/// `up to 30 seconds`.
fn limit(words: &mut Words<'_, '_>) -> Option<Span> {
    let mut ahead = *words;
    ahead.any(&["for up to", "for at most", "up to", "at most", "a maximum of"]).then_some(())?;
    let span = span(&mut ahead)?;
    *words = ahead;
    Some(span)
}

fn span(words: &mut Words<'_, '_>) -> Option<Span> {
    let number = words.of(&[Kind::Literal])?.text;
    if number.ends_with(|c: char| c.is_ascii_alphabetic()) {
        return number.parse().ok();
    }
    let unit = words.of(&[Kind::Word])?.text.to_lowercase();
    let unit = match unit.as_str() {
        "ms" | "millisecond" | "milliseconds" => "ms",
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "min" | "mins" | "minute" | "minutes" => "m",
        _ => return None,
    };
    format!("{number}{unit}").parse().ok()
}

/// `the page to load`, `the network is idle`.
fn load(mut words: Words<'_, '_>) -> Option<WaitUntil> {
    words.article();
    let state = if words.any(&["page", "web page", "website", "new page", "next page"]) {
        words
            .any(&[
                "is fully loaded",
                "is loaded",
                "has fully loaded",
                "has finished loading",
                "has loaded",
                "loads completely",
                "finishes loading",
                "loads",
                "to finish loading",
                "to load completely",
                "to be loaded",
                "to fully load",
                "to load",
            ])
            .then_some(WaitUntil::Load)
    } else {
        (words.phrase("network") && words.any(&["is idle", "to be idle", "to become idle"]))
            .then_some(WaitUntil::NetworkIdle)
    }?;
    words.any(&["completely", "fully"]);
    words.is_empty().then_some(state)
}

/// `wait for 'Saved'`.
fn seen(words: Words<'_, '_>) -> Option<(PageCondition, u8)> {
    let element = Element::whole(words)?;
    // A bare noun is too little to tell what is waited for.
    element.is_quoted().then(|| {
        (PageCondition { visible: Some(element.seen()), ..PageCondition::default() }, element.sure())
    })
}

fn condition(words: Words<'_, '_>) -> Option<(PageCondition, u8)> {
    let on_page = words.before(&["on the page", "on the screen"]);
    told(words).or_else(|| told(on_page?))
}

fn told(words: Words<'_, '_>) -> Option<(PageCondition, u8)> {
    address(words).or_else(|| shown_by_page(words)).or_else(|| state(words)).or_else(|| compared(words))
}

/// `the URL contains '/done'`, `the page title is 'Inbox'`.
fn address(mut words: Words<'_, '_>) -> Option<(PageCondition, u8)> {
    words.article();
    let is_url = words.any(&["url", "page url", "current url", "page address", "address"]);
    if !is_url && !words.any(&["page title", "title of the page", "title"]) {
        return None;
    }
    let mut test = StringTest::default();
    let place = match () {
        () if words.any(&["contains", "includes", "to contain", "to include"]) => &mut test.contains,
        () if words.any(&["starts with", "begins with"]) => &mut test.starts_with,
        () if words.any(&["ends with", "ends in"]) => &mut test.ends_with,
        () if words.any(&["is", "equals", "to be"]) => &mut test.equals,
        () => return None,
    };
    *place = Some(words.of(&[Kind::Quoted, Kind::Address, Kind::Template])?.text.to_owned());
    let condition = if is_url {
        PageCondition { url: Some(test), ..PageCondition::default() }
    } else {
        PageCondition { title: Some(test), ..PageCondition::default() }
    };
    words.is_empty().then_some((condition, CERTAIN))
}

/// `the page shows 'Saved'`.
fn shown_by_page(mut words: Words<'_, '_>) -> Option<(PageCondition, u8)> {
    words.article();
    let page = words.any(&["page", "screen"]);
    if !page || !words.any(&["shows", "contains", "displays", "says", "reads"]) {
        return None;
    }
    words.any(&["the text", "the message", "the words"]);
    let text = words.of(&[Kind::Quoted, Kind::Template])?;
    let locator = Locator { text: Some(text.text.to_owned()), ..Locator::default() };
    let visible = Some(OneOrMany::One(locator));
    words.is_empty().then_some((PageCondition { visible, ..PageCondition::default() }, CERTAIN))
}

/// `the 'Save' button is enabled`.
fn state(words: Words<'_, '_>) -> Option<(PageCondition, u8)> {
    let none = PageCondition::default;
    // “is not visible” ends with none of those that say that it is; the longer endings are asked first all the same.
    if let Some(element) = words.before(&HIDDEN) {
        let element = Element::whole(element)?;
        return Some((PageCondition { hidden: Some(element.seen()), ..none() }, element.sure()));
    }
    if let Some(element) = words.before(&SHOWN) {
        let element = Element::whole(element)?;
        return Some((PageCondition { visible: Some(element.seen()), ..none() }, element.sure()));
    }
    if let Some(element) = words.before(&DISABLED) {
        let element = Element::whole(element)?;
        return Some((PageCondition { disabled: Some(element.seen()), ..none() }, element.sure()));
    }
    if let Some(element) = words.before(&ENABLED) {
        let element = Element::whole(element)?;
        return Some((PageCondition { enabled: Some(element.seen()), ..none() }, element.sure()));
    }
    if let Some(element) = words.before(&UNCHECKED) {
        let element = checkable(element)?;
        let checked = PageCondition { checked: Some(element.seen()), ..none() };
        let not = Some(Box::new(Condition::Page(Box::new(checked))));
        return Some((PageCondition { not, ..none() }, element.sure()));
    }
    let element = checkable(words.before(&CHECKED)?)?;
    Some((PageCondition { checked: Some(element.seen()), ..none() }, element.sure()))
}

/// A thing that can be on: of anything else, “selected” means something else.
fn checkable(words: Words<'_, '_>) -> Option<Element> {
    let kinds = [Noun::Checkbox, Noun::Radio, Noun::Switch];
    Element::whole(words).filter(|element| element.noun().is_some_and(|noun| kinds.contains(&noun)))
}

/// `the 'Email' field contains 'ada'`, `the heading says 'Inbox'`.
fn compared(words: Words<'_, '_>) -> Option<(PageCondition, u8)> {
    let whole = ["equals", "is equal to", "is", "says", "reads", "has the value", "has value"];
    let part = ["contains", "includes", "shows", "displays", "contains the text", "contains the value"];
    let (element, expected, is_part) = match words.split(&part) {
        Some((element, expected)) => (element, expected, true),
        None => {
            let (element, expected) = words.split(&whole)?;
            (element, expected, false)
        }
    };
    let mut expected = expected;
    expected.any(&["the text", "the value"]);
    let value = expected.of(&[Kind::Quoted, Kind::Template, Kind::Literal])?;
    if !expected.is_empty() {
        return None;
    }
    let mut heading = element;
    heading.article();
    if heading.phrase("heading") && heading.is_empty() {
        let heading = Locator {
            role: Some("heading".to_owned()),
            name: Some(value.text.to_owned()),
            ..Locator::default()
        };
        let visible = Some(OneOrMany::One(heading));
        return Some((PageCondition { visible, ..PageCondition::default() }, CERTAIN));
    }
    let element = Element::whole(element)?;
    // Without its noun it is not known whether a thing has a value or a text.
    let noun = element.noun()?;
    let target = if noun.is_field() { element.field() } else { element.seen() };
    let expected = Some(serde_json::Value::from(value.text));
    let (equals, contains) = if is_part { (None, expected) } else { (expected, None) };
    let test = Some(TextTest { target, equals, contains, matches: None });
    let condition = if noun.is_field() {
        PageCondition { value: test, ..PageCondition::default() }
    } else {
        PageCondition { text: test, ..PageCondition::default() }
    };
    Some((condition, element.sure()))
}

/// `extract the text of the 'Total' heading as total`.
fn extract(words: Words<'_, '_>) -> Option<Clause> {
    let (mut what, mut name) = words.split_last(&["as", "into"])?;
    what = what.before(&["and store it", "and keep it", "and remember it"]).unwrap_or(what);
    name.any(&["the variable", "variable", "a variable called", "a variable named"]);
    let variable = variable(name.next()?)?;
    if !name.is_empty() {
        return None;
    }
    what.article();
    let read = match () {
        () if what.any(&["text of", "text in", "text from", "content of", "contents of"]) => Read::Text,
        () if what.any(&["value of", "value in", "value from"]) => Read::Value,
        () if what.any(&["number in", "number of", "number from"]) => Read::Number,
        () => Read::Text,
    };
    let element = Element::whole(what)?;
    let noun = element.noun();
    if noun.is_none() && element.name().is_some() {
        return None;
    }
    let is_field = noun.is_some_and(Noun::is_field);
    // What stands in a field is its value, whatever it is called.
    let read = if is_field { Read::Value } else { read };
    let target = if is_field { element.field() } else { element.target() };
    let extract = Extract {
        variable,
        target: Some(target),
        read: (read != Read::Text).then_some(read),
        attribute: None,
        list: None,
        fields: std::collections::BTreeMap::new(),
        min_items: None,
        max_items: None,
        schema: None,
    };
    Some(Clause::new(ActionKind::Extract(extract), element.sure()))
}

/// The name of a variable: `total`, `'total'` or `{{ total }}`.
fn variable(token: &Token<'_>) -> Option<String> {
    let name = token.text.trim_start_matches('{').trim_end_matches('}').trim();
    let mut letters = name.chars();
    let starts = letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    (starts && letters.all(|c| c.is_ascii_alphanumeric() || c == '_')).then(|| name.to_owned())
}

fn screenshot(mut words: Words<'_, '_>) -> Option<Clause> {
    let mut screenshot = Screenshot::default();
    if words.phrase("of") {
        words.article();
        let full = words.any(&["full page", "whole page", "entire page"]);
        if !full && !words.any(&["page", "screen", "current page"]) {
            return None;
        }
        screenshot.full_page = full;
    }
    words.is_empty().then(|| Clause::new(ActionKind::Screenshot(screenshot), CERTAIN))
}
