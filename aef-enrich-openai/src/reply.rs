//! What a model says, as proposals: a small vocabulary, and nothing besides.

use aef_core::document::{
    Action, ActionKind, Click, Condition, Fill, Hover, Locator, Navigate, OnTarget, OneOrMany, PageCondition,
    Press, Select, Target, Text, TextTest, Verify, WaitFor,
};
use aef_core::enrich::StepProposal;
use aef_core::ids::StepId;
use aef_core::phrases::Confidence;
use bytes::Bytes;
use serde::Deserialize;

use crate::error::{ChatError, ChatErrorKind};

/// What a model's own estimate counts for at most, in percent. It is less than what is done without asking a person.
pub const MOST_CONFIDENCE: u8 = 75;

/// The actions that a model may name.
pub(crate) const ACTIONS: [&str; 14] = [
    "navigate",
    "click",
    "double_click",
    "hover",
    "fill",
    "clear",
    "press",
    "select",
    "check",
    "uncheck",
    "wait_visible",
    "wait_hidden",
    "verify_visible",
    "verify_text",
];

/// How a model may name an element.
pub(crate) const LOCATORS: [&str; 9] =
    ["role", "label", "placeholder", "text", "test_id", "alt_text", "title", "css", "xpath"];

#[derive(Debug, Deserialize)]
struct Reply {
    choices: Vec<Choice>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    message: Message,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Proposals {
    steps: Vec<ProposedStep>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ProposedStep {
    step_id: String,
    actions: Vec<ProposedAction>,
    confidence: f64,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProposedAction {
    action: String,
    #[serde(default)]
    target: Option<ProposedTarget>,
    #[serde(default)]
    value: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProposedTarget {
    by: String,
    value: String,
    #[serde(default)]
    name: Option<String>,
}

/// Reads the body of a reply.
pub(crate) fn proposals(body: &Bytes) -> Result<Vec<StepProposal>, ChatError> {
    let malformed = |message: &str| ChatError::new(ChatErrorKind::Malformed, message);
    let reply: Reply = serde_json::from_slice(body)
        .map_err(|error| malformed("the reply is no chat completion").with_source(error))?;
    let choice = reply.choices.into_iter().next().ok_or_else(|| malformed("the reply has no choice"))?;
    match choice.finish_reason.as_deref() {
        Some("length") => {
            return Err(ChatError::new(ChatErrorKind::TooLong, "the model was cut off at its limit"));
        }
        Some("content_filter") => {
            return Err(ChatError::new(ChatErrorKind::Refused, "the endpoint filtered the reply"));
        }
        _ => {}
    }
    if choice.message.refusal.is_some_and(|refusal| !refusal.is_empty()) {
        return Err(ChatError::new(ChatErrorKind::Refused, "the model refused"));
    }
    let content = choice.message.content.ok_or_else(|| malformed("the reply has no content"))?;
    let proposed: Proposals = serde_json::from_str(&content)
        .map_err(|error| malformed("the reply does not follow the schema").with_source(error))?;
    proposed.steps.into_iter().map(proposal).collect()
}

fn proposal(step: ProposedStep) -> Result<StepProposal, ChatError> {
    let mut reason = step.reason;
    let mut actions = Vec::with_capacity(step.actions.len());
    for proposed in step.actions {
        match action(&proposed) {
            Some(kind) => actions.push(kind),
            None => {
                // One action that says too little leaves the rest without sense.
                let name: String = proposed.action.chars().take(40).collect();
                reason = format!("the proposed `{name}` lacks its target or value");
                actions.clear();
                break;
            }
        }
    }
    let own = Confidence::from(step.confidence);
    let confidence = own.min(Confidence::percent(MOST_CONFIDENCE));
    Ok(StepProposal { step: StepId::new(step.step_id), actions, confidence, reason })
}

fn action(proposed: &ProposedAction) -> Option<Action> {
    let target = proposed.target.as_ref().and_then(target);
    let value = proposed.value.clone().filter(|value| !value.is_empty());
    let kind = match proposed.action.as_str() {
        "navigate" => {
            ActionKind::Navigate(Navigate { url: value?, wait_until: None, allow_status: Vec::new() })
        }
        "click" => click(target?, None),
        "double_click" => click(target?, Some(2)),
        "hover" => {
            ActionKind::Hover(Hover { target: target?, modifiers: Vec::new(), position: None, force: false })
        }
        "fill" => ActionKind::Fill(Fill { target: target?, value: Text::Plain(value?) }),
        "clear" => ActionKind::Clear(OnTarget { target: target? }),
        "press" => ActionKind::Press(Press { keys: value?, target }),
        "select" => ActionKind::Select(Select {
            target: target?,
            value: None,
            label: Some(OneOrMany::One(value?)),
            index: None,
        }),
        "check" => ActionKind::Check(OnTarget { target: target? }),
        "uncheck" => ActionKind::Uncheck(OnTarget { target: target? }),
        "wait_visible" => wait(PageCondition { visible: Some(target?), ..PageCondition::default() }),
        "wait_hidden" => wait(PageCondition { hidden: Some(target?), ..PageCondition::default() }),
        "verify_visible" => verify(PageCondition { visible: Some(target?), ..PageCondition::default() }),
        "verify_text" => {
            let contains = Some(serde_json::Value::from(value?));
            let text = TextTest { target: target?, equals: None, contains, matches: None };
            verify(PageCondition { text: Some(text), ..PageCondition::default() })
        }
        _ => return None,
    };
    Some(Action { kind, timeout: None, repeatable: None, description: None, popup: None })
}

fn click(target: Target, count: Option<u8>) -> ActionKind {
    ActionKind::Click(Click {
        target,
        button: None,
        count,
        modifiers: Vec::new(),
        position: None,
        force: false,
        wait_until: None,
    })
}

fn wait(condition: PageCondition) -> ActionKind {
    let condition = Some(Condition::Page(Box::new(condition)));
    ActionKind::WaitFor(WaitFor { condition, ..WaitFor::default() })
}

fn verify(condition: PageCondition) -> ActionKind {
    ActionKind::Verify(Verify { conditions: vec![Condition::Page(Box::new(condition))], soft: false })
}

fn target(proposed: &ProposedTarget) -> Option<Target> {
    let value = Some(proposed.value.clone()).filter(|value| !value.is_empty());
    value.as_ref()?;
    let none = Locator::default;
    let locator = match proposed.by.as_str() {
        "role" => Locator { role: value, name: proposed.name.clone(), ..none() },
        "label" => Locator { label: value, ..none() },
        "placeholder" => Locator { placeholder: value, ..none() },
        "text" => Locator { text: value, ..none() },
        "test_id" => Locator { test_id: value, ..none() },
        "alt_text" => Locator { alt_text: value, ..none() },
        "title" => Locator { title: value, ..none() },
        "css" => Locator { css: value, ..none() },
        "xpath" => Locator { xpath: value, ..none() },
        _ => return None,
    };
    Some(OneOrMany::One(locator))
}
