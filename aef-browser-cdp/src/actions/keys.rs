//! Keys: the US layout, and combinations as documents write them.

use chromiumoxide_cdp::cdp::browser_protocol::input::{DispatchKeyEventParams, DispatchKeyEventType};

/// A key of the keyboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// What it means: `a`, `A`, `Enter`.
    name: String,
    /// Where it is: `KeyA`.
    code: String,
    /// Its code in Windows, which pages read as `keyCode`.
    virtual_code: i64,
    /// What it writes.
    text: Option<String>,
    /// Whether shift has to be held for it.
    shifted: bool,
}

/// A combination: modifiers, and the key pressed while they are held.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chord {
    modifiers: Vec<Key>,
    bits: i64,
    key: Key,
}

const ALT: i64 = 1;
const CONTROL: i64 = 2;
const META: i64 = 4;
const SHIFT: i64 = 8;

/// The keys of the US layout that write punctuation: plain, shifted, code, virtual code.
const PUNCTUATION: [(char, char, &str, i64); 21] = [
    ('`', '~', "Backquote", 192),
    ('1', '!', "Digit1", 49),
    ('2', '@', "Digit2", 50),
    ('3', '#', "Digit3", 51),
    ('4', '$', "Digit4", 52),
    ('5', '%', "Digit5", 53),
    ('6', '^', "Digit6", 54),
    ('7', '&', "Digit7", 55),
    ('8', '*', "Digit8", 56),
    ('9', '(', "Digit9", 57),
    ('0', ')', "Digit0", 48),
    ('-', '_', "Minus", 189),
    ('=', '+', "Equal", 187),
    ('[', '{', "BracketLeft", 219),
    (']', '}', "BracketRight", 221),
    ('\\', '|', "Backslash", 220),
    (';', ':', "Semicolon", 186),
    ('\'', '"', "Quote", 222),
    (',', '<', "Comma", 188),
    ('.', '>', "Period", 190),
    ('/', '?', "Slash", 191),
];

/// Keys by their names: name, code, virtual code, text.
const NAMED: [(&str, &str, i64, Option<&str>); 20] = [
    ("Enter", "Enter", 13, Some("\r")),
    ("Tab", "Tab", 9, None),
    ("Escape", "Escape", 27, None),
    ("Backspace", "Backspace", 8, None),
    ("Delete", "Delete", 46, None),
    ("Insert", "Insert", 45, None),
    ("ArrowLeft", "ArrowLeft", 37, None),
    ("ArrowUp", "ArrowUp", 38, None),
    ("ArrowRight", "ArrowRight", 39, None),
    ("ArrowDown", "ArrowDown", 40, None),
    ("Home", "Home", 36, None),
    ("End", "End", 35, None),
    ("PageUp", "PageUp", 33, None),
    ("PageDown", "PageDown", 34, None),
    ("ContextMenu", "ContextMenu", 93, None),
    ("CapsLock", "CapsLock", 20, None),
    ("Shift", "ShiftLeft", 16, None),
    ("Control", "ControlLeft", 17, None),
    ("Alt", "AltLeft", 18, None),
    ("Meta", "MetaLeft", 91, None),
];

impl Key {
    /// The key that writes a character; `None` where the layout has none.
    pub(super) fn writing(character: char) -> Option<Self> {
        if character == '\n' || character == '\r' {
            return Self::named("Enter");
        }
        if character == ' ' {
            return Some(Self::plain(" ", "Space", 32, false));
        }
        let text = character.to_string();
        if character.is_ascii_alphabetic() {
            let upper = character.to_ascii_uppercase();
            return Some(Self::plain(
                &text,
                &format!("Key{upper}"),
                i64::from(u32::from(upper)),
                character == upper,
            ));
        }
        PUNCTUATION.iter().find(|(plain, shifted, ..)| *plain == character || *shifted == character).map(
            |(_, shifted, code, virtual_code)| Self::plain(&text, code, *virtual_code, *shifted == character),
        )
    }

    /// A key by its name: `Enter`, `a`, `F5`.
    pub(super) fn named(name: &str) -> Option<Self> {
        let alias = match name {
            "Space" => " ",
            "Esc" => "Escape",
            "Return" => "Enter",
            "Ctrl" | "ControlOrMeta" => "Control",
            "Command" | "Cmd" => "Meta",
            "Option" => "Alt",
            "Left" | "Right" | "Up" | "Down" => return Self::named(&format!("Arrow{name}")),
            other => other,
        };
        if let Some((name, code, virtual_code, text)) = NAMED.iter().find(|(known, ..)| *known == alias) {
            return Some(Self {
                name: (*name).to_owned(),
                code: (*code).to_owned(),
                virtual_code: *virtual_code,
                text: text.map(ToOwned::to_owned),
                shifted: false,
            });
        }
        if let Some(number) = alias.strip_prefix('F').and_then(|number| number.parse::<i64>().ok()) {
            return (1..=12).contains(&number).then(|| Self {
                name: alias.to_owned(),
                code: alias.to_owned(),
                virtual_code: 111 + number,
                text: None,
                shifted: false,
            });
        }
        let mut characters = alias.chars();
        let character = characters.next().filter(|_| characters.next().is_none())?;
        // A character that no key writes still has a name, so that a page sees what was meant.
        Self::writing(character).or_else(|| Some(Self::plain(alias, "", 0, false)))
    }

    fn plain(text: &str, code: &str, virtual_code: i64, shifted: bool) -> Self {
        Self {
            name: text.to_owned(),
            code: code.to_owned(),
            virtual_code,
            text: Some(text.to_owned()),
            shifted,
        }
    }

    fn modifier_bit(&self) -> i64 {
        match self.name.as_str() {
            "Alt" => ALT,
            "Control" => CONTROL,
            "Meta" => META,
            "Shift" => SHIFT,
            _ => 0,
        }
    }

    fn event(&self, kind: DispatchKeyEventType, modifiers: i64) -> DispatchKeyEventParams {
        let mut event = DispatchKeyEventParams::new(kind);
        event.modifiers = Some(modifiers);
        event.key = Some(self.name.clone());
        event.code = Some(self.code.clone());
        event.windows_virtual_key_code = Some(self.virtual_code);
        event.location = (self.modifier_bit() != 0).then_some(1);
        event
    }

    /// A key by what a page would be told of it. One that nobody knows writes nothing.
    pub(super) fn told(name: &str, code: Option<&str>) -> Self {
        let mut key = Self::named(name).unwrap_or_else(|| Self {
            name: name.to_owned(),
            code: String::new(),
            virtual_code: 0,
            text: None,
            shifted: false,
        });
        if let Some(code) = code {
            code.clone_into(&mut key.code);
        }
        key
    }

    /// Pressing the key and letting it go.
    pub(super) fn stroke(&self, modifiers: i64) -> [DispatchKeyEventParams; 2] {
        let modifiers = if self.shifted { modifiers | SHIFT } else { modifiers };
        // With these held a key is a command and writes nothing.
        let text = self.text.clone().filter(|_| modifiers & (ALT | CONTROL | META) == 0);
        let kind =
            if text.is_some() { DispatchKeyEventType::KeyDown } else { DispatchKeyEventType::RawKeyDown };
        let mut down = self.event(kind, modifiers);
        down.unmodified_text.clone_from(&text);
        down.text = text;
        [down, self.event(DispatchKeyEventType::KeyUp, modifiers)]
    }
}

impl Chord {
    /// Reads `Control+Shift+K`. `None` where it names a key that does not exist.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        // The key may be `+` itself.
        let (held, key) = match text.strip_suffix("++") {
            Some(held) => (held, "+"),
            None if text == "+" => ("", "+"),
            None => text.rsplit_once('+').unwrap_or(("", text)),
        };
        let modifiers: Vec<Key> = held
            .split('+')
            .filter(|name| !name.is_empty())
            .map(|name| Key::named(name.trim()).filter(|key| key.modifier_bit() != 0))
            .collect::<Option<_>>()?;
        let bits = modifiers.iter().fold(0, |bits, key| bits | key.modifier_bit());
        let mut key = Key::named(key.trim())?;
        if bits & SHIFT != 0 && key.name.len() == 1 && key.name.chars().all(|c| c.is_ascii_lowercase()) {
            key = Key::named(&key.name.to_ascii_uppercase())?;
        }
        Some(Self { modifiers, bits, key })
    }

    /// All events of the combination, in order.
    pub(super) fn events(&self) -> Vec<DispatchKeyEventParams> {
        let mut events = Vec::new();
        let mut held = 0;
        for modifier in &self.modifiers {
            held |= modifier.modifier_bit();
            events.push(modifier.event(DispatchKeyEventType::RawKeyDown, held));
        }
        events.extend(self.key.stroke(self.bits));
        for modifier in self.modifiers.iter().rev() {
            held &= !modifier.modifier_bit();
            events.push(modifier.event(DispatchKeyEventType::KeyUp, held));
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let show = |event: &DispatchKeyEventParams| {
            let kind = event.r#type.as_ref();
            let text = event.text.as_deref().unwrap_or("-");
            format!("{kind} {} {} {text}", event.key.as_deref().unwrap_or(""), event.modifiers.unwrap_or(0))
        };
        Chord::parse(text).unwrap().events().iter().map(show).collect()
    }

    #[test]
    fn a_combination_holds_its_modifiers_around_the_key() {
        assert_eq!(
            shown("Control+a"),
            ["rawKeyDown Control 2 -", "rawKeyDown a 2 -", "keyUp a 2 -", "keyUp Control 0 -"]
        );
        assert_eq!(shown("Enter"), ["keyDown Enter 0 \r", "keyUp Enter 0 -"]);
        assert_eq!(shown("Shift+k")[1], "keyDown K 8 K");
        assert_eq!(shown("+"), ["keyDown + 8 +", "keyUp + 8 -"]);
        assert_eq!(shown("Control++")[1], "rawKeyDown + 10 -");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "Entr", "a+b", "F13", "Control+"] {
            assert_eq!(Chord::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_layout_covers_printable_ascii() {
        for byte in b' '..=b'~' {
            assert!(Key::writing(char::from(byte)).is_some(), "{}", char::from(byte));
        }
        assert_eq!(Key::writing('é'), None);
    }
}
