//! The parts that scripted pages are made of.

use std::collections::BTreeMap;
use std::time::Duration;

/// An element of a scripted page, with what is in it and what clicking it does.
///
/// Texts, values, attributes and keys may have placeholders: `{value:Contact}` is the value of the form control with
/// that label, `{query:who}` a parameter of the page's address, `{posted:save}` how often the server was asked to save.
/// They are filled in when the page is made, those in reactions when these happen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Element {
    pub(super) tag: String,
    pub(super) role: Option<String>,
    pub(super) name: Option<String>,
    pub(super) label: Option<String>,
    pub(super) text: String,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) value: Option<String>,
    pub(super) checked: Option<bool>,
    pub(super) options: Vec<(String, String)>,
    pub(super) place: Option<Place>,
    pub(super) disabled: bool,
    pub(super) read_only: bool,
    pub(super) hidden: bool,
    pub(super) appears_after: Option<Duration>,
    pub(super) once_posted: Option<(String, String)>,
    pub(super) children: Vec<Self>,
    pub(super) on_click: Vec<Reaction>,
    pub(super) on_enter: Vec<Reaction>,
}

impl Element {
    /// An element with this tag name.
    #[must_use]
    pub fn new(tag: &str) -> Self {
        Self { tag: tag.to_owned(), ..Self::default() }
    }

    /// A button with this name.
    #[must_use]
    pub fn button(name: &str) -> Self {
        Self::new("button").text(name)
    }

    /// A link that opens `href`: a path on the site, or an address.
    #[must_use]
    pub fn link(name: &str, href: &str) -> Self {
        Self::new("a").text(name).attribute("href", href).on_click(Reaction::Open(href.to_owned()))
    }

    /// A text field with this label.
    #[must_use]
    pub fn field(label: &str) -> Self {
        Self { label: Some(label.to_owned()), value: Some(String::new()), ..Self::new("input") }
    }

    /// A box with this label, not checked.
    #[must_use]
    pub fn checkbox(label: &str) -> Self {
        Self { label: Some(label.to_owned()), checked: Some(false), ..Self::new("input") }
            .attribute("type", "checkbox")
    }

    /// A select element with this label and these options, each a value and a text; the first is chosen.
    #[must_use]
    pub fn select(label: &str, options: &[(&str, &str)]) -> Self {
        let options: Vec<_> =
            options.iter().map(|(value, text)| ((*value).to_owned(), (*text).to_owned())).collect();
        Self {
            label: Some(label.to_owned()),
            value: Some(options.first().map(|(value, _)| value.clone()).unwrap_or_default()),
            options,
            ..Self::new("select")
        }
    }

    /// The same with this text in it.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        text.clone_into(&mut self.text);
        self
    }

    /// The same with this attribute.
    #[must_use]
    pub fn attribute(mut self, name: &str, value: &str) -> Self {
        self.attributes.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The same with this test id.
    #[must_use]
    pub fn test_id(self, id: &str) -> Self {
        self.attribute("data-testid", id)
    }

    /// The same with these classes, parted by spaces.
    #[must_use]
    pub fn class(self, classes: &str) -> Self {
        self.attribute("class", classes)
    }

    /// The same with this role instead of the one that its tag implies.
    #[must_use]
    pub fn role(mut self, role: &str) -> Self {
        self.role = Some(role.to_owned());
        self
    }

    /// The same with this accessible name instead of its label or text.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// The same form control with this value in it.
    #[must_use]
    pub fn value(mut self, value: &str) -> Self {
        self.value = Some(value.to_owned());
        self
    }

    /// The same at a place on the page: its upper left corner and its size in CSS pixels. Without one the mouse of a person
    /// never meets it.
    #[must_use]
    pub const fn at(mut self, x: f64, y: f64, width: f64, height: f64) -> Self {
        self.place = Some(Place { x, y, width, height });
        self
    }

    /// The same, and it cannot be used.
    #[must_use]
    pub const fn disabled(mut self) -> Self {
        self.disabled = true;
        self
    }

    /// The same, and what stands in it cannot be changed.
    #[must_use]
    pub const fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// The same, and it cannot be seen.
    #[must_use]
    pub const fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// The same, and it comes so long after the page, or after the click that shows it.
    #[must_use]
    pub const fn appears_after(mut self, wait: Duration) -> Self {
        self.appears_after = Some(wait);
        self
    }

    /// The same, and it is on the page only if the server has seen the write by the time that the page is made.
    #[must_use]
    pub fn once_posted(mut self, kind: &str, key: &str) -> Self {
        self.once_posted = Some((kind.to_owned(), key.to_owned()));
        self
    }

    /// The same with another element in it.
    #[must_use]
    pub fn with(mut self, child: Self) -> Self {
        self.children.push(child);
        self
    }

    /// The same, and clicking it does this, after what was said before.
    #[must_use]
    pub fn on_click(mut self, reaction: Reaction) -> Self {
        self.on_click.push(reaction);
        self
    }

    /// The same, and pressing Enter in it does this, after what was said before.
    #[must_use]
    pub fn on_enter(mut self, reaction: Reaction) -> Self {
        self.on_enter.push(reaction);
        self
    }

    /// The same, and clicking it asks the server for a write, which counts it.
    #[must_use]
    pub fn posts(self, kind: &str, key: &str) -> Self {
        self.on_click(Reaction::Post(Post::new(kind, key)))
    }

    /// The same, and clicking it puts an element at the end of the page.
    #[must_use]
    pub fn shows(self, element: Self) -> Self {
        self.on_click(Reaction::Show(element))
    }
}

/// Where an element is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

impl Place {
    pub(super) fn covers(&self, x: f64, y: f64) -> bool {
        (self.x..self.x + self.width).contains(&x) && (self.y..self.y + self.height).contains(&y)
    }
}

/// What a click does.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a script has few reactions, and reads better without boxes")]
pub enum Reaction {
    /// Asks the server for a write. Where it refuses, what stands behind is not done.
    Post(Post),
    /// Puts an element at the end of the page.
    Show(Element),
    /// Takes the element with this test id off the page.
    Remove(String),
    /// Opens a path of the site, or an address, in this tab.
    Open(String),
    /// Opens a path of the site, or an address, in a new tab.
    Popup(String),
    /// Asks with a dialog of the browser, and does the rest if it is accepted.
    Dialog {
        /// alert, confirm or prompt.
        kind: String,
        /// What it says.
        message: String,
        /// What is done then.
        accepted: Vec<Self>,
    },
    /// Gives the browser a cookie.
    SetCookie(String, String),
    /// Gives the browser a file.
    Download {
        /// Its name.
        name: String,
        /// What is in it.
        content: String,
    },
    /// Crashes the page.
    Crash,
}

/// A write at the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    pub(super) kind: String,
    pub(super) key: String,
    pub(super) refused_first: u32,
    pub(super) answered: bool,
}

impl Post {
    /// A write of this kind for this key.
    #[must_use]
    pub fn new(kind: &str, key: &str) -> Self {
        Self { kind: kind.to_owned(), key: key.to_owned(), refused_first: 0, answered: true }
    }

    /// The same, and the server answers 503 so often before it accepts the first; what it refuses it does not count.
    #[must_use]
    pub const fn refused_first(mut self, times: u32) -> Self {
        self.refused_first = times;
        self
    }

    /// The same, and the server counts it but its answer never comes.
    #[must_use]
    pub const fn unanswered(mut self) -> Self {
        self.answered = false;
        self
    }
}
