//! Verbs of the pointer: click, hover, drag; and those that mean a click.

use super::element::{Element, Noun};
use super::words::Words;
use super::{Clause, Outcome, UnreadReason};
use crate::document::{ActionKind, Click, Drag, DragPoint, Hover, MouseButton, Target};

/// Reads a clause that begins with one of these verbs.
pub(super) fn read(mut words: Words<'_, '_>) -> Outcome {
    if words.any(&["double-click", "double click", "doubleclick"]) {
        return Some(clicked(words, Some(2), None));
    }
    if words.any(&["right-click", "right click"]) {
        return Some(clicked(words, None, Some(MouseButton::Right)));
    }
    if words.any(&["click", "tap"]) {
        return Some(clicked(words, None, None));
    }
    if words.any(&[
        "hover over",
        "hover on",
        "hover",
        "move the mouse over",
        "move the pointer over",
        "point at",
    ]) {
        return Some(hover(words).ok_or(UnreadReason::Object));
    }
    if words.phrase("drag") {
        return Some(drag(words).ok_or(UnreadReason::Object));
    }
    // What is pressed or chosen without being clicked must be said to be something that one clicks.
    let nouns: &[Noun] = match () {
        () if words.any(&["press", "hit", "push"]) => &[Noun::Button, Noun::Icon, Noun::Link],
        () if words.any(&["select", "choose", "pick", "open", "switch to", "follow", "go to"]) => {
            &[Noun::Tab, Noun::Link, Noun::MenuItem]
        }
        () => return None,
    };
    let element =
        Element::whole(words).filter(|element| element.noun().is_some_and(|noun| nouns.contains(&noun)));
    Some(element.map(|element| click(&element, None, None)).ok_or(UnreadReason::Object))
}

fn clicked(
    mut words: Words<'_, '_>,
    count: Option<u8>,
    button: Option<MouseButton>,
) -> Result<Clause, UnreadReason> {
    words.phrase("on");
    let element = Element::whole(words).filter(|element| element.noun().is_none_or(Noun::is_clickable));
    element.map(|element| click(&element, count, button)).ok_or(UnreadReason::Object)
}

fn click(element: &Element, count: Option<u8>, button: Option<MouseButton>) -> Clause {
    let click = Click {
        target: element.target(),
        button,
        count,
        modifiers: Vec::new(),
        position: None,
        force: false,
        wait_until: None,
    };
    Clause::new(ActionKind::Click(click), element.sure())
}

fn hover(words: Words<'_, '_>) -> Option<Clause> {
    let element = Element::whole(words)?;
    let hover = Hover { target: element.target(), modifiers: Vec::new(), position: None, force: false };
    Some(Clause::new(ActionKind::Hover(hover), element.sure()))
}

/// `'Nova' onto 'Done'`: cards and columns are named by their texts.
fn drag(words: Words<'_, '_>) -> Option<Clause> {
    let (from, to) = words.split(&["onto", "on to", "to", "into"])?;
    let (from, to) = (Element::whole(from)?, Element::whole(to)?);
    let sure = from.sure().min(to.sure());
    let end = |element: &Element| -> DragPoint {
        let target: Target = element.seen();
        DragPoint::Target(target)
    };
    let drag = Drag { from: end(&from), to: end(&to), via: Vec::new(), moves: None };
    Some(Clause::new(ActionKind::Drag(drag), sure))
}
