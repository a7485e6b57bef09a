//! The questions of a document: decisions, the items of loops, and what the transform itself has to ask.

use std::collections::BTreeMap;

use serde_json::json;

use super::choices::{Way, labels};
use super::conditions::{Conditions, conditions};
use super::flow::{Next, Role, Target};
use super::forest::Ix;
use super::lists::{Items, WHOLE};
use super::model::Node;
use super::names::variable_of;
use super::report::WarningCode;
use super::steps::{Builder, Parts};
use super::structure::ItemIx;
use crate::document::{
    Ask, AskOption, Branch, Condition, Decision, Group, Manual, Otherwise, StepCommon, StepKind,
};

impl Builder<'_> {
    /// The question for the items of a loop.
    pub(super) fn items(&mut self, each: Ix) -> Parts {
        self.counts.manual_steps += 1;
        let source = &self.draft.sop.nodes[each];
        let words = Items::of(source).words;
        let until = source.text("exit_condition").map(|text| format!("Until: {text}"));
        let lines: Vec<String> =
            Some(words).filter(|words| !words.is_empty()).into_iter().chain(until).collect();
        let name = self.shown(each, &format!("Which items does “{}” go through?", source.name()));
        let text = lines.join("\n");
        let form = json!({
            "type": "object",
            "required": [WHOLE],
            "properties": { WHOLE: { "type": "array", "title": source.name() } },
        });
        let message = "no list is named that a step before it gives: a person is asked for its items";
        self.found.node(&self.draft.sop, each, WarningCode::ManualStep, message);
        let manual = Manual {
            instructions: (!text.is_empty()).then(|| self.shown(each, &text)),
            form: Some(form),
            variable: Some(items_variable(source)),
            on_timeout: None,
        };
        bare(name, StepKind::Manual(manual))
    }

    /// A question that the transform adds.
    pub(super) fn asked(&mut self, item: ItemIx, node: Ix, name: String) -> Parts {
        let kind = self.question(item, node, &name, None);
        bare(name, kind)
    }

    pub(super) fn question(
        &mut self,
        item: ItemIx,
        node: Ix,
        question: &str,
        description: Option<&str>,
    ) -> StepKind {
        self.counts.decisions += 1;
        let draft = self.draft;
        let ways = match &draft.graph.next[node] {
            Next::Choice(ways) => ways.as_slice(),
            Next::End | Next::To(_) => &[],
        };
        if node < draft.sop.nodes.len() && draft.graph.roles[node] == Role::Decision {
            let scope = self.scope(node);
            if let Some(read) = conditions(&draft.sop.nodes[node], ways, &mut self.inputs, &scope) {
                return self.decided(item, ways, read);
            }
            if ways.iter().any(|way| !matches!(way.option.as_str(), "yes" | "no")) {
                let message = format!("a person chooses among {}", labels(ways));
                self.found.node(&draft.sop, node, WarningCode::DecisionCustomLabels, message);
            }
        }
        let bodies = self.bodies(item);
        let branches = ways.iter().zip(bodies).map(|(way, steps)| Branch {
            when: None,
            option: Some(way.option.clone()),
            label: Some(way.label.clone()),
            steps,
        });
        let branches = branches.collect();
        let options =
            ways.iter().map(|way| AskOption { id: way.option.clone(), label: way.label.clone() }).collect();
        let ask = Ask {
            question: self.shown(node, question),
            description: description.map(|text| self.shown(node, text)),
            options,
            form: None,
            variable: None,
            on_timeout: None,
        };
        StepKind::Decision(Decision { ask: Some(ask), branches, otherwise: None })
    }

    /// A decision whose conditions can be read.
    fn decided(&mut self, item: ItemIx, ways: &[Way], read: Conditions) -> StepKind {
        let (mut branches, mut otherwise) = (Vec::with_capacity(ways.len()), None);
        for ((way, when), steps) in ways.iter().zip(read.when).zip(self.bodies(item)) {
            let label = Some(way.label.clone());
            match when {
                Some(when) => {
                    let when = Some(Condition::Expression(when));
                    branches.push(Branch { when, option: None, label, steps });
                }
                None => otherwise = Some(Otherwise { label, steps }),
            }
        }
        StepKind::Decision(Decision { ask: None, branches, otherwise })
    }

    /// What runs in a way of a choice that only leads elsewhere: nothing, and then the jump.
    pub(super) fn jump(&mut self, target: Target, node: Ix) -> Parts {
        self.counts.groups += 1;
        let draft = self.draft;
        let name = match target {
            Target::Node(to) if to < draft.sop.nodes.len() => {
                format!("On to “{}”", draft.sop.nodes[to].name())
            }
            Target::Iterate(each) => format!("On to the next of “{}”", draft.sop.nodes[each].name()),
            Target::Leave(group) => format!("Out of “{}”", draft.sop.nodes[group].name()),
            Target::Node(_) | Target::Exit => match draft.graph.forest.parent[node] {
                Some(container) => format!("Out of “{}”", draft.sop.nodes[container].name()),
                None => "Out of the procedure".to_owned(),
            },
        };
        bare(name, StepKind::Group(Group { steps: Vec::new() }))
    }
}

/// A step of the transform's own, without anything else.
pub(super) fn bare(name: String, kind: StepKind) -> Parts {
    (name, kind, StepCommon::default(), BTreeMap::new())
}

/// The variable that holds the items of a loop for which a person is asked.
pub(super) fn items_variable(source: &Node) -> String {
    variable_of(&format!("{}_items", source.id)).unwrap_or_else(|| "items".to_owned())
}
