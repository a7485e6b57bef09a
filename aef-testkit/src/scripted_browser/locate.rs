//! Finding elements by locators.

use aef_core::document::{Fingerprint, Locator, Target, Templated};
use aef_core::recovery::{ErrorKind, Failure};

use super::dom::{Dom, Ix, Node, normalised};

/// How many candidates an error names.
const CANDIDATES: usize = 10;

impl Dom {
    /// The one element that a target names, with the locator that found it.
    pub(super) fn one(&self, target: &Target, scope: Option<Ix>) -> Result<(Ix, String), Failure> {
        let mut ambiguous = None;
        for (rank, locator) in target.as_slice().iter().enumerate() {
            let matches = self.all(locator, scope)?;
            match matches.as_slice() {
                [] => {}
                [one] => {
                    if rank > 0 {
                        self.compare(target, *one)?;
                    }
                    return Ok((*one, locator.to_string()));
                }
                several => {
                    ambiguous.get_or_insert_with(|| self.ambiguous(locator, several));
                }
            }
        }
        Err(ambiguous.unwrap_or_else(|| {
            let wanted: Vec<_> = target.as_slice().iter().map(ToString::to_string).collect();
            Failure::new(ErrorKind::ElementNotFound, format!("no element matches {}", wanted.join(" or ")))
        }))
    }

    /// All elements that the first locator of a target names which names any.
    pub(super) fn any(&self, target: &Target, scope: Option<Ix>) -> Result<Vec<Ix>, Failure> {
        for locator in target.as_slice() {
            let matches = self.all(locator, scope)?;
            if !matches.is_empty() {
                return Ok(matches);
            }
        }
        Ok(Vec::new())
    }

    /// All elements that a locator names, in document order.
    pub(super) fn all(&self, locator: &Locator, scope: Option<Ix>) -> Result<Vec<Ix>, Failure> {
        if locator.frame.is_some() || locator.xpath.is_some() {
            return Err(Failure::new(ErrorKind::Internal, "scripted pages have neither frames nor XPath"));
        }
        let scope = match &locator.within {
            Some(within) => Some(self.one(within, scope)?.0),
            None => scope,
        };
        let contains = |ix: Ix, text: &str| folded(&self.text(ix)).contains(&folded(text));
        let mut matches: Vec<Ix> = (0..self.nodes.len())
            .filter(|&ix| self.attached(ix) && scope.is_none_or(|scope| self.inside(ix, scope)))
            .filter(|&ix| self.matches(locator, ix))
            .filter(|&ix| locator.has_text.as_ref().is_none_or(|text| contains(ix, text)))
            .filter(|&ix| locator.visible.is_none_or(|visible| self.visible(ix) == visible))
            .collect();
        let place = match &locator.nth {
            _ if locator.first => Some(0),
            _ if locator.last => Some(-1),
            Some(Templated::Value(nth)) => Some(*nth),
            Some(Templated::Template(template)) => {
                let message = format!("the locator still has a template: {template}");
                return Err(Failure::new(ErrorKind::Internal, message));
            }
            None => None,
        };
        if let Some(place) = place {
            let count = i64::try_from(matches.len()).unwrap_or(i64::MAX);
            let place = if place < 0 { place + count } else { place };
            let found = usize::try_from(place).ok().and_then(|place| matches.get(place).copied());
            matches = found.into_iter().collect();
        }
        Ok(matches)
    }

    fn matches(&self, locator: &Locator, ix: Ix) -> bool {
        let node = &self.nodes[ix];
        let same = |actual: &str, wanted: &str| same_text(actual, wanted, locator.exact);
        let attribute =
            |name: &str, wanted: &str| node.attribute(name).is_some_and(|actual| same(actual, wanted));
        let Some((strategy, wanted)) = locator.strategies().first().copied() else { return false };
        match strategy {
            "testId" => node.attribute("data-testid") == Some(wanted),
            "role" => {
                node.role() == Some(wanted)
                    && locator.name.as_ref().is_none_or(|name| same(&self.name(ix), name))
                    && (locator.visible.is_some() || self.visible(ix))
            }
            "label" => node.element.label.as_ref().is_some_and(|label| same(label, wanted)),
            "placeholder" => attribute("placeholder", wanted),
            "altText" => attribute("alt", wanted),
            "title" => attribute("title", wanted),
            "text" => {
                same(&self.text(ix), wanted)
                    && !self.children(ix).any(|child| same(&self.text(child), wanted))
            }
            _ => self.matches_css(wanted, ix),
        }
    }

    /// A comma-separated list of compound selectors with descendant combinators: `form.edit input[name=who]`.
    fn matches_css(&self, selector: &str, ix: Ix) -> bool {
        selector.split(',').any(|alternative| {
            let mut parts = alternative.split_whitespace().rev();
            let Some(own) = parts.next() else { return false };
            if !compound(&self.nodes[ix], own) {
                return false;
            }
            let mut at = self.nodes[ix].parent;
            parts.all(|part| {
                while let Some(ancestor) = at {
                    at = self.nodes[ancestor].parent;
                    if compound(&self.nodes[ancestor], part) {
                        return true;
                    }
                }
                false
            })
        })
    }

    /// Refuses an element that was found by a lower-ranked locator and is not what was recorded.
    fn compare(&self, target: &Target, ix: Ix) -> Result<(), Failure> {
        let recorded = target.as_slice().iter().find_map(|locator| locator.fingerprint.as_ref());
        let Some(recorded) = recorded else { return Ok(()) };
        let actual = self.fingerprint(ix);
        let differs = |wanted: &Option<String>, actual: &Option<String>| wanted.is_some() && wanted != actual;
        if differs(&recorded.role, &actual.role)
            || differs(&recorded.name, &actual.name)
            || differs(&recorded.tag, &actual.tag)
        {
            let message = format!("{} is not the element that was recorded", self.describe(ix));
            return Err(Failure::new(ErrorKind::TargetChanged, message));
        }
        Ok(())
    }

    /// What tells a node from another one.
    pub(super) fn fingerprint(&self, ix: Ix) -> Fingerprint {
        let node = &self.nodes[ix];
        Fingerprint {
            role: node.role().map(str::to_owned),
            name: Some(normalised(&self.name(ix))),
            tag: Some(node.element.tag.clone()),
        }
    }

    /// A node in a few words.
    pub(super) fn describe(&self, ix: Ix) -> String {
        let node = &self.nodes[ix];
        format!("{} \"{}\"", node.role().unwrap_or(&node.element.tag), self.name(ix))
    }

    fn ambiguous(&self, locator: &Locator, matches: &[Ix]) -> Failure {
        let candidates: Vec<_> = matches.iter().take(CANDIDATES).map(|&ix| self.describe(ix)).collect();
        let message = format!("{} elements match {locator}: {}", matches.len(), candidates.join(", "));
        Failure::new(ErrorKind::Ambiguous, message)
    }
}

fn folded(text: &str) -> String {
    normalised(text).to_lowercase()
}

/// Compares as locators do: a case-insensitive substring, or with `exact` the whole text.
fn same_text(actual: &str, wanted: &str, exact: bool) -> bool {
    if exact { normalised(actual) == normalised(wanted) } else { folded(actual).contains(&folded(wanted)) }
}

/// Whether a node is what a compound selector says: `tag#id.class[attribute="value"]`.
fn compound(node: &Node, selector: &str) -> bool {
    let start = selector.find(['#', '.', '[']).unwrap_or(selector.len());
    let (tag, mut rest) = selector.split_at(start);
    if !(tag.is_empty() || tag == "*" || tag == node.element.tag) {
        return false;
    }
    while let Some(mark) = rest.chars().next() {
        let body = &rest[1..];
        let end = if mark == '[' { body.find(']') } else { body.find(['#', '.', '[']) };
        let end = end.unwrap_or(body.len());
        let part = &body[..end];
        let holds = match mark {
            '#' => node.attribute("id") == Some(part),
            '.' => node
                .attribute("class")
                .is_some_and(|classes| classes.split_whitespace().any(|class| class == part)),
            _ => match part.split_once('=') {
                Some((name, value)) => node.attribute(name) == Some(value.trim_matches(['"', '\''])),
                None => node.attribute(part).is_some(),
            },
        };
        if !holds {
            return false;
        }
        rest = body[end..].strip_prefix(']').unwrap_or(&body[end..]);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::super::element::Element;
    use super::super::site::{Page, ScriptedSite, Server};
    use super::*;
    use serde_json::json;

    fn page() -> Dom {
        let row = |id: &str, from: &str| {
            Element::new("li")
                .class("mail unread")
                .attribute("data-mail", id)
                .with(Element::new("b").class("from").text(from))
        };
        let page = Page::new("Inbox")
            .with(Element::new("ul").attribute("id", "inbox").with(row("m1", "Ann")).with(row("m2", "Bob")))
            .with(Element::button("Save"))
            .with(Element::button("Save as").hidden())
            .with(Element::field("Contact").attribute("placeholder", "Who?"));
        let url = "https://crm.test/inbox".parse().unwrap();
        Dom::of(&page, url, &Server::new(ScriptedSite::new("https://crm.test")))
    }

    fn found(locator: serde_json::Value) -> Result<String, ErrorKind> {
        let target: Target = serde_json::from_value(locator).unwrap();
        let page = page();
        page.one(&target, None).map(|(ix, _)| page.describe(ix)).map_err(|failure| failure.kind)
    }

    #[test]
    fn each_strategy_finds_its_element() {
        for locator in [
            json!({ "role": "textbox" }),
            json!({ "label": "contact" }),
            json!({ "placeholder": "who" }),
            json!({ "css": "input" }),
        ] {
            assert_eq!(found(locator.clone()), Ok("textbox \"Contact\"".to_owned()), "{locator}");
        }
        for locator in [
            json!({ "css": "#inbox .from", "first": true }),
            json!({ "css": "[data-mail=m1] b" }),
            json!({ "css": "b", "within": { "css": "li.unread[data-mail=\"m1\"]" } }),
            json!({ "text": "Ann" }),
            json!({ "css": "b", "nth": -2 }),
        ] {
            assert_eq!(found(locator.clone()), Ok("b \"Ann\"".to_owned()), "{locator}");
        }
    }

    #[test]
    fn targets_are_strict_and_ranked() {
        assert_eq!(found(json!({ "css": "li" })), Err(ErrorKind::Ambiguous));
        assert_eq!(found(json!({ "css": "li.read" })), Err(ErrorKind::ElementNotFound));
        assert_eq!(found(json!([{ "css": "li" }, { "role": "button" }])), Ok("button \"Save\"".to_owned()));
        let recorded = json!([{ "testId": "gone", "fingerprint": { "tag": "a" } }, { "role": "button" }]);
        assert_eq!(found(recorded), Err(ErrorKind::TargetChanged));
    }
}
