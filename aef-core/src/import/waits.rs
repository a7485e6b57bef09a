//! `waitForElement` and `waitForExpression`.

use serde_json::Value;

use super::fields::Fields;
use super::gesture::Notes;
use super::landing::page;
use super::literal;
use super::report::ImportWarningCode as Code;
use crate::document::{
    ActionKind, AttributeTest, Condition, CountTest, Diagnostic, Evaluate, Locator, OneOrMany, PageCondition,
    Span, Target, Templated, TextTest, WaitFor,
};

/// How often an expression is evaluated, in milliseconds.
const PAUSE: u32 = 100;

/// The wait for elements: how many there are, and what the one is like.
pub(super) fn element(
    fields: &Fields<'_>,
    target: &Target,
    (index, notes): (usize, &mut Notes),
) -> Result<ActionKind, Diagnostic> {
    let count = fields.optional_count("count")?.unwrap_or(1);
    let mut test = CountTest { target: target.clone(), equals: None, at_least: None, at_most: None };
    let count = Some(Templated::Value(count));
    match fields.optional_text("operator")? {
        None | Some(">=") => test.at_least = count,
        Some("==") => test.equals = count,
        Some("<=") => test.at_most = count,
        Some(_) => {
            return Err(fields.fault("invalid_value", "operator", "`operator` is one of >=, == and <="));
        }
    }
    if fields.get("visible").is_some() {
        let visible = fields.flag("visible")?;
        let narrowed = |locator: &Locator| Locator { visible: Some(visible), ..locator.clone() };
        test.target = OneOrMany::Many(target.as_slice().iter().map(narrowed).collect());
    }
    let mut conditions = vec![page(PageCondition { count: Some(test), ..PageCondition::default() })];
    for (name, value) in members(fields, "attributes")? {
        let expected = value.as_str().map_or_else(|| value.clone(), |text| Value::String(literal(text)));
        let target = target.clone();
        let test = AttributeTest {
            target,
            name: literal(name),
            equals: Some(expected),
            contains: None,
            matches: None,
        };
        conditions.push(page(PageCondition { attribute: Some(test), ..PageCondition::default() }));
    }
    for (name, value) in members(fields, "properties")? {
        match property(name, value, target) {
            Some(condition) => conditions.push(condition),
            None => {
                let message = format!(
                    "it was to wait until the property `{name}` is {value}, which no condition reads"
                );
                notes.add(Code::AssertionDropped, index, message);
            }
        }
    }
    let condition = match conditions.len() {
        1 => conditions.remove(0),
        _ => page(PageCondition { all: Some(conditions), ..PageCondition::default() }),
    };
    Ok(ActionKind::WaitFor(WaitFor { condition: Some(condition), ..WaitFor::default() }))
}

fn members<'f>(fields: &'f Fields<'_>, key: &str) -> Result<Vec<(&'f String, &'f Value)>, Diagnostic> {
    match fields.get(key) {
        None => Ok(Vec::new()),
        Some(Value::Object(members)) => Ok(members.iter().collect()),
        Some(_) => Err(fields.fault("wrong_type", key, &format!("`{key}` is an object"))),
    }
}

/// A property of an element as a condition.
fn property(name: &str, value: &Value, target: &Target) -> Option<Condition> {
    let target = target.clone();
    let is = |yes: PageCondition, on: bool| {
        let condition = page(yes);
        Some(if on {
            condition
        } else {
            page(PageCondition { not: Some(Box::new(condition)), ..PageCondition::default() })
        })
    };
    let text = |target| {
        let expected = value.as_str().map(|text| Value::String(literal(text)));
        expected.map(|equals| TextTest { target, equals: Some(equals), contains: None, matches: None })
    };
    match (name, value) {
        ("checked", Value::Bool(on)) => {
            is(PageCondition { checked: Some(target), ..PageCondition::default() }, *on)
        }
        ("disabled", Value::Bool(on)) => {
            is(PageCondition { disabled: Some(target), ..PageCondition::default() }, *on)
        }
        ("innerText" | "textContent", _) => {
            text(target).map(|test| page(PageCondition { text: Some(test), ..PageCondition::default() }))
        }
        ("value", _) => {
            text(target).map(|test| page(PageCondition { value: Some(test), ..PageCondition::default() }))
        }
        _ => None,
    }
}

/// The wait for a script: for a time where it is nothing else, else the script itself.
pub(super) fn expression(text: &str, timeout: Span, (index, notes): (usize, &mut Notes)) -> ActionKind {
    if let Some(millis) = pause(text) {
        let duration = Some(Templated::Value(Span(std::time::Duration::from_millis(millis))));
        return ActionKind::WaitFor(WaitFor { duration, ..WaitFor::default() });
    }
    let message = "it waits for a script, which runs only where the host allows scripts (`--allow-scripts`)";
    notes.add(Code::ScriptNeeded, index, message);
    let script = format!(
        "const until = Date.now() + {millis};\nwhile (!(await ({text}\n))) {{\n  if (Date.now() > until) \
         throw new Error(\"what was waited for did not come\");\n  \
         await new Promise((resolve) => setTimeout(resolve, {PAUSE}));\n}}\nreturn true;",
        millis = timeout.0.as_millis()
    );
    ActionKind::Evaluate(Evaluate { script, args: std::collections::BTreeMap::new(), variable: None })
}

/// The milliseconds of `new Promise(resolve => setTimeout(() => resolve(true), 2000))`.
fn pause(text: &str) -> Option<u64> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let inside = text.strip_prefix("newPromise(")?.trim_end_matches(';').strip_suffix(')')?;
    let (resolve, call) = inside.split_once("=>setTimeout(")?;
    let resolve = resolve.trim_matches(['(', ')']);
    let (callback, millis) = call.strip_suffix(')')?.rsplit_once(',')?;
    let plain = [resolve.to_owned(), format!("()=>{resolve}()"), format!("()=>{resolve}(true)")];
    plain.iter().any(|each| each == callback).then(|| millis.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_that_only_waits_is_a_wait() {
        for (text, millis) in [
            ("new Promise(resolve => setTimeout(() => resolve(true), 2000))", Some(2000)),
            ("new Promise((r) => setTimeout(r, 50));", Some(50)),
            ("new Promise(resolve => setTimeout(() => resolve(load()), 2000))", None),
            ("document.title === 'Done'", None),
        ] {
            assert_eq!(pause(text), millis, "{text}");
        }
    }
}
