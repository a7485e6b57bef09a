//! From the graph to nested blocks of items.
//!
//! After Ramsey, “Beyond Relooper” (2022): along the tree of dominators, a node to which only one way of a choice leads
//! stands in that way's block, and every other one in the block of its dominator, behind it. All that jumps to a node then
//! stands in that block or below it, and `goto` leaves any number of containers. So any graph between the members of a
//! container has its blocks; what has none is a way into the middle of a container, which has been refused before.

use std::collections::BTreeMap;

use super::choices::Way;
use super::dominators::Dominators;
use super::findings::Findings;
use super::flow::{Graph, Next, Role, Target};
use super::forest::Ix;
use super::model::Sop;
use super::report::WarningCode;
use crate::document::MAX_LEVELS;

pub(super) type ItemIx = usize;
pub(super) type BlockIx = usize;

/// One step to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) kind: ItemKind,
    /// The block in which it stands.
    pub(super) block: BlockIx,
    /// Its place there.
    pub(super) position: usize,
    /// Its body, or the body of each way.
    pub(super) bodies: Vec<BlockIx>,
}

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ItemKind {
    /// A node itself.
    Node(Ix),
    /// The question for the items of a loop, before it.
    Items(Ix),
    /// The choice among the ways on from a node that is no decision, behind it.
    Choice(Ix),
    /// A jump, as what a way of a choice runs.
    Jump(Target, Ix),
    /// The end of the procedure, where it has to be jumped to.
    Finish,
}

/// A list of items.
#[derive(Debug, Clone, Default)]
pub(super) struct Block {
    /// The item whose body it is.
    pub(super) owner: Option<ItemIx>,
    pub(super) items: Vec<ItemIx>,
    /// How deep it stands, from 1.
    pub(super) level: usize,
}

/// All items in their blocks; the first block is the document's own.
#[derive(Debug, Clone, Default)]
pub(super) struct Tree {
    pub(super) items: Vec<Item>,
    pub(super) blocks: Vec<Block>,
    /// The first item of each node: where a jump to the node arrives.
    pub(super) first_item: Vec<ItemIx>,
    /// The step of each node itself.
    pub(super) own_item: Vec<ItemIx>,
    /// The last item of each node: where control goes on from it.
    pub(super) last_item: Vec<ItemIx>,
    /// The loops that go through a list that a node before them gives.
    pub(super) lists: BTreeMap<Ix, ListRef>,
}

impl Tree {
    pub(super) fn open(&mut self, owner: Option<ItemIx>) -> BlockIx {
        let level = owner.map_or(1, |owner| self.blocks[self.items[owner].block].level + 1);
        self.blocks.push(Block { owner, items: Vec::new(), level });
        self.blocks.len() - 1
    }

    pub(super) fn push(&mut self, block: BlockIx, kind: ItemKind) -> ItemIx {
        let item = self.items.len();
        let position = self.blocks[block].items.len();
        self.items.push(Item { kind, block, position, bodies: Vec::new() });
        self.blocks[block].items.push(item);
        item
    }
}

/// Says which lists there are.
pub(super) trait Lists {
    /// Whether a node gives lists.
    fn gives(&self, extract: Ix) -> bool;
    /// The key of the list of a node that a loop goes through, where it names one.
    fn list_for(&self, each: Ix, extract: Ix) -> Option<String>;
}

/// The list that a loop goes through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListRef {
    /// The node that gives it.
    pub(super) extract: Ix,
    /// Its key in what that node gives.
    pub(super) key: String,
}

/// How many of the extracts before a loop are asked for its list.
const LOOK_BACK: usize = 100;

/// Places all nodes.
pub(super) fn structure(sop: &Sop, graph: &Graph, lists: &dyn Lists, found: &mut Findings) -> Tree {
    let count = graph.roles.len();
    let mut places = vec![0usize; count];
    let mut placing = Placing {
        graph,
        ways: level_ways(graph),
        heights: graph.heights(),
        lists,
        before: vec![None; count],
        tree: Tree {
            first_item: vec![0; count],
            own_item: vec![0; count],
            last_item: vec![0; count],
            ..Tree::default()
        },
        containers: Vec::new(),
        local: vec![0; count],
    };
    let root = placing.tree.open(None);
    placing.containers.push((None, root));
    while let Some((container, block)) = placing.containers.pop() {
        let level = Level::of(&mut placing, container);
        for (place, node) in level.found.order.iter().enumerate().skip(1) {
            places[level.members[*node]] = place;
        }
        placing.look_back(&level, container);
        placing.place(&level, block);
    }
    tell_cycles(sop, graph, &places, found);
    placing.tree
}

/// The ways between the members of each container, those from within them included.
fn level_ways(graph: &Graph) -> Vec<Vec<Ix>> {
    let mut ways: Vec<Vec<Ix>> = vec![Vec::new(); graph.roles.len()];
    for node in 0..graph.roles.len() {
        for target in graph.targets(node) {
            let Target::Node(to) = target else { continue };
            let from = graph.forest.member_around(graph.forest.parent[to], node);
            ways[from].push(to);
        }
    }
    ways
}

fn tell_cycles(sop: &Sop, graph: &Graph, places: &[usize], found: &mut Findings) {
    for flow in &graph.edges {
        let retries = if flow.from == flow.to {
            true
        } else {
            let meeting = graph.forest.meeting(flow.from, flow.to);
            places[meeting.to] <= places[meeting.from]
        };
        if retries {
            let message = "it leads back without being an iteration: it may be followed 100 times";
            found.edge(sop, (flow.edge, flow.from), WarningCode::RetryCycle, message);
        }
    }
}

/// The members of one container as a graph of their own, with its root at 0.
#[derive(Debug)]
pub(super) struct Level {
    /// The nodes, by their places; the first stands for the root.
    pub(super) members: Vec<Ix>,
    pub(super) found: Dominators,
    /// The ways to each place from such as it does not dominate.
    forward: Vec<usize>,
    /// What each place dominates closest, in order.
    below: Vec<Vec<usize>>,
    /// The levels that stand in each place and in all that it dominates.
    heights: Vec<usize>,
}

struct Placing<'a> {
    graph: &'a Graph,
    ways: Vec<Vec<Ix>>,
    heights: Vec<usize>,
    lists: &'a dyn Lists,
    /// The closest node that gives lists and stands on every way to each node.
    before: Vec<Option<Ix>>,
    tree: Tree,
    /// Containers whose members are still to be placed, with their blocks.
    containers: Vec<(Option<Ix>, BlockIx)>,
    /// The place of each node in its level.
    local: Vec<usize>,
}

impl Level {
    fn of(placing: &mut Placing<'_>, container: Option<Ix>) -> Self {
        let graph = placing.graph;
        let own = (placing.graph.forest.parent.iter().enumerate().skip(graph.first.len()))
            .filter(|(_, parent)| **parent == container)
            .map(|(node, _)| node);
        // The first place is that of the root, which is no node: any number stands for it.
        let members: Vec<Ix> =
            std::iter::once(0).chain(graph.forest.members(container).iter().copied()).chain(own).collect();
        for (place, member) in members.iter().enumerate().skip(1) {
            placing.local[*member] = place;
        }
        let local = |node: &Ix| placing.local[*node];
        let mut ways: Vec<Vec<usize>> = Vec::with_capacity(members.len());
        ways.push(graph.first_of(container).iter().map(local).collect());
        ways.extend(members[1..].iter().map(|member| placing.ways[*member].iter().map(local).collect()));
        // What no way leads to is placed, too, behind the rest.
        let mut seen = vec![false; members.len()];
        for place in 0..members.len() {
            if place > 0 && !seen[place] {
                ways[0].push(place);
            }
            let mut open = vec![place];
            while let Some(place) = open.pop() {
                if !std::mem::replace(&mut seen[place], true) {
                    open.extend(ways[place].iter().copied());
                }
            }
        }
        let found = Dominators::of(&ways, 0);
        let spans = found.spans();
        let mut forward = vec![0; members.len()];
        for (from, ways) in ways.iter().enumerate() {
            for to in ways.iter().filter(|to| !spans.dominates(**to, from)) {
                forward[*to] += 1;
            }
        }
        let mut below = vec![Vec::new(); members.len()];
        let mut heights: Vec<usize> = members.iter().map(|member| placing.heights[*member]).collect();
        for place in &found.order {
            if let Some(above) = found.above[*place] {
                below[above].push(*place);
            }
        }
        for place in found.order.iter().rev() {
            if let Some(above) = found.above[*place] {
                heights[above] = heights[above].max(heights[*place]);
            }
        }
        Self { members, found, forward, below, heights }
    }
}

impl Placing<'_> {
    /// Finds for each member the closest node that gives lists and has always run before it.
    fn look_back(&mut self, level: &Level, container: Option<Ix>) {
        let outside = container.and_then(|container| self.before[container]);
        for place in level.found.order.iter().skip(1) {
            self.before[level.members[*place]] = match level.found.above[*place] {
                None | Some(0) => outside,
                Some(above) if self.lists.gives(level.members[above]) => Some(level.members[above]),
                Some(above) => self.before[level.members[above]],
            };
        }
    }

    /// The list that a loop names, of the closest node before it that gives it.
    fn list(&self, each: Ix) -> Option<ListRef> {
        let mut extracts = std::iter::successors(self.before[each], |extract| self.before[*extract]);
        extracts
            .by_ref()
            .take(LOOK_BACK)
            .find_map(|extract| self.lists.list_for(each, extract).map(|key| ListRef { extract, key }))
    }

    fn place(&mut self, level: &Level, block: BlockIx) {
        let mut open: Vec<(usize, BlockIx)> =
            level.below[0].iter().rev().map(|place| (*place, block)).collect();
        while let Some((place, block)) = open.pop() {
            let node = level.members[place];
            let ways = self.put(node, block);
            let mut beside = Vec::new();
            for below in level.below[place].iter().copied() {
                match self.own_way(level, block, &ways, below) {
                    Some(body) => open.push((below, body)),
                    None => beside.push((below, block)),
                }
            }
            // What stands in this block is taken up in order: the last in is the first out.
            open.extend(beside.into_iter().rev());
        }
    }

    /// Puts a node into a block; gives the ways of the choice with it, each with the block that it runs.
    fn put(&mut self, node: Ix, block: BlockIx) -> Vec<(Target, BlockIx)> {
        let role = self.graph.roles[node];
        let list = if role == Role::Loop { self.list(node) } else { None };
        let asks = role == Role::Loop && list.is_none();
        self.tree.lists.extend(list.map(|list| (node, list)));
        let items = asks.then(|| self.tree.push(block, ItemKind::Items(node)));
        let own = self.tree.push(block, ItemKind::Node(node));
        self.tree.own_item[node] = own;
        self.tree.first_item[node] = items.unwrap_or(own);
        let choice = match (&self.graph.next[node], role) {
            (Next::Choice(_), Role::Decision | Role::Start) => Some(own),
            (Next::Choice(_), _) => Some(self.tree.push(block, ItemKind::Choice(node))),
            (Next::End | Next::To(_), _) => None,
        };
        self.tree.last_item[node] = choice.unwrap_or(own);
        if matches!(role, Role::Loop | Role::Group) {
            let body = self.tree.open(Some(own));
            self.tree.items[own].bodies.push(body);
            self.containers.push((Some(node), body));
        }
        let (Some(choice), Next::Choice(ways)) = (choice, &self.graph.next[node]) else { return Vec::new() };
        let mut bodies = Vec::with_capacity(ways.len());
        for Way { target, .. } in ways {
            let body = self.tree.open(Some(choice));
            self.tree.items[choice].bodies.push(body);
            bodies.push((*target, body));
        }
        bodies
    }

    /// The body of the one way of a choice that leads to a node, where no other way does and there is room for it.
    fn own_way(
        &self,
        level: &Level,
        block: BlockIx,
        ways: &[(Target, BlockIx)],
        place: usize,
    ) -> Option<BlockIx> {
        if level.forward[place] != 1 {
            return None;
        }
        let node = level.members[place];
        let mut own = ways.iter().filter(|(target, _)| *target == Target::Node(node));
        let (_, body) = own.next()?;
        let room = self.tree.blocks[block].level + 1 + level.heights[place] <= MAX_LEVELS;
        room.then_some(*body)
    }
}
