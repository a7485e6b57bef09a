//! Verbs that lead somewhere: go to, open, reload, scroll, switch back.

use super::element::Element;
use super::tokens::Kind;
use super::words::Words;
use super::{Clause, Outcome, UnreadReason};
use crate::document::{
    ActionKind, Condition, History, Navigate, PageCondition, Scroll, ScrollEdge, ScrollTo, Tab, TabOpen,
};

/// How sure an address is that stands in the text.
const ADDRESS: u8 = 95;

/// How sure an address is that a template gives.
const TEMPLATE: u8 = 85;

/// Reads a clause that begins with one of these verbs.
pub(super) fn read(mut words: Words<'_, '_>) -> Outcome {
    if words.any(&["go back", "navigate back", "return"]) {
        return Some(back(words));
    }
    if words.any(&["go forward", "navigate forward"]) {
        let forward = ActionKind::Forward(History::default());
        return Some(words.is_empty().then(|| Clause::new(forward, ADDRESS)).ok_or(UnreadReason::Object));
    }
    if words.any(&["reload", "refresh"]) {
        words.article();
        let named = words.any(&["page", "browser page", "web page", "browser", "current page"]);
        let reload = ActionKind::Reload(History::default());
        return Some(
            (named && words.is_empty()).then(|| Clause::new(reload, ADDRESS)).ok_or(UnreadReason::Object),
        );
    }
    if words.phrase("scroll") {
        return Some(scroll(words).ok_or(UnreadReason::Object));
    }
    let leads = [
        "go to",
        "navigate to",
        "navigate the browser to",
        "browse to",
        "head to",
        "head over to",
        "visit",
        "load",
        "open up",
        "point the browser to",
        "direct the browser to",
    ];
    let is_certain = words.any(&leads);
    if !is_certain && !words.phrase("open") {
        return None;
    }
    address(words, is_certain)
}

fn back(mut words: Words<'_, '_>) -> Result<Clause, UnreadReason> {
    words.phrase("to");
    words.article();
    words.any(&["previous page", "last page", "page before", "one page"]);
    let back = ActionKind::Back(History::default());
    words.is_empty().then(|| Clause::new(back, ADDRESS)).ok_or(UnreadReason::Object)
}

/// `open` opens much that has no address; of that, other verbs know.
fn address(mut words: Words<'_, '_>, is_certain: bool) -> Outcome {
    words.article();
    let told = words.any(&[
        "web page at",
        "page at",
        "website at",
        "site at",
        "address",
        "url",
        "website",
        "web page",
        "page",
        "site",
        "link",
    ]);
    words.of(&[Kind::Colon]);
    let Some(token) = words.of(&[Kind::Address, Kind::Template, Kind::Quoted]) else {
        return is_certain.then_some(Err(UnreadReason::Object));
    };
    let is_template = token.kind == Kind::Template || token.text.starts_with("{{");
    let sure = if is_template { TEMPLATE } else { ADDRESS };
    // “Open {{record}}” opens a record; a template is an address where the words or its own name say so.
    let is_address = if token.kind == Kind::Template {
        told || names_address(token.text)
    } else {
        is_web(token.text) || (token.text.starts_with("{{") && token.text.contains("}}/"))
    };
    if !is_address {
        return is_certain.then_some(Err(UnreadReason::Object));
    }
    let new_tab = words.any(&["in a new tab", "in another tab", "in a new browser tab"]);
    words.any(&["in the browser", "in your browser", "in a browser", "in the web browser", "page"]);
    if !words.is_empty() {
        return Some(Err(UnreadReason::Object));
    }
    if has_password(token.text) {
        return Some(Err(UnreadReason::Password));
    }
    let url = token.text.to_owned();
    let action = if new_tab {
        ActionKind::Tab(Tab { open: Some(TabOpen { url, name: None }), ..Tab::default() })
    } else {
        ActionKind::Navigate(Navigate { url, wait_until: None, allow_status: Vec::new() })
    };
    Some(Ok(Clause::new(action, sure)))
}

/// Whether the name in a template says that it is an address.
pub(crate) fn names_address(template: &str) -> bool {
    let name = template.to_lowercase();
    ["url", "uri", "link", "address", "href", "website", "site"].iter().any(|word| name.contains(word))
}

fn is_web(text: &str) -> bool {
    // A host may be a template, which no parser of addresses takes.
    let lower = text.to_lowercase();
    let rest = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://"));
    rest.is_some_and(|host| host.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '[' | '{')))
}

/// `https://user:password@host`.
fn has_password(url: &str) -> bool {
    let after = url.split_once("://").map_or(url, |(_, rest)| rest);
    after.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@'))
}

fn scroll(words: Words<'_, '_>) -> Option<Clause> {
    const SURE: u8 = 90;
    let mut down = words;
    down.any(&["down", "up", "all the way", "all the way down", "all the way up"]);
    if let Some(until) = down.rest().first().filter(|token| token.is("until")).map(|_| {
        let mut rest = down;
        rest.skip(1);
        rest
    }) {
        let condition = until.before(&super::looking::SHOWN)?;
        let element = Element::whole(condition)?;
        let visible = PageCondition { visible: Some(element.seen()), ..PageCondition::default() };
        let scroll =
            Scroll { target: None, to: None, until: Some(Condition::Page(Box::new(visible))), max: None };
        return Some(Clause::new(ActionKind::Scroll(scroll), element.sure()));
    }
    let mut edge = down;
    edge.phrase("to");
    edge.article();
    let place = match () {
        () if edge.any(&["bottom", "end"]) => Some(ScrollEdge::Bottom),
        () if edge.any(&["top", "beginning"]) => Some(ScrollEdge::Top),
        () => None,
    };
    if let Some(place) = place {
        edge.any(&["of the page", "of this page", "of the screen"]);
        let scroll = Scroll { target: None, to: Some(ScrollTo::Edge(place)), until: None, max: None };
        return edge.is_empty().then(|| Clause::new(ActionKind::Scroll(scroll), SURE));
    }
    let mut to = down;
    let element =
        if to.phrase("to") { Element::whole(to)? } else { Element::whole(words.before(&["into view"])?)? };
    let scroll = Scroll { target: Some(element.target()), to: None, until: None, max: None };
    Some(Clause::new(ActionKind::Scroll(scroll), element.sure()))
}
