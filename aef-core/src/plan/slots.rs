//! The places of an action or a condition in which templates and expressions may stand, always in the same order:
//! what the compiler finds in the n-th place is rendered into the n-th place.

#![expect(clippy::wildcard_enum_match_arm, reason = "the kinds of actions are shown in two halves")]

use crate::document::{
    Action, ActionKind, Condition, CountTest, DragPoint, Extract, Field, Locator, NumberTest, OneOrMany,
    PageCondition, Scroll, Span, StringTest, Target, Templated, Text,
};

/// One place.
pub(crate) enum Slot<'a> {
    /// A text; what a template gives is made one.
    Text(&'a mut String),
    /// What is entered: the only place for secrets.
    Entered(&'a mut Text),
    /// JSON, with templates in its strings.
    Json(&'a mut serde_json::Value),
    /// One text or several; a template may give a list.
    Texts(&'a mut OneOrMany<String>),
    /// A condition's expression, which becomes a constant.
    Expression(&'a mut Condition),
    /// A number or duration, or a template of one.
    Typed(&'a mut dyn TypedSlot),
}

/// A [`Templated`] of any type.
pub(crate) trait TypedSlot {
    /// The template, where it is still one.
    fn template(&self) -> Option<&str>;
    /// Puts the value in; false where it has another type.
    fn set(&mut self, value: serde_json::Value) -> bool;
}

impl<T: serde::de::DeserializeOwned> TypedSlot for Templated<T> {
    fn template(&self) -> Option<&str> {
        match self {
            Self::Value(_) => None,
            Self::Template(template) => Some(template),
        }
    }

    fn set(&mut self, value: serde_json::Value) -> bool {
        // What a page or an input gives as a text may well be a number: "2" stands for 2.
        let parsed = match &value {
            serde_json::Value::String(text) => serde_json::from_str(text.trim()).ok(),
            serde_json::Value::Number(number) => {
                whole(number).and_then(|whole| serde_json::from_value(whole).ok())
            }
            _ => None,
        };
        match parsed.or_else(|| serde_json::from_value(value).ok()) {
            Some(value) => {
                *self = Self::Value(value);
                true
            }
            None => false,
        }
    }
}

/// A whole number that is written as a float, as an integer.
fn whole(number: &serde_json::Number) -> Option<serde_json::Value> {
    let float =
        number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15)?;
    Some(serde_json::Value::from(float as i64))
}

/// Is shown the places, and the way to each.
pub(crate) trait Visitor {
    /// What stops a visit.
    type Error;
    /// Shows a place.
    fn slot(&mut self, slot: Slot<'_>) -> Result<(), Self::Error>;
    /// Goes into a field.
    fn enter(&mut self, _key: Key) {}
    /// Comes back out.
    fn leave(&mut self) {}
}

/// A field or an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key {
    Field(&'static str),
    Name(String),
    Item(usize),
}

macro_rules! at {
    ($visitor:ident, $key:literal, $visit:expr) => {{
        $visitor.enter(Key::Field($key));
        $visit?;
        $visitor.leave();
    }};
}

macro_rules! optional {
    ($visitor:ident, $($key:literal: $field:expr => $with:expr),+ $(,)?) => {$(
        if let Some(field) = $field.as_mut() {
            at!($visitor, $key, $with($visitor, field));
        }
    )+};
}

fn text<V: Visitor>(visitor: &mut V, text: &mut String) -> Result<(), V::Error> {
    visitor.slot(Slot::Text(text))
}

fn json<V: Visitor>(visitor: &mut V, value: &mut serde_json::Value) -> Result<(), V::Error> {
    visitor.slot(Slot::Json(value))
}

fn texts<V: Visitor>(visitor: &mut V, value: &mut OneOrMany<String>) -> Result<(), V::Error> {
    visitor.slot(Slot::Texts(value))
}

fn typed<V: Visitor, T: serde::de::DeserializeOwned>(
    visitor: &mut V,
    value: &mut Templated<T>,
) -> Result<(), V::Error> {
    visitor.slot(Slot::Typed(value))
}

fn items<V: Visitor, T>(
    visitor: &mut V,
    items: &mut [T],
    visit: impl Fn(&mut V, &mut T) -> Result<(), V::Error>,
) -> Result<(), V::Error> {
    for (index, item) in items.iter_mut().enumerate() {
        visitor.enter(Key::Item(index));
        visit(visitor, item)?;
        visitor.leave();
    }
    Ok(())
}

fn one_or_many<V: Visitor, T>(
    visitor: &mut V,
    value: &mut OneOrMany<T>,
    visit: impl Fn(&mut V, &mut T) -> Result<(), V::Error>,
) -> Result<(), V::Error> {
    match value {
        OneOrMany::One(one) => visit(visitor, one),
        OneOrMany::Many(many) => items(visitor, many, visit),
    }
}

fn target<V: Visitor>(visitor: &mut V, target: &mut Target) -> Result<(), V::Error> {
    one_or_many(visitor, target, locator)
}

fn locator<V: Visitor>(visitor: &mut V, locator: &mut Locator) -> Result<(), V::Error> {
    optional!(visitor,
        "testId": locator.test_id => text,
        "role": locator.role => text,
        "name": locator.name => text,
        "label": locator.label => text,
        "placeholder": locator.placeholder => text,
        "altText": locator.alt_text => text,
        "title": locator.title => text,
        "text": locator.text => text,
        "css": locator.css => text,
        "xpath": locator.xpath => text,
        "hasText": locator.has_text => text,
        "nth": locator.nth => typed,
    );
    if let Some(within) = locator.within.as_deref_mut() {
        at!(visitor, "within", target(visitor, within));
    }
    if let Some(frame) = locator.frame.as_deref_mut() {
        at!(visitor, "frame", target(visitor, frame));
    }
    Ok(())
}

pub(crate) fn condition<V: Visitor>(visitor: &mut V, condition: &mut Condition) -> Result<(), V::Error> {
    match condition {
        Condition::Expression(_) => visitor.slot(Slot::Expression(condition)),
        Condition::Constant(_) => Ok(()),
        Condition::Page(page) => page_condition(visitor, page),
    }
}

fn conditions<V: Visitor>(visitor: &mut V, list: &mut [Condition]) -> Result<(), V::Error> {
    items(visitor, list, condition)
}

fn page_condition<V: Visitor>(visitor: &mut V, page: &mut PageCondition) -> Result<(), V::Error> {
    optional!(visitor,
        "visible": page.visible => target,
        "hidden": page.hidden => target,
        "enabled": page.enabled => target,
        "disabled": page.disabled => target,
        "checked": page.checked => target,
        "editable": page.editable => target,
    );
    for (key, test) in [("text", &mut page.text), ("value", &mut page.value)] {
        if let Some(test) = test {
            visitor.enter(Key::Field(key));
            at!(visitor, "target", target(visitor, &mut test.target));
            optional!(visitor, "equals": test.equals => json, "contains": test.contains => json,
                "matches": test.matches => text);
            visitor.leave();
        }
    }
    if let Some(test) = &mut page.attribute {
        visitor.enter(Key::Field("attribute"));
        at!(visitor, "target", target(visitor, &mut test.target));
        at!(visitor, "name", text(visitor, &mut test.name));
        optional!(visitor, "equals": test.equals => json, "contains": test.contains => json,
            "matches": test.matches => text);
        visitor.leave();
    }
    optional!(visitor,
        "count": page.count => count_test,
        "number": page.number => number_test,
        "url": page.url => string_test,
        "title": page.title => string_test,
        "all": page.all => conditions,
        "any": page.any => conditions,
    );
    if let Some(not) = page.not.as_deref_mut() {
        at!(visitor, "not", condition(visitor, not));
    }
    Ok(())
}

fn count_test<V: Visitor>(visitor: &mut V, test: &mut CountTest) -> Result<(), V::Error> {
    at!(visitor, "target", target(visitor, &mut test.target));
    optional!(visitor, "equals": test.equals => typed, "atLeast": test.at_least => typed,
        "atMost": test.at_most => typed);
    Ok(())
}

fn number_test<V: Visitor>(visitor: &mut V, test: &mut NumberTest) -> Result<(), V::Error> {
    at!(visitor, "target", target(visitor, &mut test.target));
    optional!(visitor,
        "equals": test.equals => typed,
        "lessThan": test.less_than => typed,
        "atMost": test.at_most => typed,
        "atLeast": test.at_least => typed,
        "greaterThan": test.greater_than => typed,
    );
    Ok(())
}

fn string_test<V: Visitor>(visitor: &mut V, test: &mut StringTest) -> Result<(), V::Error> {
    optional!(visitor,
        "equals": test.equals => text,
        "contains": test.contains => text,
        "starts_with": test.starts_with => text,
        "ends_with": test.ends_with => text,
        "matches": test.matches => text,
    );
    Ok(())
}

/// Shows the places of an action.
pub(crate) fn action<V: Visitor>(visitor: &mut V, action: &mut Action) -> Result<(), V::Error> {
    if let Some(description) = &mut action.description {
        at!(visitor, "description", text(visitor, description));
    }
    match &mut action.kind {
        ActionKind::Navigate(navigate) => at!(visitor, "url", text(visitor, &mut navigate.url)),
        ActionKind::Back(_) | ActionKind::Forward(_) | ActionKind::Reload(_) => {}
        ActionKind::Click(click) => at!(visitor, "target", target(visitor, &mut click.target)),
        ActionKind::Hover(hover) => at!(visitor, "target", target(visitor, &mut hover.target)),
        ActionKind::Fill(fill) => {
            at!(visitor, "target", target(visitor, &mut fill.target));
            at!(visitor, "value", visitor.slot(Slot::Entered(&mut fill.value)));
        }
        ActionKind::Type(typed) => {
            at!(visitor, "target", target(visitor, &mut typed.target));
            at!(visitor, "value", visitor.slot(Slot::Entered(&mut typed.value)));
        }
        ActionKind::Clear(on) | ActionKind::Check(on) | ActionKind::Uncheck(on) => {
            at!(visitor, "target", target(visitor, &mut on.target));
        }
        ActionKind::Press(press) => {
            at!(visitor, "keys", text(visitor, &mut press.keys));
            optional!(visitor, "target": press.target => target);
        }
        ActionKind::Select(select) => {
            at!(visitor, "target", target(visitor, &mut select.target));
            optional!(visitor, "value": select.value => texts, "label": select.label => texts);
            if let Some(index) = &mut select.index {
                at!(visitor, "index", one_or_many(visitor, index, typed));
            }
        }
        ActionKind::Scroll(scroll) => scroll_slots(visitor, scroll)?,
        ActionKind::WaitFor(wait) => {
            optional!(visitor, "condition": wait.condition => condition);
            if let Some(duration) = &mut wait.duration {
                at!(visitor, "duration", typed::<V, Span>(visitor, duration));
            }
        }
        ActionKind::Extract(extract) => extract_slots(visitor, extract)?,
        ActionKind::Verify(verify) => at!(visitor, "conditions", conditions(visitor, &mut verify.conditions)),
        _ => return other_action(visitor, &mut action.kind),
    }
    Ok(())
}

fn other_action<V: Visitor>(visitor: &mut V, kind: &mut ActionKind) -> Result<(), V::Error> {
    match kind {
        ActionKind::Screenshot(screenshot) => {
            optional!(visitor, "target": screenshot.target => target);
            at!(visitor, "mask", items(visitor, &mut screenshot.mask, target));
        }
        ActionKind::Upload(upload) => {
            at!(visitor, "target", target(visitor, &mut upload.target));
            at!(visitor, "files", one_or_many(visitor, &mut upload.files, json));
        }
        ActionKind::Download(download) => {
            if let Some(click) = &mut download.click {
                visitor.enter(Key::Field("click"));
                at!(visitor, "target", target(visitor, &mut click.target));
                visitor.leave();
            }
            if let Some(navigate) = &mut download.navigate {
                visitor.enter(Key::Field("navigate"));
                at!(visitor, "url", text(visitor, &mut navigate.url));
                visitor.leave();
            }
        }
        ActionKind::Drag(drag) => {
            at!(visitor, "from", drag_point(visitor, &mut drag.from));
            at!(visitor, "to", drag_point(visitor, &mut drag.to));
            at!(visitor, "via", items(visitor, &mut drag.via, drag_point));
        }
        ActionKind::SelectText(select) => {
            at!(visitor, "target", target(visitor, &mut select.target));
            optional!(visitor, "text": select.text => text);
        }
        ActionKind::Tab(tab) => {
            if let Some(open) = &mut tab.open {
                visitor.enter(Key::Field("open"));
                at!(visitor, "url", text(visitor, &mut open.url));
                visitor.leave();
            }
        }
        ActionKind::Dialog(dialog) => optional!(visitor, "answer": dialog.answer => text),
        ActionKind::Evaluate(evaluate) => {
            for (name, argument) in &mut evaluate.args {
                visitor.enter(Key::Field("args"));
                visitor.enter(Key::Name(name.clone()));
                json(visitor, argument)?;
                visitor.leave();
                visitor.leave();
            }
        }
        ActionKind::Act(act) => at!(visitor, "instruction", text(visitor, &mut act.instruction)),
        ActionKind::Custom(custom) => {
            for (name, argument) in &mut custom.with {
                visitor.enter(Key::Field("with"));
                visitor.enter(Key::Name(name.clone()));
                json(visitor, argument)?;
                visitor.leave();
                visitor.leave();
            }
        }
        // `set` holds expressions, which are compiled apart; the rest is shown by `action`.
        _ => {}
    }
    Ok(())
}

fn scroll_slots<V: Visitor>(visitor: &mut V, scroll: &mut Scroll) -> Result<(), V::Error> {
    optional!(visitor, "target": scroll.target => target, "until": scroll.until => condition);
    Ok(())
}

fn extract_slots<V: Visitor>(visitor: &mut V, extract: &mut Extract) -> Result<(), V::Error> {
    optional!(visitor, "target": extract.target => target, "attribute": extract.attribute => text,
        "list": extract.list => locator);
    for (name, field) in &mut extract.fields {
        visitor.enter(Key::Field("fields"));
        visitor.enter(Key::Name(name.clone()));
        field_slots(visitor, field)?;
        visitor.leave();
        visitor.leave();
    }
    Ok(())
}

fn field_slots<V: Visitor>(visitor: &mut V, field: &mut Field) -> Result<(), V::Error> {
    optional!(visitor, "locator": field.locator => target, "attribute": field.attribute => text);
    locator(visitor, &mut field.inline)
}

fn drag_point<V: Visitor>(visitor: &mut V, point: &mut DragPoint) -> Result<(), V::Error> {
    match point {
        DragPoint::Offset { target: place, .. } => {
            at!(visitor, "target", target(visitor, place));
            Ok(())
        }
        DragPoint::Target(place) => target(visitor, place),
    }
}
