//! From a document to a plan: everything is checked, and everything that is wrong is told at once.

mod actions;
mod flow;
mod layout;
mod lint;
mod names;
mod origins;
mod page_state;
mod settings;
mod steps;
mod wellformed;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use self::layout::Layout;
pub(super) use self::origins::reduce_origins;
use super::expression::{ExpressionError, ExpressionErrorKind};
use super::host_filters::Filters;
use super::inputs::InputSchema;
use super::rendered::Holes;
use super::{Expression, JsonTemplate, Plan, PlanCondition};
use crate::document::{Condition, Diagnostic, Diagnostics, Document, FORMAT_VERSION, Risk, Severity};
use crate::ids::StepId;

/// What the host adds to the format.
#[derive(Debug, Clone, Default)]
pub struct CompileOptions {
    /// The host's own actions, by their names: `NAMESPACE.NAME`.
    pub actions: BTreeMap<String, CustomActionSpec>,
    /// The host's own filters.
    pub filters: Filters,
}

/// A host's own action.
#[derive(Debug, Clone, Default)]
pub struct CustomActionSpec {
    /// A JSON Schema of its arguments. Arguments with templates in them are checked when they are rendered.
    pub input: Option<Value>,
    /// What it may change.
    pub risk: Risk,
    /// Whether it may be performed again when its outcome is unknown.
    pub repeatable: bool,
}

impl Plan {
    /// Compiles a document without actions and filters of the host.
    ///
    /// # Errors
    /// Everything that is wrong with it, warnings included. Where there are only warnings, they are kept in the plan.
    pub fn compile(document: &Document) -> Result<Self, Diagnostics> {
        Self::compile_with(document, &CompileOptions::default())
    }

    /// Compiles a document.
    ///
    /// # Errors
    /// As for [`Plan::compile`].
    pub fn compile_with(document: &Document, options: &CompileOptions) -> Result<Self, Diagnostics> {
        Compiler::new(document, options).compile(None)
    }
}

/// What is known while a document is compiled.
pub(in crate::plan) struct Compiler<'a> {
    pub(in crate::plan) document: &'a Document,
    pub(in crate::plan) options: &'a CompileOptions,
    pub(in crate::plan) layout: Layout<'a>,
    pub(in crate::plan) found: Vec<Diagnostic>,
    /// The secrets that forms ask for.
    given: BTreeMap<String, Arc<Value>>,
    /// Whether the step at hand stands in the body of a `forEach`.
    in_for_each: bool,
}

impl<'a> Compiler<'a> {
    pub(in crate::plan) fn new(document: &'a Document, options: &'a CompileOptions) -> Self {
        let mut found = Vec::new();
        let layout = Layout::new(document, &mut found);
        Self { document, options, layout, found, given: BTreeMap::new(), in_for_each: false }
    }

    /// Compiles a part of a document, whose steps have the pointers that they have in the whole.
    pub(in crate::plan) fn part(
        part: &'a Document,
        options: &'a CompileOptions,
        pointer_of: &dyn Fn(&StepId) -> Option<String>,
    ) -> Self {
        let mut compiler = Self::new(part, options);
        for site in &mut compiler.layout.sites {
            if let Some(pointer) = pointer_of(&site.step.id) {
                site.pointer = pointer;
            }
        }
        compiler
    }

    /// The names that the document reads and nothing in it sets.
    pub(in crate::plan) fn missing_names(mut self) -> BTreeSet<String> {
        let mut plan = self.plan(None);
        self.check_flow(&mut plan);
        self.check_names(&mut plan)
    }

    pub(in crate::plan) fn compile(mut self, subset: Option<Vec<StepId>>) -> Result<Plan, Diagnostics> {
        let mut plan = self.plan(subset);
        self.finish_blocks(&mut plan);
        self.check_flow(&mut plan);
        self.check_names(&mut plan);
        self.check_page_state(&plan);
        if self.found.iter().any(|found| found.severity == Severity::Error) {
            return Err(Diagnostics::new(self.found));
        }
        plan.warnings = Diagnostics::new(self.found);
        Ok(plan)
    }

    /// The plan before its jumps are resolved and its names checked.
    fn plan(&mut self, subset: Option<Vec<StepId>>) -> Plan {
        if self.document.aef != FORMAT_VERSION {
            let message =
                format!("version {} of the format is not known; this is version 1", self.document.aef);
            self.found.push(Diagnostic::error("unsupported_version", "/aef", message));
        }
        let inputs = match InputSchema::compile(self.document.inputs.as_ref()) {
            Ok(inputs) => inputs,
            Err(message) => {
                self.found.push(Diagnostic::error("invalid_schema", "/inputs", message));
                InputSchema::default()
            }
        };
        let mut settings = self.settings();
        let vars = self.vars();
        let steps = self.plan_steps(&settings);
        settings.given = std::mem::take(&mut self.given);
        Plan {
            document: Arc::new(self.document.clone()),
            hash: self.document.hash(),
            subset,
            steps,
            blocks: std::mem::take(&mut self.layout.blocks),
            by_id: self.layout.by_id.clone(),
            vars,
            settings,
            inputs,
            warnings: Diagnostics::default(),
        }
    }

    fn vars(&mut self) -> BTreeMap<String, JsonTemplate> {
        let mut vars = BTreeMap::new();
        let document = self.document;
        for (name, value) in &document.vars {
            let pointer = pointer("/vars", name);
            self.check_variable(name, &pointer);
            vars.insert(name.clone(), self.json(value, &pointer));
        }
        vars
    }

    pub(super) fn error(&mut self, code: &'static str, pointer: &str, message: impl Into<String>) {
        self.found.push(Diagnostic::error(code, pointer, message));
    }

    pub(super) fn expression_error(&mut self, error: &ExpressionError, pointer: &str) {
        let code = match error.kind {
            ExpressionErrorKind::Braces => "expression_braces",
            ExpressionErrorKind::Statement => "statement_not_allowed",
            ExpressionErrorKind::Secret => "secret_not_allowed",
            ExpressionErrorKind::Unknown => "expression_unknown",
            ExpressionErrorKind::Syntax
            | ExpressionErrorKind::TooLong
            | ExpressionErrorKind::Undefined
            | ExpressionErrorKind::Evaluation
            | ExpressionErrorKind::OutOfFuel
            | ExpressionErrorKind::Type
            | ExpressionErrorKind::TooLarge => "expression_syntax",
        };
        let message = format!("{}, in `{}`", error.message, error.source_text);
        self.found.push(Diagnostic::error(code, format!("{pointer}{}", error.place), message));
    }

    /// Parses an expression; what stands in for one that cannot be parsed is never run.
    pub(super) fn expression(&mut self, source: &str, pointer: &str) -> Option<Expression> {
        let filters = &self.options.filters;
        match Expression::parse_with(source, filters) {
            Ok(expression) => {
                lint::expression(&expression, filters, pointer, &mut self.found);
                Some(expression)
            }
            Err(error) => {
                self.expression_error(&error, pointer);
                None
            }
        }
    }

    pub(super) fn expressions(
        &mut self,
        sources: &BTreeMap<String, String>,
        at: &str,
    ) -> Vec<(String, Expression)> {
        let mut expressions = Vec::with_capacity(sources.len());
        for (name, source) in sources {
            let pointer = pointer(at, name);
            self.check_variable(name, &pointer);
            if let Some(expression) = self.expression(source, &pointer) {
                expressions.push((name.clone(), expression));
            }
        }
        expressions
    }

    pub(super) fn json(&mut self, value: &Value, pointer: &str) -> JsonTemplate {
        let filters = &self.options.filters;
        match JsonTemplate::parse_with(value, filters) {
            Ok(template) => {
                template.for_each(&mut |place, template| {
                    lint::template(template, filters, &format!("{pointer}{place}"), &mut self.found);
                });
                template
            }
            Err(error) => {
                self.expression_error(&error, pointer);
                JsonTemplate::constant(Value::Null)
            }
        }
    }

    pub(super) fn text(&mut self, text: &str, pointer: &str) -> JsonTemplate {
        self.json(&Value::String(text.to_owned()), pointer)
    }

    pub(super) fn condition(&mut self, condition: &Condition, pointer: &str) -> PlanCondition {
        let filters = &self.options.filters;
        let (holes, errors) = Holes::of_condition(condition, filters);
        for error in &errors {
            self.expression_error(error, pointer);
        }
        lint::holes(&holes, filters, pointer, &mut self.found);
        self.check_condition(condition, pointer);
        PlanCondition::with_holes(condition, holes)
    }

    pub(super) fn conditions(&mut self, conditions: &[Condition], pointer: &str) -> Vec<PlanCondition> {
        let each = conditions.iter().enumerate();
        each.map(|(index, condition)| self.condition(condition, &format!("{pointer}/{index}"))).collect()
    }
}

/// The pointer to a key of the object at `parent`.
pub(super) fn pointer(parent: &str, key: &str) -> String {
    format!("{parent}/{}", crate::document::escape_key(key))
}
