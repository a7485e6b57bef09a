//! What a phrase points at: “the 'Save' button in the 'New record' dialog”.

use super::tokens::{Kind, Token};
use super::words::Words;
use crate::document::{Locator, OneOrMany, Target};

/// The longest name without quotes, in words.
const MAX_NAME: usize = 5;

/// What kind of thing a noun names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Noun {
    Button,
    Link,
    Tab,
    MenuItem,
    Option,
    Checkbox,
    Radio,
    Switch,
    Field,
    Dropdown,
    Heading,
    Dialog,
    Row,
    Table,
    Image,
    Icon,
    Message,
}

/// The nouns of controls; of two that begin alike, the longer stands first.
const NOUNS: [(&str, Noun); 49] = [
    ("button", Noun::Button),
    ("btn", Noun::Button),
    ("link", Noun::Link),
    ("hyperlink", Noun::Link),
    ("tab", Noun::Tab),
    ("menu item", Noun::MenuItem),
    ("menu option", Noun::MenuItem),
    ("menu entry", Noun::MenuItem),
    ("option", Noun::Option),
    ("checkbox", Noun::Checkbox),
    ("check box", Noun::Checkbox),
    ("tick box", Noun::Checkbox),
    ("radio button", Noun::Radio),
    ("radio", Noun::Radio),
    ("toggle switch", Noun::Switch),
    ("switch", Noun::Switch),
    ("toggle", Noun::Switch),
    ("text input field", Noun::Field),
    ("text input", Noun::Field),
    ("text field", Noun::Field),
    ("text box", Noun::Field),
    ("text area", Noun::Field),
    ("textbox", Noun::Field),
    ("textarea", Noun::Field),
    ("input field", Noun::Field),
    ("input box", Noun::Field),
    ("form field", Noun::Field),
    ("entry field", Noun::Field),
    ("field", Noun::Field),
    ("input", Noun::Field),
    ("box", Noun::Field),
    ("drop-down menu", Noun::Dropdown),
    ("drop-down list", Noun::Dropdown),
    ("drop-down", Noun::Dropdown),
    ("dropdown menu", Noun::Dropdown),
    ("dropdown list", Noun::Dropdown),
    ("dropdown", Noun::Dropdown),
    ("select box", Noun::Dropdown),
    ("combo box", Noun::Dropdown),
    ("combobox", Noun::Dropdown),
    ("heading", Noun::Heading),
    ("dialog box", Noun::Dialog),
    ("dialog", Noun::Dialog),
    ("row", Noun::Row),
    ("table", Noun::Table),
    ("image", Noun::Image),
    ("icon", Noun::Icon),
    ("message", Noun::Message),
    ("notification", Noun::Message),
];

/// Words that describe a thing without naming it.
const VAGUE: [&str; 84] = [
    "correct",
    "right",
    "appropriate",
    "relevant",
    "corresponding",
    "first",
    "second",
    "third",
    "last",
    "previous",
    "next",
    "same",
    "other",
    "another",
    "new",
    "old",
    "blue",
    "red",
    "green",
    "grey",
    "gray",
    "yellow",
    "orange",
    "black",
    "white",
    "big",
    "small",
    "large",
    "top",
    "bottom",
    "left",
    "upper",
    "lower",
    "main",
    "primary",
    "desired",
    "required",
    "given",
    "above",
    "below",
    "following",
    "respective",
    "matching",
    "selected",
    "chosen",
    "any",
    "all",
    "each",
    "every",
    "some",
    "no",
    "one",
    "two",
    "only",
    "my",
    "his",
    "her",
    "their",
    "its",
    "it",
    "that",
    "these",
    "those",
    "which",
    "both",
    "either",
    "if",
    "unless",
    "when",
    "until",
    "or",
    "not",
    "except",
    "without",
    "proper",
    "necessary",
    "needed",
    "available",
    "current",
    "visible",
    "empty",
    "whole",
    "other's",
    "the",
];

/// How sure a reading is, in percent.
pub(super) mod sure {
    /// Name in quotes, kind told.
    pub(crate) const QUOTED: u8 = 95;
    /// A selector in quotes.
    pub(crate) const SELECTOR: u8 = 90;
    /// Name without quotes, kind told.
    pub(crate) const NAMED: u8 = 80;
    /// Name in quotes, kind not told.
    pub(crate) const UNTOLD: u8 = 75;
    /// Name without quotes, kind not told.
    pub(crate) const CAPITALS: u8 = 65;
}

/// How a thing is named.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    /// As it stands on the page.
    Quoted(String),
    /// A CSS selector.
    Css(String),
    /// An XPath.
    Xpath(String),
    /// By words, the case of which may be another.
    Words(String),
}

/// What a phrase points at.
#[derive(Debug, Clone)]
pub(super) struct Element {
    name: Option<Name>,
    noun: Option<Noun>,
    within: Option<Box<Target>>,
    sure: u8,
}

impl Element {
    /// Reads an element and where it is, as far as that goes.
    pub(super) fn read(words: &mut Words<'_, '_>) -> Option<Self> {
        let mut element = Self::alone(words)?;
        element.place(words);
        Some(element)
    }

    /// Reads an element that is all that is left.
    pub(super) fn whole(mut words: Words<'_, '_>) -> Option<Self> {
        let element = Self::read(&mut words)?;
        words.is_empty().then_some(element)
    }

    /// The noun that tells its kind.
    pub(super) const fn noun(&self) -> Option<Noun> {
        self.noun
    }

    /// How sure the reading is, in percent.
    pub(super) const fn sure(&self) -> u8 {
        self.sure
    }

    /// Whether it was named in quotes or by a template.
    pub(super) const fn is_quoted(&self) -> bool {
        matches!(self.name, Some(Name::Quoted(_)))
    }

    /// Its name, where it has one that a person would read.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.name {
            Some(Name::Quoted(name) | Name::Words(name)) => Some(name),
            Some(Name::Css(_) | Name::Xpath(_)) | None => None,
        }
    }

    /// Reads a list to choose from: `the Stage list`. Elsewhere lists and menus are other things.
    pub(super) fn list(words: Words<'_, '_>) -> Option<Self> {
        let element = Self::whole(words.before(&["list", "menu"])?)?;
        element.noun.is_none().then(|| Self { sure: element.sure.max(sure::NAMED), ..element })
    }

    /// The same as another kind of thing.
    pub(super) fn as_noun(&self, noun: Noun) -> Self {
        Self { noun: Some(noun), ..self.clone() }
    }

    fn alone(words: &mut Words<'_, '_>) -> Option<Self> {
        words.article();
        if let Some(token) = words.of(&[Kind::Quoted, Kind::Template]) {
            let noun = noun(words);
            let name = Name::quoted(token.text);
            let sure = match (&name, noun) {
                (Name::Css(_) | Name::Xpath(_), _) => sure::SELECTOR,
                (_, Some(_)) => sure::QUOTED,
                (_, None) => sure::UNTOLD,
            };
            return Some(Self { name: Some(name), noun, within: None, sure });
        }
        if let Some(noun) = noun(words) {
            return Self::named_after(noun, words);
        }
        Self::in_words(words)
    }

    /// `button labelled 'Save'`; a dialog needs no name.
    fn named_after(noun: Noun, words: &mut Words<'_, '_>) -> Option<Self> {
        let mut ahead = *words;
        let told = ahead.any(&[
            "labelled",
            "labeled",
            "named",
            "called",
            "titled",
            "saying",
            "reading",
            "that says",
            "that reads",
            "with the text",
            "with the label",
            "with the name",
            "with the title",
            "with text",
            "with label",
        ]);
        if told && let Some(token) = ahead.of(&[Kind::Quoted, Kind::Template]) {
            *words = ahead;
            let name = Some(Name::quoted(token.text));
            return Some(Self { name, noun: Some(noun), within: None, sure: sure::QUOTED });
        }
        // A page has one dialog at a time; of everything else it has many.
        (noun == Noun::Dialog).then_some(Self {
            name: None,
            noun: Some(noun),
            within: None,
            sure: sure::NAMED,
        })
    }

    /// A name without quotes: up to its noun, or, without one, capitals.
    fn in_words(words: &mut Words<'_, '_>) -> Option<Self> {
        let names = words.rest().iter().take_while(|token| is_name(token)).count();
        for length in 1..=names.min(MAX_NAME) {
            let (name, _) = words.rest().split_at(length);
            let mut ahead = *words;
            ahead.skip(length);
            let Some(noun) = noun(&mut ahead) else { continue };
            if name.iter().any(is_vague) {
                return None;
            }
            *words = ahead;
            let name = Some(Name::Words(joined(name)));
            return Some(Self { name, noun: Some(noun), within: None, sure: sure::NAMED });
        }
        // “Sign in”, “Add to Cart”: small words may stand between capitals and after the first.
        let length =
            words.rest().iter().take_while(|token| token.is_capitalised() || is_small(token)).count();
        let begins = words.peek().is_some_and(Token::is_capitalised);
        if !begins || length > MAX_NAME {
            return None;
        }
        let (name, rest) = words.rest().split_at(length);
        // A small word before something else belongs to that: “Save in the dialog”.
        let own = if rest.is_empty() { length } else { name.iter().rposition(Token::is_capitalised)? + 1 };
        let name = Some(Name::Words(joined(&name[..own])));
        words.skip(own);
        Some(Self { name, noun: None, within: None, sure: sure::CAPITALS })
    }

    /// Where it is: in a dialog, in a row, or on the page, which says nothing.
    fn place(&mut self, words: &mut Words<'_, '_>) {
        loop {
            let mut ahead = *words;
            if ahead.any(&["on the page", "on the screen", "on this page", "on the web page", "of the page"])
            {
                *words = ahead;
                continue;
            }
            if self.within.is_some()
                || !ahead.any(&["in", "inside", "within", "inside of", "of", "on", "for"])
            {
                return;
            }
            let Some(container) = row(ahead).or_else(|| dialog(ahead)) else { return };
            let (rest, target) = container;
            self.within = Some(Box::new(target));
            *words = rest;
        }
    }

    /// The target for what is clicked, pointed at, or looked at.
    pub(super) fn target(&self) -> Target {
        let locators = match (&self.name, self.noun) {
            (Some(Name::Css(css)), _) => vec![Locator { css: Some(css.clone()), ..Locator::default() }],
            (Some(Name::Xpath(path)), _) => vec![Locator { xpath: Some(path.clone()), ..Locator::default() }],
            (None, noun) => vec![role(noun.map_or("dialog", Noun::role))],
            (Some(name), Some(Noun::Field)) => name.labels(&[]),
            (Some(name), Some(Noun::Dropdown)) => name.labels(&["combobox"]),
            (Some(name), Some(Noun::Message)) => vec![name.text()],
            (Some(name), Some(Noun::Row)) => {
                vec![Locator { has_text: Some(name.as_str().to_owned()), ..role("row") }]
            }
            (Some(name), Some(Noun::Icon)) => name.roles(&["button", "link", "img"]),
            (Some(name), Some(noun)) => name.roles(&[noun.role()]),
            (Some(name), None) => {
                let mut locators = name.roles(&["button", "link"]);
                locators.push(name.text());
                locators
            }
        };
        self.placed(locators)
    }

    /// The target for what is filled in, chosen from, or read as a form's field.
    pub(super) fn field(&self) -> Target {
        match (&self.name, self.noun) {
            (Some(name @ (Name::Quoted(_) | Name::Words(_))), None | Some(Noun::Field)) => {
                self.placed(name.labels(&[]))
            }
            _ => self.target(),
        }
    }

    /// One locator for a question to the page: the one that says least beyond the words.
    pub(super) fn seen(&self) -> Target {
        match (&self.name, self.noun) {
            (Some(name @ (Name::Quoted(_) | Name::Words(_))), None) => self.placed(vec![name.text()]),
            _ => match self.target() {
                OneOrMany::Many(mut locators) => {
                    // The last of a name's two is the one that forgives case and additions.
                    let kept = locators.iter().position(|locator| !locator.exact).unwrap_or_default();
                    OneOrMany::One(locators.swap_remove(kept))
                }
                one @ OneOrMany::One(_) => one,
            },
        }
    }

    fn placed(&self, mut locators: Vec<Locator>) -> Target {
        for locator in &mut locators {
            locator.within.clone_from(&self.within);
        }
        match locators.pop() {
            Some(only) if locators.is_empty() => OneOrMany::One(only),
            Some(last) => {
                locators.push(last);
                OneOrMany::Many(locators)
            }
            None => OneOrMany::Many(locators),
        }
    }
}

impl Noun {
    const fn role(self) -> &'static str {
        match self {
            Self::Button => "button",
            Self::Link => "link",
            Self::Tab => "tab",
            Self::MenuItem => "menuitem",
            Self::Option => "option",
            Self::Checkbox => "checkbox",
            Self::Radio => "radio",
            Self::Switch => "switch",
            Self::Field => "textbox",
            Self::Dropdown => "combobox",
            Self::Heading => "heading",
            Self::Dialog => "dialog",
            Self::Row => "row",
            Self::Table => "table",
            Self::Image | Self::Icon => "img",
            Self::Message => "status",
        }
    }

    /// Whether one types into it.
    pub(super) const fn is_field(self) -> bool {
        matches!(self, Self::Field)
    }

    /// Whether it can be clicked.
    pub(super) const fn is_clickable(self) -> bool {
        !matches!(self, Self::Dialog | Self::Table | Self::Message)
    }
}

impl Name {
    /// A text in quotes; what looks like a selector is one.
    fn quoted(text: &str) -> Self {
        let is_one_word = !text.contains(char::is_whitespace);
        let second = text.chars().nth(1);
        if text.starts_with("//") || text.starts_with("(//") {
            Self::Xpath(text.to_owned())
        } else if (text.starts_with(['#', '.']) && is_one_word && second.is_some_and(char::is_alphabetic))
            || (text.starts_with('[') && text.ends_with(']'))
        {
            Self::Css(text.to_owned())
        } else {
            Self::Quoted(text.to_owned())
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Quoted(text) | Self::Css(text) | Self::Xpath(text) | Self::Words(text) => text,
        }
    }

    /// The locators of this name in these roles: where it stood in quotes, first as it stands.
    fn roles(&self, roles: &[&str]) -> Vec<Locator> {
        self.ranked(roles.iter().map(|of| Locator { name: Some(self.as_str().to_owned()), ..role(of) }))
    }

    /// The locators of a form's field: by its label, then by its placeholder or role.
    fn labels(&self, roles: &[&str]) -> Vec<Locator> {
        let name = || Some(self.as_str().to_owned());
        let mut locators = self.ranked(std::iter::once(Locator { label: name(), ..Locator::default() }));
        if roles.is_empty() {
            locators.push(Locator { placeholder: name(), ..Locator::default() });
        }
        locators.extend(roles.iter().map(|of| Locator { name: name(), ..role(of) }));
        locators
    }

    fn ranked(&self, locators: impl Iterator<Item = Locator> + Clone) -> Vec<Locator> {
        let exact = matches!(self, Self::Quoted(_));
        let first = locators.clone().filter(|_| exact).map(|locator| Locator { exact: true, ..locator });
        first.chain(locators).collect()
    }

    fn text(&self) -> Locator {
        Locator { text: Some(self.as_str().to_owned()), ..Locator::default() }
    }
}

fn role(role: &str) -> Locator {
    Locator { role: Some(role.to_owned()), ..Locator::default() }
}

/// `the dialog`, `the 'New record' dialog`.
fn dialog<'c, 't>(mut words: Words<'c, 't>) -> Option<(Words<'c, 't>, Target)> {
    let element = Element::alone(&mut words)?;
    let is_known = element.noun == Some(Noun::Dialog);
    is_known.then(|| (words, element.seen()))
}

/// `the 'Nova' row`, `the row of 'Nova'`, `the row that contains 'Nova'`.
fn row<'c, 't>(mut words: Words<'c, 't>) -> Option<(Words<'c, 't>, Target)> {
    words.article();
    let text = if words.phrase("row") {
        words
            .any(&["of", "for", "with", "containing", "that contains", "that shows", "with the text"])
            .then(|| words.of(&[Kind::Quoted, Kind::Template]))?
    } else {
        let text = words.of(&[Kind::Quoted, Kind::Template]);
        words.phrase("row").then_some(text)?
    }?;
    Some((words, OneOrMany::One(Locator { has_text: Some(text.text.to_owned()), ..role("row") })))
}

/// Takes a noun if one comes next.
fn noun(words: &mut Words<'_, '_>) -> Option<Noun> {
    NOUNS.iter().find(|(phrase, _)| words.phrase(phrase)).map(|(_, noun)| *noun)
}

fn is_name(token: &Token<'_>) -> bool {
    token.kind == Kind::Word
        && token
            .text
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '/' | '&' | '\'' | '’' | '+'))
}

fn is_vague(token: &Token<'_>) -> bool {
    !token.is_capitalised() && VAGUE.iter().any(|word| token.is(word))
}

/// Words that stand in names without a capital.
fn is_small(token: &Token<'_>) -> bool {
    ["in", "out", "up", "to", "of", "for", "on", "off", "and", "&"].iter().any(|word| token.is(word))
}

fn joined(tokens: &[Token<'_>]) -> String {
    tokens.iter().map(|token| token.text).collect::<Vec<_>>().join(" ")
}
