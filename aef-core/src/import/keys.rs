//! Keys: from their names in a page, and from what goes down and comes up, to what `press` is given.

use super::gesture::{Edit, Stroke};
use crate::document::Modifier;

/// Names of the layout's places that write something, as some recordings give them.
const PLACES: [(&str, &str); 20] = [
    ("Minus", "-"),
    ("Equal", "="),
    ("BracketLeft", "["),
    ("BracketRight", "]"),
    ("Backslash", "\\"),
    ("Semicolon", ";"),
    ("Quote", "'"),
    ("Comma", ","),
    ("Period", "."),
    ("Slash", "/"),
    ("Backquote", "`"),
    ("NumpadMultiply", "*"),
    ("NumpadAdd", "+"),
    ("NumpadSubtract", "-"),
    ("NumpadDivide", "/"),
    ("NumpadDecimal", "."),
    ("NumpadEqual", "="),
    ("NumpadEnter", "Enter"),
    ("\r", "Enter"),
    ("\n", "Enter"),
];

/// Keys that `press` knows by these names.
const NAMED: [&str; 16] = [
    "Enter",
    "Tab",
    "Escape",
    "Backspace",
    "Delete",
    "Insert",
    "ArrowLeft",
    "ArrowUp",
    "ArrowRight",
    "ArrowDown",
    "Home",
    "End",
    "PageUp",
    "PageDown",
    "ContextMenu",
    "CapsLock",
];

/// What input methods tell while a text is put together: the value of the field is what counts.
const SILENT: [&str; 8] =
    ["Dead", "Process", "Unidentified", "Compose", "Convert", "NonConvert", "AltGraph", "NumLock"];

/// What a key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    Modifier(Modifier),
    /// One that `press` knows by this name.
    Named(String),
    /// One that means nothing by itself.
    Silent,
}

/// Reads the name of a key; `None` where `press` cannot press it.
pub(super) fn key(name: &str) -> Option<Key> {
    let modifier = match name {
        "Shift" | "ShiftLeft" | "ShiftRight" => Some(Modifier::Shift),
        "Control" | "ControlLeft" | "ControlRight" | "ControlOrMeta" => Some(Modifier::Control),
        "Alt" | "AltLeft" | "AltRight" => Some(Modifier::Alt),
        "Meta" | "MetaLeft" | "MetaRight" => Some(Modifier::Meta),
        _ => None,
    };
    if let Some(modifier) = modifier {
        return Some(Key::Modifier(modifier));
    }
    if SILENT.contains(&name) {
        return Some(Key::Silent);
    }
    let place = PLACES.iter().find(|(place, _)| *place == name).map(|(_, key)| (*key).to_owned());
    let letter = name.strip_prefix("Key").filter(|rest| rest.len() == 1).map(str::to_lowercase);
    let digit = name.strip_prefix("Digit").or_else(|| name.strip_prefix("Numpad"));
    let digit = digit.filter(|rest| rest.len() == 1).map(str::to_owned);
    let space = matches!(name, " " | "Space").then(|| "Space".to_owned());
    let function = name.strip_prefix('F').and_then(|number| number.parse::<u8>().ok());
    let function = function.filter(|number| (1..=12).contains(number)).map(|_| name.to_owned());
    let plain = (NAMED.contains(&name) || name.chars().count() == 1).then(|| name.to_owned());
    place.or(letter).or(digit).or(space).or(function).or(plain).map(Key::Named)
}

/// The combination of a key with what is held.
pub(super) fn stroke(key: &str, held: &[Modifier]) -> Stroke {
    let writes = single(key);
    let commands = held.iter().any(|modifier| *modifier != Modifier::Shift);
    let mut keys = String::new();
    for modifier in held {
        // A letter that was written with Shift is told as the capital that it is.
        if *modifier != Modifier::Shift || writes.is_none() || commands {
            keys.push_str(name(*modifier));
            keys.push('+');
        }
    }
    keys.push_str(key);
    let edit = match writes {
        Some(character) if !commands => Some(Edit::Write(character)),
        Some('v' | 'V' | 'x' | 'X' | 'z' | 'Z' | 'y' | 'Y') if !held.contains(&Modifier::Alt) => {
            Some(Edit::Change)
        }
        None if key == "Enter" && held.is_empty() => Some(Edit::Write('\n')),
        None if matches!(key, "Backspace" | "Delete") => Some(Edit::Change),
        _ => None,
    };
    Stroke { keys, edit }
}

/// The modifiers that Playwright writes as the bits of a number.
pub(super) fn modifiers(bits: u64) -> Vec<Modifier> {
    let all = [(1, Modifier::Alt), (2, Modifier::Control), (4, Modifier::Meta), (8, Modifier::Shift)];
    all.into_iter().filter(|(bit, _)| bits & bit != 0).map(|(_, modifier)| modifier).collect()
}

fn single(key: &str) -> Option<char> {
    let mut characters = key.chars();
    match (key, characters.next(), characters.next()) {
        ("Space", ..) => Some(' '),
        (_, Some(character), None) => Some(character),
        _ => None,
    }
}

const fn name(modifier: Modifier) -> &'static str {
    match modifier {
        Modifier::Alt => "Alt",
        Modifier::Control => "Control",
        Modifier::Meta => "Meta",
        Modifier::Shift => "Shift",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_names_that_press_knows() {
        for (given, expected) in [
            ("KeyA", "a"),
            ("Digit7", "7"),
            ("Numpad5", "5"),
            ("NumpadEnter", "Enter"),
            ("\r", "Enter"),
            (" ", "Space"),
            ("é", "é"),
            ("F12", "F12"),
            ("BracketLeft", "["),
            ("End", "End"),
        ] {
            assert_eq!(key(given), Some(Key::Named(expected.to_owned())), "{given}");
        }
        assert_eq!(key("ShiftRight"), Some(Key::Modifier(Modifier::Shift)));
        assert_eq!(key("Dead"), Some(Key::Silent));
        for unknown in ["EndCall", "F13", "", "Play"] {
            assert_eq!(key(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn what_is_held_stands_before_the_key() {
        let shown = |key: &str, held: &[Modifier]| stroke(key, held).keys;
        assert_eq!(shown("A", &[Modifier::Shift]), "A");
        assert_eq!(shown("Tab", &[Modifier::Shift]), "Shift+Tab");
        assert_eq!(shown("K", &[Modifier::Control, Modifier::Shift]), "Control+Shift+K");
        assert_eq!(stroke("a", &[]).edit, Some(Edit::Write('a')));
        assert_eq!(stroke("a", &[Modifier::Control]).edit, None);
        assert_eq!(stroke("v", &[Modifier::Control]).edit, Some(Edit::Change));
        assert_eq!(stroke("Tab", &[]).edit, None);
    }
}
