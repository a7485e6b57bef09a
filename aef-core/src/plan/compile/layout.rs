//! Where each step stands: indices of steps and blocks, in document order, with the pointer of each.

use std::collections::BTreeMap;

use super::super::{Block, BlockIx, StepIx};
use crate::document::{Diagnostic, Document, MAX_LEVELS, MAX_STEPS, Step, StepKind};
use crate::ids::StepId;

/// A step in its place.
#[derive(Debug)]
pub(crate) struct Site<'a> {
    pub(crate) step: &'a Step,
    pub(crate) pointer: String,
    pub(crate) block: BlockIx,
    pub(crate) position: u32,
    /// Its body, or its branches in order with `otherwise` at the end.
    pub(crate) bodies: Vec<BlockIx>,
    /// The steps of each of its handlers.
    pub(crate) handlers: Vec<Option<BlockIx>>,
}

/// All steps and blocks of a document.
#[derive(Debug, Default)]
pub(crate) struct Layout<'a> {
    pub(crate) sites: Vec<Site<'a>>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) by_id: BTreeMap<StepId, StepIx>,
}

impl<'a> Layout<'a> {
    pub(crate) fn new(document: &'a Document, found: &mut Vec<Diagnostic>) -> Self {
        let mut layout = Self::default();
        layout.block(None, &document.steps, "/steps", 1, found);
        if layout.sites.len() > MAX_STEPS {
            let message = format!("the document has more than {MAX_STEPS} steps");
            found.push(Diagnostic::error("too_many_steps", "/steps", message));
        }
        layout
    }

    pub(crate) fn site(&self, index: StepIx) -> &Site<'a> {
        &self.sites[index.0 as usize]
    }

    /// Whether a step stands in the body of a `forEach`, however deep.
    pub(crate) fn in_for_each(&self, index: StepIx) -> bool {
        let mut owner = self.blocks[self.site(index).block.0 as usize].owner;
        while let Some(around) = owner {
            if matches!(&self.site(around).step.kind, StepKind::Loop(each) if each.for_each.is_some()) {
                return true;
            }
            owner = self.blocks[self.site(around).block.0 as usize].owner;
        }
        false
    }

    fn block(
        &mut self,
        owner: Option<StepIx>,
        steps: &'a [Step],
        pointer: &str,
        level: usize,
        found: &mut Vec<Diagnostic>,
    ) -> BlockIx {
        let block = BlockIx(self.blocks.len() as u32);
        self.blocks.push(Block {
            owner,
            steps: Vec::with_capacity(steps.len()),
            begins_with_navigate: false,
        });
        if level > MAX_LEVELS {
            let message = format!("steps stand in steps at most {MAX_LEVELS} levels deep");
            found.push(Diagnostic::error("too_deep", pointer, message));
            return block;
        }
        for (position, step) in steps.iter().enumerate() {
            if self.sites.len() > MAX_STEPS {
                break;
            }
            let index = StepIx(self.sites.len() as u32);
            self.blocks[block.0 as usize].steps.push(index);
            let pointer = format!("{pointer}/{position}");
            self.note_id(step, index, &pointer, found);
            self.sites.push(Site {
                step,
                pointer,
                block,
                position: position as u32,
                bodies: Vec::new(),
                handlers: Vec::new(),
            });
            self.inside(step, index, level, found);
        }
        block
    }

    fn inside(&mut self, step: &'a Step, index: StepIx, level: usize, found: &mut Vec<Diagnostic>) {
        let at = self.site(index).pointer.clone();
        let mut bodies = Vec::new();
        match &step.kind {
            StepKind::Loop(each) => {
                bodies.push(self.block(Some(index), &each.steps, &format!("{at}/steps"), level + 1, found));
            }
            StepKind::Group(group) => {
                bodies.push(self.block(Some(index), &group.steps, &format!("{at}/steps"), level + 1, found));
            }
            StepKind::Decision(decision) => {
                for (number, branch) in decision.branches.iter().enumerate() {
                    let pointer = format!("{at}/branches/{number}/steps");
                    bodies.push(self.block(Some(index), &branch.steps, &pointer, level + 1, found));
                }
                if let Some(otherwise) = &decision.otherwise {
                    let pointer = format!("{at}/otherwise/steps");
                    bodies.push(self.block(Some(index), &otherwise.steps, &pointer, level + 1, found));
                }
            }
            StepKind::Task(_) | StepKind::Manual(_) | StepKind::End(_) => {}
        }
        let mut handlers = Vec::new();
        for (number, handler) in step.common.on_error.iter().enumerate() {
            let pointer = format!("{at}/onError/{number}/steps");
            handlers.push(
                (!handler.steps.is_empty())
                    .then(|| self.block(Some(index), &handler.steps, &pointer, level + 1, found)),
            );
        }
        let site = &mut self.sites[index.0 as usize];
        site.bodies = bodies;
        site.handlers = handlers;
    }

    fn note_id(&mut self, step: &Step, index: StepIx, pointer: &str, found: &mut Vec<Diagnostic>) {
        let id = step.id.as_str();
        let at = format!("{pointer}/id");
        if !is_id(id) {
            let message =
                format!("`{id}` is not an id: letters, digits, `_`, `.` and `-`, at most 128 of them");
            found.push(Diagnostic::error("invalid_id", at, message));
        } else if let Some(first) = self.by_id.get(&step.id) {
            let message = format!("the id `{id}` stands at {} already", self.site(*first).pointer);
            found.push(Diagnostic::error("duplicate_id", at, message));
        } else {
            self.by_id.insert(step.id.clone(), index);
        }
    }
}

/// Whether a text may be the id of a step or document.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}
