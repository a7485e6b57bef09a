//! How an SOP names elements: CSS, XPath, selectors of other tools, and plain words.

use crate::document::Locator;

/// A locator, and whether it was guessed from words.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Strategy {
    pub(crate) locator: Locator,
    pub(crate) guessed: bool,
}

/// The words that tell a role.
const ROLES: [(&str, &str); 22] = [
    ("button", "button"),
    ("submit", "button"),
    ("link", "link"),
    ("checkbox", "checkbox"),
    ("check box", "checkbox"),
    ("radio button", "radio"),
    ("radio", "radio"),
    ("menu item", "menuitem"),
    ("menuitem", "menuitem"),
    ("tab", "tab"),
    ("heading", "heading"),
    ("option", "option"),
    ("dropdown", "combobox"),
    ("drop-down", "combobox"),
    ("combobox", "combobox"),
    ("switch", "switch"),
    ("toggle", "switch"),
    ("dialog", "dialog"),
    ("table", "table"),
    ("row", "row"),
    ("image", "img"),
    ("icon", "img"),
];

/// The words that tell a field of a form, which its label names.
const FIELDS: [&str; 10] = [
    "input field",
    "text field",
    "text box",
    "textbox",
    "textarea",
    "search box",
    "search bar",
    "field",
    "input",
    "box",
];

/// The words of a phrase that name nothing.
const FILLERS: [&str; 24] = [
    "the",
    "a",
    "an",
    "on",
    "in",
    "with",
    "text",
    "labeled",
    "labelled",
    "named",
    "called",
    "containing",
    "contains",
    "that",
    "says",
    "element",
    "click",
    "press",
    "of",
    "for",
    "label",
    "name",
    "titled",
    "reading",
];

/// Tags that stand alone as a CSS selector.
const TAGS: [&str; 16] = [
    "a", "body", "form", "h1", "h2", "h3", "iframe", "li", "main", "nav", "p", "select", "table", "tbody",
    "tr", "ul",
];

/// Reads one selector strategy; nothing where it says nothing that can be looked for.
pub(crate) fn strategy(text: &str) -> Option<Strategy> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let sure = |locator: Locator| Some(Strategy { locator, guessed: false });
    let prefixed = |prefix: &str| text.strip_prefix(prefix).map(str::trim).filter(|rest| !rest.is_empty());
    if let Some(css) = prefixed("css=").or_else(|| prefixed("css:")) {
        return sure(Locator { css: Some(css.to_owned()), ..Locator::default() });
    }
    if let Some(xpath) = prefixed("xpath=").or_else(|| prefixed("xpath:")) {
        return sure(Locator { xpath: Some(xpath.to_owned()), ..Locator::default() });
    }
    if text.starts_with("//") || text.starts_with("(//") || text.starts_with("./") {
        return sure(Locator { xpath: Some(text.to_owned()), ..Locator::default() });
    }
    if let Some(wanted) = prefixed("text=").or_else(|| prefixed("text:")) {
        return sure(Locator { text: Some(unquoted(wanted).to_owned()), ..Locator::default() });
    }
    for prefix in ["data-testid=", "testid=", "testId=", "data-test-id="] {
        if let Some(id) = prefixed(prefix) {
            return sure(Locator { test_id: Some(unquoted(id).to_owned()), ..Locator::default() });
        }
    }
    if let Some(role) = prefixed("role=") {
        return role_selector(role).and_then(sure);
    }
    if looks_like_css(text) {
        return sure(Locator { css: Some(text.to_owned()), ..Locator::default() });
    }
    phrase(text).map(|locator| Strategy { locator, guessed: true })
}

/// `button[name="Save"]`.
fn role_selector(text: &str) -> Option<Locator> {
    let (role, rest) = text.split_once('[').unwrap_or((text, ""));
    let name = rest.trim_end_matches(']').strip_prefix("name=").map(|name| unquoted(name).to_owned());
    let role = role.trim().to_lowercase();
    (!role.is_empty() && role.chars().all(|c| c.is_ascii_alphabetic())).then(|| Locator {
        role: Some(role),
        name,
        ..Locator::default()
    })
}

/// Whether a text reads as a CSS selector rather than as words.
fn looks_like_css(text: &str) -> bool {
    if text.starts_with(['#', '.', '[', '*', ':']) {
        return text.len() > 1;
    }
    let tag = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(text.len());
    let (tag, rest) = text.split_at(tag);
    if !tag.starts_with(|c: char| c.is_ascii_lowercase()) {
        return false;
    }
    if rest.is_empty() {
        return TAGS.contains(&tag);
    }
    let marks =
        [" > ", " + ", " ~ ", "::", ":has(", ":not(", ":nth-", ":contains(", ":is(", ":first-", ":last-"];
    let marked = marks.iter().any(|mark| text.contains(mark));
    let attribute = text.contains('[') && text.contains(']') && text.contains('=');
    let hooked =
        rest.starts_with(['.', '#', '[', ':']) && !rest.contains(". ") && !rest.ends_with(['.', ':']);
    marked || attribute || hooked
}

/// A guess at the element that words name: by role and name, by label, or by text.
pub(crate) fn phrase(text: &str) -> Option<Locator> {
    let quote = quoted(text).next().map(str::to_owned);
    // A name in quotes may hold such a word itself: what stands outside of the quotes counts.
    let words = match &quote {
        Some(quote) => text.replacen(quote.as_str(), " ", 1).to_lowercase(),
        None => text.to_lowercase(),
    };
    let role = ROLES.iter().find(|(word, _)| has_word(&words, word));
    let field = FIELDS.iter().find(|word| has_word(&words, word));
    let name = quote.or_else(|| {
        let word = role.map(|(word, _)| *word).or(field.copied()).unwrap_or_default();
        rest_of(text, word)
    })?;
    Some(match (role, field) {
        (Some((_, role)), _) => {
            Locator { role: Some((*role).to_owned()), name: Some(name), ..Locator::default() }
        }
        (None, Some(_)) => Locator { label: Some(name), ..Locator::default() },
        (None, None) => Locator { text: Some(name), ..Locator::default() },
    })
}

/// The texts in quotes of any kind.
pub(crate) fn quoted(text: &str) -> impl Iterator<Item = &str> {
    const PAIRS: [(char, char); 6] =
        [('"', '"'), ('\'', '\''), ('“', '”'), ('‘', '’'), ('«', '»'), ('„', '“')];
    let mut rest = text;
    std::iter::from_fn(move || {
        while let Some((at, open)) =
            rest.char_indices().find(|(_, c)| PAIRS.iter().any(|(open, _)| open == c))
        {
            // An apostrophe inside of a word opens nothing.
            let inside_word =
                open == '\'' && rest[..at].chars().next_back().is_some_and(char::is_alphanumeric);
            let after = &rest[at + open.len_utf8()..];
            let close = PAIRS.iter().filter(|(first, _)| *first == open).map(|(_, close)| *close);
            let end = close.filter_map(|close| after.find(close).map(|end| (end, close.len_utf8()))).min();
            match end {
                Some((end, length)) if !inside_word => {
                    rest = &after[end + length..];
                    let found = after[..end].trim();
                    if !found.is_empty() {
                        return Some(found);
                    }
                }
                _ => rest = after,
            }
        }
        None
    })
}

fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        ![before, after].into_iter().flatten().any(char::is_alphanumeric)
    })
}

/// What is left of a phrase without the word that tells the role and without words that name nothing.
fn rest_of(text: &str, role: &str) -> Option<String> {
    let role: Vec<&str> = role.split(' ').collect();
    let words: Vec<&str> = text
        .split_whitespace()
        .filter(|word| {
            let plain = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
            !role.contains(&plain.as_str()) && !FILLERS.contains(&plain.as_str()) && !plain.is_empty()
        })
        .collect();
    let name = words.join(" ");
    let name = name.trim_matches(|c: char| matches!(c, '.' | ',' | ':' | ';')).to_owned();
    (!name.is_empty()).then_some(name)
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let inside = ["\"", "'"].iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote));
    inside.unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        strategy(text).map_or_else(
            || "nothing".to_owned(),
            |found| format!("{}{}", found.locator, if found.guessed { " ?" } else { "" }),
        )
    }

    #[test]
    fn selectors_are_taken_as_they_are() {
        for (text, locator) in [
            ("#save", "css \"#save\""),
            ("button.primary", "css \"button.primary\""),
            ("input[name='q']", "css \"input[name='q']\""),
            ("div > a:first-child", "css \"div > a:first-child\""),
            ("tr", "css \"tr\""),
            ("//button[1]", "xpath \"//button[1]\""),
            ("xpath=//a", "xpath \"//a\""),
            ("text=Save", "text \"Save\""),
            ("data-testid=\"row\"", "testId \"row\""),
            ("role=button[name=\"Save\"]", "button \"Save\""),
        ] {
            assert_eq!(shown(text), locator, "{text}");
        }
    }

    #[test]
    fn words_are_guesses() {
        for (text, locator) in [
            ("button with text 'Save'", "button \"Save\" ?"),
            ("the Save button", "button \"Save\" ?"),
            ("Email input field", "label \"Email\" ?"),
            ("link containing \"Inbox\"", "link \"Inbox\" ?"),
            ("Don't ask again checkbox", "checkbox \"Don't ask again\" ?"),
            ("\"Tab\" heading", "heading \"Tab\" ?"),
            ("Quarterly results", "text \"Quarterly results\" ?"),
            ("保存ボタン", "text \"保存ボタン\" ?"),
            ("the button", "nothing"),
            ("", "nothing"),
        ] {
            assert_eq!(shown(text), locator, "{text}");
        }
    }
}
