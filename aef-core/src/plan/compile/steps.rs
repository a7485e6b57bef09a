//! Each step of a document becomes a step of the plan.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::super::inputs;
use super::super::{
    HandlerThen, PlanAsk, PlanBranch, PlanCheckpoint, PlanDecision, PlanEnd, PlanHandler, PlanKind, PlanLoop,
    PlanManual, PlanOver, PlanStep, PlanTask, Settings, StepIx,
};
use super::settings::{CheckpointDefaults, waiting};
use super::{Compiler, pointer};
use crate::document::{
    Ask, Checkpoint, CheckpointMode, Decision, Diagnostic, EndOutcome, Loop, Manual, OnItemError, OnTimeout,
    Risk, Step, StepKind, Task,
};

/// What the parts of one step share while it is compiled.
struct Context<'s> {
    at: String,
    risk: Risk,
    defaults: CheckpointDefaults,
    settings: &'s Settings,
}

impl Compiler<'_> {
    /// All steps, in the order of the layout; jumps and `sets` are filled in later.
    pub(super) fn plan_steps(&mut self, settings: &Settings) -> Vec<PlanStep> {
        let document = self.document;
        if let Some(retry) = &document.config.retry {
            self.check_retry(retry, "/config/retry");
        }
        let count = self.layout.sites.len();
        (0..count).map(|index| self.plan_step(StepIx(index as u32), settings)).collect()
    }

    fn plan_step(&mut self, index: StepIx, settings: &Settings) -> PlanStep {
        let site = self.layout.site(index);
        let (step, at, block, position) = (site.step, site.pointer.clone(), site.block, site.position);
        self.in_for_each = self.layout.in_for_each(index);
        let common = &step.common;
        let risk = common.risk.unwrap_or_else(|| self.derived_risk(step));
        let context = Context { at, risk, defaults: self.checkpoint_defaults(), settings };
        let at = &context.at;
        let before = self.before(step, &context);
        let after = common.checkpoint.as_ref().and_then(|pair| pair.after.as_ref());
        let after = after
            .filter(|after| self.asked(after, settings))
            .map(|after| self.checkpoint(after, &context, &format!("{at}/checkpoint/after")));
        PlanStep {
            id: step.id.clone(),
            name: step.name.clone().unwrap_or_else(|| step.id.to_string()),
            intent: common.intent.clone(),
            context: common.context.clone(),
            block,
            position,
            when: common.when.as_ref().map(|when| self.condition(when, &format!("{at}/when"))),
            timeout: common.timeout.map_or_else(|| default_timeout(step, settings), |span| span.0),
            before,
            after,
            retry: self.retry(common.retry.as_ref(), &format!("{at}/retry")),
            on_error: self.handlers(index, &context),
            risk,
            repeatable: common.repeatable,
            resume: common.resume.unwrap_or_default(),
            outputs: self.expressions(&common.outputs, &format!("{at}/outputs")),
            sets: Vec::new(),
            then: None,
            kind: self.kind(index, step, &context),
        }
    }

    fn kind(&mut self, index: StepIx, step: &Step, context: &Context<'_>) -> PlanKind {
        let bodies = self.layout.site(index).bodies.clone();
        match &step.kind {
            StepKind::Task(task) => self.task(step, task, context),
            StepKind::Loop(each) => PlanKind::Loop(Box::new(self.loop_step(each, bodies[0], context))),
            StepKind::Decision(decision) => {
                PlanKind::Decision(self.decision(step, decision, &bodies, context))
            }
            StepKind::Group(_) => PlanKind::Group(bodies[0]),
            StepKind::Manual(manual) => PlanKind::Manual(self.manual(step, manual, context)),
            StepKind::End(end) => {
                let failed = end.outcome.unwrap_or_default() == EndOutcome::Failed;
                let at = format!("{}/result", context.at);
                PlanKind::End(PlanEnd {
                    failed,
                    result: end.result.as_ref().map(|result| self.json(result, &at)),
                })
            }
        }
    }

    fn task(&mut self, step: &Step, task: &Task, context: &Context<'_>) -> PlanKind {
        let at = &context.at;
        if task.actions.is_empty() && task.verify.is_empty() && step.common.outputs.is_empty() {
            let found = Diagnostic::error("empty_task", at, "the task does nothing");
            self.found.push(found.with_help("give it `actions`, `verify` or `outputs`"));
        }
        let submits = task.actions.iter().any(|action| super::actions::submits(&action.kind));
        let writes = context.risk > Risk::Read && !submits;
        let mut actions = Vec::with_capacity(task.actions.len());
        for (number, action) in task.actions.iter().enumerate() {
            let pointer = format!("{at}/actions/{number}");
            actions.push(self.action(action, step, writes, context.settings, &pointer));
        }
        PlanKind::Task(PlanTask { actions, verify: self.conditions(&task.verify, &format!("{at}/verify")) })
    }

    fn loop_step(&mut self, each: &Loop, body: super::super::BlockIx, context: &Context<'_>) -> PlanLoop {
        let at = &context.at;
        if each.max_iterations == 0 {
            let found = Diagnostic::error("unbounded_loop", at, "the loop has no bound");
            self.found.push(found.with_help("give it `maxIterations`, 1 or more"));
        }
        let kinds = [each.for_each.is_some(), each.while_.is_some(), each.until.is_some()];
        if kinds.iter().filter(|given| **given).count() != 1 {
            self.error("loop_kind", at, "a loop has exactly one of `forEach`, `while` and `until`");
        }
        for (key, name) in
            [("as", &each.item), ("index", &each.index), ("collectErrors", &each.collect_errors)]
        {
            if let Some(name) = name {
                self.check_variable(name, &pointer(at, key));
            }
        }
        if each.item.is_some() && each.for_each.is_none() {
            self.error("loop_kind", &pointer(at, "as"), "only a `forEach` loop has items to name");
        }
        let over = if let Some(source) = &each.for_each {
            self.expression(source, &pointer(at, "forEach")).map(PlanOver::ForEach)
        } else if let Some(condition) = &each.while_ {
            Some(PlanOver::While(self.condition(condition, &pointer(at, "while"))))
        } else {
            each.until.as_ref().map(|until| PlanOver::Until(self.condition(until, &pointer(at, "until"))))
        };
        // Without one there is an error already, and this plan is not given out.
        let never = || PlanOver::While(self.condition(&crate::document::Condition::Constant(false), at));
        PlanLoop {
            over: over.unwrap_or_else(never),
            max_iterations: each.max_iterations,
            item: each.item.clone(),
            index: each.index.clone(),
            body,
            collect: self.expressions(&each.collect, &pointer(at, "collect")),
            continue_on_error: each.on_item_error.unwrap_or_default() == OnItemError::Continue,
            collect_errors: each.collect_errors.clone(),
        }
    }

    fn decision(
        &mut self,
        step: &Step,
        decision: &Decision,
        bodies: &[super::super::BlockIx],
        context: &Context<'_>,
    ) -> PlanDecision {
        let at = &context.at;
        self.check_branches(decision, at);
        let ask = decision.ask.as_ref().map(|ask| PlanAsk {
            checkpoint: self.question(ask, step, context),
            options: ask.options.clone(),
            variable: ask.variable.clone(),
        });
        let mut branches = Vec::with_capacity(decision.branches.len());
        for (number, (branch, body)) in decision.branches.iter().zip(bodies).enumerate() {
            let when = format!("{at}/branches/{number}/when");
            let option = decision.ask.iter().flat_map(|ask| &ask.options);
            let mut option = option.filter(|option| branch.option.as_ref() == Some(&option.id));
            branches.push(PlanBranch {
                label: branch
                    .label
                    .clone()
                    .or_else(|| option.next().map(|option| option.label.clone()))
                    .unwrap_or_else(|| format!("branch {}", number + 1)),
                when: branch.when.as_ref().map(|condition| self.condition(condition, &when)),
                option: branch.option.clone(),
                body: *body,
            });
        }
        let otherwise = decision.otherwise.as_ref().zip(bodies.last()).map(|(otherwise, body)| PlanBranch {
            label: otherwise.label.clone().unwrap_or_else(|| "otherwise".to_owned()),
            when: None,
            option: None,
            body: *body,
        });
        PlanDecision { ask, branches, otherwise }
    }

    fn check_branches(&mut self, decision: &Decision, at: &str) {
        for (number, branch) in decision.branches.iter().enumerate() {
            let pointer = format!("{at}/branches/{number}");
            let message = match (&decision.ask, &branch.when, &branch.option) {
                (None, Some(_), None) | (Some(_), None, Some(_)) => None,
                (None, None, _) => Some("a branch has a condition, `when`"),
                (None, _, Some(_)) => Some("`option` belongs to a decision with a question, `ask`"),
                (Some(_), _, None) => Some("a branch of a question names an `option` of it"),
                (Some(_), Some(_), _) => Some("a branch of a question has an `option` and no `when`"),
            };
            if let Some(message) = message {
                self.error("invalid_branch", &pointer, message);
            }
            if let (Some(ask), Some(option)) = (&decision.ask, &branch.option)
                && !ask.options.iter().any(|known| known.id == *option)
            {
                let message = format!("the question has no option `{option}`");
                self.error("invalid_branch", &format!("{pointer}/option"), message);
            }
        }
        let asked = decision.ask.as_ref().is_some_and(|ask| {
            let mut options = ask.options.iter();
            options.all(|option| {
                decision.branches.iter().any(|branch| branch.option.as_ref() == Some(&option.id))
            })
        });
        let constant = decision.branches.iter().any(|branch| {
            matches!(&branch.when, Some(crate::document::Condition::Constant(true)))
                || matches!(&branch.when, Some(crate::document::Condition::Expression(text)) if text.trim() == "true")
        });
        if decision.otherwise.is_none() && !asked && !constant {
            let found = Diagnostic::error("otherwise_required", at, "no branch may be taken");
            self.found.push(found.with_help("add `otherwise: { steps: [] }`, or a branch for each option"));
        }
    }

    fn manual(&mut self, step: &Step, manual: &Manual, context: &Context<'_>) -> PlanManual {
        let at = &context.at;
        if let Some(name) = &manual.variable {
            self.check_variable(name, &pointer(at, "as"));
        }
        let name = step.name.clone().unwrap_or_else(|| step.id.to_string());
        PlanManual {
            checkpoint: PlanCheckpoint {
                title: Some(self.text(&name, &pointer(at, "name"))),
                description: manual
                    .instructions
                    .as_ref()
                    .map(|text| self.text(text, &pointer(at, "instructions"))),
                form: self.asked_form(manual.form.as_ref(), &pointer(at, "form")),
                timeout: step.common.timeout.map_or(context.defaults.timeout, |span| waiting(span.0)),
                on_timeout: self.person_timeout(manual.on_timeout, context),
                label: None,
            },
            variable: manual.variable.clone(),
        }
    }

    fn question(&mut self, ask: &Ask, step: &Step, context: &Context<'_>) -> PlanCheckpoint {
        let at = pointer(&context.at, "ask");
        if ask.options.is_empty() {
            self.error("invalid_branch", &pointer(&at, "options"), "a question has at least one option");
        }
        for (index, option) in ask.options.iter().enumerate() {
            if ask.options[..index].iter().any(|earlier| earlier.id == option.id) {
                let message = format!("the option `{}` stands twice", option.id);
                self.error("invalid_branch", &format!("{at}/options/{index}/id"), message);
            }
        }
        if let Some(name) = &ask.variable {
            self.check_variable(name, &pointer(&at, "as"));
        }
        PlanCheckpoint {
            title: Some(self.text(&ask.question, &pointer(&at, "question"))),
            description: ask.description.as_ref().map(|text| self.text(text, &pointer(&at, "description"))),
            form: self.asked_form(ask.form.as_ref(), &pointer(&at, "form")),
            timeout: step.common.timeout.map_or(context.defaults.timeout, |span| waiting(span.0)),
            on_timeout: self.person_timeout(ask.on_timeout, context),
            label: None,
        }
    }

    /// What happens when a person does not do or decide what only a person can.
    fn person_timeout(&mut self, own: Option<OnTimeout>, context: &Context<'_>) -> OnTimeout {
        if own == Some(OnTimeout::Approve) {
            let message = "nobody but a person can answer this: `pause`, `reject` and `skip` are possible";
            self.error("invalid_value", &pointer(&context.at, "onTimeout"), message);
        }
        let wanted = own.unwrap_or(context.defaults.on_timeout);
        if wanted == OnTimeout::Approve { OnTimeout::Pause } else { wanted }
    }

    fn asked(&self, checkpoint: &Checkpoint, settings: &Settings) -> bool {
        settings.checkpoint_mode != CheckpointMode::None || checkpoint.required
    }

    fn before(&mut self, step: &Step, context: &Context<'_>) -> Option<PlanCheckpoint> {
        let at = format!("{}/checkpoint/before", context.at);
        let declared = step.common.checkpoint.as_ref().and_then(|pair| pair.before.as_ref());
        if let Some(declared) = declared {
            let checkpoint = self.checkpoint(declared, context, &at);
            return self.asked(declared, context.settings).then_some(checkpoint);
        }
        let task = matches!(step.kind, StepKind::Task(_));
        let wanted = match context.settings.checkpoint_mode {
            CheckpointMode::All => task,
            CheckpointMode::Risky => context.risk > Risk::Read,
            CheckpointMode::Declared | CheckpointMode::None => false,
        };
        wanted.then(|| self.checkpoint(&Checkpoint::default(), context, &context.at))
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint, context: &Context<'_>, at: &str) -> PlanCheckpoint {
        let on_timeout = checkpoint.on_timeout.unwrap_or(context.defaults.on_timeout);
        if on_timeout == OnTimeout::Approve && context.risk > Risk::Read {
            let message = "a step that changes something is not approved by a lapse of time";
            let found = Diagnostic::error("approve_risky", at, message);
            self.found.push(found.with_help("set `onTimeout` to `pause`, `reject` or `skip`"));
        }
        PlanCheckpoint {
            title: checkpoint.title.as_ref().map(|text| self.text(text, &pointer(at, "title"))),
            description: checkpoint
                .description
                .as_ref()
                .map(|text| self.text(text, &pointer(at, "description"))),
            form: self.asked_form(checkpoint.form.as_ref(), &pointer(at, "form")),
            timeout: checkpoint.timeout.map_or(context.defaults.timeout, |span| waiting(span.0)),
            on_timeout,
            label: checkpoint.label.clone(),
        }
    }

    /// The form of a question. What it marks `writeOnly` can be entered later as a secret.
    fn asked_form(&mut self, schema: Option<&Value>, at: &str) -> Option<Arc<Value>> {
        let form = self.form(schema, at)?;
        if inputs::hides_write_only(&form) {
            let message = "`writeOnly` stands on the fields of the form itself, and on nothing inside them";
            self.error("invalid_schema", at, message);
        }
        for (name, field) in inputs::write_only(&form) {
            let at = pointer(&pointer(at, "properties"), name);
            if !super::names::is_variable(name) {
                self.error("invalid_name", &at, format!("`{name}` is no name of a secret"));
            } else if self.document.secrets.iter().any(|declared| declared.name == *name) {
                self.error("duplicate_secret", &at, format!("`{name}` is declared as a secret already"));
            } else {
                self.given.insert(name.clone(), Arc::new(field.clone()));
            }
        }
        Some(form)
    }

    pub(super) fn form(&mut self, schema: Option<&Value>, pointer: &str) -> Option<Arc<Value>> {
        let schema = schema?;
        if let Err(message) = inputs::check_schema(schema) {
            self.error("invalid_schema", pointer, message);
        }
        Some(Arc::new(schema.clone()))
    }

    fn handlers(&mut self, index: StepIx, context: &Context<'_>) -> Vec<PlanHandler> {
        let site = self.layout.site(index);
        let (step, blocks) = (site.step, site.handlers.clone());
        let mut handlers = Vec::with_capacity(blocks.len());
        for (number, (handler, steps)) in step.common.on_error.iter().zip(blocks).enumerate() {
            let at = format!("{}/onError/{number}", context.at);
            if handler.max == Some(0) {
                self.error("invalid_value", &pointer(&at, "max"), "at least once");
            }
            handlers.push(PlanHandler {
                kinds: handler.kinds.clone(),
                when: handler.when.as_ref().map(|when| self.condition(when, &pointer(&at, "when"))),
                steps,
                // Jumps are resolved when all steps are known.
                then: super::flow::handler_word(&handler.then).unwrap_or(HandlerThen::Fail),
                max: handler.max.unwrap_or(1),
            });
        }
        handlers
    }
}

/// A step that names no timeout may work as long as its actions may by their own words, where that is longer than usual.
fn default_timeout(step: &Step, settings: &Settings) -> Duration {
    let own = match &step.kind {
        StepKind::Task(task) => {
            task.actions.iter().filter_map(|action| action.timeout).map(|span| span.0).sum()
        }
        StepKind::Loop(_)
        | StepKind::Decision(_)
        | StepKind::Group(_)
        | StepKind::Manual(_)
        | StepKind::End(_) => Duration::ZERO,
    };
    settings.step_timeout.max(own)
}
