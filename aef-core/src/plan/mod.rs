//! Plans: documents that have been checked, with every id resolved and every template parsed. The engine runs only these.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::document::{
    Action, AskOption, BrowserConfig, CheckpointMode, Diagnostic, Diagnostics, Document, InDoubtPolicy,
    OnTimeout, RecoveryOtherwise, Resume, Risk, Screenshots, SecretDeclaration,
};
use crate::ids::{DocumentHash, StepId};
use crate::recovery::{ErrorMatcher, RetryPolicy};

mod compile;
mod environment;
mod expression;
mod filters;
mod host_filters;
mod inputs;
mod rendered;
mod slots;
mod subset;
mod template;
mod tokens;
mod value;

pub use compile::{CompileOptions, CustomActionSpec};
pub use expression::{Expression, ExpressionError, ExpressionErrorKind, MAX_EXPRESSION, Names, Scope};
pub use host_filters::{FilterError, FilterNameError, Filters};
pub(crate) use inputs::write_only;
pub use rendered::PlanCondition;
pub use template::JsonTemplate;
pub use value::MAX_VALUE;

/// The index of a step in [`Plan::steps`]. Steps stand in document order: a container before what it contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepIx(pub u32);

/// The index of a block in [`Plan::blocks`]. The root has 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockIx(pub u32);

/// A compiled document. Cheap to share, never changed.
#[derive(Debug)]
pub struct Plan {
    /// What it was compiled from.
    pub document: Arc<Document>,
    /// The document's hash. An execution is pinned to it.
    pub hash: DocumentHash,
    /// The steps that a subset was made of, where it is one.
    pub subset: Option<Vec<StepId>>,
    /// All steps.
    pub steps: Vec<PlanStep>,
    /// All lists of steps; the first is the document's own.
    pub blocks: Vec<Block>,
    /// Steps by their ids.
    pub by_id: BTreeMap<StepId, StepIx>,
    /// The variables that `vars` declares, with their first values (templates of inputs rendered at start).
    pub vars: BTreeMap<String, JsonTemplate>,
    /// Settings with defaults filled in.
    pub settings: Settings,
    /// The schema of the inputs; that of a subset asks for more than the document's.
    pub(crate) inputs: inputs::InputSchema,
    pub(crate) warnings: Diagnostics,
}

/// `config` with its defaults filled in.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where a person is asked without a step saying so.
    pub checkpoint_mode: CheckpointMode,
    /// How long a step may work.
    pub step_timeout: Duration,
    /// How long an action may take.
    pub action_timeout: Duration,
    /// How long the execution may run.
    pub max_duration: Duration,
    /// How old it may become.
    pub max_age: Duration,
    /// How many steps it may enter.
    pub max_steps: u64,
    /// How long a browser is held where its page could not be made again.
    pub max_hold: Duration,
    /// The time zone of the `date` filter.
    pub timezone: String,
    /// The browser's set-up: a JSON template of [`BrowserConfig`] over `inputs`.
    pub browser: JsonTemplate,
    /// When pictures are taken.
    pub screenshots: Screenshots,
    /// How long a person has to choose a recovery; zero fails at once.
    pub recovery_wait: Duration,
    /// What happens then.
    pub recovery_otherwise: RecoveryOtherwise,
    /// What is done about an action in doubt.
    pub in_doubt: InDoubtPolicy,
    /// The secrets that the document declares, origins as templates of `inputs`.
    pub secrets: Vec<PlanSecret>,
    /// The secrets that people give in forms, by name: the schemas of their fields.
    pub given: BTreeMap<String, Arc<Value>>,
}

/// A declared secret.
#[derive(Debug, Clone)]
pub struct PlanSecret {
    /// As the document declares it.
    pub declaration: SecretDeclaration,
    /// A template that gives the list of its origins.
    pub origins: JsonTemplate,
}

impl Settings {
    /// The browser's set-up for these inputs, its origins reduced to scheme, host and port.
    ///
    /// # Errors
    /// Where an expression fails, or what it gives does not fit.
    pub fn render_browser(&self, scope: &Scope) -> Result<BrowserConfig, ExpressionError> {
        let mut value = self.browser.render(scope)?;
        compile::reduce_origins(&mut value);
        serde_json::from_value(value).map_err(|error| {
            ExpressionError::new(ExpressionErrorKind::Type, error.to_string(), "config.browser")
        })
    }
}

/// A list of steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The step whose body it is; `None` for the document's own list.
    pub owner: Option<StepIx>,
    /// Its steps, in order.
    pub steps: Vec<StepIx>,
    /// Whether its first step is a task without guard whose first action is `navigate`, or a group that begins so.
    pub begins_with_navigate: bool,
}

/// One step.
#[derive(Debug, Clone)]
pub struct PlanStep {
    /// Its id.
    pub id: StepId,
    /// Its name; the id where none is given.
    pub name: String,
    /// Its intent, for a person.
    pub intent: Option<String>,
    /// What a person or a resolver should know about its page.
    pub context: Option<String>,
    /// The block in which it stands.
    pub block: BlockIx,
    /// Its place in that block.
    pub position: u32,
    /// The guard.
    pub when: Option<PlanCondition>,
    /// How long it may work.
    pub timeout: Duration,
    /// What is asked before it, if anything.
    pub before: Option<PlanCheckpoint>,
    /// What is asked after it, if anything.
    pub after: Option<PlanCheckpoint>,
    /// How it is tried again.
    pub retry: RetryPolicy,
    /// What else is done about its errors.
    pub on_error: Vec<PlanHandler>,
    /// What it may change; derived where the document does not say.
    pub risk: Risk,
    /// The override of all its actions.
    pub repeatable: Option<bool>,
    /// What is done when its page is lost.
    pub resume: Resume,
    /// Variables set when it is done.
    pub outputs: Vec<(String, Expression)>,
    /// The names that it alone sets: null where its guard is false.
    pub sets: Vec<String>,
    /// Where control goes from it; `None` is the next in its block.
    pub then: Option<PlanThen>,
    /// What it is.
    pub kind: PlanKind,
}

/// What a step is.
#[derive(Debug, Clone)]
pub enum PlanKind {
    /// Actions and what must hold after them.
    Task(PlanTask),
    /// A body run for each item, or while or until something holds.
    Loop(Box<PlanLoop>),
    /// One of several bodies.
    Decision(PlanDecision),
    /// A body.
    Group(BlockIx),
    /// Something that a person does.
    Manual(PlanManual),
    /// The end of the execution.
    End(PlanEnd),
}

/// A task.
#[derive(Debug, Clone)]
pub struct PlanTask {
    /// Its actions.
    pub actions: Vec<PlanAction>,
    /// What must hold after them.
    pub verify: Vec<PlanCondition>,
}

/// An action.
#[derive(Debug, Clone)]
pub struct PlanAction {
    /// As the document writes it.
    pub source: Arc<Action>,
    /// The templates in it.
    pub(crate) holes: rendered::Holes,
    /// For `set`: the expressions in the order of their names.
    pub set: Vec<(String, Expression)>,
    /// For `wait_for`, `verify`, `scroll … until`: the conditions, in the order in which they stand in the action.
    pub conditions: Vec<PlanCondition>,
    /// Whether it may be performed again when its outcome is unknown: its own word, the step's, or its kind's.
    pub repeatable: bool,
    /// Whether `repeatable: false` is written on it or its step.
    pub never_again: bool,
    /// How long it may take.
    pub timeout: Duration,
    /// The compiled schema check of `extract`, as the schema itself.
    pub schema: Option<Arc<Value>>,
}

/// A loop.
#[derive(Debug, Clone)]
pub struct PlanLoop {
    /// What makes it go on.
    pub over: PlanOver,
    /// How many iterations it may have.
    pub max_iterations: u32,
    /// The variable of the item.
    pub item: Option<String>,
    /// The variable of the index, from 0.
    pub index: Option<String>,
    /// What each iteration runs.
    pub body: BlockIx,
    /// What each iteration appends to a list outside.
    pub collect: Vec<(String, Expression)>,
    /// Whether an error of an iteration ends the loop.
    pub continue_on_error: bool,
    /// The list outside that gets the errors of iterations.
    pub collect_errors: Option<String>,
}

/// What makes a loop go on.
#[derive(Debug, Clone)]
pub enum PlanOver {
    /// The items of a list, frozen on entry.
    ForEach(Expression),
    /// Checked before each iteration.
    While(PlanCondition),
    /// Checked after each iteration, in its scope.
    Until(PlanCondition),
}

/// A decision.
#[derive(Debug, Clone)]
pub struct PlanDecision {
    /// The question, where a person decides.
    pub ask: Option<PlanAsk>,
    /// The branches, in order.
    pub branches: Vec<PlanBranch>,
    /// The branch where no other holds; the last of `branches` has no condition then.
    pub otherwise: Option<PlanBranch>,
}

/// A branch of a decision.
#[derive(Debug, Clone)]
pub struct PlanBranch {
    /// Its label; `otherwise` or its number where none is given.
    pub label: String,
    /// When it is taken.
    pub when: Option<PlanCondition>,
    /// The option of the question on which it is taken.
    pub option: Option<String>,
    /// What it runs.
    pub body: BlockIx,
}

/// A question of a decision.
#[derive(Debug, Clone)]
pub struct PlanAsk {
    /// How it is raised.
    pub checkpoint: PlanCheckpoint,
    /// What may be answered.
    pub options: Vec<AskOption>,
    /// The variable that gets the data of its form.
    pub variable: Option<String>,
}

/// Something that a person does.
#[derive(Debug, Clone)]
pub struct PlanManual {
    /// How it is asked for.
    pub checkpoint: PlanCheckpoint,
    /// The variable that gets the data of its form.
    pub variable: Option<String>,
}

/// An end.
#[derive(Debug, Clone)]
pub struct PlanEnd {
    /// Whether the execution has failed there.
    pub failed: bool,
    /// What the execution results in.
    pub result: Option<JsonTemplate>,
}

/// A checkpoint.
#[derive(Debug, Clone)]
pub struct PlanCheckpoint {
    /// A template of the title.
    pub title: Option<JsonTemplate>,
    /// A template of the description.
    pub description: Option<JsonTemplate>,
    /// A JSON Schema of what an answer may or must give.
    pub form: Option<Arc<Value>>,
    /// How long; `None` waits for ever (up to the execution's age).
    pub timeout: Option<Duration>,
    /// What then.
    pub on_timeout: OnTimeout,
    /// A label of one's own.
    pub label: Option<String>,
}

/// An entry of `onError`.
#[derive(Debug, Clone)]
pub struct PlanHandler {
    /// Which errors; empty is all but critical ones.
    pub kinds: Vec<ErrorMatcher>,
    /// Under which condition, with `error.kind`, `error.reason`, `error.message` in scope.
    pub when: Option<PlanCondition>,
    /// Steps run first.
    pub steps: Option<BlockIx>,
    /// What then.
    pub then: HandlerThen,
    /// How often per visit of the step. Default 1.
    pub max: u32,
}

/// What a handler does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandlerThen {
    /// Tries the step again.
    Retry,
    /// Leaves it.
    Skip,
    /// Fails the execution.
    Fail,
    /// Asks a person.
    Ask,
    /// Goes elsewhere.
    Goto(StepIx),
}

/// Where control goes from a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanThen {
    /// To a step of the same block or of one around it.
    Goto(StepIx),
    /// Out of a loop.
    Break(StepIx),
    /// To the next iteration of a loop.
    Continue(StepIx),
}

impl Plan {
    /// What is probably not meant, in the order of the places.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// The JSON Schema of the inputs, if there is one.
    #[must_use]
    pub const fn inputs(&self) -> Option<&Value> {
        self.inputs.schema()
    }

    /// The step of this index.
    #[must_use]
    pub fn step(&self, index: StepIx) -> &PlanStep {
        &self.steps[index.0 as usize]
    }

    /// The block of this index.
    #[must_use]
    pub fn block(&self, index: BlockIx) -> &Block {
        &self.blocks[index.0 as usize]
    }

    /// The index of the step of this id.
    #[must_use]
    pub fn find(&self, id: &StepId) -> Option<StepIx> {
        self.by_id.get(id).copied()
    }

    /// The step whose body, branch or handler contains this one.
    #[must_use]
    pub fn container(&self, index: StepIx) -> Option<StepIx> {
        self.block(self.step(index).block).owner
    }
}

#[cfg(test)]
mod tests;
