//! The ids of all steps: those of the nodes as far as a document allows them, and ids for what the transform adds.

use super::findings::Findings;
use super::flow::{Graph, Next, Target};
use super::forest::Ix;
use super::model::Sop;
use super::names::{Unique, id_of, is_id};
use super::report::WarningCode;
use super::structure::{BlockIx, ItemIx, ItemKind, Tree};
use crate::ids::StepId;

/// The ids of all items.
#[derive(Debug, Clone, Default)]
pub(super) struct Naming {
    pub(super) ids: Vec<StepId>,
}

impl Naming {
    pub(super) fn of(sop: &Sop, graph: &Graph, tree: &Tree, found: &mut Findings) -> Self {
        let mut taken = Unique::default();
        let mut of_nodes: Vec<String> = Vec::with_capacity(sop.nodes.len());
        for node in sop.nodes.iter().filter(|node| is_id(&node.id)) {
            taken.reserve(&node.id);
        }
        for (index, node) in sop.nodes.iter().enumerate() {
            if is_id(&node.id) {
                of_nodes.push(node.id.clone());
                continue;
            }
            let id = taken.take(id_of(&node.id).unwrap_or_else(|| format!("step_{}", index + 1)));
            let message =
                format!("a step cannot have its id: it is `{id}`, and the node's own is kept under x-sop");
            found.node(sop, index, WarningCode::FieldKeptAsExtension, message);
            of_nodes.push(id);
        }
        let mut ids = vec![StepId::new(""); tree.items.len()];
        for item in items_in_order(tree) {
            let id = match tree.items[item].kind {
                ItemKind::Node(node) if node < sop.nodes.len() => of_nodes[node].clone(),
                ItemKind::Node(start) => match graph.forest.parent[start] {
                    Some(container) => taken.take(derived(&of_nodes[container], "begin")),
                    None => taken.take("begin".to_owned()),
                },
                ItemKind::Items(each) => taken.take(derived(&of_nodes[each], "items")),
                ItemKind::Choice(node) => taken.take(derived(&of_nodes[node], "next")),
                ItemKind::Jump(target, node) => {
                    let from = of_nodes.get(node).map_or("begin", String::as_str);
                    taken.take(derived(from, &way_of(graph, tree, item, target, node)))
                }
                ItemKind::Finish => taken.take("end".to_owned()),
            };
            ids[item] = StepId::new(id);
        }
        Self { ids }
    }

    /// All items in the order of the document.
    pub(super) fn in_document_order(&self, tree: &Tree) -> Vec<ItemIx> {
        items_in_order(tree)
    }
}

fn items_in_order(tree: &Tree) -> Vec<ItemIx> {
    let mut order = Vec::with_capacity(tree.items.len());
    let mut open: Vec<ItemIx> = Vec::new();
    let enter = |open: &mut Vec<ItemIx>, block: BlockIx| open.extend(tree.blocks[block].items.iter().rev());
    enter(&mut open, 0);
    while let Some(item) = open.pop() {
        order.push(item);
        for body in tree.items[item].bodies.iter().rev() {
            enter(&mut open, *body);
        }
    }
    order
}

/// An id made of that of a node.
fn derived(id: &str, what: &str) -> String {
    let room = 128 - 12 - what.len() - 2;
    format!("{}__{what}", id.get(..room).unwrap_or(id))
}

/// The option of the way whose body a jump is, as a part of its id.
fn way_of(graph: &Graph, tree: &Tree, jump: ItemIx, target: Target, node: Ix) -> String {
    let block = tree.items[jump].block;
    let owner = tree.blocks[block].owner;
    let place = owner.and_then(|owner| tree.items[owner].bodies.iter().position(|body| *body == block));
    let option = match (&graph.next[node], place) {
        (Next::Choice(ways), Some(place)) => ways.get(place).map(|way| way.option.as_str()),
        _ => None,
    };
    let slug = option.and_then(id_of).unwrap_or_else(|| match target {
        Target::Iterate(_) => "again".to_owned(),
        Target::Node(_) | Target::Leave(_) | Target::Exit => "on".to_owned(),
    });
    slug.chars().take(32).collect()
}
