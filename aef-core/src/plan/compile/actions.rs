//! Each action of a document becomes an action of the plan.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a check of a few kinds of actions lets all others through"
)]

use std::sync::Arc;

use super::super::rendered::Holes;
use super::super::{PlanAction, Settings};
use super::{Compiler, lint, pointer};
use crate::document::{Action, ActionKind, Diagnostic, Risk, Step, StepKind, Templated};

/// Whether an action sends what others have filled in.
pub(super) const fn submits(kind: &ActionKind) -> bool {
    matches!(kind, ActionKind::Click(_) | ActionKind::Press(_) | ActionKind::Type(_) | ActionKind::Upload(_))
}

impl Compiler<'_> {
    /// The risk of a step that names none: the highest of its actions.
    pub(super) fn derived_risk(&self, step: &Step) -> Risk {
        let StepKind::Task(task) = &step.kind else { return Risk::Read };
        let of = |action: &Action| match &action.kind {
            ActionKind::Custom(custom) => {
                self.options.actions.get(&custom.name).map_or(Risk::Write, |spec| spec.risk)
            }
            kind if action.repeatable == Some(true) && kind.repeatable() => Risk::Read,
            kind => kind.risk(),
        };
        task.actions.iter().map(of).max().unwrap_or_default()
    }

    /// Compiles an action; `writes` says that filling in is the write of its step.
    pub(super) fn action(
        &mut self,
        action: &Action,
        step: &Step,
        writes: bool,
        settings: &Settings,
        at: &str,
    ) -> PlanAction {
        let kind = &action.kind;
        let filters = &self.options.filters;
        let (holes, errors) = Holes::of_action(action, filters);
        for error in &errors {
            self.expression_error(error, at);
        }
        lint::holes(&holes, filters, at, &mut self.found);
        self.check_action(action, at);
        let by_kind = match kind {
            ActionKind::Custom(custom) => {
                self.options.actions.get(&custom.name).is_some_and(|spec| spec.repeatable)
            }
            kind => kind.repeatable() && !(writes && kind.fills()),
        };
        let own = action.repeatable.or(step.common.repeatable);
        PlanAction {
            source: Arc::new(action.clone()),
            holes,
            set: match kind {
                ActionKind::Set(set) => self.expressions(&set.vars, &pointer(at, "vars")),
                _ => Vec::new(),
            },
            conditions: self.action_conditions(kind, at),
            repeatable: own.unwrap_or(by_kind),
            never_again: own == Some(false),
            timeout: action.timeout.map_or(settings.action_timeout, |span| span.0),
            schema: match kind {
                ActionKind::Extract(extract) => self.form(extract.schema.as_ref(), &pointer(at, "schema")),
                _ => None,
            },
        }
    }

    fn action_conditions(&mut self, kind: &ActionKind, at: &str) -> Vec<super::super::PlanCondition> {
        // What is wrong with them has been told with the action; here they are only parsed again.
        let told = self.found.len();
        let conditions = match kind {
            ActionKind::Verify(verify) => self.conditions(&verify.conditions, &pointer(at, "conditions")),
            ActionKind::WaitFor(wait) => wait
                .condition
                .iter()
                .map(|condition| self.condition(condition, &pointer(at, "condition")))
                .collect(),
            ActionKind::Scroll(scroll) => scroll
                .until
                .iter()
                .map(|condition| self.condition(condition, &pointer(at, "until")))
                .collect(),
            _ => Vec::new(),
        };
        self.found.truncate(told);
        conditions
    }

    fn check_action(&mut self, action: &Action, at: &str) {
        self.check_action_locators(action, at);
        if let Some(name) = action.kind.variable() {
            self.check_variable(name, &pointer(at, "as"));
        }
        match &action.kind {
            ActionKind::Navigate(navigate) => self.check_url(&navigate.url, &pointer(at, "url")),
            ActionKind::Tab(tab) => {
                let given = [tab.open.is_some(), tab.switch.is_some(), tab.close.is_some()];
                self.exactly_one(&given, "`open`, `switch` and `close`", at);
                if let Some(open) = &tab.open {
                    self.check_url(&open.url, &format!("{at}/open/url"));
                }
            }
            ActionKind::Download(download) => {
                let given = [download.click.is_some(), download.navigate.is_some()];
                self.exactly_one(&given, "`click` and `navigate`", at);
                if let Some(navigate) = &download.navigate {
                    self.check_url(&navigate.url, &format!("{at}/navigate/url"));
                }
            }
            ActionKind::Select(select) => {
                let given = [select.value.is_some(), select.label.is_some(), select.index.is_some()];
                self.exactly_one(&given, "`value`, `label` and `index`", at);
            }
            ActionKind::WaitFor(wait) => {
                let given = [wait.condition.is_some(), wait.load.is_some(), wait.duration.is_some()];
                self.exactly_one(&given, "`condition`, `load` and `duration`", at);
                if matches!(wait.duration, Some(Templated::Value(_) | Templated::Template(_))) {
                    let message = "a fixed time is too short on a bad day and too long on a good one";
                    let found = Diagnostic::warning("fixed_wait", pointer(at, "duration"), message);
                    self.found.push(found.with_help("wait for a condition: { visible: { … } }"));
                }
            }
            ActionKind::Dialog(dialog) => {
                let given = [dialog.accept.is_some(), dialog.dismiss.is_some(), dialog.answer.is_some()];
                self.exactly_one(&given, "`accept`, `dismiss` and `answer`", at);
            }
            ActionKind::Extract(extract) => self.check_extract(extract, at),
            ActionKind::Custom(custom) => self.check_custom(custom, at),
            ActionKind::Click(click) if click.count == Some(0) => {
                self.error("invalid_value", &pointer(at, "count"), "at least one click");
            }
            ActionKind::Verify(verify) if verify.conditions.is_empty() => {
                self.error("invalid_condition", &pointer(at, "conditions"), "there is nothing to verify");
            }
            _ => {}
        }
    }

    fn check_extract(&mut self, extract: &crate::document::Extract, at: &str) {
        let listed = extract.list.is_some();
        let shape = (extract.target.is_some(), listed, !extract.fields.is_empty());
        if !matches!(shape, (true, false, false) | (false, false, true) | (false, true, true)) {
            let message = "`extract` has a `target`, or `fields`, or a `list` with `fields`";
            self.error("invalid_condition", at, message);
        }
        if (extract.min_items.is_some() || extract.max_items.is_some()) && !listed {
            self.error("invalid_condition", at, "`minItems` and `maxItems` belong to a `list`");
        }
        let by_attribute = extract.read == Some(crate::document::Read::Attribute);
        if by_attribute != extract.attribute.is_some() && (by_attribute || extract.read.is_some()) {
            self.error("invalid_condition", at, "`attribute` and `read: attribute` belong together");
        }
    }

    fn check_custom(&mut self, custom: &crate::document::CustomAction, at: &str) {
        let options = self.options;
        let Some(spec) = options.actions.get(&custom.name) else {
            let message = format!("the host has no action `{}`", custom.name);
            let mut found = Diagnostic::error("unknown_action", pointer(at, "action"), message);
            let known = options.actions.keys().map(String::as_str);
            if let Some(near) = crate::document::nearest(&custom.name, known) {
                found = found.with_help(format!("did you mean `{near}`?"));
            }
            self.found.push(found);
            return;
        };
        let with = serde_json::Value::Object(custom.with.clone());
        let constant = super::super::JsonTemplate::parse_with(&with, &options.filters)
            .is_ok_and(|template| template.is_constant());
        if let (Some(schema), true) = (&spec.input, constant) {
            let at = pointer(at, "with");
            match super::super::inputs::validate(schema, &with, &at) {
                Ok(found) => self.found.extend(found),
                Err(message) => self.error("invalid_schema", &at, message),
            }
        }
    }

    fn exactly_one(&mut self, given: &[bool], names: &str, at: &str) {
        if given.iter().filter(|given| **given).count() != 1 {
            self.error("invalid_condition", at, format!("exactly one of {names} is given"));
        }
    }
}
