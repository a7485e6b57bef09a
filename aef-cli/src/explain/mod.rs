//! A procedure as its owner reads it: what will happen, in which order, and where a person is asked.

mod conditions;
mod text;

use std::collections::BTreeMap;

use aef::document::{
    Branch, CheckpointMode, Decision, Document, EndOutcome, Handler, HandlerAction, HandlerWord, Loop,
    Manual, Risk, Step, StepKind, Task, Then,
};
use aef::ids::StepId;
use aef::plan::{Plan, PlanStep};
use serde::Serialize;

use crate::describe;

pub(crate) use text::print;

/// A whole procedure.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Procedure {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    goal: Option<String>,
    /// The names of what must be given, and of what may be.
    inputs: Vec<String>,
    secrets: Vec<String>,
    /// Where a person is asked without a step saying so.
    checkpoints: &'static str,
    counts: Counts,
    steps: Vec<Explained>,
}

/// How much there is of what.
#[derive(Debug, Default, Serialize)]
struct Counts {
    steps: usize,
    checkpoints: usize,
    manual: usize,
    writes: usize,
}

/// One step.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Explained {
    /// Its place: `3.1`.
    number: String,
    id: String,
    name: String,
    kind: &'static str,
    risk: Risk,
    /// What it does, a line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    does: Vec<String>,
    /// What must hold after it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    holds: Vec<String>,
    /// Where a person is asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    asks: Vec<String>,
    /// Where control goes from it, and what is done when it fails.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    then: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bodies: Vec<Body>,
}

/// What a container holds.
#[derive(Debug, Serialize)]
struct Body {
    /// When it is run; empty where it always is.
    when: String,
    steps: Vec<Explained>,
}

/// Explains a procedure.
pub(crate) fn explain(plan: &Plan) -> Procedure {
    let document = &plan.document;
    let mut explainer = Explainer { plan, names: BTreeMap::new(), counts: Counts::default() };
    explainer.names.extend(plan.steps.iter().map(|step| (step.id.clone(), step.name.clone())));
    let steps = explainer.block(&document.steps, "");
    Procedure {
        id: document.id.to_string(),
        version: document.version.clone(),
        title: document.title.clone().unwrap_or_else(|| document.id.to_string()),
        goal: document.goal.clone(),
        inputs: inputs(document),
        secrets: document.secrets.iter().map(|secret| secret.name.clone()).collect(),
        checkpoints: mode(plan.settings.checkpoint_mode),
        counts: explainer.counts,
        steps,
    }
}

/// The names of the inputs; those that need not be given say so.
fn inputs(document: &Document) -> Vec<String> {
    let schema = document.inputs.as_ref();
    let required: Vec<&str> = schema
        .and_then(|schema| schema.get("required")?.as_array())
        .into_iter()
        .flatten()
        .filter_map(|name| name.as_str())
        .collect();
    let properties = schema.and_then(|schema| schema.get("properties")?.as_object());
    let names = properties.into_iter().flat_map(|properties| properties.keys());
    names
        .map(|name| {
            if required.contains(&name.as_str()) { name.clone() } else { format!("{name} (may be left out)") }
        })
        .collect()
}

const fn mode(mode: CheckpointMode) -> &'static str {
    match mode {
        CheckpointMode::All => "before every task",
        CheckpointMode::Risky => "before every step that writes",
        CheckpointMode::Declared => "where a step says so",
        CheckpointMode::None => "only where a step requires it",
    }
}

struct Explainer<'p> {
    plan: &'p Plan,
    names: BTreeMap<StepId, String>,
    counts: Counts,
}

impl Explainer<'_> {
    fn block(&mut self, steps: &[Step], above: &str) -> Vec<Explained> {
        let number = |index: usize| match above {
            "" => format!("{}", index + 1),
            above => format!("{above}.{}", index + 1),
        };
        steps.iter().enumerate().map(|(index, step)| self.step(step, number(index))).collect()
    }

    fn step(&mut self, step: &Step, number: String) -> Explained {
        let planned = self.plan.by_id.get(&step.id).map(|index| &self.plan.steps[index.0 as usize]);
        let risk = planned.map_or(Risk::Read, |step| step.risk);
        self.counts.steps += 1;
        self.counts.writes += usize::from(risk > Risk::Read && matches!(step.kind, StepKind::Task(_)));
        let mut explained = Explained {
            id: step.id.to_string(),
            name: step.name.clone().unwrap_or_else(|| step.id.to_string()),
            kind: step.kind.name(),
            risk,
            does: Vec::new(),
            holds: Vec::new(),
            asks: Vec::new(),
            then: Vec::new(),
            bodies: Vec::new(),
            number,
        };
        if let Some(when) = &step.common.when {
            explained.does.push(format!("Only if {}", conditions::words(when)));
        }
        match &step.kind {
            StepKind::Task(task) => tell_task(task, &mut explained),
            StepKind::Loop(each) => self.tell_loop(each, &mut explained),
            StepKind::Decision(decision) => self.tell_decision(decision, &mut explained),
            StepKind::Group(group) => {
                let steps = self.block(&group.steps, &explained.number);
                explained.bodies.push(Body { when: String::new(), steps });
            }
            StepKind::Manual(manual) => self.tell_manual(manual, &mut explained),
            StepKind::End(end) => explained.does.push(match end.outcome.unwrap_or_default() {
                EndOutcome::Completed => "The procedure ends here".to_owned(),
                EndOutcome::Failed => "The procedure ends here as failed".to_owned(),
            }),
        }
        if let Some(planned) = planned {
            self.tell_checkpoints(step, planned, &mut explained);
        }
        let outputs: Vec<String> = step.common.outputs.keys().cloned().collect();
        if !outputs.is_empty() {
            explained.does.push(format!("Set {}", describe::Listed(&outputs)));
        }
        if let Some(then) = &step.common.then {
            explained.then.push(self.way(then));
        }
        for handler in &step.common.on_error {
            self.tell_handler(handler, &mut explained);
        }
        explained
    }

    fn tell_loop(&mut self, each: &Loop, explained: &mut Explained) {
        let item = each.item.as_deref().unwrap_or("item");
        let over = match (&each.for_each, &each.while_, &each.until) {
            (Some(list), ..) => format!("For each {item} of {list}"),
            (_, Some(condition), _) => format!("While {}", conditions::words(condition)),
            (.., Some(condition)) => format!("Until {}", conditions::words(condition)),
            (None, None, None) => "Again and again".to_owned(),
        };
        let when = format!("{over}, at most {} times", each.max_iterations);
        let steps = self.block(&each.steps, &explained.number);
        explained.bodies.push(Body { when, steps });
    }

    fn tell_decision(&mut self, decision: &Decision, explained: &mut Explained) {
        if let Some(ask) = &decision.ask {
            self.counts.checkpoints += 1;
            explained.asks.push(format!("A person decides: “{}”", ask.question));
        }
        for (index, branch) in decision.branches.iter().enumerate() {
            let when = branch_words(decision, branch);
            let steps = self.block(&branch.steps, &format!("{}.{}", explained.number, letter(index)));
            explained.bodies.push(Body { when, steps });
        }
        if let Some(otherwise) = &decision.otherwise {
            let label = otherwise.label.as_ref().map_or(String::new(), |label| format!(" ({label})"));
            let above = format!("{}.{}", explained.number, letter(decision.branches.len()));
            let steps = self.block(&otherwise.steps, &above);
            explained.bodies.push(Body { when: format!("Otherwise{label}"), steps });
        }
    }

    fn tell_manual(&mut self, manual: &Manual, explained: &mut Explained) {
        self.counts.manual += 1;
        let what = manual.instructions.clone().unwrap_or_else(|| explained.name.clone());
        explained.asks.push(format!("A person does this: {}", describe::shortened(&what, 400)));
        if let Some(variable) = &manual.variable {
            explained.asks.push(format!("and gives {variable}"));
        }
    }

    /// The plan knows where a person is asked, the document in which words.
    fn tell_checkpoints(&mut self, step: &Step, planned: &PlanStep, explained: &mut Explained) {
        let written = step.common.checkpoint.clone().unwrap_or_default();
        let places = [
            (planned.before.is_some(), written.before, "before"),
            (planned.after.is_some(), written.after, "after"),
        ];
        for (_, written, place) in places.into_iter().filter(|(is_asked, ..)| *is_asked) {
            self.counts.checkpoints += 1;
            explained.asks.push(match written.and_then(|written| written.title) {
                Some(title) => format!("A person is asked {place} it: “{title}”"),
                None => format!("A person is asked {place} it"),
            });
        }
    }

    fn way(&self, then: &Then) -> String {
        let name = |id: &StepId| self.names.get(id).cloned().unwrap_or_else(|| id.to_string());
        match then {
            Then::Sibling(id) => format!("Goes on with “{}”", name(id)),
            Then::Goto(goto) => format!("Goes on with “{}”", name(&goto.goto)),
            Then::Break(out) => format!("Leaves “{}”", name(&out.target)),
            Then::Continue(on) => format!("Goes on with the next round of “{}”", name(&on.target)),
        }
    }

    fn tell_handler(&mut self, handler: &Handler, explained: &mut Explained) {
        let what = match &handler.then {
            HandlerAction::Word(HandlerWord::Retry) => "tries again".to_owned(),
            HandlerAction::Word(HandlerWord::Skip) => "leaves it".to_owned(),
            HandlerAction::Word(HandlerWord::Fail) => "fails".to_owned(),
            HandlerAction::Word(HandlerWord::Ask) => "asks a person".to_owned(),
            HandlerAction::Goto(goto) => {
                let name = self.names.get(&goto.goto).map_or_else(|| goto.goto.to_string(), Clone::clone);
                format!("goes on with “{name}”")
            }
        };
        explained.then.push(format!("If it fails, {what}"));
        if !handler.steps.is_empty() {
            let steps = self.block(&handler.steps, &format!("{}.e", explained.number));
            explained.bodies.push(Body { when: "If it fails, first".to_owned(), steps });
        }
    }
}

fn tell_task(task: &Task, explained: &mut Explained) {
    explained.does.extend(task.actions.iter().map(conditions::action));
    explained.holds.extend(task.verify.iter().map(conditions::words));
}

fn branch_words(decision: &Decision, branch: &Branch) -> String {
    let label = branch.label.as_ref().map_or(String::new(), |label| format!(" ({label})"));
    match (&branch.when, &branch.option) {
        (Some(condition), _) => format!("If {}{label}", conditions::words(condition)),
        (None, Some(option)) => {
            let options = decision.ask.iter().flat_map(|ask| &ask.options);
            let told = options.into_iter().find(|other| other.id == *option);
            format!("If the answer is “{}”", told.map_or(option.as_str(), |option| option.label.as_str()))
        }
        (None, None) => format!("Else{label}"),
    }
}

/// `a`, `b`, …: the way that a decision takes, in the numbers of its steps.
fn letter(index: usize) -> String {
    match u8::try_from(index) {
        Ok(index @ 0..26) => char::from(b'a' + index).to_string(),
        _ => format!("way{}", index + 1),
    }
}
