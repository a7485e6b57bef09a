//! Jumps: where control would go by itself from each item, and the `then` where it must go elsewhere.

use super::flow::{Graph, Next, Role, Target};
use super::forest::Ix;
use super::structure::{BlockIx, ItemIx, ItemKind, Tree};

/// Where a step leads that does not lead there by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Jump {
    /// To an item.
    To(ItemIx),
    /// To the next iteration of a loop.
    Iterate(Ix),
}

/// A place at which control arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// An item.
    Item(ItemIx),
    /// The next iteration of a loop.
    Iterate(Ix),
    /// The end of the procedure.
    Finish,
}

/// Where control goes from the items, where it does not go there by itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Jumps {
    /// From each item.
    pub(super) then: Vec<Option<Jump>>,
    /// From each item when it has failed.
    pub(super) on_failure: Vec<Option<ItemIx>>,
}

/// Works out all jumps. Adds the items that they need: what runs in a way that only leads elsewhere, and an end.
pub(super) fn jumps(graph: &Graph, tree: &mut Tree) -> Jumps {
    let mut layout = Layout { graph, tree, then: Vec::new(), on_failure: Vec::new(), natural: Vec::new() };
    // Blocks are made from the outside in, so what follows an owner is known before its body is read.
    let mut block = 0;
    while block < layout.tree.blocks.len() {
        layout.block(block);
        block += 1;
    }
    layout.finish()
}

struct Layout<'a> {
    graph: &'a Graph,
    tree: &'a mut Tree,
    then: Vec<Option<Place>>,
    on_failure: Vec<Option<ItemIx>>,
    /// Where control goes from each item once its work is done.
    natural: Vec<Place>,
}

impl Layout<'_> {
    fn block(&mut self, block: BlockIx) {
        let behind = self.behind(block);
        let items = self.tree.blocks[block].items.clone();
        for (position, item) in items.iter().enumerate() {
            let natural = items.get(position + 1).map_or(behind, |next| Place::Item(*next));
            self.item(*item, natural);
        }
    }

    /// Where control goes at the end of a block.
    fn behind(&self, block: BlockIx) -> Place {
        let Some(owner) = self.tree.blocks[block].owner else { return Place::Finish };
        match self.tree.items[owner].kind {
            ItemKind::Node(node) if self.graph.roles[node] == Role::Loop => Place::Iterate(node),
            ItemKind::Node(_)
            | ItemKind::Items(_)
            | ItemKind::Choice(_)
            | ItemKind::Jump(..)
            | ItemKind::Finish => self.natural[owner],
        }
    }

    fn item(&mut self, item: ItemIx, natural: Place) {
        let wanted = match self.tree.items[item].kind {
            // Control goes on from a loop's question to the loop, and from a node with a choice to that.
            ItemKind::Items(_) | ItemKind::Finish => None,
            ItemKind::Jump(target, node) => Some(self.resolve(target, node)),
            ItemKind::Choice(_) => None,
            ItemKind::Node(node) => match &self.graph.next[node] {
                Next::To(target) => Some(self.resolve(*target, node)),
                Next::End | Next::Choice(_) => None,
            },
        };
        let then = wanted.filter(|wanted| *wanted != natural);
        let on_failure = match self.tree.items[item].kind {
            ItemKind::Node(node) => self.graph.on_failure[node].map(|to| self.tree.first_item[to]),
            ItemKind::Items(_) | ItemKind::Choice(_) | ItemKind::Jump(..) | ItemKind::Finish => None,
        };
        let count = self.tree.items.len();
        self.natural.resize(count, Place::Finish);
        self.then.resize(count, None);
        self.on_failure.resize(count, None);
        self.natural[item] = then.unwrap_or(natural);
        self.then[item] = then;
        self.on_failure[item] = on_failure;
        self.ways(item);
    }

    /// Each way of a choice that runs nothing and leads elsewhere than control goes behind the choice gets a jump.
    fn ways(&mut self, item: ItemIx) {
        let (ItemKind::Node(node) | ItemKind::Choice(node)) = self.tree.items[item].kind else { return };
        let Next::Choice(ways) = &self.graph.next[node] else { return };
        if self.tree.last_item[node] != item {
            return;
        }
        let targets: Vec<Target> = ways.iter().map(|way| way.target).collect();
        for (target, body) in targets.into_iter().zip(self.tree.items[item].bodies.clone()) {
            if self.tree.blocks[body].items.is_empty() && self.resolve(target, node) != self.natural[item] {
                self.tree.push(body, ItemKind::Jump(target, node));
            }
        }
    }

    /// The place to which a target of a node comes down.
    fn resolve(&self, target: Target, node: Ix) -> Place {
        match target {
            Target::Node(to) => Place::Item(self.tree.first_item[to]),
            Target::Iterate(each) => Place::Iterate(each),
            Target::Leave(group) => self.after(group),
            Target::Exit => self.exit(self.graph.forest.parent[node]),
        }
    }

    /// Where control goes at the end of a container.
    fn exit(&self, container: Option<Ix>) -> Place {
        match container {
            None => Place::Finish,
            Some(each) if self.graph.roles[each] == Role::Loop => Place::Iterate(each),
            Some(group) => self.after(group),
        }
    }

    /// Where control goes on from a group.
    fn after(&self, group: Ix) -> Place {
        match &self.graph.next[group] {
            Next::Choice(_) => Place::Item(self.tree.last_item[group]),
            Next::To(target) => self.resolve(*target, group),
            Next::End => Place::Finish,
        }
    }

    /// The jumps. Where something leads to the end of the procedure, there is an item to jump to.
    fn finish(self) -> Jumps {
        let Self { tree, then, on_failure, .. } = self;
        let ends = then.iter().flatten().any(|place| *place == Place::Finish);
        let finish = if ends { tree.push(0, ItemKind::Finish) } else { 0 };
        let jump = |place: Option<Place>| {
            place.map(|place| match place {
                Place::Item(item) => Jump::To(item),
                Place::Iterate(each) => Jump::Iterate(each),
                Place::Finish => Jump::To(finish),
            })
        };
        let mut jumps = Jumps { then: then.into_iter().map(jump).collect(), on_failure };
        jumps.then.resize(tree.items.len(), None);
        jumps.on_failure.resize(tree.items.len(), None);
        jumps
    }
}
