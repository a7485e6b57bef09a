//! Locators and conditions: exactly one of what excludes each other.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a check of a few kinds of actions lets all others through"
)]

use super::super::filters::compile_pattern;
use super::{Compiler, pointer};
use crate::document::{
    Action, ActionKind, Condition, Diagnostic, DragPoint, Locator, OneOrMany, PageCondition, StringTest,
    Target,
};

impl Compiler<'_> {
    pub(super) fn check_target(&mut self, target: &Target, at: &str) {
        match target {
            OneOrMany::One(locator) => self.check_locator(locator, at),
            OneOrMany::Many(ranked) => {
                if ranked.is_empty() {
                    self.error("invalid_locator", at, "the list of locators is empty");
                }
                for (index, locator) in ranked.iter().enumerate() {
                    self.check_locator(locator, &format!("{at}/{index}"));
                }
            }
        }
    }

    pub(super) fn check_locator(&mut self, locator: &Locator, at: &str) {
        let strategies = locator.strategies();
        let names =
            || strategies.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
        let message = match strategies.as_slice() {
            [] => Some("the locator says nothing to look for".to_owned()),
            [("role", _)] => None,
            [_] if locator.name.is_some() => Some("`name` belongs to `role`".to_owned()),
            [(_, "")] => Some("the locator is empty".to_owned()),
            [_] => None,
            _ => Some(format!("a locator has one of {}, not several", names())),
        };
        if let Some(message) = message {
            let found = Diagnostic::error("invalid_locator", at, message);
            self.found.push(found.with_help(
                "one of testId, role, label, placeholder, altText, title, text, css and xpath; `within` and `hasText` narrow it",
            ));
        }
        if [locator.nth.is_some(), locator.first, locator.last].iter().filter(|given| **given).count() > 1 {
            self.error("invalid_locator", at, "only one of `nth`, `first` and `last` is given");
        }
        if self.in_for_each && locator.nth.is_some() && locator.within.is_none() {
            let message = "rows move while a list is worked through, and `nth` then means another one";
            let found = Diagnostic::warning("nth_in_for_each", pointer(at, "nth"), message);
            self.found
                .push(found.with_help("name the row by what stands in it: { css: …, hasText: \"{{ … }}\" }"));
        }
        if let Some(within) = locator.within.as_deref() {
            self.check_target(within, &pointer(at, "within"));
        }
        if let Some(frame) = locator.frame.as_deref() {
            self.check_target(frame, &pointer(at, "frame"));
        }
    }

    pub(super) fn check_action_locators(&mut self, action: &Action, at: &str) {
        if let ActionKind::Press(press) = &action.kind
            && press.keys.trim().is_empty()
        {
            self.error("invalid_value", &pointer(at, "keys"), "no key is named");
        }
        if let ActionKind::Download(download) = &action.kind {
            if let Some(click) = &download.click {
                self.check_target(&click.target, &format!("{at}/click/target"));
            }
        } else if let Some(target) = action.kind.target() {
            self.check_target(target, &pointer(at, "target"));
        }
        match &action.kind {
            ActionKind::Scroll(scroll) => {
                if let Some(target) = &scroll.target {
                    self.check_target(target, &pointer(at, "target"));
                }
                if let Some(until) = &scroll.until {
                    self.check_condition(until, &pointer(at, "until"));
                }
            }
            ActionKind::WaitFor(wait) => {
                if let Some(condition) = &wait.condition {
                    self.check_condition(condition, &pointer(at, "condition"));
                }
            }
            ActionKind::Verify(verify) => {
                for (index, condition) in verify.conditions.iter().enumerate() {
                    self.check_condition(condition, &format!("{at}/conditions/{index}"));
                }
            }
            ActionKind::Extract(extract) => {
                if let Some(target) = &extract.target {
                    self.check_target(target, &pointer(at, "target"));
                }
                if let Some(list) = &extract.list {
                    self.check_locator(list, &pointer(at, "list"));
                }
                // The fields of a row are looked for in the row, where an `nth` stays true.
                let in_for_each = self.in_for_each;
                self.in_for_each &= extract.list.is_none();
                for (name, field) in &extract.fields {
                    if let Some(target) = field.target() {
                        self.check_target(&target, &pointer(&pointer(at, "fields"), name));
                    }
                }
                self.in_for_each = in_for_each;
            }
            ActionKind::Screenshot(screenshot) => {
                if let Some(target) = &screenshot.target {
                    self.check_target(target, &pointer(at, "target"));
                }
                for (index, target) in screenshot.mask.iter().enumerate() {
                    self.check_target(target, &format!("{at}/mask/{index}"));
                }
            }
            ActionKind::Drag(drag) => {
                self.check_drag_point(&drag.from, &pointer(at, "from"));
                self.check_drag_point(&drag.to, &pointer(at, "to"));
                for (index, point) in drag.via.iter().enumerate() {
                    self.check_drag_point(point, &format!("{at}/via/{index}"));
                }
            }
            _ => {}
        }
    }

    fn check_drag_point(&mut self, point: &DragPoint, at: &str) {
        match point {
            DragPoint::Offset { target, .. } => self.check_target(target, &pointer(at, "target")),
            DragPoint::Target(target) => self.check_target(target, at),
        }
    }

    pub(super) fn check_condition(&mut self, condition: &Condition, at: &str) {
        let Condition::Page(page) = condition else { return };
        let given = given(page);
        if given.len() != 1 {
            let message = match given.as_slice() {
                [] => "the condition asks for nothing".to_owned(),
                names => format!("a condition asks for one thing, not for {}", names.join(" and ")),
            };
            let found = Diagnostic::error("invalid_condition", at, message);
            self.found.push(found.with_help("put several in `all: [ … ]` or `any: [ … ]`"));
        }
        self.check_page(page, at);
    }

    fn check_page(&mut self, page: &PageCondition, at: &str) {
        let states = [
            ("visible", &page.visible),
            ("hidden", &page.hidden),
            ("enabled", &page.enabled),
            ("disabled", &page.disabled),
            ("checked", &page.checked),
            ("editable", &page.editable),
        ];
        for (key, target) in states {
            if let Some(target) = target {
                self.check_target(target, &pointer(at, key));
            }
        }
        for (key, test) in [("text", &page.text), ("value", &page.value)] {
            if let Some(test) = test {
                let at = pointer(at, key);
                self.check_target(&test.target, &pointer(&at, "target"));
                let given = [test.equals.is_some(), test.contains.is_some(), test.matches.is_some()];
                self.one_comparison(&given, "`equals`, `contains` and `matches`", &at);
                self.check_pattern(test.matches.as_deref(), &at);
            }
        }
        if let Some(test) = &page.attribute {
            let at = pointer(at, "attribute");
            self.check_target(&test.target, &pointer(&at, "target"));
            let given = [test.equals.is_some(), test.contains.is_some(), test.matches.is_some()];
            self.one_comparison(&given, "`equals`, `contains` and `matches`", &at);
            self.check_pattern(test.matches.as_deref(), &at);
        }
        if let Some(test) = &page.count {
            let at = pointer(at, "count");
            self.check_target(&test.target, &pointer(&at, "target"));
            if test.equals.is_none() && test.at_least.is_none() && test.at_most.is_none() {
                self.error("invalid_condition", &at, "one of `equals`, `atLeast` and `atMost` is given");
            }
        }
        if let Some(test) = &page.number {
            let at = pointer(at, "number");
            self.check_target(&test.target, &pointer(&at, "target"));
            let comparisons =
                [&test.equals, &test.less_than, &test.at_most, &test.at_least, &test.greater_than];
            if comparisons.iter().all(|comparison| comparison.is_none()) {
                let names = "`equals`, `lessThan`, `atMost`, `atLeast` and `greaterThan`";
                self.error("invalid_condition", &at, format!("one of {names} is given"));
            }
        }
        for (key, test) in [("url", &page.url), ("title", &page.title)] {
            if let Some(test) = test {
                self.check_string_test(test, &pointer(at, key));
            }
        }
        let lists = [("all", page.all.as_deref()), ("any", page.any.as_deref())];
        for (key, list) in lists {
            for (index, condition) in list.unwrap_or_default().iter().enumerate() {
                self.check_condition(condition, &format!("{at}/{key}/{index}"));
            }
        }
        if let Some(not) = page.not.as_deref() {
            self.check_condition(not, &pointer(at, "not"));
        }
    }

    fn check_string_test(&mut self, test: &StringTest, at: &str) {
        let given = [
            test.equals.is_some(),
            test.contains.is_some(),
            test.starts_with.is_some(),
            test.ends_with.is_some(),
            test.matches.is_some(),
        ];
        self.one_comparison(&given, "`equals`, `contains`, `starts_with`, `ends_with` and `matches`", at);
        self.check_pattern(test.matches.as_deref(), at);
    }

    fn one_comparison(&mut self, given: &[bool], names: &str, at: &str) {
        if given.iter().filter(|given| **given).count() != 1 {
            self.error("invalid_condition", at, format!("exactly one of {names} is given"));
        }
    }

    /// Patterns of conditions run in the page. What this crate's own syntax lacks of JavaScript's is let through.
    fn check_pattern(&mut self, pattern: Option<&str>, at: &str) {
        let Some(pattern) = pattern.filter(|pattern| !pattern.contains("{{")) else { return };
        if let Err(regex::Error::Syntax(message)) = compile_pattern(pattern)
            && !message.contains("look-around")
            && !message.contains("backreference")
            && !message.contains("escape sequence")
        {
            let reason = message.lines().last().unwrap_or_default().trim_start_matches("error: ");
            self.error("invalid_pattern", &pointer(at, "matches"), format!("no pattern: {reason}"));
        }
    }
}

/// What a condition asks for.
fn given(page: &PageCondition) -> Vec<&'static str> {
    [
        ("visible", page.visible.is_some()),
        ("hidden", page.hidden.is_some()),
        ("enabled", page.enabled.is_some()),
        ("disabled", page.disabled.is_some()),
        ("checked", page.checked.is_some()),
        ("editable", page.editable.is_some()),
        ("text", page.text.is_some()),
        ("value", page.value.is_some()),
        ("attribute", page.attribute.is_some()),
        ("count", page.count.is_some()),
        ("number", page.number.is_some()),
        ("url", page.url.is_some()),
        ("title", page.title.is_some()),
        ("all", page.all.is_some()),
        ("any", page.any.is_some()),
        ("not", page.not.is_some()),
    ]
    .into_iter()
    .filter_map(|(name, given)| given.then_some(name))
    .collect()
}
