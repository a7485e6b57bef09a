//! Names: what an expression reads has been set before, by every way that leads to it.

mod reading;
mod setters;

use std::collections::{BTreeMap, BTreeSet};

use self::reading::Inputs;
use self::setters::Setters;
use super::super::{BlockIx, HandlerThen, Plan, PlanKind, PlanOver, PlanTask, PlanThen, StepIx};
use super::{Compiler, pointer};
use crate::document::Diagnostic;

/// Names that a variable cannot have.
const TAKEN: [&str; 8] = ["inputs", "execution", "step", "secrets", "error", "range", "dict", "loop"];
const KEYWORDS: [&str; 14] =
    ["true", "True", "false", "False", "none", "None", "not", "and", "or", "in", "is", "if", "else", "self"];
/// Functions that minijinja brings along.
const FUNCTIONS: [&str; 2] = ["range", "dict"];

/// Whether a text can be read as a name by an expression.
pub(super) fn is_variable(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

impl Compiler<'_> {
    pub(super) fn check_variable(&mut self, name: &str, at: &str) {
        if !is_variable(name) {
            let message = format!("`{name}` is no name of a variable: letters, digits and `_`, at most 64");
            self.error("invalid_name", at, message);
        } else if TAKEN.contains(&name) || KEYWORDS.contains(&name) {
            self.error("invalid_name", at, format!("the name `{name}` is taken"));
        }
    }

    /// Checks all names, and fills in which names each step alone sets.
    /// Gives the names that nothing sets.
    pub(super) fn check_names(&mut self, plan: &mut Plan) -> BTreeSet<String> {
        let setters = Setters::collect(plan);
        setters.fill(plan);
        let mut found = Vec::new();
        let mut reader = Reader::new(self, plan, &setters, &mut found);
        reader.settings();
        let mut start = Known::default();
        reader.numbers.add(&mut start, plan.vars.keys());
        reader.block(BlockIx(0), start);
        let (used, missing) = (reader.used, reader.missing);
        for (index, secret) in plan.settings.secrets.iter().enumerate() {
            if !used.contains(&secret.declaration.name) {
                let message = format!("the secret `{}` is entered nowhere", secret.declaration.name);
                found.push(Diagnostic::warning("unused_secret", format!("/secrets/{index}"), message));
            }
        }
        self.found.append(&mut found);
        missing
    }
}

/// The names that have a value for certain: a bit for each name of the plan, since a set is made for each step.
#[derive(Debug, Clone, Default, PartialEq)]
struct Known(Vec<u64>);

impl Known {
    fn has(&self, id: usize) -> bool {
        self.0.get(id / 64).is_some_and(|word| word & (1 << (id % 64)) != 0)
    }

    fn insert(&mut self, id: usize) {
        if self.0.len() <= id / 64 {
            self.0.resize(id / 64 + 1, 0);
        }
        self.0[id / 64] |= 1 << (id % 64);
    }

    /// What both know.
    fn both(mut self, other: &Self) -> Self {
        self.0.truncate(other.0.len());
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word &= other);
        self
    }
}

/// The names of a plan, each with its number.
#[derive(Debug, Default)]
struct Numbers(BTreeMap<String, usize>);

impl Numbers {
    fn add<'n>(&mut self, known: &mut Known, names: impl IntoIterator<Item = &'n String>) {
        for name in names {
            let next = self.0.len();
            known.insert(match self.0.get(name) {
                Some(id) => *id,
                None => *self.0.entry(name.clone()).or_insert(next),
            });
        }
    }

    fn knows(&self, known: &Known, name: &str) -> bool {
        self.0.get(name).is_some_and(|id| known.has(*id))
    }
}

/// Walks the plan and checks each name where it is read.
struct Reader<'r> {
    plan: &'r Plan,
    pointers: Vec<&'r str>,
    setters: &'r Setters,
    found: &'r mut Vec<Diagnostic>,
    inputs: Inputs,
    /// What is known where a jump arrives.
    arrivals: BTreeMap<StepIx, Known>,
    /// How many handlers are around what is being read.
    in_handler: usize,
    /// Steps to which something jumps back.
    reached_again: BTreeSet<StepIx>,
    numbers: Numbers,
    used: BTreeSet<String>,
    missing: BTreeSet<String>,
}

/// Who reads, and what it may read.
#[derive(Clone, Copy)]
struct Place<'p> {
    step: Option<StepIx>,
    known: &'p Known,
    /// Whether `error` can be read.
    error: bool,
}

impl<'r> Reader<'r> {
    fn new(
        compiler: &'r Compiler<'_>,
        plan: &'r Plan,
        setters: &'r Setters,
        found: &'r mut Vec<Diagnostic>,
    ) -> Self {
        Self {
            plan,
            pointers: compiler.layout.sites.iter().map(|site| site.pointer.as_str()).collect(),
            setters,
            found,
            inputs: Inputs::of(plan),
            arrivals: BTreeMap::new(),
            in_handler: 0,
            reached_again: back_jumps(plan),
            numbers: Numbers::default(),
            used: BTreeSet::new(),
            missing: BTreeSet::new(),
        }
    }

    fn at(&self, index: StepIx) -> &'r str {
        self.pointers[index.0 as usize]
    }

    fn settings(&mut self) {
        let plan = self.plan;
        let nothing = Known::default();
        let place = Place { step: None, known: &nothing, error: false };
        for (name, value) in &plan.vars {
            self.json(value, place, &pointer("/vars", name));
        }
        if plan.document.config.browser.as_ref().is_some_and(|browser| !browser.allowed_origins.is_empty()) {
            self.json(&plan.settings.browser, place, "/config/browser");
        }
        if let Some(credentials) =
            plan.document.config.browser.as_ref().and_then(|browser| browser.credentials.as_ref())
        {
            self.used.insert(credentials.secret.clone());
        }
        for (index, secret) in plan.settings.secrets.iter().enumerate() {
            self.json(&secret.origins, place, &format!("/secrets/{index}/origins"));
        }
    }

    /// Checks a block; gives what is known behind it, or nothing where control never comes out at its end.
    fn block(&mut self, block: BlockIx, entry: Known) -> Option<Known> {
        let mut flow = Some(entry.clone());
        let mut last = entry;
        let mut told = false;
        for &index in &self.plan.block(block).steps {
            let arriving = match (flow.take(), self.arrivals.remove(&index)) {
                (Some(here), Some(there)) => Some(here.both(&there)),
                (here, there) => here.or(there),
            };
            if arriving.is_none() && !self.reached_again.contains(&index) && !told {
                told = true;
                let message = format!("the step `{}` can never be reached", self.plan.step(index).id);
                self.found.push(Diagnostic::warning("unreachable", self.at(index), message));
            }
            let reached = arriving.is_some() || self.reached_again.contains(&index);
            last = arriving.unwrap_or(last);
            let out = self.step(index, last.clone());
            if let Some(known) = &out {
                last.clone_from(known);
            }
            flow = out.filter(|_| reached);
        }
        flow
    }

    /// Checks a step; gives what is known behind it, where control goes on to the next.
    fn step(&mut self, index: StepIx, known: Known) -> Option<Known> {
        let plan = self.plan;
        let step = plan.step(index);
        let at = self.at(index);
        let place = Place { step: Some(index), known: &known, error: false };
        if let Some(when) = &step.when {
            self.condition(when, place, &pointer(at, "when"));
        }
        if let Some(before) = &step.before {
            self.checkpoint(before, place, &format!("{at}/checkpoint/before"));
        }
        self.handlers(index, &known);
        let mut inside = self.kind(index, &known);
        if let Some(known) = &mut inside {
            let place = Place { step: Some(index), known, error: false };
            for (name, output) in &step.outputs {
                self.expression(output, place, &pointer(&pointer(at, "outputs"), name));
            }
            if let Some(after) = &step.after {
                self.checkpoint(after, place, &format!("{at}/checkpoint/after"));
            }
            self.numbers.add(known, step.outputs.iter().map(|(name, _)| name));
        }
        let guarded = step.when.is_some();
        if let (Some(then), Some(known)) = (step.then, &inside) {
            self.jump(index, then, known);
        }
        let goes_on = if step.then.is_some() { None } else { inside };
        // A guard that is false sets what the step alone would have set to null: the names are known either way.
        if guarded {
            let mut skipped = known;
            self.numbers.add(&mut skipped, &step.sets);
            return Some(match goes_on {
                Some(done) => done.both(&skipped),
                None => skipped,
            });
        }
        goes_on
    }

    fn jump(&mut self, from: StepIx, then: PlanThen, known: &Known) {
        if let PlanThen::Goto(target) = then
            && target > from
        {
            self.arrive(target, known);
        }
    }

    fn arrive(&mut self, target: StepIx, known: &Known) {
        let arrival = match self.arrivals.remove(&target) {
            Some(other) => other.both(known),
            None => known.clone(),
        };
        self.arrivals.insert(target, arrival);
    }

    fn handlers(&mut self, index: StepIx, known: &Known) {
        let at = self.at(index);
        let plan = self.plan;
        for (number, handler) in plan.step(index).on_error.iter().enumerate() {
            let place = Place { step: Some(index), known, error: true };
            if let Some(when) = &handler.when {
                self.condition(when, place, &format!("{at}/onError/{number}/when"));
            }
            let mut after = Some(known.clone());
            if let Some(steps) = handler.steps {
                self.in_handler += 1;
                after = self.block(steps, known.clone());
                self.in_handler -= 1;
            }
            if let (HandlerThen::Goto(target), Some(after)) = (handler.then, after)
                && target > index
            {
                self.arrive(target, &after);
            }
        }
    }

    fn kind(&mut self, index: StepIx, known: &Known) -> Option<Known> {
        let at = self.at(index);
        let plan = self.plan;
        match &plan.step(index).kind {
            PlanKind::Task(task) => Some(self.task(index, task, known.clone())),
            PlanKind::Group(body) => self.block(*body, known.clone()),
            PlanKind::Loop(_) => Some(self.loop_step(index, known)),
            PlanKind::Decision(decision) => {
                let mut known = known.clone();
                if let Some(ask) = &decision.ask {
                    let place = Place { step: Some(index), known: &known, error: false };
                    self.question(&ask.checkpoint, place, &pointer(at, "ask"));
                    self.numbers.add(&mut known, &ask.variable);
                }
                let place = Place { step: Some(index), known: &known, error: false };
                for (number, branch) in decision.branches.iter().enumerate() {
                    if let Some(when) = &branch.when {
                        self.condition(when, place, &format!("{at}/branches/{number}/when"));
                    }
                }
                let mut out: Option<Known> = None;
                for branch in decision.branches.iter().chain(&decision.otherwise) {
                    if let Some(exit) = self.block(branch.body, known.clone()) {
                        out = Some(match out {
                            Some(others) => others.both(&exit),
                            None => exit,
                        });
                    }
                }
                out
            }
            PlanKind::Manual(manual) => {
                let place = Place { step: Some(index), known, error: false };
                self.question(&manual.checkpoint, place, at);
                let mut known = known.clone();
                self.numbers.add(&mut known, &manual.variable);
                Some(known)
            }
            PlanKind::End(end) => {
                if let Some(result) = &end.result {
                    let place = Place { step: Some(index), known, error: false };
                    self.json(result, place, &pointer(at, "result"));
                }
                None
            }
        }
    }

    fn task(&mut self, index: StepIx, task: &'r PlanTask, mut known: Known) -> Known {
        let at = self.at(index);
        for (number, action) in task.actions.iter().enumerate() {
            let place = Place { step: Some(index), known: &known, error: false };
            let at = format!("{at}/actions/{number}");
            self.holes(&action.holes, place, &at);
            for (name, value) in &action.set {
                self.expression(value, place, &pointer(&pointer(&at, "vars"), name));
            }
            self.numbers.add(&mut known, action.set.iter().map(|(name, _)| name));
            self.numbers.add(&mut known, &action.source.kind.variable().map(str::to_owned));
        }
        let place = Place { step: Some(index), known: &known, error: false };
        for (number, condition) in task.verify.iter().enumerate() {
            self.condition(condition, place, &format!("{at}/verify/{number}"));
        }
        known
    }

    fn loop_step(&mut self, index: StepIx, known: &Known) -> Known {
        let at = self.at(index);
        let PlanKind::Loop(each) = &self.plan.step(index).kind else { return known.clone() };
        let outside = Place { step: Some(index), known, error: false };
        match &each.over {
            PlanOver::ForEach(items) => self.expression(items, outside, &pointer(at, "forEach")),
            PlanOver::While(condition) => self.condition(condition, outside, &pointer(at, "while")),
            PlanOver::Until(_) => {}
        }
        let mut entry = known.clone();
        self.numbers.add(&mut entry, each.item.iter().chain(&each.index));
        // What has been collected so far can be read in the body.
        self.numbers.add(&mut entry, each.collect.iter().map(|(name, _)| name).chain(&each.collect_errors));
        let scope = entry.clone();
        let exit = self.block(each.body, entry).unwrap_or(scope);
        // What an iteration has set is read inside of its scope, where only the body's steps can see it.
        let reader = self.plan.block(each.body).steps.last().copied().or(Some(index));
        let place = Place { step: reader, known: &exit, error: false };
        if let PlanOver::Until(condition) = &each.over {
            self.condition(condition, place, &pointer(at, "until"));
        }
        for (name, value) in &each.collect {
            self.expression(value, place, &pointer(&pointer(at, "collect"), name));
        }
        let mut known = known.clone();
        self.numbers.add(&mut known, each.collect.iter().map(|(name, _)| name).chain(&each.collect_errors));
        known
    }
}

/// The steps to which a jump leads back.
fn back_jumps(plan: &Plan) -> BTreeSet<StepIx> {
    let mut targets = BTreeSet::new();
    for (index, step) in plan.steps.iter().enumerate() {
        let handlers = step.on_error.iter().filter_map(|handler| match handler.then {
            HandlerThen::Goto(target) => Some(target),
            HandlerThen::Retry | HandlerThen::Skip | HandlerThen::Fail | HandlerThen::Ask => None,
        });
        let then = match step.then {
            Some(PlanThen::Goto(target)) => Some(target),
            Some(PlanThen::Break(_) | PlanThen::Continue(_)) | None => None,
        };
        targets.extend(handlers.chain(then).filter(|target| target.0 as usize <= index));
    }
    targets
}
