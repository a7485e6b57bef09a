//! What expressions, templates and secrets read in one place.

use std::collections::BTreeSet;

use super::super::super::rendered::{Found, Holes};
use super::super::super::template::{Piece, Template};
use super::super::super::{Expression, JsonTemplate, Plan, PlanCheckpoint, PlanCondition};
use super::super::pointer;
use super::{FUNCTIONS, Place, Reader};
use crate::document::{Diagnostic, nearest};

/// What the schema says of the inputs.
pub(super) struct Inputs {
    names: BTreeSet<String>,
    certain: BTreeSet<String>,
    open: bool,
}

impl Reader<'_> {
    pub(super) fn checkpoint(&mut self, checkpoint: &PlanCheckpoint, place: Place<'_>, at: &str) {
        for (key, text) in [("title", &checkpoint.title), ("description", &checkpoint.description)] {
            if let Some(text) = text {
                self.json(text, place, &pointer(at, key));
            }
        }
    }

    /// The question of a decision or manual step, whose fields have other names than those of a checkpoint.
    pub(super) fn question(&mut self, checkpoint: &PlanCheckpoint, place: Place<'_>, at: &str) {
        for text in [&checkpoint.title, &checkpoint.description].into_iter().flatten() {
            self.json(text, place, at);
        }
    }

    pub(super) fn condition(&mut self, condition: &PlanCondition, place: Place<'_>, at: &str) {
        self.holes(condition.holes(), place, at);
    }

    pub(super) fn holes(&mut self, holes: &Holes, place: Place<'_>, at: &str) {
        holes.for_each(&mut |within, hole| {
            let at = format!("{at}{within}");
            match hole {
                Found::Expression(expression) => self.expression(expression, place, &at),
                Found::Template(template, secrets) => self.template(template, secrets, place, &at),
            }
        });
    }

    pub(super) fn json(&mut self, json: &JsonTemplate, place: Place<'_>, at: &str) {
        json.for_each(&mut |within, template| {
            self.template(template, false, place, &format!("{at}{within}"))
        });
    }

    pub(super) fn template(&mut self, template: &Template, secrets: bool, place: Place<'_>, at: &str) {
        for piece in template.pieces() {
            match piece {
                Piece::Plain(_) => {}
                Piece::Expression(expression) => self.expression(expression, place, at),
                Piece::Secret(name) if secrets => self.secret(name, at),
                Piece::Secret(name) => self.secret_refused(name, at),
            }
        }
    }

    pub(super) fn secret(&mut self, name: &str, at: &str) {
        let settings = &self.plan.settings;
        let declared = settings.secrets.iter().map(|secret| secret.declaration.name.as_str());
        let declared = declared.chain(settings.given.keys().map(String::as_str));
        if declared.clone().any(|declared| declared == name) {
            self.used.insert(name.to_owned());
            return;
        }
        let mut found =
            Diagnostic::error("unknown_secret", at, format!("the secret `{name}` is not declared"));
        found = found.with_help(match nearest(name, declared) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "declare it (secrets: [ {{ name: {name} }} ]), or let a form ask for it in a `writeOnly` field"
            ),
        });
        self.found.push(found);
    }

    pub(super) fn secret_refused(&mut self, name: &str, at: &str) {
        // It has been told where it may not stand; that it is used nowhere need not be told, too.
        self.used.insert(name.to_owned());
        let message = format!("the secret `{name}` stands where it would be shown");
        let found = Diagnostic::error("secret_not_allowed", at, message);
        self.found
            .push(found.with_help("only what `fill` and `type` enter may hold {{ secrets.NAME }}, as it is"));
    }

    pub(super) fn expression(&mut self, expression: &Expression, place: Place<'_>, at: &str) {
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

    pub(super) fn field(&mut self, root: &str, field: Option<&str>, fields: &[&str], at: &str) {
        let Some(field) = field.filter(|field| !fields.contains(field)) else { return };
        let known = fields.iter().map(|field| format!("`{root}.{field}`")).collect::<Vec<_>>().join(", ");
        let message = format!("there is no `{root}.{field}`");
        self.found
            .push(Diagnostic::error("undefined_name", at, message).with_help(format!("there is {known}")));
    }

    pub(super) fn input(&mut self, field: Option<&str>, careful: bool, at: &str) {
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

    pub(super) fn undefined(&mut self, name: &str, place: Place<'_>, at: &str) {
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
    pub(super) fn of(plan: &Plan) -> Self {
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
