//! Verbs that enter: type, fill, clear, select, check, press a key, upload.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a verb takes a few kinds of things and refuses all others"
)]

use super::element::{Element, Noun, sure};
use super::tokens::{Kind, Token};
use super::words::Words;
use super::{Clause, Outcome, UnreadReason};
use crate::document::{ActionKind, Fill, OnTarget, OneOrMany, Press, Select, Target, Text, Upload};

/// What is entered as it stands.
const VALUES: [Kind; 4] = [Kind::Quoted, Kind::Template, Kind::Literal, Kind::Address];

/// Words of fields that hold what must not stand in a text.
const PASSWORDS: [&str; 7] = ["password", "passcode", "passphrase", "pin", "secret", "token", "api key"];

/// Reads a clause that begins with one of these verbs.
pub(super) fn read(words: Words<'_, '_>) -> Outcome {
    let mut rest = words;
    if rest.any(&["in", "into", "inside"]) {
        return place_first(rest);
    }
    if rest.any(&["fill in", "fill out", "fill", "populate"]) {
        return Some(fill(rest));
    }
    if rest.any(&["type in", "type", "enter", "input", "write", "paste"]) {
        return Some(typed(rest));
    }
    if rest.phrase("set") {
        return Some(set(rest));
    }
    if rest.any(&["clear", "empty"]) {
        return Some(clear(rest));
    }
    if rest.any(&["uncheck", "untick", "unmark", "deselect", "turn off", "switch off", "disable"]) {
        return Some(switched(rest, false).ok_or(UnreadReason::Object));
    }
    if rest.any(&["check", "tick", "mark", "turn on", "switch on", "enable"]) {
        return Some(switched(rest, true).ok_or(UnreadReason::Object));
    }
    if rest.any(&["select", "choose", "pick"]) {
        return select(rest);
    }
    if rest.any(&["upload", "attach"]) {
        return Some(upload(rest).ok_or(UnreadReason::Object));
    }
    if rest.any(&["press", "hit"]) {
        return press(rest);
    }
    None
}

/// `in the Email field, type {{email}}`.
fn place_first(words: Words<'_, '_>) -> Outcome {
    let (place, value) = words.split(&["type", "enter", "input", "write", "paste", "select", "choose"])?;
    let selects =
        words.rest().get(place.rest().len()).is_some_and(|verb| verb.is("select") || verb.is("choose"));
    let mut value = value;
    value.any(&["in", "the option", "the"]);
    let token = value.of(&VALUES)?;
    if !value.is_empty() {
        return None;
    }
    let place = match place.rest().split_last() {
        Some((comma, before)) if comma.kind == Kind::Comma => Words::new(before),
        _ => place,
    };
    let element = Element::whole(place)?;
    Some(if selects { Ok(selected(&element, token.text, sure::QUOTED)) } else { entered(&element, token) })
}

/// `{{email}} into the Email field`.
fn typed(mut words: Words<'_, '_>) -> Result<Clause, UnreadReason> {
    words.any(&["the text", "the value", "text", "value"]);
    let value = words.of(&VALUES).ok_or(UnreadReason::Object)?;
    if !words.any(&["into", "in", "in to", "inside", "to", "for"]) {
        return Err(UnreadReason::Object);
    }
    let element = Element::whole(words).ok_or(UnreadReason::Object)?;
    entered(&element, value)
}

/// `the Email field with {{email}}`, and `{{email}} in the Email field`.
fn fill(words: Words<'_, '_>) -> Result<Clause, UnreadReason> {
    let Some((field, mut value)) = words.split(&["with"]) else { return typed(words) };
    value.any(&["the text", "the value"]);
    let token = value.of(&VALUES).ok_or(UnreadReason::Object)?;
    let element = Element::whole(field).filter(|_| value.is_empty()).ok_or(UnreadReason::Object)?;
    entered(&element, token)
}

/// `the Stage dropdown to 'Meeting'`. What is set without being told what it is could be either.
fn set(words: Words<'_, '_>) -> Result<Clause, UnreadReason> {
    let (field, mut value) = words.split_last(&["to"]).ok_or(UnreadReason::Object)?;
    let token = value.of(&VALUES).ok_or(UnreadReason::Object)?;
    let element = Element::whole(field).filter(|_| value.is_empty()).ok_or(UnreadReason::Object)?;
    match element.noun() {
        Some(Noun::Dropdown) => Ok(selected(&element, token.text, sure::QUOTED)),
        Some(Noun::Field) => entered(&element, token),
        _ => Err(UnreadReason::Object),
    }
}

/// Fills the field: what stood in it before is not meant to stay.
fn entered(element: &Element, value: &Token<'_>) -> Result<Clause, UnreadReason> {
    if element.noun().is_some_and(|noun| !noun.is_field()) {
        return Err(UnreadReason::Object);
    }
    let holds_password = element.name().is_some_and(|name| {
        let name = name.to_lowercase();
        name.split(|c: char| !c.is_alphanumeric()).any(|word| PASSWORDS.contains(&word))
            || PASSWORDS.iter().any(|word| word.contains(' ') && name.contains(word))
    });
    // A password belongs into a secret, and a text that holds one is not to be spread further.
    if holds_password && !(value.text.starts_with("{{") && value.text.ends_with("}}")) {
        return Err(UnreadReason::Password);
    }
    let fill = Fill { target: element.field(), value: Text::Plain(value.text.to_owned()) };
    Ok(Clause::new(ActionKind::Fill(fill), element.sure()))
}

fn clear(words: Words<'_, '_>) -> Result<Clause, UnreadReason> {
    let element = Element::whole(words).ok_or(UnreadReason::Object)?;
    let kind = match element.noun() {
        Some(Noun::Field) => ActionKind::Clear(OnTarget { target: element.field() }),
        Some(Noun::Checkbox) => ActionKind::Uncheck(OnTarget { target: element.target() }),
        _ => return Err(UnreadReason::Object),
    };
    Ok(Clause::new(kind, element.sure()))
}

/// Boxes and switches. “Check 'Total'” without a noun may as well mean to look at it.
fn switched(words: Words<'_, '_>, on: bool) -> Option<Clause> {
    let element = Element::whole(words)?;
    let target = match element.noun()? {
        Noun::Checkbox | Noun::Switch => element.target(),
        Noun::Radio | Noun::Option if on => element.target(),
        // In words, a box that is ticked is a checkbox.
        Noun::Field => element.as_noun(Noun::Checkbox).target(),
        _ => return None,
    };
    let on_target = OnTarget { target };
    let kind = if on { ActionKind::Check(on_target) } else { ActionKind::Uncheck(on_target) };
    Some(Clause::new(kind, element.sure()))
}

/// `'Meeting' from the Stage dropdown`. Tabs, links and the like are clicked; of that, others know.
fn select(words: Words<'_, '_>) -> Outcome {
    let mut rest = words;
    rest.any(&["the option", "the value", "the entry", "option", "the"]);
    let mut option = rest;
    if let Some((name, sure)) = option_named(&mut option) {
        option.any(&["option", "entry", "value"]);
        if option.any(&["from", "in"]) {
            let list = Element::whole(option).or_else(|| Element::list(option));
            return Some(list.map_or(Err(UnreadReason::Object), |list| match list.noun() {
                None | Some(Noun::Dropdown | Noun::Field) => Ok(selected(&list, &name, sure)),
                Some(_) => Err(UnreadReason::Object),
            }));
        }
    }
    let element = Element::whole(words)?;
    match element.noun()? {
        Noun::Radio | Noun::Checkbox => {
            Some(Ok(Clause::new(ActionKind::Check(OnTarget { target: element.target() }), element.sure())))
        }
        _ => None,
    }
}

/// The name of an option: in quotes, by a template, or in capitals.
fn option_named(words: &mut Words<'_, '_>) -> Option<(String, u8)> {
    if let Some(token) = words.of(&VALUES) {
        return Some((token.text.to_owned(), sure::QUOTED));
    }
    let length = words.rest().iter().take_while(|token| token.is_capitalised()).count();
    if length == 0 || length > 4 {
        return None;
    }
    let name = words.rest()[..length].iter().map(|token| token.text).collect::<Vec<_>>().join(" ");
    words.skip(length);
    Some((name, sure::NAMED))
}

fn selected(list: &Element, name: &str, sure: u8) -> Clause {
    let select = Select {
        target: list.as_noun(Noun::Dropdown).target(),
        value: None,
        label: Some(OneOrMany::One(name.to_owned())),
        index: None,
    };
    Clause::new(ActionKind::Select(select), sure.min(list.sure()))
}

/// `{{invoice}} to the Attachment field`: files are artifacts, and only a template names one.
fn upload(mut words: Words<'_, '_>) -> Option<Clause> {
    words.any(&["the file", "file"]);
    let file = words.of(&[Kind::Template])?;
    words.any(&["to", "into", "in", "at", "using"]).then_some(())?;
    let element = Element::whole(words)?;
    let target: Target = match element.noun()? {
        Noun::Field | Noun::Button => element.as_noun(Noun::Field).field(),
        _ => return None,
    };
    let upload = Upload { target, files: OneOrMany::One(serde_json::Value::from(file.text)) };
    Some(Clause::new(ActionKind::Upload(upload), element.sure()))
}

/// `Enter`, `the Escape key`, `Ctrl+S in the Notes field`. A button that is pressed is clicked; of that, others know.
fn press(mut words: Words<'_, '_>) -> Outcome {
    const SURE: u8 = 95;
    words.article();
    let told_first = words.any(&["key combination", "keyboard shortcut", "shortcut", "keys", "key"]);
    let mut ahead = words;
    let token = ahead.of(&[Kind::Word, Kind::Quoted])?;
    let mut name = token.text.to_owned();
    let two = ["page", "arrow", "up", "down", "left", "right"];
    if let Some(second) =
        ahead.peek().filter(|second| two.iter().any(|word| token.is(word)) && second.kind == Kind::Word)
        && key(&format!("{name}{}", second.text)).is_some()
    {
        name.push_str(second.text);
        ahead.next();
    }
    let told = ahead.any(&["key", "keys"]) || told_first;
    let (keys, is_certain) = key(&name)?;
    if !is_certain && !told {
        return None;
    }
    ahead.any(&["on the keyboard", "on your keyboard"]);
    let target = if ahead.any(&["in", "inside", "within"]) {
        let Some(element) =
            Element::whole(ahead).filter(|element| element.noun().is_some_and(Noun::is_field))
        else {
            return Some(Err(UnreadReason::Object));
        };
        ahead = Words::new(&[]);
        Some(element.field())
    } else {
        None
    };
    let press = ActionKind::Press(Press { keys, target });
    Some(ahead.is_empty().then(|| Clause::new(press, SURE)).ok_or(UnreadReason::Object))
}

/// The keys as documents write them, and whether a button of this name is unlikely.
fn key(name: &str) -> Option<(String, bool)> {
    let mut parts: Vec<&str> = name.split('+').collect();
    let last = parts.pop()?;
    let mut keys = String::new();
    for part in &parts {
        keys.push_str(modifier(part)?);
        keys.push('+');
    }
    let (named, is_certain) = match last.to_lowercase().as_str() {
        "enter" | "return" => ("Enter", true),
        "tab" => ("Tab", true),
        "escape" | "esc" => ("Escape", true),
        "arrowup" | "uparrow" => ("ArrowUp", true),
        "arrowdown" | "downarrow" => ("ArrowDown", true),
        "arrowleft" | "leftarrow" => ("ArrowLeft", true),
        "arrowright" | "rightarrow" => ("ArrowRight", true),
        "pageup" => ("PageUp", true),
        "pagedown" => ("PageDown", true),
        "backspace" => ("Backspace", true),
        "delete" | "del" => ("Delete", false),
        "home" => ("Home", false),
        "end" => ("End", false),
        "space" | "spacebar" => ("Space", false),
        other => {
            let function = other.strip_prefix('f').and_then(|number| number.parse::<u8>().ok());
            if function.is_some_and(|number| (1..=12).contains(&number)) {
                return Some((format!("{keys}{}", other.to_uppercase()), true));
            }
            let mut letters = other.chars();
            let only = letters.next().filter(|c| c.is_ascii_alphanumeric() && letters.next().is_none())?;
            return (!parts.is_empty()).then(|| (format!("{keys}{only}"), true));
        }
    };
    Some((format!("{keys}{named}"), is_certain || !parts.is_empty()))
}

fn modifier(name: &str) -> Option<&'static str> {
    Some(match name.to_lowercase().as_str() {
        "ctrl" | "control" => "Control",
        "cmd" | "command" | "meta" => "Meta",
        "alt" | "option" => "Alt",
        "shift" => "Shift",
        _ => return None,
    })
}
