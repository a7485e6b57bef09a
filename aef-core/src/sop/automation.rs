//! What an SOP says about how a step is executed, as actions.

use serde_json::{Map, Value};
use url::Url;

use super::locators::{phrase, quoted, strategy};
use super::model::{Node, filled};
use super::names::variable_of;
use crate::document::{
    Action, ActionKind, Click, Condition, Extract, Field, Fill, Locator, Navigate, OneOrMany, PageCondition,
    StringTest, Target, Templated, Text, Verify, WaitFor, WaitUntil,
};

/// The actions of a step, with the SOP's own names in their texts.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Sketch {
    pub(super) actions: Vec<Action>,
    pub(super) verify: Vec<Condition>,
    /// What was guessed from words, for a person to check.
    pub(super) guesses: Vec<String>,
}

/// What one instruction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Navigate,
    Click,
    Type,
    Extract,
    Wait,
    Verify,
}

/// One instruction, from whichever dialect.
#[derive(Debug, Clone, Copy)]
struct Instruction<'n> {
    verb: Option<Verb>,
    fields: &'n Map<String, Value>,
}

/// The texts of a node that say what to do, in order, for a person or a reader of phrases.
pub(super) fn instructions_of(node: &Node) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for instruction in instructions(node) {
        if let Some(text) =
            instruction.text("description").or_else(|| instruction.text("stagehand_instruction"))
        {
            lines.push(text.to_owned());
        }
    }
    for key in ["extract_instruction", "validation_check"] {
        lines.extend(node.text(key).map(str::to_owned));
    }
    lines
}

/// What the instructions of a node come to; nothing where one of them cannot be executed, or where there are none.
pub(super) fn sketch(node: &Node, extracts_list: bool) -> Option<Sketch> {
    if is_by_hand(node) {
        return None;
    }
    let mut sketch = Sketch::default();
    let mut any = false;
    for instruction in instructions(node) {
        any = true;
        sketch.add(node, &instruction, extracts_list)?;
    }
    (any && !sketch.actions.is_empty()).then_some(sketch)
}

/// Whether the SOP says itself that a browser does not do it.
pub(super) fn is_by_hand(node: &Node) -> bool {
    let automation = node.fields.get("automation").and_then(Value::as_object);
    let says = |key: &str| automation.and_then(|fields| fields.get(key));
    says("automatable") == Some(&Value::Bool(false))
        || matches!(says("automation_type").and_then(Value::as_str), Some("manual" | "api"))
}

/// The name of the variable in which an extract leaves what it has read.
pub(super) fn extracted(node: &Node) -> String {
    variable_of(&node.id).unwrap_or_else(|| "extracted".to_owned())
}

/// The instructions of a node: a list of them, or one command in `automation` or in the node itself.
fn instructions(node: &Node) -> Vec<Instruction<'_>> {
    let automation = node.fields.get("automation").and_then(Value::as_object);
    if let Some(list) = automation.and_then(|fields| fields.get("instructions")).and_then(Value::as_array)
        && !list.is_empty()
    {
        let mut all: Vec<(f64, Instruction<'_>)> = list
            .iter()
            .filter_map(Value::as_object)
            .enumerate()
            .map(|(index, fields)| {
                let order = fields.get("sequence").and_then(Value::as_f64).unwrap_or(index as f64);
                let verb = fields.get("action_type").and_then(filled).and_then(verb_of);
                (order, Instruction { verb, fields })
            })
            .collect();
        all.sort_by(|left, right| left.0.total_cmp(&right.0));
        return all.into_iter().map(|(_, instruction)| instruction).collect();
    }
    let own = [automation, Some(&node.fields)];
    let one = own
        .into_iter()
        .flatten()
        .find(|fields| fields.get("stagehand_instruction").and_then(filled).is_some());
    one.map(|fields| Instruction { verb: None, fields }).into_iter().collect()
}

/// What a word at the beginning of an instruction, or as its type, asks for.
fn verb_of(word: &str) -> Option<Verb> {
    let word = word.trim().to_lowercase();
    Some(match word.as_str() {
        "navigate" | "go" | "open" | "visit" | "browse" => Verb::Navigate,
        "click" | "press" | "tap" | "choose" | "hit" => Verb::Click,
        "type" | "enter" | "fill" | "input" | "write" => Verb::Type,
        "extract" | "read" | "scrape" | "collect" | "get" => Verb::Extract,
        "wait" => Verb::Wait,
        "verify" | "check" | "confirm" | "ensure" | "assert" => Verb::Verify,
        _ => return None,
    })
}

impl<'n> Instruction<'n> {
    fn text(&self, key: &str) -> Option<&'n str> {
        self.fields.get(key).and_then(filled)
    }

    /// All that the instruction says in words.
    fn words(&self) -> impl Iterator<Item = &'n str> + use<'n> {
        let this = *self;
        ["stagehand_instruction", "description"].into_iter().filter_map(move |key| this.text(key))
    }

    fn verb(&self) -> Option<Verb> {
        self.verb.or_else(|| self.words().find_map(|text| verb_of(text.split_whitespace().next()?)))
    }

    /// The elements that it names, best first: those whose selectors say so before those that words describe.
    fn target(&self, guesses: &mut Vec<String>) -> Option<Target> {
        let listed = ["selector_strategies", "selector_hints", "selectors", "selector"];
        let listed = listed.iter().filter_map(|key| self.fields.get(*key));
        let texts = listed.flat_map(|value| match value.as_array() {
            Some(items) => items.iter().collect::<Vec<_>>(),
            None => vec![value],
        });
        let selector = |value: &'n Value| {
            let of_object = ["selector", "value", "strategy"].iter().find_map(|key| value.get(*key));
            filled(value).or_else(|| of_object.and_then(filled))
        };
        let found: Vec<_> = texts.filter_map(selector).filter_map(strategy).collect();
        let mut ranked: Vec<Locator> = Vec::with_capacity(found.len());
        for guessed in [false, true] {
            for candidate in found.iter().filter(|candidate| candidate.guessed == guessed) {
                if !ranked.contains(&candidate.locator) {
                    ranked.push(candidate.locator.clone());
                }
            }
        }
        if found.iter().all(|candidate| candidate.guessed) {
            // Without any selector the words of the instruction are all there is, and only quotes tell a name in them.
            if ranked.is_empty() {
                let named = self.words().filter(|text| quoted(text).next().is_some());
                ranked.extend(named.filter_map(phrase).next());
            }
            guesses.extend(ranked.first().map(ToString::to_string));
        }
        match ranked.len() {
            0 => None,
            1 => ranked.pop().map(OneOrMany::One),
            _ => Some(OneOrMany::Many(ranked)),
        }
    }

    fn action(&self, kind: ActionKind) -> Action {
        let description = self.text("description").or_else(|| self.text("stagehand_instruction"));
        Action {
            kind,
            timeout: None,
            repeatable: None,
            description: description.map(str::to_owned),
            popup: None,
        }
    }
}

impl Sketch {
    /// Adds what an instruction comes to; nothing where it cannot be executed.
    fn add(&mut self, node: &Node, instruction: &Instruction<'_>, extracts_list: bool) -> Option<()> {
        let kind = match instruction.verb()? {
            Verb::Navigate => {
                let url = instruction.text("url").filter(|url| is_address(url));
                let url = url.or_else(|| instruction.words().find_map(address))?;
                ActionKind::Navigate(Navigate {
                    url: url.to_owned(),
                    wait_until: None,
                    allow_status: Vec::new(),
                })
            }
            Verb::Click => {
                let target = instruction.target(&mut self.guesses)?;
                ActionKind::Click(Click {
                    target,
                    button: None,
                    count: None,
                    modifiers: Vec::new(),
                    position: None,
                    force: false,
                    wait_until: None,
                })
            }
            Verb::Type => {
                let value = typed(node, instruction)?;
                let target = instruction.target(&mut self.guesses)?;
                ActionKind::Fill(Fill { target, value: Text::Plain(value) })
            }
            Verb::Extract => extract(node, instruction.target(&mut self.guesses)?, extracts_list)?,
            Verb::Wait => ActionKind::WaitFor(wait(instruction, &mut self.guesses)),
            Verb::Verify => {
                let condition = checkable(instruction.text("expected_result"))
                    .or_else(|| instruction.target(&mut self.guesses).map(visible))
                    .or_else(|| instruction.words().find_map(|text| checkable(Some(text))))?;
                ActionKind::Verify(Verify { conditions: vec![condition], soft: false })
            }
        };
        let verifies = matches!(kind, ActionKind::Verify(_));
        self.actions.push(instruction.action(kind));
        if !verifies {
            self.verify.extend(checkable(instruction.text("expected_result")));
        }
        Some(())
    }
}

/// What is entered: a field of the credentials, or what stands in braces or quotes before the field's name.
fn typed(node: &Node, instruction: &Instruction<'_>) -> Option<String> {
    let of_credentials = instruction.text("credentialField").or_else(|| instruction.text("credential_field"));
    if let Some(field) = of_credentials {
        return Some(format!("{{{{ secrets.{} }}}}", super::secrets::name_of(node, field)?));
    }
    let given = ["value", "text", "input_value"].iter().find_map(|key| match instruction.fields.get(*key) {
        Some(Value::Number(number)) => Some(number.to_string()),
        value => value.and_then(filled).map(str::to_owned),
    });
    given.or_else(|| instruction.words().find_map(value_in))
}

/// `Type {{email}} into the 'Email' field`; `Fill the 'Name' field with "Bob"`.
fn value_in(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    if let Some(with) = lower.find(" with ") {
        let after = &text[with + 6..];
        return braces(after).or_else(|| quoted(after).next().map(str::to_owned));
    }
    let end = [" into ", " in ", " to ", " as "].iter().filter_map(|word| lower.find(word)).min();
    let before = &text[..end.unwrap_or(text.len())];
    braces(before).or_else(|| quoted(before).next().map(str::to_owned)).or_else(|| braces(text))
}

fn braces(text: &str) -> Option<String> {
    let start = text.find("{{")?;
    let end = start + text[start..].find("}}")? + 2;
    Some(text[start..end].to_owned())
}

/// The first address in a text.
fn address(text: &str) -> Option<&str> {
    let marks = |c: char| matches!(c, '"' | '\'' | '(' | ')' | '<' | '>' | ',' | '`' | '“' | '”');
    text.split(|c: char| c.is_whitespace() || marks(c))
        .map(|word| word.trim_end_matches(['.', ';', ':', '!', '?']))
        .find(|word| is_address(word))
}

fn is_address(text: &str) -> bool {
    // An address may begin with a variable, which gives scheme and host.
    if let Some(rest) = text.strip_prefix("{{") {
        return rest
            .find("}}")
            .is_some_and(|end| matches!(rest[end + 2..].chars().next(), None | Some('/' | '?' | '#')));
    }
    let plain = text.replace("{{", "").replace("}}", "");
    matches!(Url::parse(&plain), Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// One text, or the texts of a list. What a schema asks of an item's parts stands nowhere in a selector.
fn extract(node: &Node, target: Target, list: bool) -> Option<ActionKind> {
    if list && super::lists::item_fields(node) {
        return None;
    }
    let variable = extracted(node);
    let mut extract = Extract {
        variable,
        target: None,
        read: None,
        attribute: None,
        list: None,
        fields: std::collections::BTreeMap::new(),
        min_items: None,
        max_items: None,
        schema: None,
    };
    if list {
        extract.list = target.as_slice().first().cloned();
        extract.fields.insert("text".to_owned(), Field::default());
    } else {
        extract.target = Some(target);
    }
    Some(ActionKind::Extract(extract))
}

/// What is waited for: an element, a time, or that the page has loaded.
fn wait(instruction: &Instruction<'_>, guesses: &mut Vec<String>) -> WaitFor {
    if let Some(target) = instruction.target(guesses) {
        return WaitFor { condition: Some(visible(target)), ..WaitFor::default() };
    }
    let conditions = instruction.fields.get("wait_conditions").and_then(Value::as_array);
    let texts = conditions.into_iter().flatten().filter_map(filled);
    match texts.chain(instruction.words()).find_map(time) {
        Some(span) => WaitFor { duration: Some(Templated::Value(span)), ..WaitFor::default() },
        None => WaitFor { load: Some(WaitUntil::Load), ..WaitFor::default() },
    }
}

/// `2 seconds`, `500 ms`.
fn time(text: &str) -> Option<crate::document::Span> {
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let unit = match words.peek().map(|unit| unit.trim_end_matches(['.', ',']).to_lowercase()).as_deref()
        {
            Some("s" | "sec" | "second" | "seconds") => "s",
            Some("ms" | "millisecond" | "milliseconds") => "ms",
            Some("minute" | "minutes") => "m",
            _ => continue,
        };
        if let Ok(span) = format!("{word}{unit}").parse() {
            return Some(span);
        }
    }
    None
}

fn visible(target: Target) -> Condition {
    Condition::Page(Box::new(PageCondition { visible: Some(target), ..PageCondition::default() }))
}

/// What can be checked of an expected result: an address, or a text in quotes.
fn checkable(text: Option<&str>) -> Option<Condition> {
    let text = text?;
    let lower = text.to_lowercase();
    if lower.contains("url") || lower.contains("address") {
        let part = address(text).or_else(|| quoted(text).next()).or_else(|| path(text))?;
        let url = StringTest { contains: Some(part.to_owned()), ..StringTest::default() };
        return Some(Condition::Page(Box::new(PageCondition { url: Some(url), ..PageCondition::default() })));
    }
    let wanted = quoted(text).next()?;
    Some(visible(OneOrMany::One(Locator { text: Some(wanted.to_owned()), ..Locator::default() })))
}

/// The first word that is the path of an address.
fn path(text: &str) -> Option<&str> {
    text.split_whitespace()
        .map(|word| word.trim_end_matches(['.', ',']))
        .find(|word| word.len() > 1 && word.starts_with('/') && !word.starts_with("//"))
}
