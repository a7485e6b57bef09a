//! What a proposal may hold: nothing that its step's words and its procedure do not bear out.

use std::collections::BTreeSet;

use serde_json::Value;
use url::Url;

use super::report::RefusalReason;
use super::request::{StepProposal, StepText};
use crate::document::{Action, ActionKind};
use crate::phrases::{Confidence, names_address};

/// How many actions a step may get.
pub const MAX_ACTIONS: usize = 32;

/// A refusal with what to tell a person.
pub(super) type Refusal = (RefusalReason, String);

/// The addresses that a procedure knows: those that its texts and its actions name.
#[derive(Debug, Default)]
pub(super) struct KnownAddresses {
    /// Origins, and the templates with which addresses begin.
    beginnings: BTreeSet<String>,
}

impl KnownAddresses {
    /// Adds every address in a text.
    pub(super) fn add_text(&mut self, text: &str) {
        for word in text.split(|c: char| c.is_whitespace() || "\"'`“”‘’«»<>(),".contains(c)) {
            if !word.starts_with("{{") {
                self.beginnings.extend(beginning(word));
            }
        }
        // A template may hold spaces. Not each is an address: “type {{email}}” names none.
        for (at, _) in text.match_indices("{{") {
            let template = &text[at..];
            let end = template.find("}}").map_or(template.len(), |end| end + 2);
            let has_path = template[end..].starts_with(['/', '?', '#']);
            if has_path || names_address(&template[..end]) {
                self.beginnings.extend(beginning(template));
            }
        }
    }

    /// Whether an address begins as a known one does.
    fn knows(&self, address: &str) -> bool {
        beginning(address).is_some_and(|beginning| self.beginnings.contains(&beginning))
    }
}

/// The origin of an address, or the template that stands for it.
fn beginning(address: &str) -> Option<String> {
    if let Some(inside) = address.strip_prefix("{{") {
        let end = inside.find("}}")?;
        // What follows must not be able to lengthen the host: `{{base}}.example`.
        let rest = &inside[end + 2..];
        let ends = rest.chars().next().is_none_or(|c| c.is_whitespace() || "/?#,;\"'".contains(c));
        let name = inside[..end].trim();
        let name = name.strip_prefix("inputs.").unwrap_or(name);
        return ends.then(|| format!("{{{{{name}}}}}"));
    }
    let url = Url::parse(address).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https");
    (is_web && url.username().is_empty() && url.password().is_none())
        .then(|| url.origin().ascii_serialization())
}

/// What holds for the proposals of all steps.
#[derive(Debug)]
pub(super) struct Terms<'a> {
    /// What may be opened.
    pub(super) known: &'a KnownAddresses,
    /// The procedure's inputs, as expressions.
    pub(super) variables: &'a [String],
    /// How sure a proposal must be.
    pub(super) least: Confidence,
}

/// Holds a proposal against its step.
pub(super) fn check(proposal: &StepProposal, step: &StepText, terms: &Terms<'_>) -> Result<(), Refusal> {
    if proposal.actions.is_empty() {
        return Err((RefusalReason::NothingProposed, shortened(&proposal.reason)));
    }
    if proposal.actions.len() > MAX_ACTIONS {
        let message = format!("{} actions; a step may get {MAX_ACTIONS}", proposal.actions.len());
        return Err((RefusalReason::TooManyActions, message));
    }
    if proposal.confidence < terms.least {
        let message = format!("sure by {}; {} is asked for", proposal.confidence, terms.least);
        return Err((RefusalReason::LowConfidence, message));
    }
    let words = normalised(&step.texts().collect::<Vec<_>>().join(" "));
    proposal.actions.iter().try_for_each(|action| {
        allowed(action)?;
        addressed(action, terms.known)?;
        let mut texts = Vec::new();
        strings(&serde_json::to_value(action).unwrap_or_default(), &mut texts);
        secrets(action, &texts, step)?;
        named(&texts, step, terms.variables)?;
        entered(action, &words)
    })
}

/// The kinds that follow from words. Scripts, custom actions, and what changes how the page's own questions are answered
/// are an author's.
fn allowed(action: &Action) -> Result<(), Refusal> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "what is not named is refused")]
    let is_allowed = match &action.kind {
        ActionKind::Navigate(_)
        | ActionKind::Back(_)
        | ActionKind::Forward(_)
        | ActionKind::Reload(_)
        | ActionKind::Hover(_)
        | ActionKind::Fill(_)
        | ActionKind::Type(_)
        | ActionKind::Clear(_)
        | ActionKind::Press(_)
        | ActionKind::Select(_)
        | ActionKind::Check(_)
        | ActionKind::Uncheck(_)
        | ActionKind::Scroll(_)
        | ActionKind::WaitFor(_)
        | ActionKind::Extract(_)
        | ActionKind::Verify(_)
        | ActionKind::Screenshot(_)
        | ActionKind::Upload(_)
        | ActionKind::Drag(_) => true,
        // Forced, it would go to whatever lies over the target.
        ActionKind::Click(click) => !click.force,
        ActionKind::Tab(tab) => tab.open.is_some(),
        _ => false,
    };
    if is_allowed {
        Ok(())
    } else {
        Err((
            RefusalReason::ActionNotAllowed,
            format!("`{}` is not taken from a proposal", action.kind.name()),
        ))
    }
}

fn addressed(action: &Action, known: &KnownAddresses) -> Result<(), Refusal> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other allowed action opens an address")]
    let url = match &action.kind {
        ActionKind::Navigate(navigate) => Some(navigate.url.as_str()),
        ActionKind::Tab(tab) => tab.open.as_ref().map(|open| open.url.as_str()),
        _ => None,
    };
    match url {
        Some(url) if !known.knows(url) => {
            let message = format!("nothing in the procedure leads to `{}`", shortened(url));
            Err((RefusalReason::AddressNotKnown, message))
        }
        _ => Ok(()),
    }
}

/// A secret is entered, alone in its field, by a step that asks for it.
fn secrets(action: &Action, texts: &[String], step: &StepText) -> Result<(), Refusal> {
    let entered = action.kind.entered().map(ToString::to_string);
    for text in texts.iter().filter(|text| templates(text).any(|inside| inside.contains("secrets"))) {
        let is_own =
            step.secrets.iter().any(|name| *text == secret_template(name) || is_template_of(text, name));
        if !is_own || entered.as_deref() != Some(text.as_str()) {
            let message = format!("`{}` reveals what this step does not ask for", shortened(text));
            return Err((RefusalReason::SecretNotAllowed, message));
        }
    }
    Ok(())
}

/// `{{ secrets.NAME }}`.
pub(super) fn secret_template(name: &str) -> String {
    format!("{{{{ secrets.{name} }}}}")
}

fn is_template_of(text: &str, name: &str) -> bool {
    let inside = text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
    inside.is_some_and(|inside| inside.trim().strip_prefix("secrets.") == Some(name))
}

/// What stands in the braces of a text.
fn templates(text: &str) -> impl Iterator<Item = &str> {
    text.split("{{").skip(1).map(|rest| rest.split("}}").next().unwrap_or(rest).trim())
}

/// Names stand in the step's own text, are items of loops around it, or inputs of the procedure: a new name would become
/// an input that nobody asked for.
fn named(texts: &[String], step: &StepText, variables: &[String]) -> Result<(), Refusal> {
    let own: BTreeSet<&str> = step.texts().flat_map(templates).collect();
    let is_known = |name: &str| {
        let root = name.split(['.', '|', ' ']).next().unwrap_or(name);
        own.contains(name)
            || root == "secrets"
            || step.items.iter().any(|item| item == root)
            || variables
                .iter()
                .any(|variable| variable == name || variable.strip_prefix("inputs.") == Some(name))
    };
    match texts.iter().flat_map(|text| templates(text)).find(|name| !is_known(name)) {
        Some(name) => Err((
            RefusalReason::NameNotKnown,
            format!("nothing in the procedure is called `{}`", shortened(name)),
        )),
        None => Ok(()),
    }
}

fn strings(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(fields) => fields.values().for_each(|item| strings(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What is entered or chosen stands in the step's words; templates stand for themselves.
fn entered(action: &Action, words: &str) -> Result<(), Refusal> {
    let mut values: Vec<String> = action.kind.entered().map(ToString::to_string).into_iter().collect();
    if let ActionKind::Select(select) = &action.kind {
        let chosen = select.label.iter().chain(&select.value).flat_map(|names| names.as_slice());
        values.extend(chosen.cloned());
    }
    for value in values {
        let parts = plain_parts(&value);
        if let Some(part) = parts.iter().find(|part| !words.contains(&normalised(part))) {
            let message = format!("“{}” does not stand in the step's text", shortened(part));
            return Err((RefusalReason::ValueNotInText, message));
        }
    }
    Ok(())
}

/// What of a text is no template.
fn plain_parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find("{{") {
        parts.push(&rest[..open]);
        rest = rest[open..].find("}}").map_or("", |end| &rest[open + end + 2..]);
    }
    parts.push(rest);
    parts
}

fn normalised(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// A text that another party wrote, short enough for a report.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
