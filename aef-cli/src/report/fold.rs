//! The fold of a journal into the tree that a report shows.
//!
//! Nodes, actions and checkpoints live in lists of their own, because what becomes of one may stand far behind its
//! beginning: a doubt is settled after a restart, a question answered the next day. The tree is put together at the end.

use std::collections::BTreeMap;
use std::sync::Arc;

use aef::execution::{Event, EventKind, Status, Values};
use aef::ids::{CheckpointId, StepId};
use jiff::Timestamp;
use serde_json::Value;

use super::model::{ActionView, Badge, CheckpointView, Child, Node, NoteView, WriteView};
use super::views::{self, Images, PLAIN, Pictures};
use crate::outline::Outline;

/// What has been read of a journal.
#[derive(Debug)]
pub(super) struct Fold<'a> {
    pub(super) outline: &'a Outline,
    pub(super) pictures: Pictures<'a>,
    pub(super) nodes: Vec<NodeDraft>,
    pub(super) frames: Vec<Frame>,
    pub(super) actions: Vec<Draft<ActionView>>,
    pub(super) by_op: BTreeMap<u64, usize>,
    pub(super) checkpoints: Vec<Draft<CheckpointView>>,
    pub(super) by_checkpoint: BTreeMap<CheckpointId, usize>,
    pub(super) items: BTreeMap<StepId, Arc<Vec<Value>>>,
    pub(super) variables: Values,
    pub(super) writes: Vec<WriteView>,
    pub(super) counts: Counts,
    pub(super) ends: Ends,
}

/// A view with what is needed to finish it.
#[derive(Debug)]
pub(super) struct Draft<T> {
    pub(super) began: Timestamp,
    pub(super) view: T,
}

/// Something that contains others, on its way to a [`Node`].
#[derive(Debug)]
pub(super) struct NodeDraft {
    pub(super) title: String,
    pub(super) detail: Option<String>,
    pub(super) status: Option<Badge>,
    pub(super) began: Timestamp,
    pub(super) ended: Option<Timestamp>,
    pub(super) children: Vec<Slot>,
    /// Whether something in it deserves to be seen at once.
    pub(super) notable: bool,
    /// An iteration is folded, whatever is in it that went well.
    pub(super) iteration: bool,
}

/// A child of a [`NodeDraft`].
#[derive(Debug)]
pub(super) enum Slot {
    Node(usize),
    Action(usize),
    Checkpoint(usize),
    Leaf(Box<Child>),
}

/// An open node.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) node: usize,
    pub(super) step: StepId,
    pub(super) kind: FrameKind,
}

/// What an open node stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameKind {
    Step,
    Iteration,
    Handler,
}

/// What is counted.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) events: u64,
    pub(super) steps_done: u64,
    pub(super) steps_verified: u64,
    pub(super) steps_skipped: u64,
    pub(super) failures: u64,
    pub(super) retries: u64,
    pub(super) actions: u64,
    pub(super) asked: u64,
    pub(super) answered: u64,
    pub(super) doubts: u64,
    pub(super) settled: u64,
    pub(super) iterations: u64,
    pub(super) items_failed: u64,
}

/// When it began and how it ended.
#[derive(Debug, Default)]
pub(super) struct Ends {
    pub(super) created: Option<Timestamp>,
    pub(super) started: Option<Timestamp>,
    pub(super) finished: Option<Timestamp>,
    pub(super) inputs: Option<Arc<Value>>,
    pub(super) parent: Option<String>,
    pub(super) result: Option<Value>,
    pub(super) failure: Option<aef::recovery::Failure>,
    pub(super) status: Option<Status>,
}

impl<'a> Fold<'a> {
    /// A fold that has read nothing.
    pub(super) fn new(outline: &'a Outline, images: &'a Images) -> Self {
        Self {
            outline,
            pictures: Pictures::new(images),
            nodes: vec![NodeDraft::new(String::new(), Timestamp::UNIX_EPOCH)],
            frames: Vec::new(),
            actions: Vec::new(),
            by_op: BTreeMap::new(),
            checkpoints: Vec::new(),
            by_checkpoint: BTreeMap::new(),
            items: BTreeMap::new(),
            variables: Values::new(),
            writes: Vec::new(),
            counts: Counts::default(),
            ends: Ends::default(),
        }
    }

    /// Reads the next event.
    pub(super) fn apply(&mut self, event: &Event) {
        self.counts.events += 1;
        if let EventKind::Queued { inputs, parent, .. } = &event.kind {
            self.ends.created = Some(event.at);
            self.ends.inputs = Some(Arc::clone(inputs));
            self.ends.parent = parent.map(|parent| parent.to_string());
        }
        if let EventKind::Started { inputs: Some(inputs), .. } = &event.kind {
            self.ends.inputs = Some(Arc::clone(inputs));
        }
        self.remember(&event.kind);
        let known = self.step_event(event)
            || self.action_event(event)
            || self.question_event(event)
            || self.run_event(event);
        debug_assert!(
            known || matches!(event.kind, EventKind::Queued { .. }),
            "{:?} is not shown",
            event.kind
        );
    }

    /// The children of the root, in order.
    pub(super) fn timeline(&mut self) -> Vec<Child> {
        self.assemble(0).children
    }

    /// Adds to what is open.
    pub(super) fn push(&mut self, slot: Slot) {
        let node = self.top();
        self.nodes[node].children.push(slot);
    }

    /// Adds a sentence to what is open.
    pub(super) fn note(&mut self, event: &Event, tone: &'static str, text: impl Into<String>) {
        let by = match &event.actor {
            aef::execution::Actor::Person(name) => Some(name.to_string()),
            aef::execution::Actor::Engine | aef::execution::Actor::Worker(_) => None,
        };
        let note = NoteView { at: views::clock(event.at), text: text.into(), by, tone };
        self.push(Slot::Leaf(Box::new(Child::Note(note))));
    }

    /// Adds values that were set to what is open.
    pub(super) fn values(&mut self, values: &Values) {
        if !values.is_empty() {
            self.push(Slot::Leaf(Box::new(Child::Values { values: views::pairs(values) })));
        }
    }

    /// Opens a node inside what is open.
    pub(super) fn open(&mut self, kind: FrameKind, step: &StepId, draft: NodeDraft) {
        let node = self.nodes.len();
        self.nodes.push(draft);
        self.push(Slot::Node(node));
        self.frames.push(Frame { node, step: step.clone(), kind });
    }

    /// Closes what is open as long as `inner` says so; what had no end of its own is `left`.
    pub(super) fn close_while(&mut self, at: Timestamp, inner: impl Fn(&Frame) -> bool) {
        while let Some(frame) = self.frames.pop_if(|frame| inner(frame)) {
            let node = &mut self.nodes[frame.node];
            node.ended.get_or_insert(at);
            node.status.get_or_insert_with(|| views::badge("left", PLAIN));
        }
    }

    /// The place in `frames` of the innermost node of this step.
    pub(super) fn find(&self, kind: FrameKind, step: &StepId) -> Option<usize> {
        self.frames.iter().rposition(|frame| frame.kind == kind && frame.step == *step)
    }

    /// Marks everything that is open as worth seeing.
    pub(super) fn notable(&mut self) {
        for frame in &self.frames {
            self.nodes[frame.node].notable = true;
        }
    }

    fn top(&self) -> usize {
        self.frames.last().map_or(0, |frame| frame.node)
    }

    /// Keeps the values of variables, whatever set them.
    #[expect(clippy::wildcard_enum_match_arm, reason = "only these events set variables")]
    fn remember(&mut self, kind: &EventKind) {
        let sets = match kind {
            EventKind::Started { vars: Some(sets), .. }
            | EventKind::StepCompleted { sets, .. }
            | EventKind::StepSkipped { sets, .. }
            | EventKind::ActionSucceeded { sets, .. }
            | EventKind::CheckpointAnswered { sets, .. }
            | EventKind::VariablesSet { sets } => sets,
            EventKind::IterationCompleted { collected, .. } => {
                for (name, value) in collected {
                    let list = self.variables.entry(name.clone()).or_insert_with(|| Value::Array(Vec::new()));
                    if let Value::Array(items) = list {
                        items.push(value.clone());
                    }
                }
                return;
            }
            _ => return,
        };
        self.variables.extend(sets.iter().map(|(name, value)| (name.clone(), value.clone())));
    }

    fn assemble(&mut self, index: usize) -> Node {
        let slots = std::mem::take(&mut self.nodes[index].children);
        let children = slots.into_iter().map(|slot| self.child(slot)).collect();
        let draft = &self.nodes[index];
        let open = draft.notable || (draft.status.is_none() && index != 0);
        Node {
            title: draft.title.clone(),
            detail: draft.detail.clone(),
            status: draft.status.clone().unwrap_or_else(|| views::badge("under way", PLAIN)),
            at: views::clock(draft.began),
            took: draft.ended.map(|ended| views::between(draft.began, ended)),
            open: open || !draft.iteration,
            children,
        }
    }

    fn child(&mut self, slot: Slot) -> Child {
        match slot {
            Slot::Node(index) => Child::Node(self.assemble(index)),
            Slot::Action(index) => Child::Action(self.actions[index].view.clone()),
            Slot::Checkpoint(index) => Child::Checkpoint(self.checkpoints[index].view.clone()),
            Slot::Leaf(child) => *child,
        }
    }
}

impl NodeDraft {
    /// A node that begins now.
    pub(super) const fn new(title: String, began: Timestamp) -> Self {
        Self {
            title,
            detail: None,
            status: None,
            began,
            ended: None,
            children: Vec::new(),
            notable: false,
            iteration: false,
        }
    }
}
