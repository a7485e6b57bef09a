//! Names: what an expression reads has been set before, by every way that leads to it.

use std::collections::{BTreeMap, BTreeSet};

use super::super::rendered::{Found, Holes};
use super::super::template::{Piece, Template};
use super::super::{
    BlockIx, Expression, HandlerThen, JsonTemplate, Plan, PlanCheckpoint, PlanCondition, PlanKind, PlanOver,
    PlanTask, PlanThen, StepIx,
};
use super::{Compiler, pointer};
use crate::document::{Diagnostic, nearest};

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

/// Which steps set which names, each with the innermost loop in which it does.
#[derive(Debug, Default)]
struct Setters {
    by_name: BTreeMap<String, Vec<(StepIx, Option<StepIx>)>>,
    vars: BTreeSet<String>,
}

impl Setters {
    fn collect(plan: &Plan) -> Self {
        let mut setters = Self { vars: plan.vars.keys().cloned().collect(), ..Self::default() };
        for index in (0..plan.steps.len()).map(|index| StepIx(index as u32)) {
            let around = loop_around(plan, index);
            for name in own_sets(plan, index) {
                setters.by_name.entry(name).or_default().push((index, around));
            }
        }
        setters
    }

    /// Names that a step sets, itself or in what it contains, and that nothing else sets.
    fn fill(&self, plan: &mut Plan) {
        let mut sets: Vec<Vec<String>> = vec![Vec::new(); plan.steps.len()];
        for (name, setters) in self.by_name.iter().filter(|(name, _)| !self.vars.contains(*name)) {
            let (first, first_loop) = setters[0];
            let mut step = Some(first);
            // From the innermost step outwards, as far as the name is seen and all its setters are inside.
            while let Some(index) = step {
                let alone = setters.iter().all(|(setter, _)| contains(plan, index, *setter));
                if alone {
                    sets[index.0 as usize].push(name.clone());
                }
                let leaves_loop = plan.container(index) == first_loop && first_loop.is_some();
                step = if leaves_loop { None } else { plan.container(index) };
            }
        }
        for (step, names) in plan.steps.iter_mut().zip(sets) {
            step.sets = names;
        }
    }

    /// Whether a name may have been set when `reader` reads it: some setter stands where the reader sees its scope.
    fn may_be_set(&self, plan: &Plan, name: &str, reader: Option<StepIx>) -> bool {
        self.by_name.get(name).is_some_and(|setters| {
            setters.iter().any(|(_, around)| match (around, reader) {
                (None, _) => true,
                (Some(around), Some(reader)) => contains(plan, *around, reader),
                (Some(_), None) => false,
            })
        })
    }
}

fn contains(plan: &Plan, outer: StepIx, inner: StepIx) -> bool {
    let mut step = Some(inner);
    while let Some(index) = step {
        if index == outer {
            return true;
        }
        step = plan.container(index);
    }
    false
}

fn loop_around(plan: &Plan, index: StepIx) -> Option<StepIx> {
    let mut container = plan.container(index);
    while let Some(owner) = container {
        if matches!(plan.step(owner).kind, PlanKind::Loop(_)) {
            return Some(owner);
        }
        container = plan.container(owner);
    }
    None
}

/// What a step sets itself, in the scope in which it stands.
fn own_sets(plan: &Plan, index: StepIx) -> Vec<String> {
    let step = plan.step(index);
    let mut names: Vec<String> = step.outputs.iter().map(|(name, _)| name.clone()).collect();
    match &step.kind {
        PlanKind::Task(task) => names.extend(task_sets(task)),
        PlanKind::Loop(each) => {
            names.extend(each.collect.iter().map(|(name, _)| name.clone()));
            names.extend(each.collect_errors.clone());
        }
        PlanKind::Decision(decision) => {
            names.extend(decision.ask.iter().filter_map(|ask| ask.variable.clone()))
        }
        PlanKind::Manual(manual) => names.extend(manual.variable.clone()),
        PlanKind::Group(_) | PlanKind::End(_) => {}
    }
    names
}

fn task_sets(task: &PlanTask) -> impl Iterator<Item = String> {
    task.actions.iter().flat_map(|action| {
        let set = action.set.iter().map(|(name, _)| name.clone());
        set.chain(action.source.kind.variable().map(str::to_owned))
    })
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

/// What the schema says of the inputs.
struct Inputs {
    names: BTreeSet<String>,
    certain: BTreeSet<String>,
    open: bool,
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

    fn checkpoint(&mut self, checkpoint: &PlanCheckpoint, place: Place<'_>, at: &str) {
        for (key, text) in [("title", &checkpoint.title), ("description", &checkpoint.description)] {
            if let Some(text) = text {
                self.json(text, place, &pointer(at, key));
            }
        }
    }

    /// The question of a decision or manual step, whose fields have other names than those of a checkpoint.
    fn question(&mut self, checkpoint: &PlanCheckpoint, place: Place<'_>, at: &str) {
        for text in [&checkpoint.title, &checkpoint.description].into_iter().flatten() {
            self.json(text, place, at);
        }
    }

    fn condition(&mut self, condition: &PlanCondition, place: Place<'_>, at: &str) {
        self.holes(condition.holes(), place, at);
    }

    fn holes(&mut self, holes: &Holes, place: Place<'_>, at: &str) {
        holes.for_each(&mut |within, hole| {
            let at = format!("{at}{within}");
            match hole {
                Found::Expression(expression) => self.expression(expression, place, &at),
                Found::Template(template, secrets) => self.template(template, secrets, place, &at),
            }
        });
    }

    fn json(&mut self, json: &JsonTemplate, place: Place<'_>, at: &str) {
        json.for_each(&mut |within, template| {
            self.template(template, false, place, &format!("{at}{within}"))
        });
    }

    fn template(&mut self, template: &Template, secrets: bool, place: Place<'_>, at: &str) {
        for piece in template.pieces() {
            match piece {
                Piece::Plain(_) => {}
                Piece::Expression(expression) => self.expression(expression, place, at),
                Piece::Secret(name) if secrets => self.secret(name, at),
                Piece::Secret(name) => self.secret_refused(name, at),
            }
        }
    }

    fn secret(&mut self, name: &str, at: &str) {
        let declared = self.plan.settings.secrets.iter().map(|secret| secret.declaration.name.as_str());
        if declared.clone().any(|declared| declared == name) {
            self.used.insert(name.to_owned());
            return;
        }
        let mut found =
            Diagnostic::error("unknown_secret", at, format!("the secret `{name}` is not declared"));
        found = found.with_help(match nearest(name, declared) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("declare it: secrets: [ {{ name: {name} }} ]"),
        });
        self.found.push(found);
    }

    fn secret_refused(&mut self, name: &str, at: &str) {
        // It has been told where it may not stand; that it is used nowhere need not be told, too.
        self.used.insert(name.to_owned());
        let message = format!("the secret `{name}` stands where it would be shown");
        let found = Diagnostic::error("secret_not_allowed", at, message);
        self.found
            .push(found.with_help("only what `fill` and `type` enter may hold {{ secrets.NAME }}, as it is"));
    }

    fn expression(&mut self, expression: &Expression, place: Place<'_>, at: &str) {
        // Who asks whether a name is there, or says what to take instead, knows that it may not be.
        let careful = expression.source().contains("defined") || expression.source().contains("default(");
        for name in expression.names() {
            let mut parts = name.split('.');
            let root = parts.next().unwrap_or_default();
            let field = parts.next();
            match root {
                "secrets" => self.secret_refused(field.unwrap_or_default(), at),
                "inputs" => self.input(field, careful, at),
                "execution" => self.field(root, field, &["id", "startedAt"], at),
                "step" if place.step.is_some() => self.field(root, field, &["id"], at),
                "error" if place.error || self.in_handler > 0 => {
                    self.field(root, field, &["kind", "reason", "message"], at);
                }
                _ if FUNCTIONS.contains(&root) || self.numbers.knows(place.known, root) => {}
                _ if self.setters.may_be_set(self.plan, root, place.step) => {
                    if !careful {
                        let message = format!("`{root}` may not have been set when this is read");
                        let found = Diagnostic::warning("maybe_unset", at, message);
                        self.found.push(found.with_help(format!(
                            "give it a first value in `vars`, or read it with `{root} | default(…)`"
                        )));
                    }
                }
                _ => self.undefined(root, place, at),
            }
        }
    }

    fn field(&mut self, root: &str, field: Option<&str>, fields: &[&str], at: &str) {
        let Some(field) = field.filter(|field| !fields.contains(field)) else { return };
        let known = fields.iter().map(|field| format!("`{root}.{field}`")).collect::<Vec<_>>().join(", ");
        let message = format!("there is no `{root}.{field}`");
        self.found
            .push(Diagnostic::error("undefined_name", at, message).with_help(format!("there is {known}")));
    }

    fn input(&mut self, field: Option<&str>, careful: bool, at: &str) {
        let Some(field) = field else { return };
        if !self.inputs.names.contains(field) {
            if self.inputs.open {
                return;
            }
            let mut found = Diagnostic::error("undefined_name", at, format!("there is no input `{field}`"));
            found = found.with_help(match nearest(field, self.inputs.names.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `inputs.{near}`?"),
                None => "declare it in `inputs`".to_owned(),
            });
            self.found.push(found);
        } else if !self.inputs.certain.contains(field) && !careful {
            let message = format!("the input `{field}` may not be given");
            let found = Diagnostic::warning("maybe_unset", at, message);
            self.found
                .push(found.with_help("require it, or give it a `default`, in the schema of the inputs"));
        }
    }

    fn undefined(&mut self, name: &str, place: Place<'_>, at: &str) {
        let mut found = Diagnostic::error("undefined_name", at, format!("nothing sets `{name}`"));
        let roots = ["inputs", "execution", "step"];
        let known =
            self.numbers.0.iter().filter(|(_, id)| place.known.has(**id)).map(|(known, _)| known.as_str());
        // What has a number and is not known here was the item of a loop, or is set inside of one.
        let elsewhere = self.setters.by_name.contains_key(name) || self.numbers.0.contains_key(name);
        if elsewhere {
            found = found.with_help(format!(
                "`{name}` belongs to a loop and does not outlive its iteration: use `collect`, or declare it in `vars`"
            ));
        } else if let Some(near) = nearest(name, known.chain(roots)) {
            found = found.with_help(format!("did you mean `{near}`?"));
        }
        self.found.push(found);
        self.missing.insert(name.to_owned());
    }
}

impl Inputs {
    fn of(plan: &Plan) -> Self {
        let schema = plan.document.inputs.as_ref();
        let properties =
            schema.and_then(|schema| schema.get("properties")).and_then(|found| found.as_object());
        let required = schema.and_then(|schema| schema.get("required")).and_then(|found| found.as_array());
        let required = required.into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned));
        let with_default =
            properties.into_iter().flatten().filter(|(_, schema)| schema.get("default").is_some());
        let key = |key: &str| schema.and_then(|schema| schema.get(key));
        let elsewhere = ["$ref", "allOf", "anyOf", "oneOf", "patternProperties"];
        let open = schema.is_some()
            && (properties.is_none()
                || key("additionalProperties").is_some_and(|more| more != &serde_json::Value::Bool(false))
                || elsewhere.iter().any(|name| key(name).is_some()));
        Self {
            names: properties.into_iter().flatten().map(|(name, _)| name.clone()).collect(),
            certain: required.chain(with_default.map(|(name, _)| name.clone())).collect(),
            open,
        }
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
