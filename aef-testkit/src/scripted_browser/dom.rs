//! A page as one session sees it.

use std::sync::LazyLock;

use regex::{Captures, Regex};
use tokio::time::Instant;
use url::Url;

use super::element::Element;
use super::site::{Page, Server};

/// Which node of a page.
pub(super) type Ix = usize;

/// A live page: it is made by a navigation and gone with the next one.
#[derive(Debug, Clone)]
pub(super) struct Dom {
    pub(super) url: Url,
    pub(super) title: String,
    pub(super) nodes: Vec<Node>,
    /// The node that has the focus.
    pub(super) focus: Option<Ix>,
}

/// An element in its place. What was taken off the page stays in the list and is marked.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) element: Element,
    pub(super) parent: Option<Ix>,
    pub(super) removed: bool,
    shown_at: Instant,
    /// Whether a secret stands in it.
    pub(super) secret: bool,
}

impl Dom {
    pub(super) fn empty(url: Url) -> Self {
        Self { url, title: String::new(), nodes: Vec::new(), focus: None }
    }

    pub(super) fn of(page: &Page, url: Url, server: &Server) -> Self {
        let mut dom = Self { title: page.title.clone(), ..Self::empty(url) };
        for element in &page.elements {
            dom.insert(element, None, server);
        }
        dom
    }

    /// Puts an element with what is in it at the end of its parent, placeholders filled in.
    pub(super) fn insert(&mut self, element: &Element, parent: Option<Ix>, server: &Server) {
        if let Some((kind, key)) = &element.once_posted
            && server.witness.count(kind, &self.filled(key, server)) == 0
        {
            return;
        }
        let mut copy = Element { children: Vec::new(), ..element.clone() };
        copy.text = self.filled(&copy.text, server);
        copy.value = copy.value.map(|value| self.filled(&value, server));
        for value in copy.attributes.values_mut() {
            *value = self.filled(value, server);
        }
        let ix = self.nodes.len();
        self.nodes.push(Node {
            element: copy,
            parent,
            removed: false,
            shown_at: Instant::now(),
            secret: false,
        });
        for child in &element.children {
            self.insert(child, Some(ix), server);
        }
    }

    /// The text with its placeholders filled in.
    pub(super) fn filled(&self, text: &str, server: &Server) -> String {
        static PLACEHOLDER: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"\{(value|query|posted):([^}]*)\}").expect("the pattern is sound"));
        let fill = |captures: &Captures<'_>| match &captures[1] {
            "value" => self.control(&captures[2]),
            "query" => {
                let name = &captures[2];
                self.url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
            }
            _ => Some(server.witness.total(&captures[2]).to_string()),
        };
        PLACEHOLDER
            .replace_all(text, |captures: &Captures<'_>| fill(captures).unwrap_or_default())
            .into_owned()
    }

    /// The value of the form control with this label.
    fn control(&self, label: &str) -> Option<String> {
        let labelled = |ix: &Ix| self.nodes[*ix].element.label.as_deref() == Some(label);
        let node = &self.nodes[(0..self.nodes.len()).filter(labelled).find(|&ix| self.attached(ix))?];
        node.element.checked.map(|checked| checked.to_string()).or_else(|| node.element.value.clone())
    }

    /// Whether a node is on the page now.
    pub(super) fn attached(&self, ix: Ix) -> bool {
        let node = &self.nodes[ix];
        let come = node.element.appears_after.is_none_or(|wait| node.shown_at.elapsed() >= wait);
        !node.removed && come && node.parent.is_none_or(|parent| self.attached(parent))
    }

    /// Whether a node can be seen now.
    pub(super) fn visible(&self, ix: Ix) -> bool {
        let node = &self.nodes[ix];
        let parent = node.parent.is_none_or(|parent| self.visible(parent));
        self.attached(ix) && !node.element.hidden && parent
    }

    /// The uppermost element at a place that takes the mouse.
    pub(super) fn at(&self, x: f64, y: f64) -> Option<Ix> {
        let covers = |ix: &Ix| self.nodes[*ix].element.place.is_some_and(|place| place.covers(x, y));
        (0..self.nodes.len()).rev().filter(covers).find(|ix| self.visible(*ix)).filter(|ix| self.enabled(*ix))
    }

    /// Whether a node is usable: neither it nor what it stands in is disabled.
    pub(super) fn enabled(&self, ix: Ix) -> bool {
        let node = &self.nodes[ix];
        !node.element.disabled && node.parent.is_none_or(|parent| self.enabled(parent))
    }

    /// Whether `ix` stands somewhere in `ancestor`.
    pub(super) fn inside(&self, ix: Ix, ancestor: Ix) -> bool {
        self.nodes[ix].parent.is_some_and(|parent| parent == ancestor || self.inside(parent, ancestor))
    }

    /// The nodes right in `ix` that are on the page.
    pub(super) fn children(&self, ix: Ix) -> impl Iterator<Item = Ix> + '_ {
        (ix + 1..self.nodes.len())
            .filter(move |&child| self.nodes[child].parent == Some(ix) && self.attached(child))
    }

    /// The text of a node as rendered: without what cannot be seen, white space collapsed.
    pub(super) fn text(&self, ix: Ix) -> String {
        let mut parts = vec![self.nodes[ix].element.text.clone()];
        parts.extend(self.children(ix).filter(|&child| self.visible(child)).map(|child| self.text(child)));
        normalised(&parts.join(" "))
    }

    /// The accessible name of a node.
    pub(super) fn name(&self, ix: Ix) -> String {
        let element = &self.nodes[ix].element;
        element.name.clone().or_else(|| element.label.clone()).unwrap_or_else(|| self.text(ix))
    }
}

impl Node {
    /// The role: its own, or the one that its tag implies.
    pub(super) fn role(&self) -> Option<&str> {
        let element = &self.element;
        let implied = match element.tag.as_str() {
            "button" => "button",
            "a" => "link",
            "select" => "combobox",
            "textarea" => "textbox",
            "input" if element.checked.is_some() => "checkbox",
            "input" => "textbox",
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => "heading",
            "ul" | "ol" => "list",
            "li" => "listitem",
            "table" => "table",
            "tr" => "row",
            "td" => "cell",
            "dialog" => "dialog",
            "form" => "form",
            "img" => "img",
            _ => return element.role.as_deref(),
        };
        Some(element.role.as_deref().unwrap_or(implied))
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.element.attributes.get(name).map(String::as_str)
    }
}

/// A text with its white space collapsed and trimmed.
pub(super) fn normalised(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
