//! A document to be: its steps and jumps stand, and what its steps do may still be proposed.

use std::collections::BTreeMap;

use super::automation::{Sketch, instructions_of, sketch};
use super::build::build;
use super::findings::Findings;
use super::flow::{Graph, Role, normalise};
use super::forest::Ix;
use super::layout::{Jumps, jumps};
use super::lists::{Items, lists_of};
use super::model::{NodeKind, Sop};
use super::naming::Naming;
use super::options::TransformOptions;
use super::resolve::resolve_all;
use super::steps::items_around;
use super::structure::{ItemKind, Lists, Tree, structure};
use super::texts::{Inputs, Scope};
use super::{Transformed, automation};
use crate::document::{Action, Condition, Diagnostic, Diagnostics, MAX_STEPS};
use crate::ids::StepId;

/// A document to be, between the SOP's structure and its steps.
///
/// Ids, containers and jumps are settled: they follow from the nodes and edges alone. What is open is what a step does.
/// [`Draft::steps`] gives for each working step the texts that the SOP says about it, [`Draft::propose`] takes actions for
/// it, and [`Draft::finish`] builds the document. This is where the words of an SOP and the actions of a document meet:
/// whatever is proposed, the result has the same ids and the same edges as without.
#[derive(Debug, Clone)]
pub struct Draft {
    pub(super) sop: Sop,
    pub(super) options: TransformOptions,
    pub(super) graph: Graph,
    pub(super) tree: Tree,
    pub(super) jumps: Jumps,
    pub(super) names: Naming,
    pub(super) findings: Findings,
    /// What the SOP's own instructions come to, by node.
    pub(super) sketches: BTreeMap<Ix, Sketch>,
    pub(super) proposals: BTreeMap<Ix, Proposal>,
    works: BTreeMap<StepId, Work>,
    /// The working steps in the order of the document.
    order: Vec<StepId>,
}

/// A working step.
#[derive(Debug, Clone)]
struct Work {
    node: Ix,
    instructions: Vec<String>,
    sets: Option<String>,
    items: Vec<String>,
}

/// A working step of a draft: what the SOP says about it.
#[derive(Debug, Clone, Copy)]
pub struct DraftStep<'a> {
    id: &'a StepId,
    draft: &'a Draft,
    work: &'a Work,
}

/// What a step should do.
///
/// Texts may hold the SOP's own `{{name}}`: an item of a loop around the step, or else an input of the document, which is
/// declared where it is needed. `{{ secrets.NAME }}` stands for the secrets that [`DraftStep::secrets`] names.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Proposal {
    /// The actions, in order; at least one.
    pub actions: Vec<Action>,
    /// What must hold after them.
    pub verify: Vec<Condition>,
    /// What was guessed from words, each for a warning `locator_guessed`.
    pub guesses: Vec<String>,
    /// How sure the proposer is, from 0 to 1. Kept in the step's `x-sop`.
    pub confidence: Option<f64>,
}

/// Why a proposal was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefusedProposal {
    /// The draft has no working step of this id.
    #[error("the draft has no working step `{0}`")]
    UnknownStep(StepId),
    /// It has no action.
    #[error("the proposal for `{0}` has no action")]
    NoAction(StepId),
    /// Others read what the step must set.
    #[error("the proposal for `{step}` does not set `{variable}`, which a loop goes through")]
    UnsetVariable {
        /// The step.
        step: StepId,
        /// The variable.
        variable: String,
    },
    /// A text holds something in braces that is no name.
    #[error("the proposal for `{0}` has a text in braces that is no name")]
    NotAName(StepId),
}

impl Draft {
    /// Reads the structure of an SOP.
    ///
    /// # Errors
    /// Everything that cannot be structured, with JSON pointers into the SOP.
    pub fn new(sop: &Sop, options: &TransformOptions) -> Result<Self, Diagnostics> {
        let mut findings = Findings::default();
        let sketches: BTreeMap<Ix, Sketch> = (sop.nodes.iter().enumerate())
            .filter(|(_, node)| node.kind == NodeKind::Work)
            .filter_map(|(index, node)| Some((index, sketch(node, !lists_of(node).is_empty())?)))
            .collect();
        let executable = |node: Ix| sketches.contains_key(&node);
        let Some(graph) = normalise(sop, &executable, &mut findings) else {
            return Err(Diagnostics::new(findings.errors));
        };
        let lists = SopLists { sop };
        let mut tree = structure(sop, &graph, &lists, &mut findings);
        let jumps = jumps(&graph, &mut tree);
        if tree.items.len() > MAX_STEPS {
            let message = format!(
                "the document would have {} steps; it may have at most {MAX_STEPS}",
                tree.items.len()
            );
            return Err(Diagnostic::error("too_many_steps", "/public/nodes", message).into());
        }
        let names = Naming::of(sop, &graph, &tree, &mut findings);
        let mut draft = Self {
            sop: sop.clone(),
            options: options.clone(),
            graph,
            tree,
            jumps,
            names,
            findings,
            sketches,
            proposals: BTreeMap::new(),
            works: BTreeMap::new(),
            order: Vec::new(),
        };
        draft.collect_works();
        Ok(draft)
    }

    /// The working steps: those that are tasks, or that a person does where nothing is proposed. In the document's order.
    pub fn steps(&self) -> impl Iterator<Item = DraftStep<'_>> {
        self.order.iter().map(|id| DraftStep { id, draft: self, work: &self.works[id] })
    }

    /// Lets a step do something else than the SOP's own instructions come to.
    ///
    /// # Errors
    /// Where there is no such step, or the proposal would not do for it. The draft is unchanged then.
    pub fn propose(&mut self, step: &StepId, proposal: Proposal) -> Result<(), RefusedProposal> {
        let Some(work) = self.works.get(step) else {
            return Err(RefusedProposal::UnknownStep(step.clone()));
        };
        if proposal.actions.is_empty() {
            return Err(RefusedProposal::NoAction(step.clone()));
        }
        if let Some(variable) = &work.sets
            && !proposal.actions.iter().any(|action| action.kind.variable() == Some(variable))
        {
            return Err(RefusedProposal::UnsetVariable { step: step.clone(), variable: variable.clone() });
        }
        if !can_execute(&work.items, &proposal) {
            return Err(RefusedProposal::NotAName(step.clone()));
        }
        self.proposals.insert(work.node, proposal);
        Ok(())
    }

    /// Builds the document and tells what was found. The draft stays as it is.
    #[must_use]
    pub fn finish(&self) -> Transformed {
        build(self)
    }

    fn collect_works(&mut self) {
        let mut read: BTreeMap<Ix, ()> = BTreeMap::new();
        read.extend(self.tree.lists.values().map(|list| (list.extract, ())));
        for item in self.names.in_document_order(&self.tree) {
            let ItemKind::Node(node) = self.tree.items[item].kind else { continue };
            if self.graph.roles[node] != Role::Work {
                continue;
            }
            let source = &self.sop.nodes[node];
            let work = Work {
                node,
                instructions: instructions_of(source),
                sets: read.contains_key(&node).then(|| automation::extracted(source)),
                items: items_around(self, node),
            };
            let id = self.names.ids[item].clone();
            self.order.push(id.clone());
            self.works.insert(id, work);
        }
    }
}

impl<'a> DraftStep<'a> {
    /// Its id in the document.
    #[must_use]
    pub const fn id(&self) -> &'a StepId {
        self.id
    }

    /// Its label.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.draft.sop.nodes[self.work.node].name()
    }

    /// Its id in the SOP.
    #[must_use]
    pub fn node(&self) -> &'a str {
        &self.draft.sop.nodes[self.work.node].id
    }

    /// What it is for, in words.
    #[must_use]
    pub fn intent(&self) -> Option<&'a str> {
        self.draft.sop.nodes[self.work.node].text("intent")
    }

    /// What one should know about the page.
    #[must_use]
    pub fn context(&self) -> Option<&'a str> {
        self.draft.sop.nodes[self.work.node].text("context")
    }

    /// The SOP's instructions in words, in order; where there are none, the label says what to do.
    #[must_use]
    pub fn instructions(&self) -> &'a [String] {
        &self.work.instructions
    }

    /// Whether the SOP says itself that a browser does not do it.
    #[must_use]
    pub fn is_by_hand(&self) -> bool {
        automation::is_by_hand(&self.draft.sop.nodes[self.work.node])
    }

    /// The actions that the SOP's own instructions come to; none where a person does the step.
    #[must_use]
    pub fn actions(&self) -> &'a [Action] {
        self.draft.sketches.get(&self.work.node).map_or(&[], |sketch| &sketch.actions)
    }

    /// The variable that it must set, as a list: a loop goes through it.
    #[must_use]
    pub fn sets(&self) -> Option<&'a str> {
        self.work.sets.as_deref()
    }

    /// The names of the items of the loops around it, from the outermost.
    #[must_use]
    pub fn items(&self) -> &'a [String] {
        &self.work.items
    }

    /// The names of the secrets that it asks for.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        super::secrets::names(&self.draft.sop.nodes[self.work.node])
    }
}

/// Whether all names in a proposal have values.
fn can_execute(items: &[String], proposal: &Proposal) -> bool {
    let scope = Scope { items: items.to_vec(), values: BTreeMap::new() };
    resolve_all(&mut Inputs::default(), &scope, &proposal.actions, &proposal.verify).is_some()
}

/// Which extract gives the list that a loop goes through.
struct SopLists<'s> {
    sop: &'s Sop,
}

impl Lists for SopLists<'_> {
    fn gives(&self, extract: Ix) -> bool {
        // What the transform adds is no node of the SOP.
        let node = self.sop.nodes.get(extract);
        node.is_some_and(|node| node.kind == NodeKind::Work && !lists_of(node).is_empty())
    }

    fn list_for(&self, each: Ix, extract: Ix) -> Option<String> {
        let items = Items::of(&self.sop.nodes[each]);
        let lists = lists_of(&self.sop.nodes[extract]);
        lists.into_iter().find(|(_, name)| items.names(name)).map(|(key, _)| key.to_owned())
    }
}
