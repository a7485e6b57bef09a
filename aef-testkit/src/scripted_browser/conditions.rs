//! Conditions, answered from the state of a page.

use aef_core::browser::ConditionResult;
use aef_core::document::{Condition, Expected, NumberTest, PageCondition, StringTest, Target, Templated};
use aef_core::recovery::{ErrorKind, Failure};
use regex::Regex;
use serde_json::Value;

use super::dom::{Dom, Ix, normalised};
use super::extract::first_number;

/// Whether it holds, and what was seen.
type Answer = Result<(bool, String), Failure>;

impl Dom {
    /// Answers a condition. One that cannot be read does not hold, and neither does a `not` around it.
    pub(super) fn answer(&self, condition: &Condition) -> ConditionResult {
        match self.condition(condition) {
            Ok((holds, detail)) => ConditionResult { holds, detail },
            Err(failure) => ConditionResult { holds: false, detail: failure.message },
        }
    }

    fn condition(&self, condition: &Condition) -> Answer {
        match condition {
            Condition::Constant(value) => Ok((*value, format!("it is {value}"))),
            Condition::Expression(text) => {
                Err(Failure::new(ErrorKind::Internal, format!("`{text}` was not evaluated before")))
            }
            Condition::Page(page) => self.page_condition(page),
        }
    }

    fn page_condition(&self, condition: &PageCondition) -> Answer {
        if let Some(all) = &condition.all {
            return self.several(all, false);
        }
        if let Some(any) = &condition.any {
            return self.several(any, true);
        }
        if let Some(not) = &condition.not {
            return self.condition(not).map(|(holds, detail)| (!holds, detail));
        }
        if let Some(test) = &condition.url {
            return compare_string(test, self.url.as_str(), "the address");
        }
        if let Some(test) = &condition.title {
            return compare_string(test, &self.title, "the title");
        }
        self.element_state(condition).unwrap_or_else(|| self.element_content(condition))
    }

    fn several(&self, conditions: &[Condition], enough: bool) -> Answer {
        let mut details = Vec::new();
        for condition in conditions {
            let (holds, detail) = self.condition(condition)?;
            if holds == enough {
                return Ok((enough, detail));
            }
            details.push(detail);
        }
        Ok((!enough, details.join("; ")))
    }

    fn element_state(&self, condition: &PageCondition) -> Option<Answer> {
        if let Some(target) = &condition.visible {
            return Some(self.is_visible(target).map(|visible| (visible, seen("visible", visible))));
        }
        if let Some(target) = &condition.hidden {
            return Some(self.is_visible(target).map(|visible| (!visible, seen("visible", visible))));
        }
        let state = |target: &Target, word: &str, wanted: bool, read: &dyn Fn(Ix) -> bool| {
            let (ix, _) = self.one(target, None)?;
            let actual = read(ix);
            Ok((actual == wanted, seen(word, actual)))
        };
        let checked = |ix: Ix| self.nodes[ix].element.checked == Some(true);
        let editable = |ix: Ix| self.enabled(ix) && !self.nodes[ix].element.read_only;
        if let Some(target) = &condition.enabled {
            return Some(state(target, "enabled", true, &|ix| self.enabled(ix)));
        }
        if let Some(target) = &condition.disabled {
            return Some(state(target, "enabled", false, &|ix| self.enabled(ix)));
        }
        if let Some(target) = &condition.checked {
            return Some(state(target, "checked", true, &checked));
        }
        condition.editable.as_ref().map(|target| state(target, "editable", true, &editable))
    }

    fn is_visible(&self, target: &Target) -> Result<bool, Failure> {
        match self.one(target, None) {
            Ok((ix, _)) => Ok(self.visible(ix)),
            Err(failure) if failure.kind == ErrorKind::ElementNotFound => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    fn element_content(&self, condition: &PageCondition) -> Answer {
        if let Some(test) = &condition.text {
            let (ix, _) = self.one(&test.target, None)?;
            return compare(&self.text(ix), (&test.equals, &test.contains, &test.matches), "text");
        }
        if let Some(test) = &condition.value {
            let (ix, _) = self.one(&test.target, None)?;
            let value = self.nodes[ix].element.value.clone().unwrap_or_default();
            let (holds, detail) = compare(&value, (&test.equals, &test.contains, &test.matches), "value")?;
            let detail = if self.nodes[ix].secret { "value was a secret".to_owned() } else { detail };
            return Ok((holds, detail));
        }
        if let Some(test) = &condition.attribute {
            let (ix, _) = self.one(&test.target, None)?;
            let Some(value) = self.nodes[ix].attribute(&test.name) else {
                return Ok((false, format!("there was no attribute {}", test.name)));
            };
            return compare(value, (&test.equals, &test.contains, &test.matches), &test.name);
        }
        if let Some(test) = &condition.count {
            let count = self.any(&test.target, None)?.len() as u64;
            let holds = constant(test.equals.as_ref())?.is_none_or(|wanted| count == wanted)
                && constant(test.at_least.as_ref())?.is_none_or(|wanted| count >= wanted)
                && constant(test.at_most.as_ref())?.is_none_or(|wanted| count <= wanted);
            return Ok((holds, format!("there were {count}")));
        }
        if let Some(test) = &condition.number {
            return self.number(test);
        }
        Err(Failure::new(ErrorKind::Data, "the condition asks nothing").with_reason("invalid_condition"))
    }

    fn number(&self, test: &NumberTest) -> Answer {
        let (ix, _) = self.one(&test.target, None)?;
        let text = self.text(ix);
        let Some(number) = first_number(&text) else {
            return Ok((false, format!("no number in \"{text}\"")));
        };
        let holds = constant(test.equals.as_ref())?
            .is_none_or(|wanted| (number - wanted).abs() < f64::EPSILON)
            && constant(test.less_than.as_ref())?.is_none_or(|wanted| number < wanted)
            && constant(test.at_most.as_ref())?.is_none_or(|wanted| number <= wanted)
            && constant(test.at_least.as_ref())?.is_none_or(|wanted| number >= wanted)
            && constant(test.greater_than.as_ref())?.is_none_or(|wanted| number > wanted);
        Ok((holds, format!("number was {number}")))
    }
}

fn seen(word: &str, actual: bool) -> String {
    if actual { format!("it was {word}") } else { format!("it was not {word}") }
}

fn constant<T: Copy>(value: Option<&Templated<T>>) -> Result<Option<T>, Failure> {
    match value {
        None => Ok(None),
        Some(Templated::Value(value)) => Ok(Some(*value)),
        Some(Templated::Template(text)) => {
            Err(Failure::new(ErrorKind::Internal, format!("`{text}` was not rendered before")))
        }
    }
}

fn expected_text(expected: &Expected) -> String {
    expected.as_str().map_or_else(|| Value::to_string(expected), normalised)
}

fn compare(
    actual: &str,
    (equals, contains, matches): (&Option<Expected>, &Option<Expected>, &Option<String>),
    what: &str,
) -> Answer {
    let actual = normalised(actual);
    let holds = equals.as_ref().is_none_or(|wanted| actual == expected_text(wanted))
        && contains.as_ref().is_none_or(|wanted| actual.contains(&expected_text(wanted)))
        && matches.as_ref().map_or(Ok(true), |pattern| found(pattern, &actual))?;
    Ok((holds, format!("{what} was \"{actual}\"")))
}

fn compare_string(test: &StringTest, actual: &str, what: &str) -> Answer {
    let holds = test.equals.as_ref().is_none_or(|wanted| actual == wanted)
        && test.contains.as_ref().is_none_or(|wanted| actual.contains(wanted))
        && test.starts_with.as_ref().is_none_or(|wanted| actual.starts_with(wanted))
        && test.ends_with.as_ref().is_none_or(|wanted| actual.ends_with(wanted))
        && test.matches.as_ref().map_or(Ok(true), |pattern| found(pattern, actual))?;
    Ok((holds, format!("{what} was \"{actual}\"")))
}

fn found(pattern: &str, text: &str) -> Result<bool, Failure> {
    let regex = Regex::new(pattern)
        .map_err(|error| Failure::new(ErrorKind::Data, error.to_string()).with_reason("invalid_regex"))?;
    Ok(regex.is_match(text))
}
