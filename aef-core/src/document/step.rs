//! Steps: the common fields, and what each type of step adds.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::action::Action;
use super::condition::Condition;
use super::config::{AskOption, OnTimeout, Resume, RetryConfig, Risk};
use super::duration::Span;
use crate::ids::StepId;
use crate::recovery::ErrorMatcher;

/// One step of a document.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Unique in the document: `[A-Za-z0-9_.-]+`.
    pub id: StepId,
    /// What a person reads. Default the id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is and what it holds.
    #[serde(flatten)]
    pub kind: StepKind,
    /// The fields that every step takes.
    #[serde(flatten)]
    pub common: StepCommon,
    /// Keys that begin with `x-`, kept as they are.
    #[serde(flatten)]
    pub extensions: BTreeMap<String, Value>,
}

/// The fields that every type of step takes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StepCommon {
    /// What it is for, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<String>,
    /// What a person or a resolver should know about the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The guard: read once; false skips the step, and what it alone would have set is null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// How long it may work. Default: `config.stepTimeout`. For a question to a person: how long the answer may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// What a person is asked before and after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<StepCheckpoints>,
    /// How it is tried again. Default: `config.retry`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryConfig>,
    /// What else is done about its errors; the first entry that fits is taken.
    #[serde(skip_deserializing, skip_serializing_if = "Vec::is_empty")]
    #[schemars(skip)]
    pub on_error: Vec<Handler>,
    /// What it may change. Default: derived from its actions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
    /// Whether its actions may be performed again when their outcome is unknown. Default: by their kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeatable: Option<bool>,
    /// What is done when the page is lost inside it. Default reenter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Resume>,
    /// Expressions, by the variable that gets their value when the step is done. All read the state before.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, String>,
    /// Where control goes from it. Default: to the next step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Then>,
}

/// What a step is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum StepKind {
    /// Actions and what must hold after them. The default.
    Task(Task),
    /// A body run for each item, or while or until something holds.
    Loop(Loop),
    /// One of several bodies.
    Decision(Decision),
    /// A body.
    Group(Group),
    /// Something that a person does.
    Manual(Manual),
    /// The end of the execution.
    End(End),
}

impl StepKind {
    /// The names of all types of step, as `type` gives them.
    pub const NAMES: [&'static str; 6] = ["task", "loop", "decision", "group", "manual", "end"];

    /// The name that `type` gives.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Task(_) => "task",
            Self::Loop(_) => "loop",
            Self::Decision(_) => "decision",
            Self::Group(_) => "group",
            Self::Manual(_) => "manual",
            Self::End(_) => "end",
        }
    }
}

/// `checkpoint` of a step.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepCheckpoints {
    /// Asked before the step begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Checkpoint>,
    /// Asked when it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Checkpoint>,
}

/// A question to a person.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Checkpoint {
    /// The question; a template. Default: made of the step's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What the person should know; a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// A JSON Schema of the data that an answer may give.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Value>,
    /// How long the answer may take. Default: `config.checkpoints.timeout`; 0 waits as long as the execution may live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// What then. Default: `config.checkpoints.onTimeout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_timeout: Option<OnTimeout>,
    /// A label of one's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Whether it stays where `config.checkpoints.mode` is `none`. Default false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
}

/// Where control goes from a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Then {
    /// To a sibling, forward or back.
    Sibling(StepId),
    /// To a step of a block around this one, out of any number of containers.
    Goto(Goto),
    /// Out of a loop.
    Break(Break),
    /// To the next iteration of a loop.
    Continue(Continue),
}

/// `{ goto: ID }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Goto {
    /// The step.
    pub goto: StepId,
}

/// `{ break: LOOP }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Break {
    /// The loop.
    #[serde(rename = "break")]
    pub target: StepId,
}

/// `{ continue: LOOP }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Continue {
    /// The loop.
    #[serde(rename = "continue")]
    pub target: StepId,
}

/// An entry of `onError`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Handler {
    /// Which errors: kinds, or `transient`, `persistent`, `any`. Default: all that are not critical.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<ErrorMatcher>,
    /// Under which condition, with `error.kind`, `error.reason` and `error.message` at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// Steps run first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// What then.
    pub then: HandlerAction,
    /// How often in one visit of the step. Default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
}

/// What a handler does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum HandlerAction {
    /// One of the words.
    Word(HandlerWord),
    /// Goes to a step.
    Goto(Goto),
}

/// What a handler does, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HandlerWord {
    /// Tries the step again.
    Retry,
    /// Leaves it.
    Skip,
    /// Fails the execution.
    Fail,
    /// Asks a person how to recover.
    Ask,
}

/// A `task`: at least one of actions, verify and outputs is given.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// What it does, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<Action>,
    /// What must hold after that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verify: Vec<Condition>,
}

/// A `loop`: exactly one of forEach, while and until is given.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Loop {
    /// An expression that gives a list; its items are frozen when the loop is entered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub for_each: Option<String>,
    /// Checked before each iteration.
    #[serde(rename = "while", skip_serializing_if = "Option::is_none")]
    pub while_: Option<Condition>,
    /// Checked after each iteration, reading what that has set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Condition>,
    /// How many iterations it may have; more is an error.
    pub max_iterations: u32,
    /// The variable of the item.
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// The variable of the index, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// Expressions, by the list outside to which each iteration appends their value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub collect: BTreeMap<String, String>,
    /// Whether an iteration that fails ends the loop. Default stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_item_error: Option<OnItemError>,
    /// The list outside that gets the errors of iterations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collect_errors: Option<String>,
    /// What each iteration runs.
    pub steps: Vec<Step>,
}

/// What happens when an iteration fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnItemError {
    /// The loop fails with it.
    #[default]
    Stop,
    /// The next iteration begins.
    Continue,
}

/// A `decision`: the first branch whose condition holds, or the one that a person chooses.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Decision {
    /// The question, where a person decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask: Option<Ask>,
    /// The branches, in order.
    pub branches: Vec<Branch>,
    /// What runs where no branch is taken. Required unless a question's options all have a branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<Otherwise>,
}

/// A branch of a decision.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Branch {
    /// When it is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// The option of the question on which it is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub option: Option<String>,
    /// What a person reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What it runs.
    pub steps: Vec<Step>,
}

/// The branch of a decision where no other is taken.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Otherwise {
    /// What a person reads. Default `otherwise`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What it runs.
    pub steps: Vec<Step>,
}

/// The question of a decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ask {
    /// What is asked; a template.
    pub question: String,
    /// What the person should know; a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The answers among which to choose.
    pub options: Vec<AskOption>,
    /// A JSON Schema of the data that an answer may give besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Value>,
    /// The variable that gets the data of the form.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    pub variable: Option<String>,
    /// What happens when nobody answers in the step's `timeout`. Default: `config.checkpoints.onTimeout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_timeout: Option<OnTimeout>,
}

/// A `group`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Group {
    /// What it runs.
    pub steps: Vec<Step>,
}

/// A `manual` step: a person does it, in the live page or elsewhere, and confirms.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manual {
    /// What to do; a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// A JSON Schema of the data that the person gives; `writeOnly` fields are handled as secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Value>,
    /// The variable that gets that data.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    pub variable: Option<String>,
    /// What happens when nobody confirms in the step's `timeout`. Default: `config.checkpoints.onTimeout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_timeout: Option<OnTimeout>,
}

/// An `end`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// How the execution ends. Default completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<EndOutcome>,
    /// What it results in: JSON with templates in its strings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
}

/// How an execution ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndOutcome {
    /// It has done its work.
    #[default]
    Completed,
    /// It has failed.
    Failed,
}

impl Default for HandlerAction {
    fn default() -> Self {
        Self::Word(HandlerWord::Ask)
    }
}
